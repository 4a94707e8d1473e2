"""HDF5 files of every kind that the tables of docs/datasets.md speak of, by h5py.

hdf5_cases.py DIR     DIR/cases.json: for each row of a table its first cell and a folder. Of a column:
                      side.hdf5 has it as infos/x, main.hdf5 as rewards, and expected.bin is what h5py (or the
                      maker, where h5py has no type) reads, as float64. Of a file: file.hdf5, and where it is
                      read, the ends of its episodes and some columns' numbers.
"""
import json
import os
import sys

import h5py
import numpy as np
from h5py import h5d, h5p, h5s, h5t

ROWS = 40
rng = np.random.default_rng(11)
COLUMNS, FILES = {}, {}


def column(name):
    """A maker(f, key, folder) of a dataset with ROWS rows; returns its numbers, or None where it has none."""
    return lambda maker: COLUMNS.setdefault(name, maker)


def file(name):
    return lambda maker: FILES.setdefault(name, maker)


def plain(name, values, **options):
    def make(f, key, folder):
        f.create_dataset(key, data=values, **options)
        return values
    COLUMNS[name] = make


def raw(f, key, tid, data, shape=(ROWS,)):
    """A dataset of any type, filled with bytes as they are."""
    if '/' in key:
        f.require_group(key.rsplit('/', 1)[0])
    d = h5d.create(f.id, key.encode(), tid, h5s.create_simple(shape))
    d.write(h5s.ALL, h5s.ALL, np.frombuffer(data, np.uint8) if isinstance(data, bytes) else data, mtype=tid)
    return d


def float_type(size, exponent_bits, mantissa_bits, bias, sign=None):
    t = h5t.IEEE_F64LE.copy()
    bits = 1 + exponent_bits + mantissa_bits
    t.set_fields(bits - 1, mantissa_bits, exponent_bits, 0, mantissa_bits)
    t.set_ebias(bias)
    t.set_precision(bits)
    t.set_size(size)
    return t


def encode(values, size, exponent_bits, mantissa_bits, bias):
    """Normal numbers, zeros and infinities in that layout, little endian."""
    out = b''
    for x in values:
        s = int(np.signbit(x))
        if np.isinf(x):
            e, m = 2 ** exponent_bits - 1, 0
        elif x == 0:
            e, m = 0, 0
        else:
            fraction, power = np.frexp(abs(x))
            e, m = int(power) - 1 + bias, int(round((fraction * 2 - 1) * 2 ** mantissa_bits))
        out += ((s << exponent_bits | e) << mantissa_bits | m).to_bytes(size, 'little')
    return out


def odd_float(name, size, exponent_bits, mantissa_bits, bias, lowest, highest):
    values = np.concatenate([[0.0, 1.0, -1.0, 0.125, 1.5, -3.25, 2.0 ** lowest, -2.0 ** highest, np.inf, -np.inf],
                             rng.integers(-2 ** 6, 2 ** 6, ROWS - 10) / 16])

    def make(f, key, folder):
        raw(f, key, float_type(size, exponent_bits, mantissa_bits, bias),
            encode(values, size, exponent_bits, mantissa_bits, bias))
        return values
    COLUMNS[name] = make


plain('float32, float64', rng.normal(size=ROWS).astype('f4'))
plain('float16', rng.normal(size=ROWS).astype('f2'))
odd_float('bfloat16', 2, 8, 7, 127, -126, 127)
odd_float('a float of other widths or another bias that float32 holds', 3, 7, 16, 60, -58, 65)
odd_float('a float that only float64 holds', 4, 8, 20, 200, -190, 50)
plain('float32, big endian', rng.normal(size=ROWS).astype('>f4'))
plain('int8, int16, int32', rng.integers(-100, 100, ROWS).astype('i1'))
plain('int64, uint32', rng.integers(0, 2 ** 32, ROWS).astype('u4'))
plain('uint8', rng.integers(0, 255, ROWS).astype('u1'))
plain('uint16', rng.integers(0, 2 ** 16, ROWS).astype('>u2'))
plain('h5py\'s booleans', rng.integers(0, 2, ROWS).astype(bool))
plain('chunks with gzip, shuffle, fletcher32', rng.normal(size=ROWS).astype('f4'), chunks=(7,), compression='gzip',
      shuffle=True, fletcher32=True)
plain('compressed by lzf, szip, blosc, n-bit, scale-offset', rng.normal(size=ROWS).astype('f4'), chunks=(7,),
      compression='lzf')


@column('uint64')
def _(f, key, folder):
    # As rewards they must fit into float64.
    x = np.arange(ROWS, dtype='u8')
    if key != 'rewards':
        x[3] = 2 ** 64 - 1
    f[key] = x
    return x


@column('long double (80 bits)')
def _(f, key, folder):
    raw(f, key, h5t.NATIVE_LDOUBLE, np.zeros(ROWS, np.longdouble))


