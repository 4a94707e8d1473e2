"""SIGKILL at any moment. Afterwards an output is not there or whole, inputs are what they were, the same command
gives what it gives undisturbed and removes what the killed one left; a training that is killed and resumed, again and
again, ends with the undisturbed run's policies and rows of metrics, none lost, none twice."""
import json
import os
import shutil

NAME = 'kills'

COMMANDS = [
    (['data', 'convert', 'in.hdf5', 'out.hdf5', '--gzip', '9'], 'out.hdf5'), (['data', 'convert', 'in.hdf5', 'out.csv'], 'out.csv'),
    (['data', 'convert', 'in.csv', 'broken.hdf5', 'out', '--float32', '--best', '50%'], 'out'),
    (['data', 'corrupt', 'in.hdf5', 'out.hdf5', '--elements', 'rewards,actions'], 'out.hdf5'),
    (['data', 'corrupt', 'broken.hdf5', 'out.hdf5', '--undo'], 'out.hdf5'), (['data', 'repair', 'broken.hdf5', 'out.hdf5'], 'out.hdf5'),
    (['data', 'collect', 'out.hdf5', '--env', 'pendulum', '--behaviour', 'random', '--steps', '4000'], 'out.hdf5'),
    (['export', 'run', 'out.onnx'], 'out.onnx'), (['report', 'run', '-o', 'out.html'], 'out.html'), (['report', 'broken.hdf5', '-o', 'out.html'], 'out.html'),
    (['regret', '--episodes', '16', '--export', 'out.hdf5'], 'out.hdf5'),
]
TRAIN = ['--dataset', 'in.hdf5', '--env', 'pendulum', '--steps', '60', '--hidden', '8', '--batch-size', '16', '--seeds', '2',
         '--log-every', '5', '--eval-every', '20', '--eval-episodes', '1', '--checkpoint-every', '10', '--keep-policies', '30']
SAC = ['--env', 'pendulum', '--steps', '60', '--start-steps', '10', '--hidden', '8', '--batch-size', '16', '--log-every', '5', '--eval-every', '20',
       '--eval-episodes', '1', '--checkpoint-every', '10']
TRAININGS = [['train', 'bc', *TRAIN], ['train', 'iql', *TRAIN], ['train', 'riql', *TRAIN], ['train', 'sac', *SAC]]


def tree(path):
    """{name: bytes} of a file or folder; None where there is nothing."""
    if os.path.isfile(path):
        return open(path, 'rb').read()
    if not os.path.isdir(path):
        return None
    return {os.path.relpath(os.path.join(at, f), path): open(os.path.join(at, f), 'rb').read() for at, _, files in os.walk(path) for f in files}


def left_over(lab):
    return [os.path.join(at, n) for at, folders, files in os.walk(lab.work) for n in folders + files if '.tmp-' in n]


def rows(run):
    """What metrics.jsonl says, without what the clock says; an evaluation comes when it is through."""
    found = []
    with open(os.path.join(run, 'metrics.jsonl')) as f:
        for line in f:
            row = json.loads(line)
            found.append({k: v for k, v in row.items() if 'time' not in k and 'second' not in k and 'per_' not in k})
    return sorted(found, key=lambda row: (row.get('step', -1), row.get('kind', '')))


class Kills:
    def __init__(self, hardy):
        self.missing = []

    def case(self, lab, rng):
        if rng.random() < 0.5:
            return self.command(lab, rng)
        return self.training(lab, rng)

    def command(self, lab, rng):
        args, out = rng.choice(COMMANDS)
        lab.label = ' '.join(args[:2]) if args[0] == 'data' else args[0]
        whole = lab.hardy(args, outputs=[out], codes={0})
        undisturbed = tree(lab.at(out))
        (shutil.rmtree if os.path.isdir(lab.at(out)) else os.remove)(lab.at(out))
        for _ in range(4):
            o = lab.hardy(args, outputs=[out], kill_after=rng.uniform(0, 1.1) * whole.seconds)
            there = tree(lab.at(out))
            if there is not None and there != undisturbed:
                lab.problem(f'{out} is there after a kill at {o.seconds:.4f} s, and not whole')
            if there is not None and rng.random() < 0.5:
                lab.hardy([*args, '--overwrite'], outputs=[out], kill_after=rng.uniform(0, 1.1) * whole.seconds)
                there = tree(lab.at(out))
                if there is not None and there != undisturbed:
                    lab.problem(f'{out} was to be replaced, and is neither the old one nor the new one after a kill')
                if there is None:
                    lab.problem(f'{out} was to be replaced, and is gone after a kill')
            if there is not None:
                (shutil.rmtree if os.path.isdir(lab.at(out)) else os.remove)(lab.at(out))
        lab.hardy(args, outputs=[out], codes={0})
        if tree(lab.at(out)) != undisturbed:
            lab.problem(f'{out} is another one after kills')
        if left_over(lab):
            lab.problem(f'left behind: {", ".join(left_over(lab))}')

    def training(self, lab, rng):
        args = rng.choice(TRAININGS)
        lab.label = ' '.join(args[:2])
        whole = lab.hardy([*args, '--out', 'new'], outputs=['new'], codes={0})
        if lab.problems:
            return
        os.rename(lab.at('new'), lab.at('whole'))  # a policy says by which command it was made
        begun, times = False, 0
        for _ in range(5):
            line = ['resume', 'new'] if begun else [*args, '--out', 'new']
            lab.hardy(line, outputs=['new'], kill_after=rng.uniform(0.02, 0.9) * whole.seconds)
            times += 1
            # A run is one from the moment that its run.json is there.
            if not begun and os.path.exists(lab.at('new')):
                begun = os.path.exists(lab.at('new/run.json'))
                if not begun:
                    lab.hardy(['resume', 'new'], outputs=['new'], codes={2})
                    shutil.rmtree(lab.at('new'))
        lab.hardy(['resume', 'new'] if begun else [*args, '--out', 'new'], outputs=['new'], codes={0})
        if lab.problems:
            return
        if tree(lab.at('new/policy')) != tree(lab.at('whole/policy')):
            lab.problem(f'the policies differ after {times} kills')
        if rows(lab.at('new')) != rows(lab.at('whole')):
            ours, theirs = rows(lab.at('new')), rows(lab.at('whole'))
            at = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
            lab.problem(f'metrics.jsonl differs after {times} kills, from row {at} of {len(ours)} and {len(theirs)}')
        for at, _, files in os.walk(lab.at('new/tensorboard')):
            if len(files) > 1:
                lab.problem(f'{len(files)} event files in {os.path.relpath(at, lab.work)}')
        if left_over(lab):
            lab.problem(f'left behind: {", ".join(left_over(lab))}')
