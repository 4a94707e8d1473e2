"""Hardy's hopper beside Gymnasium's, both on the MuJoCo that the Python wheel ships.

    hopper_parity.py SOURCE_ROOT MJCF_FILE WORK_DIR

1. The physical numbers of the compiled model equal those of Gymnasium's own file.
2. The stepper's sources, built against the wheel's headers and library, give the same states, rewards and
   flags to 1e-9: from the same states, with the same actions, over whole episodes and beyond their ends.
Exit code 0: equal; 1: not; 77: something needed is missing (said on the last line).
"""
import ctypes
import glob
import os
import shutil
import subprocess
import sys
import warnings

TOLERANCE = 1e-9

try:
    import gymnasium
    import mujoco
    import numpy as np
    warnings.simplefilter("ignore")
    gymnasium.logger.min_level = gymnasium.logger.ERROR
    gymnasium.make("Hopper-v4").close()
except Exception as problem:  # a missing module, or one that Gymnasium misses
    print(f"no Gymnasium with MuJoCo: {problem}")
    sys.exit(77)


def compare_models(ours, theirs):
    """Every field that physics reads, bit for bit; names, colours, lights and cameras are our own affair."""
    looks = ("names", "name_", "tex", "mat", "light", "cam", "geom_matid", "geom_rgba", "nbuffer", "nnames",
             "ncam", "nlight", "nmat", "ntex", "signature", "paths")
    different, compared = [], 0
    for prefix, a, b in (("", ours, theirs), ("opt.", ours.opt, theirs.opt)):
        for field in dir(a):
            if field.startswith(("_",) + looks):
                continue
            u, v = getattr(a, field), getattr(b, field)
            if not isinstance(u, (np.ndarray, int, float)):
                continue
            compared += 1
            if np.shape(u) != np.shape(v) or not np.array_equal(u, v):
                different.append(f"{prefix}{field}: ours {np.ravel(u)[:8]}, Gymnasium's {np.ravel(v)[:8]}")
    for required in ("body_mass", "body_inertia", "body_ipos", "jnt_range", "jnt_pos", "dof_damping", "dof_armature",
                     "actuator_gear", "actuator_ctrlrange", "geom_size", "geom_friction", "geom_solimp", "geom_margin"):
        assert getattr(ours, required).size, required
    return different, compared


def build(root, work):
    """Our stepper, as a shared library that uses the wheel's libmujoco."""
    wheel = os.path.dirname(mujoco.__file__)
    library = sorted(glob.glob(os.path.join(wheel, "libmujoco.so*")))
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("c++")
    if not library or not compiler:
        print("no C++ compiler, or a MuJoCo wheel without its library")
        sys.exit(77)
    sources = [os.path.join(root, s) for s in (
        "tests/envs/python/stepper_c_abi.cc", "envs/environment.cc", "envs/mujoco/hopper.cc", "envs/mujoco/model.cc",
        "engine/base/nearest.cc", "engine/base/random.cc", "engine/base/threads.cc")]
    out = os.path.join(work, "stepper.so")
    subprocess.run([*compiler.split(), "-std=c++20", "-O2", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-I", root,
                    "-isystem", os.path.join(wheel, "include"), *sources, library[0], "-Wl,-rpath," + wheel,
                    "-lpthread", "-o", out], check=True)
    return ctypes.CDLL(out)


class Stepper:
    def __init__(self, library):
        library.parity_make.restype = ctypes.c_void_p
        library.parity_state_size.restype = ctypes.c_int64
        self.library = library
        self.env = ctypes.c_void_p(library.parity_make(b"hopper"))
        self.state = np.zeros(library.parity_state_size(self.env))
        self.observation, self.reward, self.flags = np.zeros(11), np.zeros(1), np.zeros(2, np.uint8)

    @staticmethod
    def at(array):
        return array.ctypes.data_as(ctypes.c_void_p)

    def reset(self, seed):
        assert self.library.parity_reset(self.env, ctypes.c_uint64(seed), self.at(self.observation)) == 0

    def save(self):
        assert self.library.parity_state(self.env, self.at(self.state), 0) == 0
        return self.state.copy()

    def load(self, data):
        """time, qpos, qvel, act, warm start, steps"""
        self.state[:] = np.concatenate(([data.time], data.qpos, data.qvel, data.act, data.qacc_warmstart, [0]))
        assert self.library.parity_state(self.env, self.at(self.state), 1) == 0

    def step(self, action):
        action = np.ascontiguousarray(action, np.float32)
        assert self.library.parity_step(self.env, self.at(action), self.at(self.observation), self.at(self.reward),
                                        self.at(self.flags)) == 0


