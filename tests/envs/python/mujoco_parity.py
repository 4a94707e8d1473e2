"""Hardy's MuJoCo tasks beside Gymnasium's, both on the MuJoCo that the Python wheel ships.

    mujoco_parity.py SOURCE_ROOT WORK_DIR TASK...

1. The physical numbers of the compiled model (WORK_DIR/TASK.xml) equal those of Gymnasium's own file.
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
             "ncam", "nlight", "nmat", "ntex", "signature", "paths", "nuser_", "geom_user", "nnumeric", "numeric_",
             "nstack")
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
        "tests/envs/python/stepper_c_abi.cc", "envs/environment.cc", "envs/view.cc", "envs/mujoco/stepper.cc", "envs/mujoco/model.cc",
        "envs/mujoco/view.cc", "envs/mujoco/off_screen.cc",
        *(f"envs/mujoco/{task}.cc" for task in TASKS), "engine/base/error.cc", "engine/base/nearest.cc", "engine/base/parameters.cc",
        "engine/base/random.cc", "engine/base/text.cc", "engine/base/threads.cc")]
    out = os.path.join(work, "stepper.so")
    subprocess.run([*compiler.split(), "-std=c++20", "-O2", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-Wno-restrict",
                    "-I", root, "-isystem", os.path.join(wheel, "include"), *sources, library[0], "-Wl,-rpath," + wheel,
                    "-lpthread", "-o", out], check=True)
    return ctypes.CDLL(out)


class Stepper:
    def __init__(self, library, task, sizes):
        library.parity_make.restype = ctypes.c_void_p
        library.parity_state_size.restype = ctypes.c_int64
        self.library = library
        self.env = ctypes.c_void_p(library.parity_make(task.encode()))
        self.state = np.zeros(library.parity_state_size(self.env))
        self.observation, self.reward, self.flags = np.zeros(sizes), np.zeros(1), np.zeros(2, np.uint8)

    @staticmethod
    def at(array):
        return array.ctypes.data_as(ctypes.c_void_p)

    def reset(self, seed):
        assert self.library.parity_reset(self.env, ctypes.c_uint64(seed), self.at(self.observation)) == 0

    def save(self):
        assert self.library.parity_state(self.env, self.at(self.state), 0) == 0
        return self.state.copy()

    def load(self, data, measured):
        """time, qpos, qvel, act, warm start, where a measured body is, steps"""
        self.state[:] = np.concatenate(([data.time], data.qpos, data.qvel, data.act, data.qacc_warmstart,
                                        [data.xpos[1][0]] if measured else [], [0]))
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


# Gymnasium's name, and the arguments with which v5 is v4 but for the bonus on the terminating step; Gymnasium's
# observation, and that of D4RL's files; whether an episode can end, and reach its limit here.
TASKS = {
    "hopper": ("Hopper", {}, 11, 11, True, True),
    "half_cheetah": ("HalfCheetah", {}, 17, 17, False, True),
    "walker2d": ("Walker2d", {"xml_file": "walker2d.xml"}, 17, 17, True, False),
    "ant": ("Ant", {"include_cfrc_ext_in_observation": False, "contact_cost_weight": 0.0}, 27, 111, True, True),
}


def scripts(task, size):
    """Name and action rule (data, step, generator) -> action in float32's grid."""
    if task == "hopper":
        yield "balance", balance
    yield "random", lambda d, t, g: g.uniform(-1, 1, size)
    yield "small random", lambda d, t, g: g.uniform(-0.1, 0.1, size)
    yield "waves", lambda d, t, g: np.sin(t * (0.11 + 0.1 * np.arange(size)) + np.arange(size))
    yield "none", lambda d, t, g: np.zeros(size)
    yield "bang-bang", lambda d, t, g: np.where(g.uniform(size=size) < 0.5, -1.0, 1.0)
    yield "out of bounds", lambda d, t, g: g.uniform(-3, 3, size)


def compare_runs(library, task):
    title, v5_arguments, seen, observed, can_end, reaches = TASKS[task]
    worst, steps, ends, limits = 0.0, 0, 0, 0
    for version in ("v4", "v5"):
        env = gymnasium.make(f"{title}-{version}", **(v5_arguments if version == "v5" else {}))
        inner, ours = env.unwrapped, Stepper(library, task, observed)
        nq, nv, measured = inner.model.nq, inner.model.nv, task == "ant"
        for name, rule in scripts(task, inner.model.nu):
            if version == "v5" and task != "hopper" and name not in ("random", "waves"):
                continue
            for seed in range(4 if version == "v4" and task == "hopper" else 2 if can_end or name == "random" else 1):
                # until the episode ends; for some also 1,000 steps whatever happens
                for beyond in (False, True) if seed == 0 and version == "v4" and can_end else (False,):
                    generator = np.random.default_rng(seed)
                    env.reset(seed=seed)
                    if seed % 2:  # a start of ours given to Gymnasium, or one of Gymnasium's given to us
                        ours.reset(seed)
                        mujoco.mj_resetData(inner.model, inner.data)
                        begin = ours.save()
                        inner.set_state(begin[1:1 + nq], begin[1 + nq:1 + nq + nv])
                    else:
                        ours.load(inner.data, measured)
                    for t in range(1000):
                        action = rule(inner.data, t, generator).astype(np.float32)
                        observation, reward, terminated, truncated, _ = env.step(action.astype(np.float64))
                        ours.step(action)
                        if terminated and version == "v5":
                            reward += 1  # v5 withholds the bonus when the episode ends, the D4RL data do not
                        state = ours.save()
                        error = max(np.abs(observation - ours.observation[:seen]).max(),
                                    abs(reward - ours.reward[0]),
                                    np.abs(state[1:1 + nq] - inner.data.qpos).max(),
                                    np.abs(state[1 + nq:1 + nq + nv] - inner.data.qvel).max())
                        where = f"{task} {version} {name} seed {seed} step {t}"
                        if not error <= TOLERANCE or ours.observation[seen:].any():
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
    print(f"{task}: {steps} steps, {ends} terminations, {limits} time limits, largest difference {worst:.3g}")
    return (ends > 0) == can_end and (limits > 0 or not reaches)


def main():
    root, work = sys.argv[1:3]
    print(f"gymnasium {gymnasium.__version__}, mujoco {mujoco.__version__}")
    library, equal = build(root, work), True
    for task in sys.argv[3:]:
        theirs = os.path.join(os.path.dirname(gymnasium.__file__), "envs", "mujoco", "assets", f"{task}.xml")
        different, compared = compare_models(mujoco.MjModel.from_xml_path(os.path.join(work, f"{task}.xml")),
                                             mujoco.MjModel.from_xml_path(theirs))
        for line in different:
            print(f"{task}'s model: {line}")
        print(f"{task}'s model: {compared} fields compared, {len(different)} differ")
        equal = compare_runs(library, task) and not different and equal
    return 0 if equal else 1


sys.exit(main())
