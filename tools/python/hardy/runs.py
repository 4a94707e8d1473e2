"""Runs: what training leaves in a folder, and training itself."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Mapping, Sequence

import numpy as np

from . import _native
from ._optional import need
from ._words import words
from .datasets import Dataset, open_dataset
from .errors import HardyError
from .policies import Policy


@dataclass(frozen=True)
class Record:
    """One line of a run's metrics. kind: "train" or "eval". seconds: since the run began.

    values: by name ("loss/q", "score/mean"), one number a seed.
    """

    kind: str
    step: int
    seconds: float
    values: Mapping[str, list[float]]

    def __getitem__(self, key: str) -> list[float]:
        return self.values[key]


class Run:
    """A run's folder: settings, metrics, policies, summary. Everything is read when it is asked for."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._about: dict[str, Any] = json.loads(_native.run_json(str(self.path)))
        self.notes: list[str] = [n for n in (self._about.get("notes") or "").split("; ") if n]

    @property
    def method(self) -> str:
        """The method's name, as `hardy train` has it."""
        return str(self._about["method"])

    @property
    def command(self) -> str:
        """The command line that makes the same run."""
        return str(self._about["command"])

    @property
    def settings(self) -> dict[str, str]:
        """Every key of its config.ini."""
        return dict(self._about["settings"])

    @property
    def summary(self) -> dict[str, Any] | None:
        """How it ended; None of one that is still at work, or was killed."""
        found: dict[str, Any] | None = json.loads(_native.summary_json(str(self.path)))
        return found

    @property
    def finished(self) -> bool:
        """Whether it came to its last step."""
        s = self.summary
        return bool(s and s["finished"])

    @property
    def records(self) -> list[Record]:
        """All lines of its metrics."""
        return [Record(r["kind"], r["step"], r["seconds"], r["values"]) for r in _native.records_of(str(self.path))]

    @property
    def metrics(self) -> Any:
        """A pandas.DataFrame with columns kind, step, seconds, seed and one for every value; a line a record and seed."""
        pandas = need("pandas", "Run.metrics")
        seeds = self._about["seeds"]
        lines = [{"kind": r.kind, "step": r.step, "seconds": r.seconds, "seed": seed,
                  **{k: v[i] for k, v in r.values.items()}}
                 for r in self.records for i, seed in enumerate(seeds)]
        return pandas.DataFrame(lines)

    @property
    def policies(self) -> list[Policy]:
        """The seeds' policies as they were last written."""
        return [Policy(f) for f in _native.policy_files(str(self.path), False)]

    @property
    def best_policies(self) -> list[Policy]:
        """Those of the best evaluations, of a run with keep_best=True."""
        return [Policy(f) for f in _native.policy_files(str(self.path), True)]

    def curve(self, key: str) -> tuple[np.ndarray, np.ndarray]:
        """Steps [n] and the values [n, seeds] of a key of the metrics, "loss/q"."""
        found = [(r.step, r.values[key]) for r in self.records if key in r.values]
        if not found:
            known = sorted({k for r in self.records for k in r.values})
            raise HardyError("is no value of this run", f"'{key}'", "there are " + ", ".join(known))
        return np.array([s for s, _ in found]), np.array([v for _, v in found])

    def plot(self, key: str = "score/mean", *, ax: Any = None, label: str | None = None) -> Any:
        """Draws the values of a key over steps: the mean over seeds and a band of its standard error.

        ax: Matplotlib's axes, None for the current ones. label: the line's, None for the method's name. Returns the axes.
        """
        if ax is None:
            ax = need("matplotlib.pyplot", "Run.plot()").gca()
        steps, values = self.curve(key)
        mean = values.mean(axis=1)
        line, = ax.plot(steps, mean, label=label or self.method)
        if values.shape[1] > 1:
            error = values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])
            ax.fill_between(steps, mean - error, mean + error, alpha=0.25, color=line.get_color(), linewidth=0)
        ax.set_xlabel("step")
        ax.set_ylabel(key)
        return ax

    def report(self, path: str | os.PathLike[str], *, others: Sequence["Run"] = (), overwrite: bool = False) -> str:
        """Writes a page about this run, and others beside it, to the path; it opens offline. Returns its table as text.

        overwrite: whether a page that is there is replaced.
        """
        runs = [str(self.path), *(str(r.path) for r in others)]
        return str(_native.write_report(runs, os.fspath(path), overwrite))

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, {self.method}, {'finished' if self.finished else 'not finished'})"


def _file_of(data: Any, out: str) -> str:
    """The file that a dataset lies in, after writing it beside the run where it is in memory alone."""
    if isinstance(data, (str, os.PathLike)):
        return os.fspath(data)
    dataset = data if isinstance(data, Dataset) else open_dataset(data)
    if dataset.path is not None:
        return dataset.path
    path = out.rstrip("/") + ".hdf5"
    if os.path.exists(path):
        there = open_dataset(path)
        same = set(there.keys()) == set(dataset.keys()) and all(_equal(there[k], dataset[k]) for k in dataset)
        if not same:
            raise HardyError("holds another dataset than the one to learn from", path,
                             "remove it, choose another out=, or save() the dataset under a name of its own")
        dataset.path = path
        return path
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    dataset.save(path)
    return path


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return type(a) is type(b) and bool(a == b)


class Method:
    """A training method with its settings: keywords are the keys of `hardy train METHOD --help`, with underscores."""

    name = ""

    def __init__(self, **settings: Any) -> None:
        self.settings = {k: v for k, v in settings.items() if v is not None}
        _native.check(self.name, words(self.settings))

    def fit(self, data: Any = None, *, steps: int | None = None, seeds: int | None = None,
            out: str | os.PathLike[str] | None = None, env: str | None = None, resume: bool = False,
            progress: bool = False, callback: Callable[[Record], Any] | None = None, **settings: Any) -> Run:
        """Trains, and returns the run in the folder `out` (default: runs/METHOD).

        data: a Dataset, a path, or what open_dataset() takes; None of methods that interact or take prompts. One that is
        in memory alone is written beside the run, as OUT.hdf5. steps: gradient steps, or environment steps of methods that
        interact. seeds: agents trained together. env: where policies are evaluated. resume: goes on with the run that is
        there, or finds it done. progress: lines on standard error. callback: hears each Record; False ends the run after
        its step, to be resumed; what it raises does too, and is raised again. Ctrl-C likewise. Other keywords are keys of
        `hardy train METHOD --help`. The bytes of checkpoints and policies are those of `run.command`.
        """
        where = os.fspath(out) if out is not None else f"runs/{self.name}"
        given: dict[str, Any] = {}
        if data is not None:
            given["dataset"] = _file_of(data, where)
        given.update({"env": env, "steps": steps, "seeds": seeds})
        twice = sorted(set(self.settings) & set(settings))
        if twice:
            raise HardyError("is given to the method and to fit()", twice[0], "give it once")
        line = [self.name, *words(given), *words(self.settings), *words(settings), "--out", where]
        if resume:
            line += ["--or-resume"]
        hear = None if callback is None else lambda r: callback(Record(r["kind"], r["step"], r["seconds"], r["values"]))
        _native.train(line, hear, progress)
        return Run(where)


    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.settings.items())})"


def open_run(path: str | os.PathLike[str]) -> Run:
    """A run that is there: its folder's path."""
    return Run(path)


def load_policy(path: str | os.PathLike[str]) -> Policy:
    """A policy from the path of its file."""
    return Policy(path)
