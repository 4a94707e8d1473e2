"""Attributes and types of every kind by h5py.

attributes.py write FILE            D4RL's arrays of many stored types, attributes of many kinds on the file, groups, arrays
attributes.py same A B [WHAT]       B has A's types, shapes and bytes; WHAT: 'attributes' alone, or all
attributes.py tamper FILE DIR       DIR/<what>.hdf5: the corrupted FILE after somebody's hand, in many ways
"""
import os
import shutil
import sys

import h5py
import numpy as np

ROWS = 60
LOST = {'lists', 'reference', 'large'}  # HDF5 keeps them in ways that another file cannot have


def put_attributes(place, f):
    a = place.attrs
    a['int8'], a['uint64'], a['half'] = np.int8(-3), np.uint64(2**64 - 1), np.float16(0.1)
    a['big-endian'] = np.array([[1, 2, 3], [4, 5, 6]], '>i4')
    a['float32'] = np.float32(0.1)
    a['matrix'] = np.arange(6, dtype='f8').reshape(1, 2, 3)
    a['flag'], a['flags'] = True, np.array([True, False])
    a['fixed'] = np.bytes_('SAC')
    a['latin1'] = np.bytes_('snäil'.encode('latin-1'))
    a['utf8'] = 'snäil — ∞'
    a['words'] = ['one', 'zwei', '']
    a.create('fixed utf8', np.array(['ä'.encode()], 'S4'), dtype=h5py.string_dtype('utf-8', 4))
    a.create('ascii', 'plain', dtype=h5py.string_dtype('ascii'))
    a['nothing'] = h5py.Empty('f4')
    a['no rows'] = np.zeros((0, 3), 'i2')
    a['complex'] = np.complex64(1 + 2j)
    a['record'] = np.array((1, 2.5, b'x'), [('i', 'i2'), ('x', 'f4'), ('name', 'S3')])
    a.create('enum', 2, dtype=h5py.enum_dtype({'RED': 0, 'GREEN': 1, 'BLUE': 2}, basetype='u1'))
    a['opaque'] = np.void(b'\0\1\2')
    a['nan'] = np.array([np.nan, -np.inf, -0.0])
    a.create('lists', np.array([np.arange(2), np.arange(3)], dtype=object), dtype=h5py.vlen_dtype('i4'))
    a['reference'] = f['observations'].ref


def bfloat16():
    t = h5py.h5t.IEEE_F32LE.copy()
    t.set_fields(15, 7, 8, 0, 7)
    t.set_size(2)
    t.set_ebias(127)
    return t


def write(path):
    rng = np.random.default_rng(3)
    with h5py.File(path, 'w') as f:
        f['observations'] = rng.normal(size=(ROWS, 3)).astype('f2')
        f['next_observations'] = np.concatenate([f['observations'][1:], f['observations'][:1]])
        f['actions'] = rng.uniform(-1, 1, (ROWS, 2)).astype('>f4')
        f['rewards'] = rng.normal(size=ROWS).astype('>f8')
        f['terminals'] = (np.arange(ROWS) == 30).astype('i2')
        f['timeouts'] = np.arange(ROWS) == 59
        f['infos/i1'], f['infos/i2'] = np.arange(ROWS).astype('i1'), -np.arange(ROWS).astype('i2')
        f['infos/u2'], f['infos/u4'] = np.arange(ROWS).astype('u2'), np.arange(ROWS).astype('>u4')
        f['infos/u8'] = np.uint64(2**64 - ROWS) + np.arange(ROWS).astype('u8')
        f.create_dataset('infos/enum', data=np.arange(ROWS) % 3, dtype=h5py.enum_dtype({'A': 0, 'B': 1, 'C': 2}, basetype='>i2'))
        bits = h5py.h5d.create(f['infos'].id, b'bits', h5py.h5t.STD_B16BE, h5py.h5s.create_simple((ROWS,)))
        bits.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(ROWS).astype('>u2') * 1000, mtype=h5py.h5t.STD_B16BE)
        f['infos/half'] = np.linspace(-1, 1, ROWS).astype('f2')
        brain = h5py.h5d.create(f['infos'].id, b'brain', bfloat16(), h5py.h5s.create_simple((ROWS,)))
        brain.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(ROWS).astype('f4'))
        f['metadata/scalar'], f['metadata/short'] = np.float16(0.5), np.int16(-7)
        f['metadata/fixed'] = np.bytes_('snäil'.encode('latin-1'))
        f['metadata/texts'] = np.array([b'a', b'bcd'], 'S5')
        f['metadata/text'] = 'snäil'
        f.create_dataset('metadata/ascii', data='plain', dtype=h5py.string_dtype('ascii'))
        for key in ('observations', 'metadata/short', 'metadata/text', 'infos', 'metadata'):
            put_attributes(f[key], f)
        put_attributes(f, f)
        f['infos/empty'] = np.zeros((ROWS, 0), 'f4')
        f.create_group('notes/none').attrs['why'] = 'an empty group'


