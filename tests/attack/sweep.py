"""Every key of every command and mode with values that nobody should give. Commands, methods and keys are those
that --help lists, so that a new key is swept from the day that it is there."""
import os
import re
import subprocess

NAME = 'sweep'
STOP = 1.5  # seconds after which a run that found nothing wrong is sent SIGTERM

# What makes a command a short one. A command that is not here is a problem: its author knows how.
BASES = {
    'bench': [['bc', '--seconds', '0.1', '--rows', '256']],
    'data audit': [['in.hdf5']],
    'data collect': [['out.hdf5', '--env', 'pendulum', '--behaviour', 'random', '--steps', '50']],
    'data convert': [['in.hdf5', 'out.hdf5'], ['in.csv', 'broken.hdf5', 'out'], ['in.npz', 'out.csv']],
    'data corrupt': [['in.hdf5', 'out.hdf5', '--elements', 'rewards,observations'], ['broken.hdf5', 'out.hdf5', '--undo'],
                     ['in.hdf5', 'out.hdf5', '--elements', 'observations', '--mode', 'adversarial', '--critic', 'run',
                      '--iterations', '1'],
                     ['in.hdf5', 'out.hdf5', '--elements', 'actions', '--mode', 'adversarial', '--critic', 'run',
                      '--iterations', '1', '--evade', '0.9', '--model-steps', '100']],
    'data diff': [['in.hdf5', 'broken.hdf5']],
    'data episodes': [['in.hdf5']],
    'data inspect': [['broken.hdf5'], ['set']],
    'data prompts': [['chains', '--count', '3'], ['countdown', '--count', '2', '--out', 'out']],
    'data repair': [['broken.hdf5', 'out.hdf5']],
    'devices': [[]],
    'doctor': [['--seconds', '0.001']],
    'eval': [['run', '--episodes', '1'], ['run/policy/agent_0.policy', '--episodes', '1'],
             ['grid', '--offline', '--dataset', 'in.hdf5', '--fit-steps', '4', '--fits', '1', '--hidden', '4']],
    'export': [['run', 'out.c'], ['run/policy/agent_0.policy', 'out.onnx'], ['run', 'out.safetensors', '--agent', '0']],
    'grid cell': [['grid', '0', '--threads', '1']],
    'grid new': [['out', 'grid.ini'], ['grid', 'grid.ini']],
    'grid run': [['grid']],
    'grid slurm': [['grid']],
    'grid status': [['grid']],
    'regret': [['--episodes', '4'], ['--episodes', '4', '--env', 'instance.hdf5', '--out', 'out'],
               ['--episodes', '4', '--env', 'implicit_simplex', '--evaluation', 'sampled', '--covariance', 'empirical']],
    'regret estimators': [['--repeats', '2', '--multiples', '1', '--gammas', '0.1']],
    'report': [['run', '-o', 'out.html'], ['in.hdf5', '-o', 'out.html'], ['study', '-o', 'out.html'],
               ['grid', '-o', 'out.html']],
    'resume': [['run', '--steps', '21']],
}
TRAIN = ['--env', 'pendulum', '--steps', '2', '--out', 'out']
GROUPS = ['--prompts-a-step', '2', '--rollouts', '2', '--test-count', '1', '--steps', '2', '--out', 'out']
TOKENS = ['--task', 'chains:least=2,most=3', '--prompt-count', '4', '--width', '8', '--layers', '1', '--heads', '1']
OUTPUT_KEYS = {'--out', '--export', '--manifest', '--output', '--video', '--frames', '--curves', '--prepared'}

VALUES = ['', ' ', '0', '-0', '1', '-1', '2', '0.5', '1e-320', '1e30', '1e308', '1e309', '-1e309', 'nan', 'inf', '-inf',
          '9223372036854775807', '9223372036854775808', '-9223372036854775808', '18446744073709551616', '0x10', '1,2', ',',
          '1,,2', 'a' * 5000, '../../x', '/', '.', '/dev/null', 'in.hdf5', 'run', 'set', 'nosuch/x', '%s%n%n', '"\'<img src=x>',
          'true', 'none', 'plugin:file=in.hdf5', 'plugin:isolated=true,file=nosuch.so', b'\xff\xfe', 'é∞', 'a=b', '=', 'a:b=c', '--help', '\n', '10%', '1e18rows', '[', 'S=100000']


