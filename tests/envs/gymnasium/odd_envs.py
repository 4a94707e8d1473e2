"""Environments that a user might have, for the tests. Told-v0 observes [seed, steps, sum of actions]; its
keys make a step raise, give NaN, hang or die; `kind` and `moves` give other spaces."""

import os
import signal
import time

import gymnasium
import numpy as np
from gymnasium import spaces

SPACES = {
    "box": spaces.Box(-np.inf, np.inf, (3,), np.float64),
    "image": spaces.Box(0, 255, (2, 3), np.uint8),
    "discrete": spaces.Discrete(5, start=2),
    "dict": spaces.Dict({"a": spaces.Discrete(2)}),
    "many": spaces.Discrete(100000),
}
ACTIONS = {
    "box": spaces.Box(-2, 3, (2, 1), np.float32),
    "choices": spaces.Discrete(3, start=-1),
    "unbounded": spaces.Box(-np.inf, 1, (1,), np.float32),
    "whole": spaces.Box(0, 3, (1,), np.int64),
    "multi": spaces.MultiDiscrete([2, 3]),
}


class Told(gymnasium.Env):
    def __init__(self, kind="box", moves="box", fail=0, nan=0, hang=0, die=0, end=0, cut=0, shape=0, gain=1.0,
                 flag=False, word="w", odd=None):
        print("words on standard output")
        self.kind, self.gain, self.broken = kind, gain, False
        self.faults = {fail: self.fail, nan: self.nan, hang: self.hang, die: self.die}
        self.end, self.cut, self.shape = end, cut, shape
        self.observation_space, self.action_space = SPACES[kind], ACTIONS[moves]
        assert flag is False and word == "w" and isinstance(gain, float), (flag, word, gain)
        if odd is not None:
            raise ValueError(f"odd is {odd!r}\nand that will not do")

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        assert not self.broken, "it is used again"
        if seed == 99:
            raise RuntimeError("it does not like 99")
        if seed == 98:
            os.kill(os.getpid(), signal.SIGKILL)
        self.base, self.steps, self.total = float(seed), 0, 0.0
        return self.observation(), {}

    def observation(self):
        if self.kind == "image":
            return (np.arange(6, dtype=np.uint8) + self.steps).reshape(2, 3)
        if self.kind == "discrete":
            return 2 + self.steps % 5
        if self.shape and self.steps == self.shape:
            return np.zeros(1)
        return np.array([self.base, self.steps, self.total])

    def step(self, action):
        assert self.action_space.contains(action), action
        self.steps += 1
        self.total += self.gain * float(np.asarray(action, np.float64).sum())
        reward = self.total + self.np_random.random()
        self.reward = reward
        self.faults.get(self.steps, lambda: None)()
        return self.observation(), self.reward, self.steps == self.end, self.steps == self.cut, {}

    def fail(self):
        self.broken = True
        raise KeyError("no such joint")

    def nan(self):
        self.reward = np.float32("nan")

    def hang(self):
        time.sleep(1000)

    def die(self):
        os.kill(os.getpid(), signal.SIGKILL)


gymnasium.register("Told-v0", entry_point=Told, max_episode_steps=6)
gymnasium.register("Endless-v0", entry_point=Told)
