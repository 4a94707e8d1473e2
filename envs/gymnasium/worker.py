"""A Python process that steps a share of a batch of Gymnasium environments; gymnasium.cc starts it.

Requests come in the memory behind descriptor 3, which this process and Hardy both map: a Control, and behind
it the batch's arrays (envs/plugin/shared_batch.h has the same two). One word counts what was asked, one what
was answered; either side sleeps on the other's (futex). A step is one request for the whole share; nothing is
pickled.
"""

import ctypes
import difflib
import importlib
import inspect
import json
import mmap
import os
import signal
import sys
import traceback

DESCRIPTOR = 3
CONTROL_BYTES = 65536
CREATE, MAP, RESET, STEP, SAVE, LOAD, QUIT = range(1, 8)
OK, FAILED, BAD_INPUT = range(3)
MOST_CHOICES = 4096  # of a Discrete observation, which is given as so many numbers
SEEDS = 2**31 - 1  # np.random.seed and simulators in C take no more


class Control(ctypes.Structure):
    _fields_ = [("asked", ctypes.c_uint32), ("answered", ctypes.c_uint32), ("call", ctypes.c_int32),
                ("code", ctypes.c_int32), ("instances", ctypes.c_int32), ("observation_size", ctypes.c_int32),
                ("action_size", ctypes.c_int32), ("action_choices", ctypes.c_int32),
                ("max_episode_steps", ctypes.c_int32), ("has_bounds", ctypes.c_int32),
                ("state_bytes", ctypes.c_int64), ("reference_min", ctypes.c_double),
                ("reference_max", ctypes.c_double), ("instance", ctypes.c_int32), ("unused", ctypes.c_int32),
                ("seed", ctypes.c_uint64), ("text", ctypes.c_char * 32768)]


class Refused(Exception):
    """What Hardy's user can mend; a line."""


def told(error):
    """An exception in one line, with the line of the file that raised it."""
    words = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(": ")
    if isinstance(error, SyntaxError):
        return words
    frames = [f for f in traceback.extract_tb(error.__traceback__)
              if f.filename != __file__ and "importlib" not in f.filename]
    return words + (f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else "")


