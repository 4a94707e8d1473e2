"""Files of every format with something wrong in them, given to every command that reads that format. Bytes are turned,
cut and repeated; texts get other values; archives, ZIP members and HDF5 arrays are changed inside and sealed again, so
that what lies behind a checksum is reached as well."""
import hashlib
import io
import json
import os
import re
import struct
import zipfile

NAME = 'mutants'
STOP = 4.0

NUMBERS = [0, 1, -1, 2, 7, 255, 2**31 - 1, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, 2**64 - 64, -2**63, 1e18, 1e308, -0.0, 0.5, 1e-320]
JSON_VALUES = [*NUMBERS, None, True, '', 'x', '../../x', '<img src=x onerror=alert(1)>', [], {}, [1], [[]], {'a': 1}, 'NaN', 'f32', 'é']
TEXTS = ['', 'nan', 'inf', '-1', '1e309', '99999999999999999999', 'x', '"', '""', ',', ';', '\t', '<b>', '0x1', 'true', '=', '#',
         '\0', 'é', '\ufeff', 'a' * 3000]


def turned(data, rng):
    """Bytes with one to four things done to them."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        if not data:
            return b'\0'
        n = len(data)
        # Structure lies at the beginning of most formats.
        at = rng.randrange(min(n, 4096)) if rng.random() < 0.5 else rng.randrange(n)
        what = rng.randrange(9)
        if what == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif what == 1:
            data[at] = rng.choice((0, 1, 127, 128, 255))
        elif what == 2:
            data[at:at + 8] = struct.pack('<Q', rng.choice((0, 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1, 2**64 - 64, n)))
        elif what == 3:
            del data[at:]
        elif what == 4:
            del data[at:at + rng.randint(1, 64)]
        elif what == 5:
            data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 64)))
        elif what == 6:
            data[at:at + 256] = bytes(min(256, n - at))
        elif what == 7:
            to = rng.randrange(n)
            data[to:to + 128] = data[at:at + 128]
        else:
            data += bytes(rng.randrange(256) for _ in range(rng.randint(1, 200)))
    return bytes(data)


def changed_text(data, rng):
    text = data.decode('utf-8', 'replace')
    for _ in range(rng.randint(1, 3)):
        words = list(re.finditer(r'[^\s,:=\[\]{}"]+', text))
        if not words:
            return data
        word = rng.choice(words)
        text = text[:word.start()] + rng.choice(TEXTS) + text[word.end():]
        if rng.random() < 0.2:
            lines = text.split('\n')
            line = rng.randrange(len(lines))
            text = '\n'.join(rng.choice((lines[:line] + lines[line + 1:], lines[:line] * 2 + lines[line:], lines[:line])))
    return text.encode('utf-8', 'replace')


def leaves(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inside in items:
        yield from leaves(inside, (*path, key))


def changed_json(value, rng):
    """One value of a JSON text is another one, or gone."""
    for _ in range(rng.randint(1, 2)):
        path = rng.choice([p for p in leaves(value) if p] or [()])
        if not path:
            return rng.choice(JSON_VALUES)
        place = value
        for key in path[:-1]:
            place = place[key]
        if rng.random() < 0.2:
            del place[path[-1]]
        elif rng.random() < 0.1 and isinstance(place, dict):
            place['other'] = rng.choice(JSON_VALUES)
        else:
            place[path[-1]] = rng.choice(JSON_VALUES)
    return value


def json_file(data, rng):
    return json.dumps(changed_json(json.loads(data), rng)).encode()


def json_lines(data, rng):
    lines = data.split(b'\n')
    at = rng.randrange(max(1, len(lines) - 1))
    try:
        lines[at] = json_file(lines[at], rng)
    except ValueError:
        lines[at] = turned(lines[at], rng)
    return b'\n'.join(lines)


def archive(data, rng):
    """A policy or checkpoint that says something else and is sealed again."""
    length = struct.unpack('<Q', data[8:16])[0]
    head, tensors = json.loads(data[16:16 + length]), data[16 + length:-64]
    if rng.random() < 0.7:
        head = changed_json(head, rng)
    else:
        tensors = turned(tensors, rng)
    text = json.dumps(head).encode()
    text += b' ' * (-(16 + len(text)) % 64)
    body = data[:8] + struct.pack('<Q', len(text)) + text + tensors
    return body + hashlib.sha256(body).hexdigest().encode()


def npz(data, rng):
    """A ZIP of arrays of which one says something else, with right checksums."""
    source, made = zipfile.ZipFile(io.BytesIO(data)), io.BytesIO()
    names = source.namelist()
    victim = rng.choice(names)
    with zipfile.ZipFile(made, 'w', rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as z:
        for name in names:
            array = source.read(name)
            if name == victim:
                begin = 10 + struct.unpack('<H', array[8:10])[0]
                how = rng.randrange(3)
                if how == 0:
                    array = array[:10] + changed_text(array[10:begin - 1], rng)[:begin - 11].ljust(begin - 11) + b'\n' + array[begin:]
                elif how == 1:
                    array = turned(array[:begin], rng) + array[begin:]
                else:
                    array = array[:begin] + turned(array[begin:], rng)
            z.writestr(name if rng.random() < 0.95 else rng.choice(('.npy', '../x.npy', 'a' * 300, name)), array)
    return made.getvalue()


def hdf5(data, rng, path):
    """Arrays, types and attributes changed by h5py, so that the file itself is a good one."""
    import h5py
    import numpy as np
    with open(path, 'wb') as f:
        f.write(data)
    with h5py.File(path, 'a') as f:
        keys = []
        f.visititems(lambda k, v: keys.append(k) if isinstance(v, h5py.Dataset) else None)
        key = rng.choice(keys)
        value = f[key][()] if f[key].dtype.kind in 'fiub' else np.zeros(3)
        how = rng.randrange(9)
        if how == 0:
            value = value.astype(rng.choice(('f2', '>f4', 'f8', 'i1', '>u8', 'i8', '?', 'S4', 'c8')), casting='unsafe')
        elif how == 1 and value.ndim:
            value = value[:rng.randrange(len(value) + 1)]
        elif how == 2:
            value = value.reshape(rng.choice(((-1,), (*value.shape, 1), (1, *value.shape))))
        elif how == 3 and value.size and value.dtype.kind == 'f':
            value = value.copy()
            value.flat[rng.randrange(value.size)] = rng.choice((np.nan, np.inf, -np.inf, 1e38, -1e38, 1e-40))
        elif how == 4:
            value = rng.choice((np.zeros((0, 3)), np.zeros((3, 0)), np.float32(1), h5py.Empty('f4'), np.array(['a', 'b'], 'S1')))
        elif how == 5 and value.dtype.kind in 'fiu':
            value = (value * rng.choice((0, -1, 1e6))).astype(value.dtype)
        elif how == 6:
            f.attrs[rng.choice(('hardy_corruption', 'env_id', 'total_episodes', 'x' * 300))] = rng.choice(
                ('{"elements": 3}', '{', 'x', 1, np.nan, np.zeros((2, 0)), h5py.Empty('f4')))
        elif how == 7:
            del f[key]
            f[key] = rng.choice((h5py.SoftLink('/nowhere'), h5py.SoftLink('/'), h5py.ExternalLink('nosuch.hdf5', '/x'),
                                 h5py.ExternalLink(path, key)))
            return
        options = {}
        if getattr(value, 'ndim', 0) and value.size and rng.random() < 0.5:
            options = dict(chunks=tuple(min(n, rng.choice((1, 7, 1000))) for n in value.shape), compression=rng.choice((None, 'gzip', 'lzf')))
        del f[key]
        f.create_dataset(key, data=value, **options)


def bytes_of(change):
    def make(lab, name, rng):
        lab.write(name, change(lab.read(name), rng))
    return make


def by_h5py(lab, name, rng):
    hdf5(lab.read(name), rng, lab.at(name))


def newest(lab):
    folder = lab.at('run/checkpoints')
    return 'run/checkpoints/' + sorted(os.listdir(folder))[-1]


def readers_of_dataset(name, rng):
    train = ['train', rng.choice(('bc', 'iql')), '--dataset', name, '--env', 'pendulum', '--steps', '2', '--hidden', '4',
             '--batch-size', '8', '--eval-episodes', '1', '--out', 'out']
    return [(['data', 'inspect', name, '--json'], ()), (['data', 'audit', name, '--json'], ()), (['data', 'episodes', name], ()),
            (['data', 'convert', name, 'out.hdf5'], ['out.hdf5']), (['data', 'convert', name, 'out.csv'], ['out.csv']),
            (['data', 'convert', name, 'out'], ['out']), (['data', 'convert', 'in.hdf5', name, 'out.hdf5', '--drop-invalid'], ['out.hdf5']),
            (['data', 'convert', name, 'out.hdf5', '--skip-bad-episodes', '--best', '50%', '--float32'], ['out.hdf5']),
            (['data', 'corrupt', name, 'out.hdf5', '--elements', 'rewards,observations'], ['out.hdf5']),
            (['data', 'corrupt', name, 'out.hdf5', '--undo'], ['out.hdf5']), (['data', 'repair', name, 'out.hdf5', '--clip', '9'], ['out.hdf5']),
            (['data', 'diff', 'in.hdf5', name], ()), (['report', name, '-o', 'out.html'], ['out.html']), (train, ['out'])]


def reading_run(rng):
    return rng.choice([(['report', 'run', '-o', 'out.html'], ['out.html']), (['resume', 'run'], ['run']),
                       (['resume', 'run', '--steps', '24'], ['run']), (['eval', 'run', '--episodes', '1', '--json'], ()),
                       (['data', 'corrupt', 'in.hdf5', 'out.hdf5', '--elements', 'actions', '--mode', 'adversarial', '--critic', 'run',
                         '--iterations', '1'], ['out.hdf5'])])


# (what it is called, the file, ways to change it, what reads it)
def dataset(label, name, ways, given=None):
    return label, name, ways, lambda rng: rng.sample(readers_of_dataset(given or name, rng), 3)


KINDS = [
    dataset('HDF5', 'in.hdf5', [bytes_of(turned), by_h5py, by_h5py]),
    dataset('HDF5, filters', 'filters.hdf5', [bytes_of(turned), by_h5py]),
    dataset('HDF5, corrupted', 'broken.hdf5', [bytes_of(turned), by_h5py]),
    dataset('Minari', 'set/data/main_data.hdf5', [bytes_of(turned), by_h5py], 'set'),
    dataset('Minari metadata', 'set/data/metadata.json', [bytes_of(turned), bytes_of(json_file), bytes_of(changed_text)], 'set'),
    dataset('npz', 'in.npz', [bytes_of(turned), bytes_of(npz), bytes_of(npz)]),
    dataset('CSV', 'in.csv', [bytes_of(turned), bytes_of(changed_text)]),
    ('policy', 'run/policy/agent_0.policy', [bytes_of(turned), bytes_of(archive), bytes_of(archive)],
     lambda rng: [(['eval', rng.choice(('run', 'run/policy/agent_0.policy')), '--episodes', '1'], ()),
                  (['export', 'run', rng.choice(('out.c', 'out.onnx', 'out.safetensors'))], ('out.c', 'out.onnx', 'out.safetensors'))]),
    ('checkpoint', newest, [bytes_of(turned), bytes_of(archive), bytes_of(archive)], lambda rng: [reading_run(rng)]),
    ('run.json', 'run/run.json', [bytes_of(turned), bytes_of(json_file), bytes_of(json_file)], lambda rng: [reading_run(rng)]),
    ('summary.json', 'run/summary.json', [bytes_of(turned), bytes_of(json_file)], lambda rng: [reading_run(rng)]),
    ('metrics.jsonl', 'run/metrics.jsonl', [bytes_of(turned), bytes_of(json_lines)], lambda rng: [reading_run(rng)]),
    ('run\'s config.ini', 'run/config.ini', [bytes_of(turned), bytes_of(changed_text)], lambda rng: [reading_run(rng)]),
    ('config', 'train.ini', [bytes_of(turned), bytes_of(changed_text)],
     lambda rng: [(['train', 'iql', '--config', 'train.ini', '--out', 'out', '--threads', '1'], ['out'])]),
    ('instance', 'instance.hdf5', [bytes_of(turned), by_h5py, by_h5py],
     lambda rng: [(['regret', '--env', 'instance.hdf5', '--episodes', '4', '--json'], ())]),
    ('study', 'study/results.json', [bytes_of(turned), bytes_of(json_file), bytes_of(json_file)],
     lambda rng: [(['report', 'study', '-o', 'out.html'], ['out.html'])]),
    ('study\'s run.json', 'study/run.json', [bytes_of(turned), bytes_of(json_file)],
     lambda rng: [(['report', 'study', '-o', 'out.html'], ['out.html'])]),
]


class Mutants:
    def __init__(self, hardy):
        self.missing = []

    def case(self, lab, rng):
        lab.label, name, ways, readers = rng.choice(KINDS)
        name = name(lab) if callable(name) else name
        rng.choice(ways)(lab, name, rng)
        for args, outputs in readers(rng):
            lab.hardy(args, outputs=outputs, stop_after=STOP)
            if lab.problems:
                return
            for path in outputs:  # the next reader begins as the first one did
                if path != 'run':
                    remove(lab.at(path))


def remove(path):
    import shutil
    shutil.rmtree(path, ignore_errors=True)
    if os.path.exists(path):
        os.remove(path)