@column('an integer of 12 or 24 bits, with an offset')
def _(f, key, folder):
    if key != 'rewards':  # 24 bits in 3 bytes: h5py has no such type
        x = rng.integers(0, 2 ** 24, ROWS)
        t = h5t.STD_U32LE.copy()
        t.set_precision(24)
        t.set_size(3)
        raw(f, key, t, b''.join(int(v).to_bytes(3, 'little') for v in x))
        return x
    x = rng.integers(-2 ** 11, 2 ** 11, ROWS)
    t = h5t.STD_I16BE.copy()
    t.set_precision(12)
    t.set_offset(3)
    raw(f, key, t, ((x & 0xfff) << 3).astype('>u2').tobytes())
    return x


@column('a bit field of 8 bits (PyTables\' booleans)')
def _(f, key, folder):
    x = rng.integers(0, 2, ROWS).astype('u1')
    raw(f, key, h5t.NATIVE_B8, x)
    return x


@column('an enumeration of other members')
def _(f, key, folder):
    x = rng.integers(-1, 2, ROWS).astype('i1')
    f.create_dataset(key, data=x, dtype=h5py.enum_dtype({'LEFT': -1, 'STAY': 0, 'RIGHT': 1}, basetype='i1'))
    return x


@column('`h5py.Empty`')
def _(f, key, folder):
    f[key] = h5py.Empty('f4')


@column('a record of fields (compound)')
def _(f, key, folder):
    f[key] = np.zeros(ROWS, [('x', 'f4'), ('y', 'f4')])


@column('complex numbers')
def _(f, key, folder):
    f[key] = np.zeros(ROWS, 'c8')


@column('references')
def _(f, key, folder):
    f.create_dataset(key, (ROWS,), h5py.ref_dtype)


@column('rows of varying lengths')
def _(f, key, folder):
    f.create_dataset(key, (ROWS,), h5py.vlen_dtype('f4'))


@column('opaque bytes')
def _(f, key, folder):
    f[key] = np.zeros(ROWS, 'V4')


@column('elements that are arrays')
def _(f, key, folder):
    f.create_dataset(key, (ROWS,), np.dtype(('f4', (3,))))


@column('text')
def _(f, key, folder):
    f[key] = [f'row {i}' for i in range(ROWS)]


@column('rows of no numbers, [N, 0]')
def _(f, key, folder):
    f.create_dataset(key, (ROWS, 0), 'f4')
    return np.zeros((ROWS, 0))


@column('a virtual dataset')
def _(f, key, folder):
    layout = h5py.VirtualLayout((ROWS,), 'f4')
    layout[:] = h5py.VirtualSource('other.hdf5', 'x', (ROWS,))
    f.create_virtual_dataset(key, layout)


@column('data in a file of their own (external storage)')
def _(f, key, folder):
    f.create_dataset(key, (ROWS,), 'f4', external=[(os.path.join(folder, 'raw.bin'), 0, 4 * ROWS)])


@column('a second name for the same array (hard or soft link)')
def _(f, key, folder):
    f['elsewhere/x'] = np.arange(ROWS, dtype='f4')
    if key == 'rewards':
        f[key] = f['elsewhere/x']
    else:
        f[key] = h5py.SoftLink('/elsewhere/x')
    return np.arange(ROWS)


@column('a link into another file')
def _(f, key, folder):
    with h5py.File(os.path.join(folder, 'linked.hdf5'), 'w') as other:
        other.create_dataset('x', data=np.arange(ROWS, dtype='f4') / 2, compression='gzip')
    f[key] = h5py.ExternalLink('linked.hdf5', '/x')
    return np.arange(ROWS) / 2


@column('a link that leads nowhere')
def _(f, key, folder):
    f[key] = h5py.SoftLink('/not/there') if key == 'rewards' else h5py.ExternalLink('gone.hdf5', '/x')


@column('chunks that nobody wrote')
def _(f, key, folder):
    d = f.create_dataset(key, (ROWS,), 'f4', chunks=(8,), fillvalue=-2.5)
    d[:8] = 1
    return d[()]


@column('an array that nobody wrote')
def _(f, key, folder):
    f.create_dataset(key, (ROWS,), 'f4')
    return np.zeros(ROWS)


@column('an array allocated early and written in part')
def _(f, key, folder):
    creation = h5p.create(h5p.DATASET_CREATE)
    creation.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    creation.set_fill_value(np.array(7, 'f4'))
    f.require_group('infos')
    d = h5py.Dataset(h5d.create(f.id, key.encode(), h5t.IEEE_F32LE, h5s.create_simple((ROWS,)), creation))
    d[3:9] = 1
    return d[()]