# Feedback gains that keep the hopper on its foot for a whole episode; found by a random search.
BALANCE = np.array([[-0.32, -0.51, -1.95, -1.46, -0.15, 0.48, -0.86, -0.78, -0.18, -0.36, 0.35],
                    [-0.57, 0.39, 1.22, -0.52, 1.95, 0.5, -0.13, -1.61, 1.85, -0.47, -0.19],
                    [0.82, -0.97, -0.31, -1.91, -2.19, -0.78, -0.72, -0.47, -0.32, -0.32, -1.35]])


def balance(data, *_):
    return np.clip(BALANCE @ np.concatenate((data.qpos[1:] - [1.25, 0, 0, 0, 0], data.qvel)), -1, 1)


def scripts():
    """Name and action rule (data, step, generator) -> action in float32's grid."""
    yield "balance", balance
    yield "random", lambda d, t, g: g.uniform(-1, 1, 3)
    yield "small random", lambda d, t, g: g.uniform(-0.1, 0.1, 3)
    yield "waves", lambda d, t, g: np.sin(t * np.array([0.11, 0.23, 0.31]) + [0, 1, 2])
    yield "none", lambda d, t, g: np.zeros(3)
    yield "bang-bang", lambda d, t, g: np.where(g.uniform(size=3) < 0.5, -1.0, 1.0)
    yield "out of bounds", lambda d, t, g: g.uniform(-3, 3, 3)


def compare_runs(library):
    worst, steps, ends, limits = 0.0, 0, 0, 0
    for version in ("Hopper-v4", "Hopper-v5"):
        env = gymnasium.make(version)
        inner, ours = env.unwrapped, Stepper(library)
        for name, rule in scripts():
            for seed in range(4 if version == "Hopper-v4" else 2):
                # until the episode ends; for some also 1,000 steps whatever happens
                for beyond in (False, True) if seed == 0 and version == "Hopper-v4" else (False,):
                    generator = np.random.default_rng(seed)
                    env.reset(seed=seed)
                    if seed % 2:  # a start of ours given to Gymnasium, or one of Gymnasium's given to us
                        ours.reset(seed)
                        mujoco.mj_resetData(inner.model, inner.data)
                        begin = ours.save()
                        inner.set_state(begin[1:7], begin[7:13])
                    else:
                        ours.load(inner.data)
                    for t in range(1000):
                        action = rule(inner.data, t, generator).astype(np.float32)
                        observation, reward, terminated, truncated, _ = env.step(action.astype(np.float64))
                        ours.step(action)
                        if terminated and version == "Hopper-v5":
                            reward += 1  # v5 withholds the bonus when the episode ends, the D4RL data do not
                        state = ours.save()
                        error = max(np.abs(observation - ours.observation).max(), abs(reward - ours.reward[0]),
                                    np.abs(state[1:7] - inner.data.qpos).max(), np.abs(state[7:13] - inner.data.qvel).max())
                        where = f"{version} {name} seed {seed} step {t}"
                        if not error <= TOLERANCE:
                            print(f"{where}: difference {error}")
                            return False
                        if bool(ours.flags[0]) != terminated or bool(ours.flags[1]) != (truncated and not terminated):
                            print(f"{where}: flags {ours.flags} against {terminated} {truncated}")
                            return False
                        worst, steps = max(worst, error), steps + 1
                        limits += bool(ours.flags[1])
                        if terminated and not beyond:
                            ends += 1
                            break
        env.close()
    print(f"{steps} steps, {ends} terminations, {limits} time limits, largest difference {worst:.3g}")
    return ends > 0 and limits > 0


def main():
    root, mjcf, work = sys.argv[1:4]
    print(f"gymnasium {gymnasium.__version__}, mujoco {mujoco.__version__}")
    theirs = os.path.join(os.path.dirname(gymnasium.__file__), "envs", "mujoco", "assets", "hopper.xml")
    different, compared = compare_models(mujoco.MjModel.from_xml_path(mjcf), mujoco.MjModel.from_xml_path(theirs))
    for line in different:
        print("model: " + line)
    print(f"model: {compared} fields compared, {len(different)} differ")
    return 0 if not different and compare_runs(build(root, work)) else 1


sys.exit(main())
