"""CSV as pandas writes and reads it, in one process.

make DIR     a.csv and its arrays as a.npz; excel.csv: BOM, CRLF, semicolons, quotes
same CSV H5  every column of the CSV file, read by pandas, is that of the HDF5 file, bit for bit
"""

import sys

import h5py
import numpy as np
import pandas as pd


def make(folder):
    r = np.random.default_rng(5)
    n = 10000  # more than a block of places
    arrays = {
        "observations": r.normal(size=(n, 3)) * np.exp(r.normal(size=(n, 3)) * 20),
        "actions": r.integers(0, 4, n),
        "rewards": r.integers(0, 2, n).astype(float),
        "terminals": r.random(n) < 0.01,
        "timeouts": np.zeros(n, int),
        "infos/goal": r.random((n, 2)) < 0.5,
        "infos/step": np.arange(n) * 2**45,
    }
    arrays["observations"][7, 1] = np.nan
    arrays["observations"][8, 1] = np.inf
    arrays["observations"][9, 2] = 5e-324
    frame = pd.DataFrame({"infos/who": ["somebody"] * n})
    for key, a in arrays.items():
        if a.ndim == 1:
            frame[key] = a
        else:
            for k in reversed(range(a.shape[1])):  # the order of columns is free
                frame[f"{key}_{k}"] = a[:, k]
    frame.to_csv(f"{folder}/a.csv")  # with pandas' index
    with h5py.File(f"{folder}/a.hdf5", "w") as f:
        for key, a in arrays.items():
            f[key] = a.astype(bool) if key == "timeouts" else a
    with open(f"{folder}/excel.csv", "w", encoding="utf-8-sig", newline="") as f:
        f.write('"observations_0";"observations_1";actions_0;rewards;terminals;"a ""b"";c"\r\n')
        f.write('0.5; 1e3 ;-1;"2";TRUE;7\r\n+1;;0.25;0;false;8\r\n\r\n')


def same(csv, hdf5):
    frame = pd.read_csv(csv, float_precision="round_trip")
    with h5py.File(hdf5) as f:
        keys = []
        f.visititems(lambda k, d: keys.append(k) if isinstance(d, h5py.Dataset) and d.shape else None)
        for key in keys:
            a = f[key][()]
            for k in range(a.shape[1] if a.ndim > 1 else 1):
                b = frame[f"{key}_{k}" if a.ndim > 1 else key].to_numpy().astype(a.dtype)
                one = a[:, k] if a.ndim > 1 else a
                assert one.tobytes() == b.tobytes() or (np.isnan(one) == np.isnan(b)).all() and (
                    one[~np.isnan(one)] == b[~np.isnan(b)]).all(), (key, k)
        assert len(frame.columns) == sum(f[k].shape[1] if f[k].ndim > 1 else 1 for k in keys), frame.columns


if sys.argv[1] == "make":
    make(sys.argv[2])
else:
    same(sys.argv[2], sys.argv[3])
