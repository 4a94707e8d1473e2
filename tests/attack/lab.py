"""Runs of `hardy` in a folder of their own, under limits, and what every run must keep to.

A lab holds copies of small inputs of every kind. Each run is judged: it ends by itself or by the signal that it was
sent, with an exit code that it may have, within its limits of time and memory; it says what was wrong in one line
of its own words; what it did not name as an output is afterwards as it was before.
"""
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
import time

CODES = {0, 1, 2, 3, 75}
SECONDS = 60.0         # a run that was not stopped
GRACE = 8.0            # from SIGTERM to the end; 2 are promised, on a machine that does nothing else
MEMORY = 3 << 30       # address space is not limited: threads and CUDA map what they never touch
DATA = 6 << 30         # but private memory is, so that a runaway run ends before the machine does
RAW = re.compile(r'terminate called|what\(\)|std::|json\.exception|basic_string|vector::|filesystem error|bad_alloc|'
                 r'stoi|stod|boost|HDF5-DIAG|Assertion|Sanitizer|core dumped')
CARE = ('TMPDIR', 'HOME')


class Outcome:
    def __init__(self, args, code, out, err, seconds, stopped, memory):
        self.args, self.code, self.out, self.err = args, code, out, err
        self.seconds, self.stopped, self.memory = seconds, stopped, memory  # stopped: seconds from SIGTERM to the end


def snapshot(folder):
    """{path: what is there} of all below a folder."""
    found = {}
    for at, folders, files in os.walk(folder):
        for name in folders:
            path = os.path.join(at, name)
            found[os.path.relpath(path, folder)] = 'link' if os.path.islink(path) else 'folder'
        for name in files:
            if name == 'lock':  # of a run's folder; it says who holds it
                continue
            path = os.path.join(at, name)
            if os.path.islink(path) or not os.path.isfile(path):
                found[os.path.relpath(path, folder)] = 'special'
                continue
            try:
                with open(path, 'rb') as f:
                    found[os.path.relpath(path, folder)] = hashlib.sha1(f.read()).hexdigest()
            except FileNotFoundError:
                pass  # another hand took it
    return found


def below(path, places):
    return any(path == p or path.startswith(p + '/') for p in places)


class Lab:
    """One case's folder. `problems` is what went wrong, `outcomes` all that was run."""

    def __init__(self, hardy, seeds):
        self.hardy_path = hardy
        self.work = tempfile.mkdtemp(prefix='hardy-attack-')
        self.outcomes, self.problems, self.expected = [], [], ()
        shutil.copytree(seeds, self.work, dirs_exist_ok=True, symlinks=True)

    def at(self, name):
        return os.path.join(self.work, name)

    def read(self, name):
        with open(self.at(name), 'rb') as f:
            return f.read()

    def write(self, name, data):
        os.makedirs(os.path.dirname(self.at(name)), exist_ok=True)
        with open(self.at(name), 'wb') as f:
            f.write(data if isinstance(data, bytes) else data.encode('utf-8', 'surrogateescape'))

    def close(self, keep_in=None):
        if keep_in:
            shutil.rmtree(keep_in, ignore_errors=True)
            shutil.move(self.work, keep_in)
        shutil.rmtree(self.work, ignore_errors=True)

    def problem(self, text):
        self.problems.append(text)

    def hardy(self, args, outputs=(), codes=CODES, stop_after=None, kill_after=None, how=signal.SIGTERM, env=None,
              before=None, quiet=False, wait=SECONDS, always=()):
        """Runs it and judges. outputs: places that it may write. before: called in the child, before it is hardy.

        always: places that change by other hands. kill_after: SIGKILL then; nothing is judged but what it left unchanged. quiet: its descriptors are not watched.
        """
        args = [a if isinstance(a, bytes) else str(a).encode('utf-8', 'surrogateescape') for a in args]
        was = snapshot(self.work)

        def prepare():
            os.setsid()
            resource.setrlimit(resource.RLIMIT_DATA, (DATA, DATA))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if before:
                before()
        out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        began = time.monotonic()
        child = subprocess.Popen([self.hardy_path.encode(), *args], cwd=self.work, stdin=subprocess.DEVNULL,
                                 stdout=out, stderr=err, preexec_fn=prepare, env={**os.environ, **(env or {})})
        sent, late = None, None

        def end(sig):
            try:
                os.killpg(child.pid, sig)
            except ProcessLookupError:
                pass
        timers = []

        def stop():
            nonlocal sent
            sent = time.monotonic()
            end(how)
        if kill_after is not None:
            timers.append(threading.Timer(kill_after, end, [signal.SIGKILL]))
        elif stop_after is not None:
            timers.append(threading.Timer(stop_after, stop))

        def give_up():
            nonlocal late
            late = True
            end(signal.SIGKILL)
        timers.append(threading.Timer((stop_after + GRACE) if stop_after is not None else wait, give_up))
        for t in timers:
            t.start()
        _, status, usage = os.wait4(child.pid, 0)
        ended = time.monotonic()
        for t in timers:
            t.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        end(signal.SIGKILL)  # children that it left behind
        texts = []
        for f in (out, err):
            f.seek(0)
            texts.append(f.read())
            f.close()
        o = Outcome(args, child.returncode, texts[0], texts[1], ended - began, sent and ended - sent, usage.ru_maxrss << 10)
        self.outcomes.append(o)
        self.unchanged(was, [os.path.normpath(p) for p in outputs], always, o)
        if kill_after is None or not late and child.returncode != -signal.SIGKILL:
            self.judge(o, codes, late, quiet)
        return o

    def judge(self, o, codes, late, quiet):
        err = o.err.decode('utf-8', 'replace')
        said = err.strip().splitlines()
        if late:
            self.problem(f'{"does not stop" if o.stopped else "takes longer than its limit"} ({o.seconds:.1f} s)')
        elif o.code < 0 and o.code not in codes:
            self.problem(f'ended by signal {-o.code}')
        elif o.code not in codes:
            self.problem(f'exit code {o.code}: {said[-1][:200] if said else ""}')
        if o.memory > MEMORY:
            self.problem(f'took {o.memory >> 20} MiB')
        if RAW.search(err):
            self.problem(f'speaks in a library\'s words: {RAW.search(err)[0]}: {said[-1][:200]}')
        if o.code == 2 and not quiet:
            told = [line for line in said if line.startswith('hardy')]
            if len(told) != 1 and not (len(said) == 0 and o.out):
                self.problem(f'exit code 2 in {len(told)} lines of its own: {err[:300]!r}')
        if o.code in (0, 3) and b'--json' in o.args and b'--help' not in o.args and not quiet:
            try:
                json.loads(o.out)
            except ValueError as e:
                self.problem(f'--json is no JSON: {e}')

    def unchanged(self, was, outputs, always, o):
        now = snapshot(self.work)
        allowed = always if o.code == 2 else outputs
        folders = {os.path.dirname(p) for p in allowed}
        for path in sorted(was.keys() | now.keys()):
            if was.get(path) == now.get(path) or below(path, allowed):
                continue
            if path not in was and (path in folders or any(f.startswith(path + '/') for f in folders)):
                continue  # the folder of an output
            if '.tmp-' in path:
                continue  # what a killed run leaves; a case looks for them at its end
            what = 'changed' if path in was and path in now else 'removed' if path in was else 'left behind'
            self.problem(f'{path} was {what} (exit code {o.code})')