def base(f, rewards=True, flag='?'):
    f['observations'] = np.arange(2 * ROWS, dtype='f4').reshape(ROWS, 2)
    f['actions'] = np.zeros((ROWS, 1), 'f4')
    if rewards:
        f['rewards'] = np.arange(ROWS, dtype='f4')
    terminals = np.zeros(ROWS, bool)
    terminals[[9, 29]] = True
    f['terminals'] = terminals.astype(flag)


@file('flags of any numeric type')
def _(path, folder):
    with h5py.File(path, 'w') as f:
        base(f, flag='f8')
        f['timeouts'] = np.where(np.arange(ROWS) == 19, 2 ** 40, 0).astype('i8')
        f['terminals'][9] = 1e-300  # NumPy's truth
    return {'ends': [10, 20, 30, ROWS]}


@file('`episode_terminals` instead of `timeouts` (d3rlpy 1)')
def _(path, folder):
    with h5py.File(path, 'w') as f:
        base(f, flag='f4')
        f['episode_terminals'] = np.isin(np.arange(ROWS), [9, 19, 29, ROWS - 1]).astype('f4')
        f['version'] = '1.0'
    return {'ends': [10, 20, 30, ROWS], 'timeouts': np.isin(np.arange(ROWS), [19, ROWS - 1])}


@file('a user block in front (MATLAB 7.3)')
def _(path, folder):
    with h5py.File(path, 'w', userblock_size=512) as f:
        f['observations'] = np.arange(2 * ROWS, dtype='f8').reshape(ROWS, 2).T
        f.create_dataset('actions', data=np.arange(ROWS, dtype='f8')[None], chunks=(1, 16), compression='gzip')
        f['rewards'] = np.zeros((1, ROWS))
        f['terminals'] = np.zeros((1, ROWS), 'u1')
        f['#refs#/a'] = np.zeros((2, 3))
    with open(path, 'r+b') as f:
        f.write(b'MATLAB 7.3 MAT-file, Platform: GLNXA64'.ljust(512, b' '))
    return {'ends': [ROWS], 'observations': np.arange(2 * ROWS), 'actions': np.arange(ROWS)}


@file('a user block in front (others)')
def _(path, folder):
    with h5py.File(path, 'w', userblock_size=2048) as f:
        base(f)
        f.create_dataset('infos/x', data=np.arange(ROWS), chunks=(16,), compression='gzip')
    return {'ends': [10, 30, ROWS], 'observations': np.arange(2 * ROWS), 'infos/x': np.arange(ROWS)}


@file('groups that lead back to themselves')
def _(path, folder):
    with h5py.File(path, 'w') as f:
        base(f)
        f['infos/x'] = np.zeros(ROWS)
        f['infos/again'] = f['infos']


@file('open in a program that writes it')
def _(path, folder):  # the test locks it
    with h5py.File(path, 'w') as f:
        base(f)


@file('left open by a program that ended')
def _(path, folder):
    if os.fork() == 0:
        f = h5py.File(path, 'w', libver='latest')
        base(f)
        f.flush()
        os._exit(0)
    os.wait()


@file('cut off')
def _(path, folder):
    with h5py.File(path, 'w') as f:
        base(f)
    os.truncate(path, os.path.getsize(path) - 100)


@file('no column of a known name')
def _(path, folder):
    with h5py.File(path, 'w') as f:
        f['data/demo_0/obs'] = np.zeros((ROWS, 2), 'f4')
        f['data/demo_0/action'] = np.zeros((ROWS, 2), 'f4')


@file('no HDF5')
def _(path, folder):
    with open(path, 'w') as f:
        f.write('observations,actions\n')


def readable(f, key, made):
    """What h5py reads, where it has a type for it; it must be what was made."""
    try:
        seen = np.asarray(f[key][()], 'f8')
    except Exception:
        return np.asarray(made, 'f8')
    assert np.array_equal(seen, np.asarray(made, 'f8')), (key, seen, made)
    return seen


def main(where):
    cases = []
    for kind, makers in (('column', COLUMNS), ('file', FILES)):
        for name, make in makers.items():
            folder = os.path.join(where, str(len(cases)))
            os.makedirs(folder)
            case = {'kind': kind, 'row': name, 'folder': folder, 'numbers': False}
            if kind == 'file':
                shown = make(os.path.join(folder, 'file.hdf5'), folder) or {}
                case['shown'] = {k: np.asarray(v, 'f8').tolist() for k, v in shown.items()}
            else:
                for which, key in (('main', 'rewards'), ('side', 'infos/x')):
                    with h5py.File(os.path.join(folder, which + '.hdf5'), 'w') as f:
                        base(f, rewards=which == 'side')
                        made = make(f, key, folder)
                        if made is not None:
                            f.flush()
                            readable(f, key, made).tofile(os.path.join(folder, which + '.bin'))
                            case['numbers'] = True
            cases.append(case)
    with open(os.path.join(where, 'cases.json'), 'w') as f:
        json.dump(cases, f)


if __name__ == '__main__':
    main(*sys.argv[1:])
