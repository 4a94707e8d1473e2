"""Steps a second of gymnasium.vector.AsyncVectorEnv: async_vector.py ID BATCH SECONDS. With ID point_mass: the
mass on a line of examples/point_mass in plain Python. Prints one number."""

import sys
import time

import gymnasium
import numpy as np


class PointMass(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float64)
    action_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.position, self.speed = self.np_random.uniform(-2, 2), 0.0
        return np.array([self.position, self.speed]), {}

    def step(self, action):
        force = float(action[0])
        reward = -(self.position**2 + 0.1 * self.speed**2 + 0.01 * force**2)
        self.speed += 0.1 * force
        self.position += 0.1 * self.speed
        return np.array([self.position, self.speed]), reward, False, False, {}


gymnasium.register("point_mass", entry_point=PointMass, max_episode_steps=100)


def main():
    name, batch, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    # Without Gymnasium's checker of each step, in shared memory: as quick as it goes.
    env = gymnasium.vector.AsyncVectorEnv([lambda: gymnasium.make(name, disable_env_checker=True)] * batch)
    space = env.single_action_space
    if isinstance(space, gymnasium.spaces.Discrete):
        action = np.ones(batch, np.int64)
    else:
        action = np.tile((space.low + 3 * space.high) / 4, (batch, 1)).astype(space.dtype)
    env.reset(seed=0)
    rates = []
    for length in (seconds / 4, seconds):  # the first is to warm up
        steps, began = 0, time.perf_counter()
        while time.perf_counter() - began < length:
            env.step(action)
            steps += batch
        rates.append(steps / (time.perf_counter() - began))
    env.close()
    print(rates[-1])


if __name__ == "__main__":
    main()
