"""Minari's datasets with what people's have beyond rows, by Minari's own library.

minari_files.py write DIR      DIR/given-v0: seeds, options, additional data, numbers that are not finite
minari_files.py compare DIR    the library finds in DIR/back-v0 what it finds in DIR/given-v0
minari_files.py flags DIR      DIR/<dtype>-v0 for each numeric dtype: flags of that type
minari_files.py types DIR      DIR/<dtype>.hdf5: D4RL's arrays, observations and actions of that type
minari_files.py load DIR       the library loads every DIR/<dtype>-v0 and finds DIR/<dtype>.hdf5's rows
"""
import glob
import json
import os
import sys

import h5py
import numpy as np

FLAGS = ('bool', 'i1', 'u1', 'i2', 'u2', 'i4', 'u4', 'i8', 'u8', 'f2', 'f4', 'f8', '>i8', '>f4')
TYPES = ('f4', 'f8', 'i4', 'i8', 'u1', 'u8', 'bool')
STEPS = (5, 1, 9, 4)


def box(n, dtype='f8', low=-np.inf, high=np.inf):
    import gymnasium as gym
    return gym.spaces.Box(low, high, (n,), dtype)


def make(root, name, observation_space, action_space, actions, **more):
    from minari.data_collector import EpisodeBuffer
    import minari
    rng = np.random.default_rng(6)
    buffers = []
    for episode, steps in enumerate(STEPS):
        ends = np.zeros(steps, bool)
        ends[-1] = True
        never = np.zeros(steps, bool)
        buffers.append(EpisodeBuffer(
            id=None, seed=2**40 + episode, options={'wind': {'speed': 0.5 * episode}, 'named': f'e{episode}'},
            observations=rng.normal(size=(steps + 1,) + observation_space.shape).astype(observation_space.dtype),
            actions=actions(rng, steps), rewards=rng.normal(size=steps),
            terminations=ends if episode == 1 else never, truncations=ends if episode == 2 else never,
            infos={'qpos': rng.normal(size=(steps + 1, 2))}))
    return minari.create_dataset_from_buffers(
        dataset_id=name, buffer=buffers, observation_space=observation_space, action_space=action_space,
        algorithm_name='nobody', author={'somebody', 'another'}, description='NaNcy says -Infinity', **more)


def write(root):
    import gymnasium as gym
    low = np.array([-np.inf, -1, 0])
    dataset = make(root, 'given-v0', gym.spaces.Box(low, np.array([np.inf, 1, np.inf])), gym.spaces.Discrete(5, start=-2),
                   lambda rng, steps: rng.integers(-2, 3, steps))
    dataset.storage.update_episode_metadata([{'weather': f'Nebel über {i}', 'grid': np.arange(3) + i} for i in range(4)])
    with h5py.File(f'{root}/given-v0/data/main_data.hdf5', 'a') as f:
        for i, steps in enumerate(STEPS):
            f[f'episode_{i}/bonus'] = np.arange(steps) / 4
    path = f'{root}/given-v0/data/metadata.json'
    with open(path) as f:
        metadata = json.load(f)
    metadata.update(worst=-np.inf, best=np.inf, mean=np.nan, history=[1.5, np.nan], deep={'low': -np.inf, 'text': '"NaN\\'})
    with open(path, 'w') as f:
        json.dump(metadata, f)


def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(a, b) and np.asarray(a).dtype.kind == np.asarray(b).dtype.kind
    return a == b or (a != a and b != b)


