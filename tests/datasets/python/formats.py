"""Files of every format by the libraries that people use, and the same libraries' view of ours.

formats.py write KIND PATH     a file of that kind
formats.py expect KIND PATH DIR  its columns as D4RL names them, computed here, as DIR/<key>.bin (float64) and
                                 DIR/layout.txt with a line 'key dtype shape'
formats.py same A B            two HDF5 files hold the same arrays, types and attributes
formats.py stored A B          every array of A that is in chunks, all of them written, is in the same chunks in B, byte by byte
formats.py damage PATH KEY     a bit of KEY's first chunk is another one
formats.py minari PATH D4RL    Minari's own library reads PATH and finds D4RL's rows in it
"""
import json
import os
import sys

import h5py
import numpy as np

ROWS = 60


def columns(seed=3, obs=4, act=2):
    rng = np.random.default_rng(seed)
    d = {
        'observations': rng.normal(size=(ROWS, obs)).astype('f4'),
        'next_observations': rng.normal(size=(ROWS, obs)).astype('f4'),
        'actions': rng.uniform(-1, 1, (ROWS, act)).astype('f4'),
        'rewards': rng.normal(size=ROWS).astype('f4'),
        'terminals': np.zeros(ROWS, bool),
        'timeouts': np.zeros(ROWS, bool),
        'infos/qpos': rng.normal(size=(ROWS, 3)),
        'infos/qvel': rng.normal(size=(ROWS, 3)).astype('f4'),
    }
    d['terminals'][[7, 30]] = True
    d['timeouts'][[19, 45]] = True
    return d


def d4rl_variant(kind):
    """(arrays, options of create_dataset) of one of D4RL's generations."""
    d, options = columns(), dict(compression='gzip')
    if kind == 'v0':  # no timeouts, no next states, no infos, not compressed
        return {k: d[k] for k in ('observations', 'actions', 'rewards', 'terminals')}, {}
    if kind == 'antmaze':  # float32 flags, float64 rewards, goals
        d['terminals'], d['rewards'] = d['terminals'].astype('f4'), d['rewards'].astype('f8')
        d['infos/goal'] = np.ones((ROWS, 2))
        del d['next_observations']
    elif kind == 'kitchen':  # float flags, no timeouts, infos is an array
        d = {k: d[k] for k in ('observations', 'actions', 'rewards', 'terminals')}
        d['terminals'], d['infos'] = d['terminals'].astype('f4'), np.arange(ROWS)
    elif kind == 'adroit':  # columns, env state
        d['rewards'], d['terminals'] = d['rewards'][:, None], d['terminals'][:, None]
        d['infos/env_state/object'] = np.zeros((ROWS, 3))
    elif kind == 'maze2d':  # one trajectory
        d['terminals'][:] = False
    elif kind == 'filters':
        options = dict(compression='gzip', shuffle=True, fletcher32=True, chunks=True)
        d['infos/half'], d['infos/big'] = d['actions'].astype('f2'), d['actions'].astype('>f4')
        d['infos/small'], d['infos/wide'] = np.arange(-ROWS, 0).astype('i1'), np.arange(ROWS).astype('u2')
        d['infos/image'] = np.random.default_rng(1).integers(0, 255, (ROWS, 9, 7, 3)).astype('u1')
        d['infos/many'] = np.arange(ROWS, dtype='u4') + 4000000000
    elif kind != 'v2':
        sys.exit(f'no kind {kind}')
    return d, options


def write_d4rl(kind, path):
    d, options = d4rl_variant(kind)
    with h5py.File(path, 'w', libver=('v110', 'v110') if kind == 'filters' else None) as f:
        for key, value in d.items():
            f.create_dataset(key, data=value, **options)
        if kind == 'v2':
            f['metadata/algorithm'] = np.bytes_('SAC')
            f['metadata/note'] = 'snäil'
            f['metadata/iteration'] = np.int32(7)
            f['metadata/policy/fc0/weight'] = np.arange(12, dtype='f4').reshape(3, 4)
            f.attrs['maker'] = 'somebody'
        if kind == 'filters':  # rows that nobody wrote
            f.create_dataset('infos/unwritten', (ROWS, 2), 'f4', chunks=(7, 2), fillvalue=2.5)
            f['infos/unwritten'][14:21] = 1


def ogbench(path, compressed):
    rng = np.random.default_rng(4)
    d = {'observations': rng.normal(size=(ROWS, 4)).astype('f4'), 'actions': rng.normal(size=(ROWS, 2)).astype('f4'),
         'terminals': np.zeros(ROWS, 'f4'), 'qpos': rng.normal(size=(ROWS, 3))}
    d['terminals'][[19, 20, 59]] = 1
    (np.savez_compressed if compressed else np.savez)(path, **d)


