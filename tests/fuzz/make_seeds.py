"""Writes the seed corpus of the fuzz targets, small files of every kind:  make_seeds.py  (with h5py and NumPy)."""
import os

import h5py
import numpy as np

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'seeds')


def place(form, name):
    os.makedirs(os.path.join(HERE, form), exist_ok=True)
    return os.path.join(HERE, form, name)


def columns(n=12, kind='f4'):
    rng = np.random.default_rng(0)
    flags = np.zeros(n, bool)
    flags[5] = True
    return {'observations': rng.normal(size=(n, 3)).astype(kind), 'next_observations': rng.normal(size=(n, 3)).astype(kind),
            'actions': rng.normal(size=(n, 2)).astype(kind), 'rewards': rng.normal(size=n).astype(kind),
            'terminals': flags, 'timeouts': np.roll(flags, 3)}


def d4rl():
    for name, options, libver, kind in (
            ('plain', {}, None, 'f4'), ('gzip', dict(compression='gzip'), None, 'f8'),
            ('latest', dict(compression='gzip', shuffle=True, fletcher32=True), ('v110', 'v110'), 'f4'),
            ('chunks', dict(chunks=True), ('v110', 'v110'), '>f2')):
        with h5py.File(place('d4rl', name), 'w', libver=libver) as f:
            for key, value in columns(kind=kind).items():
                f.create_dataset(key, data=value, **options)
            if name == 'plain':
                f['metadata/algorithm'] = np.bytes_('SAC')
                f['metadata/note'] = 'text'
                f['infos/count'] = np.arange(12)
                f.attrs['maker'] = 'us'
            if name == 'chunks':
                f.create_dataset('infos/unwritten', (12, 2), 'f4', chunks=(5, 2), fillvalue=1)


def minari():
    for name, parts, libver in (('box', None, None), ('dict', ('observation', 'achieved_goal'), ('v110', 'v110'))):
        with h5py.File(place('minari', name), 'w', track_order=True, libver=libver) as f:
            for e, steps in enumerate((3, 1, 4)):
                g = f.create_group(f'episode_{e}')
                g.attrs['id'] = e
                g.attrs['total_steps'] = steps
                for part in parts or ('',):
                    g.create_dataset('observations' + ('/' + part if part else ''), data=np.ones((steps + 1, 2)),
                                     chunks=True, maxshape=(None, 2))
                g['actions'] = np.ones((steps, 2), 'f4')
                g['rewards'] = np.arange(steps, dtype='f8')
                g['terminations'] = np.zeros(steps, bool)
                g['truncations'] = np.arange(steps) == steps - 1
                g['infos/qpos'] = np.zeros((steps + 1, 2))
            f.attrs['total_steps'] = 8


def npz():
    d = columns()
    np.savez(place('numpy', 'stored.npz'), **d)
    np.savez_compressed(place('numpy', 'deflated.npz'), **{k: np.asfortranarray(v) for k, v in d.items()})
    states = {'observations': d['observations'], 'actions': d['actions'], 'terminals': d['terminals'].astype('f4'),
              'qpos': np.zeros((12, 2), '>i4'), 'masks': np.ones(12)}
    np.savez(place('ogbench', 'stored.npz'), **states)
    np.savez_compressed(place('ogbench', 'deflated.npz'), **states)


if __name__ == '__main__':
    d4rl()
    minari()
    npz()
