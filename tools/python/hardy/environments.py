"""The engine's environments as gymnasium.vector.VectorEnv."""

from __future__ import annotations

from typing import Any

from . import _native
from ._optional import need
from .errors import HardyError


def environments() -> list[str]:
    """Names of the engine's environments; keys follow a colon, "hopper:frame_skip=4"."""
    return list(_native.environments())


def make_vec(name: str, num_envs: int = 1, *, threads: int = 1) -> Any:
    """num_envs instances of one of the engine's environments, by its name ("hopper"), as a gymnasium.vector.VectorEnv.

    Observations are float64 [num_envs, obs]. Autoreset mode: the next step (gymnasium's NEXT_STEP). reset(seed=s) begins
    episode i of s in instance i, and an instance that ends goes on with episode i + num_envs, and so on: the same draws as
    `hardy eval --seed s`. Results do not depend on threads.
    """
    need("gymnasium", "make_vec()")
    from ._vector import HardyVectorEnv

    if num_envs < 1:
        raise HardyError(f"is {num_envs}", "num_envs", "1 or more")
    return HardyVectorEnv(name, num_envs, threads)


