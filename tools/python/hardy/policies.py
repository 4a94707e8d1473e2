"""Policies that act, and what they earn."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any, Sequence

import numpy as np

from . import _native
from .errors import HardyError


class Policy:
    """A trained policy from a .policy file. It may be called from several threads.

    observation_size, action_size: numbers a row; action_choices: of a policy that chooses, else 0.
    action_low, action_high: its actions' bounds. environment, method: what it was trained for, and by.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._acts: Any = _native.Policy(self.path)
        self.observation_size: int = self._acts.observation_size
        self.action_size: int = self._acts.action_size
        self.action_choices: int = self._acts.action_choices
        self.action_low = np.asarray(self._acts.action_low, dtype=np.float32)
        self.action_high = np.asarray(self._acts.action_high, dtype=np.float32)
        self.environment: str = self._acts.environment
        self.method: str = self._acts.method

    def _rows(self, observations: Any) -> tuple[np.ndarray, bool]:
        x = np.ascontiguousarray(observations, dtype=np.float64)
        return (x[None], True) if x.ndim == 1 else (x, False)

    def __call__(self, observations: Any, *, seed: int | None = None, step: int = 0) -> Any:
        """Actions for observations [rows, obs] or [obs]: float32 [rows, act] or [act], or of a policy that chooses
        int32 [rows], or a number. By the mode; with a seed by draws: row i's of this step are keyed by seed + i."""
        x, single = self._rows(observations)
        actions = self._acts.act(x, seed, step)
        return actions[0] if single else actions

    def predict(self, observation: Any, state: Any = None, episode_start: Any = None,
                deterministic: bool = True) -> tuple[Any, Any]:
        """Stable-Baselines3's call: actions for an observation [obs] or [rows, obs], by the mode or, with
        deterministic=False, by draws; and the state as it came, for this policy has none, and no use of episode_start."""
        seed = None if deterministic else int(np.random.randint(0, 2**62))
        return self(observation, seed=seed), state

    def log_prob(self, observations: Any, actions: Any) -> Any:
        """log pi(a|s) [rows] of actions [rows, act] (choices [rows]) for observations [rows, obs]: of numbers the
        log-density over the bounds' box."""
        x, single = self._rows(observations)
        kind = np.int32 if self.action_choices else np.float32
        out = self._acts.log_prob(x, np.ascontiguousarray(actions, dtype=kind).reshape(len(x), -1))
        return out[0] if single else out

    def __repr__(self) -> str:
        acts = f"{self.action_choices} choices" if self.action_choices else f"{self.action_size} actions"
        return f"Policy({self.path!r}, {self.method}: {self.observation_size} observations, {acts})"


@dataclass
class Evaluation:
    """Episodes of one or more policies, policies x episodes.

    returns, lengths: sums of rewards and steps. scores: 100 (R - min) / (max - min) by D4RL's reference returns, or by
    those of the engine's own task; NaN where the task has none.
    """

    returns: np.ndarray
    lengths: np.ndarray
    scores: np.ndarray

    @property
    def mean_score(self) -> float:
        """Over all policies and episodes."""
        return float(self.scores.mean())

    def __repr__(self) -> str:
        return (f"Evaluation({self.returns.shape[0]} policies x {self.returns.shape[1]} episodes, "
                f"return {self.returns.mean():.1f}, score {self.scores.mean():.1f})")


def _play(policy: Policy, envs: Any, episodes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Episodes of a gymnasium.vector.VectorEnv, instance i playing those numbered i, i + n, ..."""
    n = envs.num_envs
    mode = str(getattr(envs.metadata.get("autoreset_mode"), "name", envs.metadata.get("autoreset_mode"))).upper()
    if mode not in ("NEXT_STEP", "SAME_STEP"):
        raise HardyError(f"begins episodes in a mode that is not known ({mode})", "envs",
                         "one that resets at the next step or the same one would be right")
    returns, lengths = np.zeros(episodes), np.zeros(episodes, dtype=np.int64)
    playing = np.arange(n)
    observations, _ = envs.reset(seed=seed)
    fresh = np.zeros(n, dtype=bool)  # this step only begins an episode
    total, steps = np.zeros(n), np.zeros(n, dtype=np.int64)
    while (playing < episodes).any():
        observations, rewards, terminated, truncated, _ = envs.step(policy(observations))
        ended = np.logical_or(terminated, truncated)
        counts = ~fresh
        total[counts] += rewards[counts]
        steps[counts] += 1
        for i in np.flatnonzero(ended & counts):
            if playing[i] < episodes:
                returns[playing[i]], lengths[playing[i]] = total[i], steps[i]
            playing[i] += n
            total[i], steps[i] = 0, 0
        fresh = ended & counts if mode == "NEXT_STEP" else np.zeros(n, dtype=bool)
    return returns, lengths


def _reference(envs: Any) -> tuple[float, float] | None:
    own: tuple[float, float] | None = getattr(envs, "reference", None)
    if own is not None:
        return own
    spec = getattr(envs, "spec", None)
    name = getattr(spec, "id", "") or ""
    known: Any = _native.reference_scores(name.lower().split("/")[-1].rsplit("-v", 1)[0])
    return None if known is None else (known[0], known[1])


def evaluate(policies: Policy | Sequence[Policy], envs: Any, *, episodes: int = 10, seed: int = 42) -> Evaluation:
    """Plays so many episodes of each of the policies by its mode; seed: of the episodes' beginnings.

    envs: a gymnasium.vector.VectorEnv, or a name of the engine's own environments ("hopper"), which then play as in
    `hardy eval`: the i-th episode begins from the draw (seed, i), whatever the number of instances.
    """
    each = [policies] if isinstance(policies, Policy) else list(policies)
    if not each:
        raise HardyError("there is none", "policies")
    if episodes < 1:
        raise HardyError(f"is {episodes}", "episodes", "1 or more")
    returns, lengths, scores = [], [], []
    for policy in each:
        if isinstance(envs, str):
            played = policy._acts.evaluate(envs, episodes, seed)
            returns.append(played["returns"])
            lengths.append(played["lengths"].astype(np.int64))
            scores.append(played["scores"])
            continue
        r, n = _play(policy, envs, episodes, seed)
        between = _reference(envs)
        returns.append(r)
        lengths.append(n)
        scores.append(100 * (r - between[0]) / (between[1] - between[0]) if between else np.full(episodes, math.nan))
    return Evaluation(np.stack(returns), np.stack(lengths), np.stack(scores))