def numpy_file(path):
    import pandas as pd
    d = {k: v for k, v in columns().items() if '/' not in k}
    # Column by column in memory, as data frames give their values.
    for key in ('observations', 'actions'):
        d[key] = pd.DataFrame({f'{key}{i}': d[key][:, i] for i in range(d[key].shape[1])}).to_numpy()
    assert d['observations'].flags.f_contiguous and not d['observations'].flags.c_contiguous
    np.savez_compressed(path, **d)


def many_arrays(path, n):
    import io
    import zipfile
    array = io.BytesIO()
    np.save(array, np.zeros((1, 1), 'f4'))
    with zipfile.ZipFile(path, 'w') as z:
        for name in ['observations'] + [f'infos/{i}' for i in range(n)]:
            z.writestr(name + '.npy', array.getvalue())


def minari_buffers(kind):
    from minari.data_collector import EpisodeBuffer
    rng = np.random.default_rng(6)
    buffers = []
    for episode, steps in enumerate((5, 1, 9, 4, 3, 3, 3, 3, 3, 3, 3)):
        if kind == 'dict':
            observations = {k: rng.normal(size=(steps + 1, n)) for k, n in
                            (('observation', 3), ('achieved_goal', 2), ('desired_goal', 2))}
        elif kind == 'tuple':
            observations = (rng.normal(size=(steps + 1, 2)).astype('f4'), rng.integers(0, 5, steps + 1))
        else:
            observations = rng.normal(size=(steps + 1, 3))
        ends = np.zeros(steps, bool)
        ends[-1] = True
        buffers.append(EpisodeBuffer(
            id=None, seed=episode, observations=observations, actions=rng.uniform(-1, 1, (steps, 2)).astype('f4'),
            rewards=rng.normal(size=steps), terminations=ends if episode % 2 else ~ends & False,
            truncations=ends if episode % 4 == 0 else ~ends & False, infos={'qpos': rng.normal(size=(steps + 1, 2))}))
    return buffers


def write_minari(kind, path):
    """PATH becomes Minari's folder of a dataset, made by its own library."""
    import gymnasium as gym
    root, name = os.path.split(os.path.abspath(path))
    os.environ['MINARI_DATASETS_PATH'] = root
    import minari

    def box(n, dtype='f8'):
        return gym.spaces.Box(-np.inf, np.inf, (n,), dtype)
    space = {'dict': gym.spaces.Dict(observation=box(3), achieved_goal=box(2), desired_goal=box(2)),
             'tuple': gym.spaces.Tuple((box(2, 'f4'), gym.spaces.Discrete(5)))}.get(kind, box(3))
    minari.create_dataset_from_buffers(
        dataset_id=name, buffer=minari_buffers(kind), observation_space=space,
        action_space=gym.spaces.Box(-1, 1, (2,), 'f4'), algorithm_name='nobody', author={'somebody'})


def minari_expected(kind):
    parts = {k: [] for k in ('observations', 'next_observations', 'actions', 'rewards', 'terminals', 'timeouts', 'infos/qpos')}
    for b in minari_buffers(kind):
        o = b.observations
        if kind == 'dict':
            o = np.concatenate([o[k] for k in sorted(o)], axis=1)
        elif kind == 'tuple':
            o = np.concatenate([np.asarray(x, 'f8').reshape(len(x), -1) for x in o], axis=1)
        timeouts = b.truncations.copy()
        timeouts[-1] |= not b.terminations[-1]  # the end of an episode stays one
        for k, v in (('observations', o[:-1]), ('next_observations', o[1:]), ('actions', b.actions), ('rewards', b.rewards),
                     ('terminals', b.terminations), ('timeouts', timeouts), ('infos/qpos', b.infos['qpos'][:-1])):
            parts[k].append(v)
    return {k: np.concatenate(v) for k, v in parts.items()}


def expected(kind, path):
    if kind.startswith('minari-'):
        return minari_expected(kind[7:])
    if kind.startswith('ogbench'):
        with np.load(path) as f:
            d = dict(f)
        state = d['terminals'] == 0
        follows = np.concatenate([[False], state[:-1]])
        out = {'observations': d['observations'][state], 'next_observations': d['observations'][follows],
               'actions': d['actions'][state], 'infos/qpos': d['qpos'][state],
               'timeouts': np.concatenate([d['terminals'][1:], [1]])[state] != 0}
        out['terminals'] = np.zeros(state.sum(), bool)
        return out
    if kind == 'numpy':
        return {k: v for k, v in columns().items() if '/' not in k}
    d = d4rl_variant(kind)[0]
    with h5py.File(path) as f:
        assert all(np.array_equal(f[k][()], d[k]) for k in d)
        if kind == 'filters':
            d['infos/unwritten'] = f['infos/unwritten'][()]
        if kind == 'v2':
            d['metadata/policy/fc0/weight'] = f['metadata/policy/fc0/weight'][()]
            d['metadata/iteration'] = f['metadata/iteration'][()]
    return d


