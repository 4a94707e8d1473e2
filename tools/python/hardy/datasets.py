"""Datasets: columns of NumPy arrays with what the engine knows to do to them.

The columns are named as D4RL names them, N rows each:
observations [N, obs], actions [N, act], rewards [N], terminals [N], and, where a file has them, timeouts [N],
next_observations [N, obs] and infos/... .
"""

from __future__ import annotations

import json
import os
from typing import Any, Iterator, Mapping, Sequence

import numpy as np

from . import _native
from ._optional import need
from ._words import words
from .errors import HardyError

MAIN = ("observations", "actions", "rewards", "terminals", "timeouts", "next_observations")


class Audit:
    """What is wrong with a dataset, the gravest first.

    findings: dicts of check, severity ("error", "warning", "note"), column, text, advice, count, first_rows.
    """

    def __init__(self, result: dict[str, Any]) -> None:
        self.rows: int = result["rows"]
        self.findings: list[dict[str, Any]] = result["findings"]
        self.checks: list[str] = result["checks"]
        self.notes: list[str] = result["notes"]
        self.corrupted_on_purpose: bool = result["corrupted_on_purpose"]

    def __len__(self) -> int:
        return len(self.findings)

    def to_pandas(self) -> Any:
        """A pandas.DataFrame, a line a finding."""
        pandas = need("pandas", "Audit.to_pandas()")
        columns = ["severity", "check", "column", "text", "count", "first_rows", "advice"]
        return pandas.DataFrame(self.findings, columns=columns)

    def __repr__(self) -> str:
        lines = [f"{f['severity']:8} {f['check']:11} {f['column']}: {f['text']} ({f['count']})" for f in self.findings]
        return "\n".join([f"{self.rows} rows, {len(self.checks)} checks, {len(self.findings)} findings", *lines])