def text(hardy, *args):
    return subprocess.run([hardy, *args], capture_output=True, text=True, check=False).stdout


class Sweep:
    def __init__(self, hardy):
        self.targets, self.missing = [], []
        commands = re.findall(r'^  ([a-z]+(?: [a-z]+)*)  +\S', text(hardy, '--help'), re.M)
        bases = {c: BASES[c] for c in commands if c in BASES}
        for method in re.findall(r'^  ([a-z][a-z0-9_]*)  +\S', text(hardy, 'train'), re.M):
            keys = self.keys(hardy, ['train', method])
            line = list(TRAIN)
            for key, value in (('--dataset', 'in.hdf5'), ('--hidden', '4'), ('--batch-size', '8'), ('--eval-episodes', '1'),
                               ('--start-steps', '1'), ('--update-after', '1'), ('--context', '4'), ('--width', '8')):
                if key in keys:
                    line += [key, value]
            bases['train ' + method] = [line]
            if '--online-steps' in keys:
                bases['train ' + method].append([*line, '--then', 'online', '--online-steps', '8', '--expansion'])
            if '--rollouts' in keys:  # post-training: of tokens, and of control
                groups = [w for i, w in enumerate(GROUPS) if (w if i % 2 == 0 else GROUPS[i - 1]) in keys]
                bases['train ' + method] = ([TOKENS + groups] if '--task' in keys else []) + [
                    ['--env', 'pendulum_sparse', '--hidden', '4', '--dataset', 'in.hdf5', *groups]]
        self.missing = [c for c in commands if c not in BASES and c != 'train']
        for command, lines in bases.items():
            words = command.split()
            keys = self.keys(hardy, words)
            for line in lines:
                self.targets.append([(words, line, key, bounds) for key, bounds in [*keys.items(), ('--config', [])]] +
                                    [(words, line, i, ()) for i, word in enumerate(line) if self.positional(line, i)])

    @staticmethod
    def positional(line, i):
        return not str(line[i]).startswith('-') and (i == 0 or not str(line[i - 1]).startswith('-'))

    @staticmethod
    def keys(hardy, words):
        """{key: the bounds that its help names}"""
        found = {}
        for key, rest in re.findall(r'^  (--[a-z][a-z0-9-]*)(.*)$', text(hardy, *words, '--help'), re.M):
            if key != '--help':
                found[key] = re.findall(r'-?\d+(?:\.\d+)?(?:e[+-]?\d+)?', rest.split('[')[-1]) if '[' in rest else []
        return found

    def case(self, lab, rng):
        words, line, key, bounds = rng.choice(rng.choice(self.targets))
        values = VALUES + [str(float(b) + d) if '.' in b else str(int(float(b)) + d) for b in bounds for d in (-1, 0, 1)]
        value = rng.choice(values)
        line = list(line)
        outputs = ['runs', 'report.html', 'page.html']  # defaults
        if isinstance(key, int):
            line[key] = value
            if words == ['grid', 'new'] and isinstance(value, str) and value:  # a folder may be called -1
                outputs.append(os.path.normpath(value))
        elif rng.random() < 0.3 and key != '--config' and isinstance(value, str):
            lab.write('hostile.ini', f'{key[2:]} = {value}\n')
            line += ['--config', 'hostile.ini']
            lab.note = f'{key[2:]} = {value[:60]!r}'
        else:
            while key in line:
                at = line.index(key)
                del line[at:at + 2]
            line += [key, value] if rng.random() < 0.9 else [key]
        if rng.random() < 0.3 and '--json' not in line and value != '--help':
            line.append('--json')
        for i, word in enumerate(line):
            name = word.decode('utf-8', 'surrogateescape') if isinstance(word, bytes) else word
            if name and (self.positional(line, i) or line[i - 1] in OUTPUT_KEYS or line[i - 1] == '-o'):
                outputs.append(os.path.normpath(name))
        if isinstance(value, str) and (key in OUTPUT_KEYS or words[0] == 'resume'):
            outputs.append(os.path.normpath(value) if key in OUTPUT_KEYS else 'run')
        inputs = {'in.hdf5', 'broken.hdf5', 'set', 'run', 'in.csv', 'in.npz', 'instance.hdf5', 'study', '.', ''}
        if words[0] == 'resume':
            inputs -= {'run'}
        lab.label = ' '.join(words)
        lab.hardy([*words, *line], outputs=[o for o in outputs if o not in inputs], stop_after=STOP)
