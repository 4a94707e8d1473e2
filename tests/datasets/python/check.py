"""What the tests of datasets ask of h5py and NumPy.

check.py write FILE KIND       a D4RL-shaped file by h5py: timeouts, no-timeouts, cut, columns
check.py qlearning FILE OUT    the qlearning_dataset loop written out in NumPy, as raw float32 columns
check.py layout FILE           asserts dtypes, enum booleans, gzip and shapes of a file we wrote
check.py corrupt IN OUT SEED   asserts that OUT is IN with NumPy's own masks and noise (all four elements)
"""
import sys

import h5py
import numpy as np


def write(path, kind):
    rng = np.random.default_rng(5)
    n, obs, act = 60, 4, 2
    terminals = np.zeros(n, bool)
    timeouts = np.zeros(n, bool)
    terminals[[7, 30]] = True
    timeouts[[19, 45]] = True
    if kind != 'cut':
        timeouts[n - 1] = True
    with h5py.File(path, 'w') as f:
        gz = dict(compression='gzip')
        f.create_dataset('observations', data=rng.normal(size=(n, obs)).astype('f4'), **gz)
        f.create_dataset('next_observations', data=rng.normal(size=(n, obs)).astype('f4'), **gz)
        f.create_dataset('actions', data=rng.uniform(-1, 1, (n, act)).astype('f4'), **gz)
        rewards = rng.normal(size=n).astype('f4')
        if kind == 'columns':  # N x 1 rewards, float32 flags
            f.create_dataset('rewards', data=rewards[:, None], **gz)
            f.create_dataset('terminals', data=terminals.astype('f4')[:, None], **gz)
        else:
            f.create_dataset('rewards', data=rewards, **gz)
            f.create_dataset('terminals', data=terminals, **gz)
        if kind != 'no-timeouts':
            f.create_dataset('timeouts', data=timeouts, **gz)
        f.create_dataset('infos/qpos', data=rng.normal(size=(n, 3)))
        f['metadata/algorithm'] = np.bytes_('SAC')
        f['metadata/iteration'] = np.int32(7)


def qlearning(path, out, limit=20):
    with h5py.File(path) as f:
        d = {k: np.squeeze(f[k][()]) for k in ('observations', 'actions', 'rewards', 'terminals')}
        timeouts = np.squeeze(f['timeouts'][()]) if 'timeouts' in f else None
    columns = {k: [] for k in ('observations', 'actions', 'rewards', 'next_observations', 'terminals')}
    step = 0  # D4RL counts the row after a terminal one as step 1, not 0: reset first, then count
    for i in range(len(d['rewards']) - 1):
        done = bool(d['terminals'][i])
        final = bool(timeouts[i]) if timeouts is not None else step == limit - 1
        step = 0 if done or final else step
        if final:
            continue
        columns['observations'].append(d['observations'][i].astype('f4'))
        columns['next_observations'].append(d['observations'][i + 1].astype('f4'))
        columns['actions'].append(d['actions'][i].astype('f4'))
        columns['rewards'].append(np.float32(d['rewards'][i]))
        columns['terminals'].append(np.float32(done))
        step += 1
    with open(out, 'wb') as f:
        for k in ('observations', 'actions', 'rewards', 'next_observations', 'terminals'):
            f.write(np.asarray(columns[k], 'f4').tobytes())


def layout(path):
    with h5py.File(path) as f:
        n = len(f['rewards'])
        for k, width in (('observations', 11), ('next_observations', 11), ('actions', 3), ('infos/qpos', 6), ('infos/qvel', 6)):
            assert f[k].dtype == np.float32 and f[k].shape == (n, width), (k, f[k])
            assert f[k].compression == 'gzip', k
        for k in ('terminals', 'timeouts'):
            assert f[k].dtype == bool and f[k].shape == (n,), (k, f[k].dtype)
        assert f['rewards'].dtype == np.float32 and f['infos/action_log_probs'].shape == (n,)
        assert f['metadata/algorithm'].shape == () and f['metadata/iteration'].shape == ()
        both = f['terminals'][()] & f['timeouts'][()]
        assert not both.any()
        # Inside an episode the next observation is the following row's.
        end = f['terminals'][()] | f['timeouts'][()]
        inside = ~end[:-1]
        assert np.array_equal(f['next_observations'][()][:-1][inside], f['observations'][()][1:][inside])


def corrupt(clean, dirty, seed):
    """The published procedure in NumPy: one RandomState, for each element in turn its mask and then its noise; the
    deviation is np.std of the clean float32 column. Bit for bit."""
    with h5py.File(clean) as a, h5py.File(dirty) as b:
        state = np.random.RandomState(seed)
        for key in ('observations', 'actions', 'rewards', 'next_observations'):
            x, y = a[key][()], b[key][()]
            mask = state.random_sample(len(x)) < 0.3
            noise = state.uniform(-1, 1, size=x[mask].shape)
            expected = x.copy()
            expected[mask] = noise * 30 if key == 'rewards' else x[mask] + noise * np.std(x, axis=0, keepdims=True)
            name = {'next_observations': 'dynamics'}.get(key, key)
            assert np.array_equal(np.where(mask)[0], b[f'hardy/corruption/{name}/rows'][()]), key
            assert y.tobytes() == expected.tobytes(), (key, np.abs(y - expected).max())


if __name__ == '__main__':
    what = sys.argv[1]
    if what == 'write':
        write(*sys.argv[2:])
    elif what == 'qlearning':
        qlearning(*sys.argv[2:])
    elif what == 'layout':
        layout(sys.argv[2])
    else:
        corrupt(sys.argv[2], sys.argv[3], int(sys.argv[4]))