class Dataset:
    """A dataset in memory. Nothing here changes a dataset: what is made of one is another.

    path: the file that holds exactly this, or None; format: how that file is laid out.
    """

    def __init__(self, columns: Mapping[str, Any], *, path: str | None = None, format: str = "memory",
                 attributes: Mapping[str, Any] | None = None, name: str = "", notes: Sequence[str] = ()) -> None:
        if "observations" not in columns:
            raise HardyError("there is no column of that name", "observations",
                             "name the columns as D4RL does: " + ", ".join(MAIN))
        self._columns: dict[str, Any] = dict(columns)
        self.path = path
        self.format = format
        self.attributes: dict[str, Any] = dict(attributes or {})
        self.name = name or path or "a dataset in memory"
        self.notes: list[str] = list(notes)

    # --- columns

    @property
    def observations(self) -> np.ndarray:
        """States s [N, obs]; the dataset's own memory."""
        return self._array("observations")

    @property
    def actions(self) -> np.ndarray:
        """Actions a [N, act]; the dataset's own memory."""
        return self._array("actions")

    @property
    def rewards(self) -> np.ndarray:
        """Rewards r [N]; the dataset's own memory."""
        return self._array("rewards")

    @property
    def terminals(self) -> np.ndarray:
        """Whether s' is terminal [N]; the dataset's own memory."""
        return self._array("terminals")

    @property
    def timeouts(self) -> np.ndarray:
        """Whether the time limit ended the episode after this row [N]; the dataset's own memory."""
        return self._array("timeouts")

    @property
    def next_observations(self) -> np.ndarray:
        """Next states s' [N, obs]; the dataset's own memory."""
        return self._array("next_observations")

    def _array(self, key: str) -> np.ndarray:
        column: np.ndarray = self[key]
        return column

    def __getitem__(self, key: str) -> Any:
        """A column by its name: an array, str or a list of str."""
        try:
            return self._columns[key]
        except KeyError:
            have = ", ".join(k for k in self._columns if not k.startswith("hardy/"))
            raise HardyError("there is no such column", f"{self.name} /{key}", f"there are {have}") from None

    def __contains__(self, key: str) -> bool:
        return key in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        """The number of rows N."""
        return int(self.observations.shape[0])

    def keys(self) -> list[str]:
        """The columns' names."""
        return list(self._columns)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{k} {v.dtype}{list(v.shape)}" for k, v in self._columns.items()
                           if isinstance(v, np.ndarray) and not k.startswith("hardy/"))
        return f"Dataset({self.name!r}, {len(self)} rows: {shapes})"

    # --- what can be made of it

    def _attributes(self) -> str:
        return json.dumps(self.attributes)

    def corrupt(self, elements: str | Sequence[str], *, rate: float = 0.3, scale: float = 1.0, seed: int = 0,
                mode: str = "random", pattern: str = "rows", block: int = 100, indices: str = "independent",
                copies: str = "tuple", sensors: Sequence[int] = (), delay: int = 5, generator: str = "philox",
                critic: str | os.PathLike[str] | None = None, agent: int = 0) -> Dataset:
        """This dataset with some rows corrupted on purpose, and a record that undo() reads.

        elements: "observations", "actions", "rewards", "dynamics" or several; "rewards:adversarial" gives one a mode of
        its own. rate: the share of rows attacked. scale: the noise's range in standard deviations. seed: of the rows drawn
        and the noise. mode: of all elements without one of their own. pattern: how rows are chosen, "rows", or in runs of
        `block` rows and other ways. indices: "independent", or "shared" by the elements. copies: "tuple" changes one copy of
        a state, "trajectory" both. sensors: dimensions that fail, delay: rows that they lag behind, of the patterns that ask
        for them. generator: "philox" or "numpy". critic: a run of the engine's whose critic an adversary attacks, that of
        its seed number `agent`. `hardy data corrupt --help` has every value of each.
        """
        names = [elements] if isinstance(elements, str) else list(elements)
        asked = {"elements": names, "rate": float(rate), "scale": float(scale), "seed": int(seed), "mode": mode,
                 "pattern": pattern, "block": int(block), "indices": indices, "copies": copies,
                 "sensors": [int(s) for s in sensors], "delay": int(delay), "generator": generator}
        if self.path is not None:
            asked["sha256"] = _native.dataset_sha256(self.path)
        columns, _ = _native.corrupt(self._columns, self._attributes(), self.name, json.dumps(asked),
                                     os.fspath(critic) if critic is not None else "", int(agent))
        return Dataset(columns, attributes=self.attributes, name=f"{self.name}, corrupted")

    @property
    def corruption(self) -> dict[str, Any] | None:
        """What the record says was done to this dataset on purpose; None where there is none."""
        manifest = self._columns.get("hardy/corruption/manifest")
        return None if manifest is None else json.loads(manifest)

    def undo(self) -> Dataset:
        """The dataset that was corrupted, bit for bit, from the record."""
        columns = _native.undo(self._columns, self._attributes(), self.name)
        return Dataset(columns, attributes=self.attributes, name=f"{self.name}, restored")

    def repair(self, *, continuity: str | None = None, clip: float | None = None, clip_actions: float | None = None,
               winsorise: float | None = None, models: bool = False, sure: float | None = None, rounds: int | None = None,
               model_steps: int | None = None, members: int | None = None, hidden: int | None = None,
               seed: int | None = None, threads: int | None = None) -> tuple[Dataset, dict[str, Any]]:
        """A repaired dataset, without a look at the record, and what was done (measured against the record, if any).

        Keywords, bounds and what is meant by None are those of `hardy data repair --help`. continuity: "next", "previous",
        "nearer" or "off". clip: robust standard deviations of a state's dimension. clip_actions: [-x, x]. winsorise: a
        share of the rewards. models=True, instead of a continuity: models learnt from these rows say which elements are
        wrong, a row's column at a time; those from the probability `sure` on are replaced. Its columns hardy/scores/NAME [N]
        hold the probabilities. rounds of learning, model_steps of all rounds together, members and hidden width of each
        ensemble, their seed; threads: 0 for the machine's, the result does not depend on them. A Ctrl-C ends it.
        """
        columns, report = _native.repair(self._columns, self._attributes(), self.name, words({
            "continuity": continuity, "clip": clip, "clip_actions": clip_actions, "winsorise": winsorise, "models": models,
            "sure": sure, "rounds": rounds, "model_steps": model_steps, "members": members, "hidden": hidden, "seed": seed,
            "threads": threads}))
        return Dataset(columns, attributes=self.attributes, name=f"{self.name}, repaired"), json.loads(report)

    def audit(self) -> Audit:
        """Looks for what is wrong with it."""
        return Audit(json.loads(_native.audit(self._columns, self._attributes(), self.name)))

    def inspect(self) -> dict[str, Any]:
        """Layout, episodes, returns, scores and the distribution of every dimension, as a dict."""
        found: dict[str, Any] = json.loads(_native.inspect(self._columns, self._attributes(), self.name))
        return found

    def save(self, path: str | os.PathLike[str], *, format: str = "", gzip: int = 4, overwrite: bool = False) -> Dataset:
        """Writes it to the path, whole or not at all, and is then that file's dataset.

        format: "d4rl" or "minari". gzip: 0 (not) to 9. overwrite: whether a file that is there is replaced.
        """
        where = os.fspath(path)
        _native.write_dataset(self._columns, self._attributes(), where, format or "d4rl", gzip, overwrite, 0)
        self.path, self.format = where, format or "d4rl"
        return self


