"""Disks that are full or broken at any call, files that may not grow, standard descriptors that are closed or full,
little memory, signals, files that are replaced while they are read. What fails after work began is exit code 1, in one line, and nothing half-written is left."""
import errno
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import threading

from kills import COMMANDS, SAC, TRAIN, left_over, tree

NAME = 'faults'
HERE = os.path.dirname(os.path.abspath(__file__))
ALL = [*COMMANDS, (['regret', '--episodes', '16', '--out', 'out'], 'out'), (['train', 'iql', *TRAIN, '--out', 'out'], 'out'),
       (['train', 'sac', *SAC, '--out', 'out'], 'out')]
LOOKS = [['data', 'inspect', 'in.hdf5'], ['data', 'audit', 'in.hdf5', '--json'], ['data', 'episodes', 'in.csv'], ['devices', '--json'],
         ['eval', 'run', '--episodes', '1'], ['regret', '--episodes', '8', '--json'], ['--help'], ['train', 'bc', '--help']]


def without(lab, path):
    shutil.rmtree(lab.at(path), ignore_errors=True)
    if os.path.exists(lab.at(path)):
        os.remove(lab.at(path))


class Faults:
    def __init__(self, hardy):
        self.missing = []
        self.folder = tempfile.mkdtemp(prefix='hardy-attack-shim-')
        self.shim = os.path.join(self.folder, 'fail_calls.so')
        compiler = next((c for c in ('cc', 'gcc', 'clang') if shutil.which(c)), None)
        built = compiler and subprocess.run([compiler, '-O1', '-shared', '-fPIC', '-o', self.shim, os.path.join(HERE, 'fail_calls.c'),
                                             '-ldl'], check=False).returncode == 0
        if not built:
            self.missing.append('no C compiler for tests/attack/fail_calls.c')

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def case(self, lab, rng):
        rng.choice((self.call, self.call, self.call, self.size, self.descriptors, self.memory, self.stop, self.replaced))(lab, rng)

    def fails(self, lab, args, out, **how):
        """A run that may fail, and if it does leaves nothing; afterwards it succeeds."""
        o = lab.hardy(args, outputs=[out], codes={0, 1, 2}, **how)  # 2: the output could not be begun
        folder = args[0] == 'train' or args[0] == 'regret' and '--out' in args
        if o.code != 0 and not folder and os.path.exists(lab.at(out)):
            lab.problem(f'{out} is there although the run failed')
        if left_over(lab):
            lab.problem(f'left behind: {", ".join(left_over(lab))}')
        if o.code == 0 and not folder:
            there = tree(lab.at(out))
            without(lab, out)
            lab.hardy(args, outputs=[out], codes={0})
            if tree(lab.at(out)) != there:
                lab.problem(f'{out} is another one although nothing was said')
        elif folder and o.code == 1 and args[0] == 'train' and os.path.exists(lab.at(out + '/run.json')):
            lab.hardy(['resume', out], outputs=[out], codes={0})
        else:
            without(lab, out)
            lab.hardy(args, outputs=[out], codes={0})

    def call(self, lab, rng):
        """The n-th call that changes the file system fails, and perhaps all that follow."""
        args, out = rng.choice(ALL)
        lab.label = 'a call fails'
        env = {'LD_PRELOAD': self.shim, 'FAIL_AT': str(rng.choice((rng.randint(1, 12), rng.randint(1, 60)))),
               'FAIL_WITH': str(rng.choice((errno.ENOSPC, errno.EIO, errno.EDQUOT)))}
        if rng.random() < 0.5:
            env['FAIL_ON'] = '1'
        lab.note = ' '.join(f'{k}={v}' for k, v in env.items())
        self.fails(lab, args, out, env=env)

    def size(self, lab, rng):
        """No file may grow beyond some bytes."""
        args, out = rng.choice(ALL)
        lab.label = 'files may not grow'
        most = rng.choice((0, 1, 100, 4096, rng.randint(1, 60000)))
        lab.note = f'RLIMIT_FSIZE {most}'

        def before():
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        # What is said goes into files too.
        self.fails(lab, args, out, before=before, quiet=True)

    def descriptors(self, lab, rng):
        """Standard descriptors that are closed, or full."""
        lab.label = 'descriptors'
        closed = [d for d in (0, 1, 2) if rng.random() < 0.5]
        full = [d for d in (1, 2) if d not in closed and rng.random() < 0.3]
        lab.note = f'closed {closed}, full {full}'

        def before():
            for d in full:
                os.dup2(os.open('/dev/full', os.O_WRONLY), d)
            for d in closed:
                os.close(d)
        if rng.random() < 0.5:
            args, out = rng.choice(ALL)
            lab.hardy(args, outputs=[out], codes={0, 1} if full else {0}, before=before, quiet=True)
            if tree(lab.at(out)) is None and not full:
                lab.problem(f'{out} is not there')
        else:
            args = rng.choice(LOOKS)
            # 3: an audit that found something, actions beyond [-1, 1] here.
            lab.hardy(args, codes={1} if 1 in full else {3} if 'audit' in args else {0}, before=before, quiet=True)

    def memory(self, lab, rng):
        args, out = rng.choice([*ALL, *[(a, '') for a in LOOKS]])
        lab.label = 'little memory'
        most = rng.choice((50, 100, 200, 300, 400, 600, 1000)) << 20
        lab.note = f'RLIMIT_AS {most >> 20} MiB'

        def before():
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
        # Below some size the program cannot be loaded at all (127).
        lab.hardy(args, outputs=[out] if out else [], codes={0, 1, 2, 3, 127}, before=before, quiet=True)
        if left_over(lab):
            lab.problem(f'left behind: {", ".join(left_over(lab))}')

    def stop(self, lab, rng):
        args, out = rng.choice(ALL)
        lab.label = 'signals'
        how = rng.choice((signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
        lab.note = how.name
        # Before main() runs the signal itself ends the program, which has done nothing then.
        o = lab.hardy(args, outputs=[out], codes={0, 75, -how}, stop_after=rng.uniform(0.005, 0.15), how=how)
        if o.code == -how and os.path.exists(lab.at(out)):
            lab.problem(f'ended by {how.name} amid its work')
        if args[0] == 'train' and o.code == 75 and os.path.exists(lab.at(out + '/run.json')):
            lab.hardy(['resume', out], outputs=[out], codes={0})
        if left_over(lab):
            lab.problem(f'left behind: {", ".join(left_over(lab))}')

    def replaced(self, lab, rng):
        """Another program renames one file after the other to the name that is read: one of them comes out, or an error."""
        lab.label = 'files are replaced'
        lab.hardy(['data', 'collect', 'other.hdf5', '--env', 'pendulum', '--behaviour', 'random', '--steps', str(rng.choice((400, 900))),
                   '--seed', '7'], outputs=['other.hdf5'], codes={0})
        looks = rng.random() < 0.5
        args = ['data', 'inspect', 'it.hdf5', '--json'] if looks else ['data', 'convert', 'it.hdf5', 'out.hdf5', '--gzip', '1']
        both, can_be = ('in.hdf5', 'other.hdf5'), []
        for name in both:
            shutil.copy(lab.at(name), lab.at('it.hdf5'))
            o = lab.hardy(args, outputs=['out.hdf5'], codes={0})
            can_be.append(o.out if looks else tree(lab.at('out.hdf5')))
            without(lab, 'out.hdf5')
        stop = threading.Event()

        def swap():
            while not stop.is_set():
                for name in both:
                    shutil.copy(lab.at(name), lab.at('next.hdf5'))
                    os.replace(lab.at('next.hdf5'), lab.at('it.hdf5'))
                    stop.wait(wait)
        wait = rng.choice((0, 0.002, 0.02))
        swapping = threading.Thread(target=swap)
        swapping.start()
        try:
            for _ in range(8):
                o = lab.hardy(args, outputs=['out.hdf5', 'it.hdf5', 'next.hdf5'], codes={0, 2}, always=['it.hdf5', 'next.hdf5'])
                made = o.out if looks else tree(lab.at('out.hdf5'))
                if o.code == 0 and made not in can_be:
                    lab.problem('what came out is of neither file')
                if o.code == 2 and b'was changed or replaced' not in o.err:
                    lab.problem('the change was not seen for what it is')
                without(lab, 'out.hdf5')
        finally:
            stop.set()
            swapping.join()