def make_seeds(hardy, folder):
    """Small inputs of every kind, by hardy itself, h5py and NumPy."""
    import h5py
    import numpy as np

    def run(*args):
        subprocess.run([hardy, *args], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    run('data', 'collect', '--env', 'pendulum', '--behaviour', 'random', '--steps', '400', 'in.hdf5')
    run('data', 'corrupt', 'in.hdf5', 'broken.hdf5', '--elements', 'rewards,dynamics')
    run('data', 'convert', 'in.hdf5', 'set')
    run('data', 'convert', 'in.hdf5', 'in.csv')
    with h5py.File(os.path.join(folder, 'in.hdf5')) as f:
        columns = {k: f[k][()] for k in ('observations', 'next_observations', 'actions', 'rewards', 'terminals', 'timeouts')}
    np.savez_compressed(os.path.join(folder, 'in.npz'), **columns)
    with h5py.File(os.path.join(folder, 'filters.hdf5'), 'w', libver=('v110', 'v110')) as f:
        for key, value in columns.items():
            f.create_dataset(key, data=value, compression='gzip', shuffle=True, fletcher32=True, chunks=(64, *value.shape[1:]))
        f['infos/names'] = 'text'
        f['infos/half'] = columns['rewards'].astype('>f2')
        f.attrs['maker'] = 'us'
    small = ('--hidden', '4', '--seeds', '2', '--batch-size', '16', '--eval-episodes', '1', '--log-every', '5')
    run('train', 'iql', '--dataset', 'in.hdf5', '--env', 'pendulum', '--steps', '20', *small, '--out', 'run')
    run('regret', '--episodes', '8', '--out', 'study')
    with open(os.path.join(folder, 'grid.ini'), 'w') as f:
        f.write('method = bc iql\ndataset = in.hdf5\nsteps = 4\nhidden = 4\nbatch-size = 8\nthreads = 1\n')
    run('grid', 'new', 'grid', 'grid.ini')
    run('regret', '--episodes', '4', '--export', 'instance.hdf5')
    with open(os.path.join(folder, 'train.ini'), 'w') as f:
        f.write('# a training\ndataset = in.hdf5\nenv = pendulum\nsteps = 4\nhidden = 4\nbatch-size = 8\neval-episodes = 1\n')
