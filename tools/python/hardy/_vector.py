"""make_vec()'s class, apart because it is made of gymnasium's."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from . import _native
from .errors import HardyError


class HardyVectorEnv(VectorEnv):
    """See hardy.make_vec()."""

    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.NEXT_STEP, "render_modes": []}

    def __init__(self, name: str, num_envs: int, threads: int = 1) -> None:
        self._batch: Any = _native.Batch(name, num_envs, threads)
        self.num_envs = num_envs
        self.name = name
        self.max_episode_steps: int = self._batch.max_episode_steps
        self.reference: tuple[float, float] = self._batch.reference
        low = np.full(self._batch.observation_size, -np.inf)
        self.single_observation_space = gym.spaces.Box(low, -low, dtype=np.float64)
        self.single_action_space: gym.Space[Any]
        if self._batch.action_choices:
            self.single_action_space = gym.spaces.Discrete(self._batch.action_choices)
        else:
            self.single_action_space = gym.spaces.Box(np.asarray(self._batch.action_low, dtype=np.float32),
                                                      np.asarray(self._batch.action_high, dtype=np.float32))
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._kind = np.int32 if self._batch.action_choices else np.float32
        self._seed = 0
        self._episodes = np.zeros(num_envs, dtype=np.int64)
        self._rests = np.zeros(num_envs, dtype=bool)
        self._reset = False

    def _start(self, i: int) -> None:
        self._batch.start(i, self._seed, i + self.num_envs * int(self._episodes[i]))
        self._episodes[i] += 1

    def reset(self, *, seed: int | list[int | None] | None = None,
              options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        """Begins episodes: all, or those of options["reset_mask"]. Without a seed the episodes go on counting."""
        if isinstance(seed, (list, tuple)):
            raise HardyError("is a list", "seed", "one number: instance i begins episode i of it")
        if seed is not None:
            self._seed = int(seed)
            self._episodes[:] = 0
        elif not self._reset:
            self._seed = int(np.random.default_rng().integers(0, 2**62))
        mask = (options or {}).get("reset_mask")
        which = np.arange(self.num_envs) if mask is None else np.flatnonzero(np.asarray(mask, dtype=bool))
        for i in which:
            self._start(int(i))
        self._rests[which] = False
        self._reset = True
        return self._batch.observations(), {}

    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Actions [num_envs, act], or choices [num_envs]. Where an episode ended at the step before, this one begins
        the next: its reward is 0 and its action is not looked at."""
        if not self._reset:
            raise HardyError("there is no episode yet", "step()", "call reset() first")
        given = np.ascontiguousarray(actions, dtype=self._kind)
        rests = self._rests
        if rests.any():
            given = given.copy()
            given[rests] = 0  # an action that there is, for what stands still
        self._batch.step(given, rests)
        rewards = self._batch.rewards()
        terminated = self._batch.terminated().astype(bool)
        truncated = self._batch.truncated().astype(bool)
        for i in np.flatnonzero(rests):
            self._start(int(i))
            rewards[i], terminated[i], truncated[i] = 0, False, False
        self._rests = terminated | truncated
        return self._batch.observations(), rewards, terminated, truncated, {}

    def close_extras(self, **kwargs: Any) -> None:
        """Nothing is held but memory."""