def attributes_of(place):
    found = {}
    for name in place.attrs:
        a = place.attrs.get_id(name)
        space = a.get_space()
        kind, shape = space.get_simple_extent_type(), space.shape
        t = a.get_type()
        variable = isinstance(t, h5py.h5t.TypeStringID) and t.is_variable_str()
        if kind == h5py.h5s.NULL or name in LOST:
            value = None
        elif variable:
            value = np.asarray(place.attrs[name]).tolist()
        else:
            raw = np.zeros((int(np.prod(shape)), t.get_size()), 'u1')
            if raw.size:
                a.read(raw.view(f'V{t.get_size()}'), mtype=t)
            value = raw.tobytes()
        found[name] = (t, kind, shape, value)
    return found


def contents(path):
    arrays, attributes = {}, {}
    with h5py.File(path) as f:
        def look(key, place):
            attributes[key] = attributes_of(place)
            if isinstance(place, h5py.Dataset):
                t = place.id.get_type()
                if isinstance(t, h5py.h5t.TypeBitfieldID):
                    value = np.zeros(place.shape, f'V{t.get_size()}')
                    place.id.read(h5py.h5s.ALL, h5py.h5s.ALL, value, mtype=t)
                else:
                    value = place[()]
                arrays[key] = (t, place.shape, value)
        look('', f)
        f.visititems(look)
    return arrays, attributes


def same(a, b, what='all'):
    x, y = contents(a), contents(b)
    for key, mine in x[1].items():
        mine = {k: v for k, v in mine.items() if k not in LOST}
        theirs = {k: v for k, v in y[1].get(key, {}).items() if k not in LOST and k != 'hardy_corruption'}
        assert mine.keys() == theirs.keys(), (key, mine.keys() ^ theirs.keys())
        for name, (t, *rest) in mine.items():
            assert t == theirs[name][0], (key, name)
            assert rest == list(theirs[name][1:]), (key, name, rest, theirs[name][1:])
    if what == 'attributes':
        return
    assert x[0].keys() == y[0].keys(), x[0].keys() ^ y[0].keys()
    for key, (t, shape, value) in x[0].items():
        assert t == y[0][key][0], (key, t.dtype, y[0][key][0].dtype)
        assert shape == y[0][key][1], key
        assert np.array_equal(np.asarray(value), np.asarray(y[0][key][2])), key


def tamper(path, folder):
    def copy(name):
        to = os.path.join(folder, name + '.hdf5')
        shutil.copy(path, to)
        return h5py.File(to, 'a')
    for key in ('observations', 'actions', 'rewards', 'terminals', 'timeouts', 'infos/i2'):
        with copy('edited ' + key.replace('/', '.')) as f:
            rows = set(f[f'hardy/corruption/{key}/rows'][()]) if f'hardy/corruption/{key}/rows' in f else set()
            row = min(set(range(ROWS)) - rows)
            f[key][row] = 0 if key == 'timeouts' and f[key][row] else 1 - f[key][row]
    for key in ('timeouts', 'infos/half', 'metadata/text'):
        with copy('deleted ' + key.replace('/', '.')) as f:
            del f[key]
    with copy('added column') as f:
        f['infos/mine'] = np.zeros(ROWS)
    with copy('retyped infos.i2') as f:
        values = f['infos/i2'][()]
        del f['infos/i2']
        f['infos/i2'] = values.astype('i4')
    with copy('edited text') as f:
        f['metadata/text'][()] = 'schneil'
    with copy('edited attribute') as f:
        f['infos'].attrs['int8'] = np.int8(-4)
    with copy('retyped attribute') as f:
        f['infos'].attrs['int8'] = np.int16(-3)
    with copy('deleted attribute') as f:
        del f.attrs['words']
    with copy('added attribute') as f:
        f['observations'].attrs['unit'] = 'm'
    with copy('untouched'):
        pass


if __name__ == '__main__':
    {'write': write, 'same': same, 'tamper': tamper}[sys.argv[1]](*sys.argv[2:])