def _from_minari(data: Any) -> Dataset:
    columns: dict[str, list[np.ndarray]] = {k: [] for k in MAIN}
    for episode in data.iterate_episodes():
        observations = np.asarray(episode.observations)
        if observations.dtype == object or observations.ndim != 2:
            raise HardyError("has observations that are no rows of numbers", "the Minari dataset",
                             "open its folder instead: hardy.open_dataset(path, observation_parts=[...])")
        columns["observations"].append(observations[:-1])
        columns["next_observations"].append(observations[1:])
        columns["actions"].append(np.asarray(episode.actions))
        columns["rewards"].append(np.asarray(episode.rewards, dtype=np.float64))
        columns["terminals"].append(np.asarray(episode.terminations, dtype=bool))
        columns["timeouts"].append(np.asarray(episode.truncations, dtype=bool))
    if not columns["rewards"]:
        raise HardyError("has no episodes", "the Minari dataset")
    return Dataset({k: np.ascontiguousarray(np.concatenate(v)) for k, v in columns.items()},
                   name=str(getattr(data, "id", None) or getattr(getattr(data, "spec", None), "dataset_id", "")))


def _from_parquet(path: str) -> Dataset:
    """A column of numbers is [N], one of lists of equal lengths [N, length]."""
    pyarrow: Any = need("pyarrow", "a Parquet file")
    parquet: Any = need("pyarrow.parquet", "a Parquet file")
    compute: Any = need("pyarrow.compute", "a Parquet file")
    try:
        table = parquet.read_table(path)
    except FileNotFoundError:
        raise HardyError("does not exist", path) from None
    except (OSError, pyarrow.ArrowException) as e:
        raise HardyError(f"cannot be read as Parquet ({str(e).splitlines()[0]})", path) from None
    columns = {}
    for name in table.column_names:
        column = pyarrow.concat_arrays(table[name].chunks) if table[name].num_chunks else pyarrow.array([], table[name].type)
        where = f"{path} /{name}"
        if column.null_count:
            raise HardyError(f"has {column.null_count} rows without a value", where, "a value in every row")
        shape: tuple[int, ...] = (len(column),)
        while pyarrow.types.is_list(column.type) or pyarrow.types.is_large_list(column.type) or \
                pyarrow.types.is_fixed_size_list(column.type):
            lengths = set(compute.list_value_length(column).unique().to_pylist())
            if len(lengths) > 1:
                raise HardyError(f"has rows of {min(lengths)} to {max(lengths)} numbers", where, "the same number in every row")
            shape += (lengths.pop() if lengths else 0,)
            column = column.flatten()
            if column.null_count:
                raise HardyError(f"has {column.null_count} numbers without a value", where, "a value everywhere")
        columns[name] = np.ascontiguousarray(column.to_numpy(zero_copy_only=False)).reshape(shape)
    return _of_arrays(columns, path)


def _of_arrays(source: Mapping[Any, Any], file: str = "") -> Dataset:
    columns = {}
    for key, value in source.items():
        array = np.asarray(value)
        where = f"{file} /{key}" if file else f"column '{key}'"
        if array.dtype == object or array.dtype.kind not in "fiub":
            raise HardyError(f"is {array.dtype}, no numbers", where)
        if not array.flags.c_contiguous:
            raise HardyError("is no array in C order", where, "numpy.ascontiguousarray(...) makes one")
        columns[str(key)] = array
    rows = {k: v.shape[0] for k, v in columns.items() if k in MAIN and v.ndim > 0}
    for key, n in rows.items():
        if n != rows.get("observations", n):
            raise HardyError(f"has {n} rows where observations have {rows['observations']}",
                             f"{file} /{key}" if file else f"column '{key}'")
    return Dataset(columns, name=file)


def open_dataset(source: Any, *, format: str = "", observation_parts: Sequence[str] = (), threads: int = 0) -> Dataset:
    """A dataset from a source: a path, a minari.MinariDataset, or a mapping of names to arrays.

    A path: any file or folder that `hardy data inspect` reads (D4RL and Robomimic HDF5, Minari, NumPy), or a .parquet
    file (by pyarrow), whose columns are numbers [N] or lists of equal lengths [N, size]. Arrays are taken as they are,
    without a copy; columns are named as D4RL names them. format: of a path, "" to find it out. observation_parts: which
    parts of observations that are dicts make the vector. threads: that read, 0 for the machine's.
    """
    if isinstance(source, Mapping):
        return _of_arrays(source)
    if hasattr(source, "iterate_episodes"):
        return _from_minari(source)
    path = os.fspath(source)
    if path.endswith(".parquet"):
        return _from_parquet(path)
    columns, attributes, found, notes = _native.read_dataset(path, format, list(observation_parts), threads)
    return Dataset(columns, path=path, format=found, attributes=json.loads(attributes), notes=notes)
