"""Regret studies of adversarial Markov decision processes."""

from __future__ import annotations

import json
from typing import Any, Callable, Sequence

import numpy as np

from . import _native
from ._optional import need
from ._words import words


class Study:
    """What `hardy regret --json` prints, with its tables.

    results: the whole of it, as a dict. Regret is computed exactly, of the mean over replicas.
    """

    def __init__(self, results: dict[str, Any]) -> None:
        self.results = results
        self.warnings: list[str] = list(results.get("warnings", []))

    def _curves(self) -> "list[dict[str, Any]]":
        return [{"env": study["env"], **method} for study in self.results["studies"] for method in study["methods"]]

    def to_pandas(self) -> Any:
        """A pandas.DataFrame, a line an environment, method and K: regret (mean) and its standard error."""
        pandas = need("pandas", "Study.to_pandas()")
        lines = [{"env": m["env"], "method": m["label"], "episodes": int(k), "regret": mean, "standard_error": error}
                 for m in self._curves() for k, mean, error in zip(m["episodes"], m["mean"], m["standard_error"])]
        return pandas.DataFrame(lines)

    def plot(self, *, ax: Any = None) -> Any:
        """Draws regret over K on logarithmic axes, on Matplotlib's ax (None for the current ones), which it returns."""
        if ax is None:
            ax = need("matplotlib.pyplot", "Study.plot()").gca()
        for m in self._curves():
            k, regret, error = (np.asarray(m[key]) for key in ("episodes", "mean", "standard_error"))
            ax.errorbar(k, regret, yerr=error, marker="o", label=m["label"])
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        ax.set_xlabel("episodes K")
        ax.set_ylabel("regret")
        ax.legend()
        return ax

    def __repr__(self) -> str:
        names = ", ".join(m["label"] for m in self._curves())
        return f"Study({names})"


def regret(env: str | Sequence[str], methods: str | Sequence[str] = "ftrl_log_barrier", *,
           episodes: int | str | Sequence[int] = 1024, replicas: int = 1, seed: int = 0, losses: str | None = None,
           threads: int = 1, say: Callable[[str], Any] | None = None, **settings: Any) -> Study:
    """Plays learners against changing losses and computes their regret.

    env: instances as `hardy regret --help` names them, or files. methods: "ftrl_log_barrier", "exp_weights:c_eta=20", ...
    episodes: K, or several. replicas: independent runs, seeds counting on from `seed`. losses: the law of the
    losses, the instance's own if None. threads: that share the replicas. say: hears a line a run. Other keywords are keys
    of `hardy regret --help`.
    """
    def listed(x: Any) -> str:
        return x if isinstance(x, str) else " ".join(str(v) for v in (x if isinstance(x, (list, tuple)) else [x]))

    given = {"env": listed(env), "method": listed(methods), "episodes": listed(episodes), "replicas": replicas,
             "seed": seed, "losses": losses, "threads": threads, **settings}
    return Study(json.loads(_native.regret(words(given), say)))


def regret_methods() -> "list[tuple[str, str]]":
    """Names of the learners, and what each is."""
    return list(_native.regret_methods())