def compare(root):
    import minari
    a, b = minari.load_dataset('given-v0'), minari.load_dataset('back-v0')
    assert a.observation_space == b.observation_space and a.action_space == b.action_space, (b.observation_space, b.action_space)
    ma, mb = a.storage.metadata, b.storage.metadata
    for m in (ma, mb):
        for key in ('dataset_id', 'dataset_size', 'minari_version', 'observation_space', 'action_space', 'jpeg_encoding'):
            m.pop(key)
    deep = mb.pop('deep')
    assert ma.pop('deep') == (json.loads(deep) if isinstance(deep, str) else deep), deep
    history = mb.pop('history')
    assert np.array_equal(ma.pop('history'), history, equal_nan=True), history
    for key, value in ma.items():
        assert same(value, mb[key]), (key, value, mb[key])
    assert mb['description'] == 'NaNcy says -Infinity'
    for i, (x, y) in enumerate(zip(a.iterate_episodes(), b.iterate_episodes(), strict=True)):
        for key in ('observations', 'actions', 'rewards', 'terminations'):
            assert np.array_equal(getattr(x, key), getattr(y, key)), key
            assert getattr(x, key).dtype == getattr(y, key).dtype, (key, getattr(y, key).dtype)
        assert all(a.action_space.contains(v) for v in y.actions)
        assert np.array_equal(x.infos['qpos'][:-1], y.infos['qpos'])
        assert y.truncations[-1] or y.terminations[-1]
    for x, y in zip(a.storage.get_episode_metadata(range(4)), b.storage.get_episode_metadata(range(4)), strict=True):
        assert same(x, y), (x, y)
    with h5py.File(f'{root}/back-v0/data/main_data.hdf5') as f:
        assert np.array_equal(f['episode_2/bonus'][()], np.arange(9) / 4)


def flags(root):
    make(root, 'given-v0', box(3), box(2, 'f4'), lambda rng, steps: rng.uniform(-1, 1, (steps, 2)).astype('f4'))
    for dtype in FLAGS:
        import shutil
        path = f'{root}/{dtype.replace(">", "big-")}-v0'
        shutil.copytree(f'{root}/given-v0', path)
        with h5py.File(f'{path}/data/main_data.hdf5', 'a') as f:
            for i in range(len(STEPS)):
                for key in ('terminations', 'truncations'):
                    values = f[f'episode_{i}/{key}'][()]
                    del f[f'episode_{i}/{key}']
                    f[f'episode_{i}/{key}'] = values.astype(dtype)


def arrays(dtype):
    rng = np.random.default_rng(3)
    x = rng.integers(0, 2, (21, 3)) if dtype == 'bool' else rng.integers(0, 200, (21, 3))
    d = {'observations': x[:-1].astype(dtype), 'next_observations': x[1:].astype(dtype),
         'actions': rng.integers(0, 2, (20, 2)).astype(dtype), 'rewards': rng.normal(size=20).astype('f4'),
         'terminals': np.zeros(20, bool), 'timeouts': np.arange(20) == 19}
    if dtype in ('i8', 'u8'):
        d['observations'][0, 0] = np.iinfo(dtype).max
    return d


def types(root):
    for dtype in TYPES:
        with h5py.File(f'{root}/{dtype}.hdf5', 'w') as f:
            for key, value in arrays(dtype).items():
                f[key] = value


def load(root):
    import minari
    for dtype in TYPES:
        dataset, d = minari.load_dataset(f'{dtype}-v0'), arrays(dtype)
        (e,) = dataset.iterate_episodes()
        assert np.array_equal(e.observations[:-1], d['observations']) and e.observations.dtype == d['observations'].dtype
        assert np.array_equal(e.actions, d['actions']) and e.actions.dtype == d['actions'].dtype
        for space, values in ((dataset.observation_space, e.observations), (dataset.action_space, e.actions)):
            assert space.dtype == values.dtype and all(space.contains(v) for v in values), (dtype, space)
    assert len(glob.glob(f'{root}/*-v0')) == len(TYPES)


if __name__ == '__main__':
    os.environ['MINARI_DATASETS_PATH'] = os.path.abspath(sys.argv[2])
    {'write': write, 'compare': compare, 'flags': flags, 'types': types, 'load': load}[sys.argv[1]](sys.argv[2])