def expect(kind, path, out):
    ours = {'float16': 'float32', 'int8': 'int32', 'uint16': 'int32', 'uint32': 'int64'}
    with open(os.path.join(out, 'layout.txt'), 'w') as f:
        for key, value in expected(kind, path).items():
            value = np.asarray(value)
            name = value.dtype.newbyteorder('=').name
            f.write(f"{key} {ours.get(name, name)} {','.join(map(str, value.shape))}\n")
            value.astype('f8').tofile(os.path.join(out, key.replace('/', '.') + '.bin'))


def same(a, b):
    def contents(path):
        found = {}
        with h5py.File(path) as f:
            f.visititems(lambda k, v: found.__setitem__(k, v[()]) if isinstance(v, h5py.Dataset) else None)
            return found, dict(f.attrs)
    x, y = contents(a), contents(b)
    assert set(x[0]) == set(y[0]), set(x[0]) ^ set(y[0])
    for k in x[0]:
        p, q = np.asarray(x[0][k]), np.asarray(y[0][k])
        if p.dtype.kind in 'SO':  # fixed text is text of variable length in ours
            assert p.astype('S').tolist() == q.astype('S').tolist(), k
        else:
            assert p.dtype.kind == q.dtype.kind and p.shape == q.shape and np.array_equal(p, q), k
    assert x[1] == y[1], (x[1], y[1])


def stored(a, b):
    seen = 0
    with h5py.File(a) as f, h5py.File(b) as g:
        def look(key, x):
            nonlocal seen
            if not isinstance(x, h5py.Dataset) or not x.chunks or key == 'infos/unwritten':
                return
            y, seen = g[key], seen + 1
            for what in ('dtype', 'shape', 'chunks', 'compression', 'compression_opts', 'shuffle', 'fletcher32'):
                assert getattr(x, what) == getattr(y, what), (key, what)
            assert x.id.get_num_chunks() == y.id.get_num_chunks() > 0, key
            for i in range(x.id.get_num_chunks()):
                at = x.id.get_chunk_info(i).chunk_offset
                assert x.id.read_direct_chunk(at) == y.id.read_direct_chunk(at), (key, at)
        f.visititems(look)
    assert seen >= 12, seen


def damage(path, key):
    with h5py.File(path) as f:
        chunk = f[key].id.get_chunk_info(0)
    with open(path, 'r+b') as f:
        f.seek(chunk.byte_offset + chunk.size // 2)
        byte = f.read(1)[0]
        f.seek(-1, 1)
        f.write(bytes([byte ^ 4]))


def read_minari(path, source):
    root, name = os.path.split(os.path.abspath(path))
    os.environ['MINARI_DATASETS_PATH'] = root
    import minari
    dataset = minari.load_dataset(name)
    with h5py.File(source) as f:
        d = {k: f[k][()] for k in ('observations', 'next_observations', 'actions', 'rewards', 'terminals', 'timeouts', 'infos/qpos')}
    n, row = len(d['rewards']), 0
    assert dataset.total_steps == n, (dataset.total_steps, n)
    for e in dataset.iterate_episodes():
        last = row + len(e) - 1
        assert len(e.observations) == len(e) + 1
        assert np.array_equal(e.observations[:-1], d['observations'][row:last + 1])
        assert np.array_equal(e.observations[-1], d['next_observations'][last])
        for ours, theirs in ((e.actions, 'actions'), (e.rewards, 'rewards'), (e.terminations, 'terminals'),
                             (e.infos['qpos'], 'infos/qpos')):
            assert np.array_equal(ours, np.reshape(d[theirs], (n,) + ours.shape[1:])[row:last + 1]), theirs
        assert not e.truncations[:-1].any() and (e.truncations[-1] or e.terminations[-1])
        assert dataset.observation_space.contains(e.observations[0].astype(dataset.observation_space.dtype))
        row = last + 1
    assert row == n
    with open(os.path.join(path, 'data', 'metadata.json')) as f:
        assert json.load(f)['total_episodes'] == dataset.total_episodes


def write(kind, path):
    if kind.startswith('minari-'):
        write_minari(kind[7:], path)
    elif kind.startswith('ogbench'):
        ogbench(path, kind.endswith('-compressed'))
    elif kind.startswith('numpy-'):  # numpy-3000: so many arrays
        many_arrays(path, int(kind[6:]))
    elif kind == 'numpy':
        numpy_file(path)
    else:
        write_d4rl(kind, path)


if __name__ == '__main__':
    {'write': write, 'expect': expect, 'same': same, 'stored': stored, 'damage': damage,
     'minari': read_minari}[sys.argv[1]](*sys.argv[2:])
