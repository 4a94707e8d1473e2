"""What Gymnasium itself gives in one process: played.py FOLDER OUT.json ID KEYS.json INSTANCES STEPS ...

Each instance is seeded with 10 * episode + instance, and begins again where it ended; action k of instance i at
step t is ((7 i + 3 t + k) % 11 - 5) * 0.4 in float32 and within bounds, or a choice (7 i + 3 t) % n."""

import json
import sys

import gymnasium
import numpy as np

folder, out = sys.argv[1:3]
sys.path.insert(0, folder)
cases = []
for at in range(3, len(sys.argv), 4):
    identity, keys, n, steps = sys.argv[at], json.loads(sys.argv[at + 1]), *map(int, sys.argv[at + 2:at + 4])
    lines = []
    for i in range(n):
        env = gymnasium.make(identity, disable_env_checker=True, **keys)
        space, episode, begins = env.action_space, 0, True
        for t in range(steps):
            if begins:
                observation, _ = env.reset(seed=10 * episode + i)
                lines.append([float(x) for x in np.ravel(observation)])
                episode += 1
            if isinstance(space, gymnasium.spaces.Discrete):
                action = np.int64(space.start + (7 * i + 3 * t) % space.n)
            else:
                size = int(np.prod(space.shape))
                numbers = [np.float32((7 * i + 3 * t + k) % 11 - 5) * np.float32(0.4) for k in range(size)]
                action = np.clip(np.array(numbers, np.float32).reshape(space.shape), space.low, space.high)
            observation, reward, ended, cut, _ = env.step(action)
            begins = bool(ended or cut)
            ending = [float(ended), float(cut and not ended)]
            lines.append([float(x) for x in np.ravel(observation)] + [float(reward)] + ending)
    cases.append(lines)
with open(out, "w") as file:
    json.dump(cases, file)