def value_of(text):
    """A key's value as a constructor is given it in Python: truth, None, a number, or the word itself."""
    words = {"true": True, "True": True, "false": False, "False": False, "none": None, "None": None}
    if text in words:
        return words[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


class Bell:
    """The two counters of the control. The kernel counts and wakes in one call, which orders memory too."""

    WAIT, WAKE_OP, ADD_ONE = 0, 5, 1 << 28 | 1 << 12  # FUTEX_OP(ADD, 1, EQ, 0)

    def __init__(self, memory, control, number):
        self.call = ctypes.CDLL(None, use_errno=True).syscall
        self.call.restype = ctypes.c_long
        self.call.argtypes = [ctypes.c_long, ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32, ctypes.c_void_p,
                              ctypes.c_void_p, ctypes.c_uint32]
        self.number, self.parent = number, os.getppid()
        self.words = memoryview(memory)[:8].cast("I")
        self.asked = ctypes.addressof(control)
        self.answered = self.asked + 4
        self.second = (ctypes.c_long * 2)(1, 0)

    def wait(self, done):
        """Until more than `done` was asked."""
        words = self.words
        for _ in range(100):  # some ten microseconds: the answer may lead to the next request at once
            if words[0] != done:
                break
        while True:
            self.call(self.number, self.asked, self.WAIT, done, ctypes.addressof(self.second), None, 0)
            if words[0] != done:
                return
            if os.getppid() != self.parent:
                os._exit(1)

    def tell(self):
        self.call(self.number, self.answered, self.WAKE_OP, 1, None, self.answered, self.ADD_ONE)


def observations_of(space, gymnasium, np, name):
    """How many numbers an observation is, and what writes one into a row of them."""
    if isinstance(space, gymnasium.spaces.Box):
        shape = space.shape
        size = int(np.prod(shape, dtype=np.int64))

        def write(row, observation):
            observation = np.asarray(observation)
            if observation.shape != shape:
                raise ValueError(f"an observation of shape {observation.shape}, where its space has {shape}")
            row[:] = observation.reshape(-1)

        return size, write
    if isinstance(space, gymnasium.spaces.Discrete) and space.n <= MOST_CHOICES:
        first, n = int(space.start), int(space.n)

        def write_choice(row, observation):
            at = int(observation) - first
            if not 0 <= at < n:
                raise ValueError(f"observation {observation} lies outside {space}")
            row[:] = 0
            row[at] = 1

        return n, write_choice
    wrapper = "gymnasium.wrappers.FlattenObservation"
    if isinstance(space, gymnasium.spaces.Discrete):
        wrapper = f"gymnasium.wrappers.TransformObservation (a Discrete one of up to {MOST_CHOICES} is taken)"
    raise Refused(f"{name}: its observations are {one_line(space)}; wrap it so that they are a Box, with "
                  f"{wrapper}")


def one_line(space):
    text = " ".join(str(space).split())
    return text if len(text) <= 200 else text[:197] + "..."


class Actions:
    """A space of actions: bounds or choices, and a share's actions as its environments take them."""

    def __init__(self, space, gymnasium, np, name):
        self.np, self.low, self.high, self.choices, self.size = np, None, None, 0, 1
        if isinstance(space, gymnasium.spaces.Discrete):
            self.choices, self.start = int(space.n), int(space.start)
            return
        if not isinstance(space, gymnasium.spaces.Box) or not np.issubdtype(space.dtype, np.floating):
            raise Refused(f"{name}: its actions are {one_line(space)}; wrap it so that they are a Box of "
                          "floating-point numbers or a Discrete, with gymnasium.wrappers.TransformAction")
        self.shape, self.dtype = space.shape, space.dtype
        self.size = int(np.prod(self.shape, dtype=np.int64))
        self.low = space.low.reshape(-1).astype(np.float32)
        self.high = space.high.reshape(-1).astype(np.float32)
        finite = np.isfinite(self.low).all() and np.isfinite(self.high).all()
        if not finite or not (self.low < self.high).all():
            raise Refused(f"{name}: its actions are {one_line(space)}, with bounds that are not finite or leave "
                          "no room; wrap it so that they do, with gymnasium.wrappers.TransformAction")

    def of(self, shared):
        """[n] actions; their memory is no longer the shared one."""
        if self.choices:
            return list(shared.astype(self.np.int64) + self.start)
        return list(shared.astype(self.dtype).reshape((-1,) + self.shape))


class Batch:
    def __init__(self, control):
        text = ctypes.string_at(ctypes.addressof(control) + Control.text.offset, Control.text.size)
        name, config, _ = text.split(b"\0", 2)
        self.name, self.config = name.decode(), json.loads(config)
        self.control = control
        self.load()
        self.make = self.maker()
        self.environments = [self.made() for _ in range(control.instances)]
        first = self.environments[0]
        limit = self.config["max_episode_steps"] or getattr(first.spec, "max_episode_steps", None)
        if not limit:
            raise Refused(f"{self.name}: it is registered without a time limit; give max_episode_steps=N")
        libraries = self.gymnasium, self.np
        control.observation_size, self.write = observations_of(first.observation_space, *libraries, self.name)
        self.actions = Actions(first.action_space, *libraries, self.name)
        control.action_size, control.action_choices = self.actions.size, self.actions.choices
        control.has_bounds = int(self.actions.low is not None)
        control.max_episode_steps, control.state_bytes = limit, -1

    def load(self):
        try:
            import gymnasium
            import numpy
        except ImportError as e:
            missing = isinstance(e, ModuleNotFoundError) and e.name in ("gymnasium", "numpy")
            what = "there is no Gymnasium in" if missing else "Gymnasium does not load in"
            raise Refused(f"{self.name}: {what} {sys.executable} ({told(e)}); `{sys.executable} -m pip "
                          "install gymnasium`, or name another Python by python=FILE or HARDY_PYTHON")
        gymnasium.logger.min_level = getattr(gymnasium.logger, "ERROR", 40)
        self.gymnasium, self.np = gymnasium, numpy

    def maker(self):
        """A function that makes an environment; the id and the keys are looked at."""
        gymnasium, identity = self.gymnasium, self.config["id"]
        for folder in (os.getcwd(), self.config["path"]):
            if folder:
                sys.path.insert(0, folder)
        module, _, identity = identity.rpartition(":")
        if module:
            try:
                importlib.import_module(module)
            except Exception as e:
                raise Refused(f"{self.name}: module '{module}' cannot be imported: {told(e)}; path=DIR names "
                              "the folder that it is in")
        try:
            spec = gymnasium.spec(identity)
        except gymnasium.error.UnregisteredEnv as e:
            raise Refused(f"{self.name}: there is no environment '{identity}'; {self.nearest(identity)}")
        except gymnasium.error.Error as e:
            raise Refused(f"{self.name}: {told(e)}")
        arguments = {key: value_of(text) for key, text in self.config["keys"].items()}
        if self.config["max_episode_steps"]:
            arguments["max_episode_steps"] = self.config["max_episode_steps"]
        # Hardy looks at what comes, at less cost than Gymnasium's checker.
        return lambda: gymnasium.make(spec, disable_env_checker=True, **arguments)

    def nearest(self, identity):
        known = list(self.gymnasium.registry)
        lower = {k.lower(): k for k in reversed(known)}
        close = [lower[k] for k in difflib.get_close_matches(identity.lower(), list(lower), 3, 0.6)]
        if close:
            return "did you mean " + " or ".join(f"'{k}'" for k in close) + "?"
        return "one's own is given as id=module:Name-v0"

    def made(self):
        try:
            return self.make()
        except Exception as e:
            raise Refused(f"{self.name}: it cannot be made: {told(e)}{self.nearest_key(e)}")

    def nearest_key(self, error):
        """For a key that the constructor does not know: those that it does."""
        if not isinstance(error, TypeError) or "unexpected keyword" not in str(error):
            return ""
        try:
            entry = self.gymnasium.spec(self.config["id"].rpartition(":")[2]).entry_point
            if isinstance(entry, str):
                entry = self.gymnasium.envs.registration.load_env_creator(entry)
            known = [p for p in inspect.signature(entry).parameters if p not in ("self", "args", "kwargs")]
        except Exception:
            return ""
        return "; its keys: " + ", ".join(known) if known else "; it takes no keys"

    def map(self):
        """The arrays, in the order and with the alignment of SharedArrays."""
        np, c, at = self.np, self.control, 0
        n, bounds = c.instances, c.action_size if c.has_bounds else 0
        sizes = [(np.float64, n * c.observation_size), (np.float64, n), (np.float32, n * bounds),
                 (np.float32, bounds), (np.float32, bounds), (np.int32, n)] + [(np.uint8, n)] * 4
        places = []
        for kind, count in sizes:
            places.append((kind, count, at))
            at += (count * np.dtype(kind).itemsize + 63) // 64 * 64
        self.memory = mmap.mmap(DESCRIPTOR, max(at, 1), offset=CONTROL_BYTES)
        arrays = [np.frombuffer(self.memory, kind, count, place) for kind, count, place in places]
        observations, rewards, actions, low, high, choices, terminated, truncated, running, failed = arrays
        self.rows = list(observations.reshape(n, -1))
        self.given = choices if c.action_choices else actions.reshape(n, -1)
        self.rewards, self.running, self.failed = memoryview(rewards), memoryview(running), memoryview(failed)
        self.terminated, self.truncated = memoryview(terminated), memoryview(truncated)
        if bounds:
            low[:], high[:] = self.actions.low, self.actions.high

    def reset(self):
        i = self.control.instance
        if self.environments[i] is None:
            self.environments[i] = self.made()
        observation, _ = self.environments[i].reset(seed=self.control.seed % SEEDS)
        self.write(self.rows[i], observation)

    def step(self):
        write, rows, rewards, terminated, truncated = (self.write, self.rows, self.rewards, self.terminated,
                                                       self.truncated)
        any_failed = False
        for i, (runs, action) in enumerate(zip(self.running.tolist(), self.actions.of(self.given))):
            if not runs:
                continue
            try:
                observation, reward, ended, cut, _ = self.environments[i].step(action)
                write(rows[i], observation)
                rewards[i] = float(reward)
                terminated[i] = bool(ended)
                truncated[i] = bool(cut)
            except Exception as e:  # costs this episode; the next begins in an environment that is made anew
                self.failed[i] = 1
                if not any_failed:
                    say(self.control, "it raised " + told(e))
                any_failed = True
                self.abandon(i)

    def abandon(self, i):
        try:
            self.environments[i].close()
        except Exception:
            pass
        self.environments[i] = None

    def close(self):
        for i, environment in enumerate(self.environments):
            if environment is not None:
                self.abandon(i)


def say(control, text):
    control.text = text.encode(errors="replace")[:Control.text.size - 1]


def serve(number):
    memory = mmap.mmap(DESCRIPTOR, CONTROL_BYTES)
    control = Control.from_buffer(memory)
    bell = Bell(memory, control, number)
    batch, done = None, 0
    while True:
        bell.wait(done)
        call = control.call
        if call == QUIT:
            break
        try:
            if call == CREATE:
                batch = Batch(control)
            elif call == MAP:
                batch.map()
            elif call == RESET:
                batch.reset()
            elif call == STEP:
                batch.step()
            control.code = OK
        except Refused as e:
            say(control, str(e))
            control.code = BAD_INPUT if call == CREATE else FAILED
        except Exception as e:
            name = batch.name + ": " if batch is not None else ""
            say(control, name + ("reset: " if call == RESET else "") + told(e))
            control.code = FAILED
        bell.tell()
        done = (done + 1) % 2**32
    if batch is not None:
        batch.close()
    bell.tell()
    os._exit(0)  # what others' libraries do at an interpreter's end is of no use here


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal's group: Hardy decides when this ends
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if len(sys.argv) != 3 or int(sys.argv[2]) != ctypes.sizeof(Control):
        sys.exit("this program is started by Hardy, by one of its own version")
    os.dup2(2, 1)  # standard output is Hardy's
    for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(threads, "1")  # the workers are what runs side by side
    serve(int(sys.argv[1]))


main()
