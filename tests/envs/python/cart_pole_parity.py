"""Hardy's cart-pole beside Gymnasium's CartPole-v1: the episodes that the test recorded, replayed there.

    cart_pole_parity.py EPISODES.json

EPISODES: a list of {"start": [4], "choices": [T], "states": [T][4], "rewards": [T], "terminated": [T], "truncated":
[T]}. Each step is taken from the recorded state: a pole that falls would blow up what two roundings of sin and cos are
apart. Exit code 0: equal to 1e-14 in the state, to the last bit in flags and rewards; 1: not; 77: no Gymnasium.
"""
import json
import sys

try:
    import gymnasium
    import numpy as np
except Exception as problem:
    print(f"no Gymnasium: {problem}")
    sys.exit(77)

env = gymnasium.make("CartPole-v1")
assert env.action_space.n == 2
worst, steps, ends, limits = 0.0, 0, 0, 0
for n, episode in enumerate(json.load(open(sys.argv[1]))):
    env.reset(seed=0)
    assert np.abs(episode["start"]).max() <= 0.05, episode["start"]
    for t, choice in enumerate(episode["choices"]):
        env.unwrapped.state = np.array(episode["states"][t - 1] if t else episode["start"])
        _, reward, terminated, truncated, _ = env.step(choice)
        error = np.abs(np.array(env.unwrapped.state) - episode["states"][t]).max()
        worst, steps = max(worst, error), steps + 1
        # Gymnasium may set both flags at once; a time limit is one only where nothing has ended.
        ours = (episode["terminated"][t], episode["truncated"][t], episode["rewards"][t])
        if not error <= 1e-14 or ours != (terminated, truncated and not terminated, reward):
            print(f"episode {n} step {t}: difference {error}, {ours} against {terminated, truncated, reward}")
            sys.exit(1)
        ends, limits = ends + bool(terminated), limits + bool(ours[1])
    assert terminated or truncated, "the episode was not over there"
print(f"gymnasium {gymnasium.__version__}: {steps} steps, {ends} falls, {limits} time limits, "
      f"largest difference {worst:.3g}")
sys.exit(0 if ends and limits else 1)
