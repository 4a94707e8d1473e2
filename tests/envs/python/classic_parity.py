"""Hardy's classic control tasks beside Gymnasium's: the episodes that the test recorded, replayed there.

    classic_parity.py EPISODES.json

EPISODES: a list of {"task": name, "start": state, "actions": [T], "states": [T][n], "observations": [T][m], "rewards": [T],
"terminated": [T], "truncated": [T]}. Each step is taken from the recorded state: motion would blow up what two roundings
of sin and cos are apart, and some steps are taken beyond the episode's end. Where Gymnasium rounds to float32, it is made to
keep float64. Exit code 0: states and observations equal to 1e-12, rewards too, flags the same; 1: not; 77: no Gymnasium.
"""
import json
import sys
import types

try:
    import gymnasium
    import numpy as np
    from gymnasium.envs.classic_control import acrobot, continuous_mountain_car, pendulum
except Exception as problem:
    print(f"no Gymnasium: {problem}")
    sys.exit(77)

gymnasium.logger.min_level = gymnasium.logger.ERROR  # cart-pole warns of steps beyond an end
double = types.SimpleNamespace(**{name: getattr(np, name) for name in dir(np)})
double.float32 = np.float64
NAMES = {"cart_pole": "CartPole-v1", "acrobot": "Acrobot-v1", "mountain_car_continuous": "MountainCarContinuous-v0",
         "pendulum": "Pendulum-v1"}
START = {"cart_pole": ([-0.05] * 4, [0.05] * 4), "acrobot": ([-0.1] * 4, [0.1] * 4),
         "mountain_car_continuous": ([-0.6, 0], [-0.4, 0]), "pendulum": ([-np.pi, -1], [np.pi, 1])}
environments = {task: gymnasium.make(name, disable_env_checker=True) for task, name in NAMES.items()}
for module in (acrobot, continuous_mountain_car, pendulum):
    module.np = double

count = {task: [0, 0, 0, 0, 0.0] for task in NAMES}  # steps, ends, limits, steps beyond, largest difference
for n, episode in enumerate(json.load(open(sys.argv[1]))):
    task = episode["task"]
    env, seen = environments[task], count[task]
    env.reset(seed=0)
    over, (low, high) = False, START[task]
    assert np.all(low <= np.array(episode["start"])) and np.all(episode["start"] <= np.array(high)), episode["start"]
    for t, action in enumerate(episode["actions"]):
        env.unwrapped.state = np.array(episode["states"][t - 1] if t else episode["start"])
        discrete = hasattr(env.action_space, "n")
        observation, reward, terminated, truncated, _ = env.step(action if discrete else np.array([action], np.float64))
        error = max(np.abs(np.array(env.unwrapped.state) - episode["states"][t]).max(),
                    np.abs(np.array(observation, np.float64) - episode["observations"][t]).max(),
                    abs(float(reward) - episode["rewards"][t]))
        if task == "cart_pole":  # its observation is rounded to float32 in a module of its own
            error = np.abs(np.array(env.unwrapped.state) - episode["observations"][t]).max()
        # Gymnasium may set both flags at once; a time limit is one only where nothing has ended.
        ours = (episode["terminated"][t], episode["truncated"][t])
        if not error <= 1e-12 or ours != (terminated, truncated and not terminated):
            print(f"{task} episode {n} step {t}: difference {error}, {ours} against {terminated, truncated}")
            sys.exit(1)
        if task == "cart_pole" and reward != episode["rewards"][t]:
            sys.exit(1)
        seen[:] = (seen[0] + 1, seen[1] + bool(terminated and not over), seen[2] + bool(ours[1] and not over),
                   seen[3] + over, max(seen[4], error))
        over = over or terminated or truncated
    assert over, "the episode was not over there"
for task, (steps, ends, limits, beyond, worst) in count.items():
    print(f"gymnasium {gymnasium.__version__}, {task}: {steps} steps, {ends} ends, {limits} time limits, {beyond} beyond, "
          f"largest difference {worst:.3g}")
sys.exit(0 if all(limits and beyond and (ends or task == "pendulum")
                  for task, (_, ends, limits, beyond, _) in count.items()) else 1)
