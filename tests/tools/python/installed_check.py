"""What an installed package does where nothing else of Hardy's is: run inside of that environment by `wheel`.

  installed_check.py alone [FOLDER]            NumPy alone beside it
  installed_check.py together PAGE [FOLDER]    the page's program, and Gymnasium's environments
FOLDER: where packages may lie besides this environment.
"""

import ctypes  # noqa: F401, these load libraries of the system's for Python itself
import hashlib  # noqa: F401
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np


def libraries() -> "set[str]":
    """Paths of the shared libraries in this process."""
    maps = Path("/proc/self/maps").read_text()
    return {line.split(None, 5)[5] for line in maps.splitlines() if re.search(r"\.so[.0-9]*$", line)}


before = libraries()
import hardy  # noqa: E402

what, *rest = sys.argv[1:]
here = [os.path.realpath(sys.prefix), *map(os.path.realpath, rest[what == "together":])]
command = Path(sys.prefix) / "bin" / "hardy"
# Of the system: the C and C++ libraries and zlib, which manylinux promises.
SYSTEM = r"/(libc|libm|libdl|librt|libpthread|libresolv|libstdc\+\+|libgcc_s|libz)\.so[.0-9]*$"


def check_libraries() -> None:
    files = libraries()
    foreign = {f for f in files - before if not os.path.realpath(f).startswith(tuple(here)) and not re.search(SYSTEM, f)}
    if what == "together":  # Matplotlib and others bring more
        foreign = {f for f in foreign if re.search("hardy|hdf5|mujoco|boost|deflate", f)}
    assert not foreign, f"loaded from outside of the environment: {sorted(foreign)}"
    for name in ("libhardy", "libhardy_core", "libmujoco"):
        mine = [f for f in files if re.search(rf"/{name}[-.]", f) and "hardy" in f]
        assert len(mine) == 1 and mine[0].startswith(here[0]), (name, mine)
    library, = (f for f in files if f.endswith("/libhardy.so"))
    levels = {p.parent.name for p in (Path(hardy.__file__).parent / "lib").glob("glibc-hwcaps/*/libhardy.so")}
    best = next((level for level in supported() if level in levels), "lib")
    assert Path(library).parent.name == best, f"{library}, where this machine could have {best}"
    print("the library of", best)


def supported() -> "list[str]":
    """The processor's levels by the system's loader, the best first."""
    said = subprocess.run(["/lib64/ld-linux-x86-64.so.2", "--help"], capture_output=True, text=True).stdout
    return re.findall(r"(x86-64-v\d) \(supported", said)


def alone() -> None:
    subprocess.run([command, "data", "collect", "--env", "pendulum", "--behaviour", "random", "--steps", "1000", "p.hdf5"],
                   check=True, capture_output=True)
    data = hardy.open_dataset("p.hdf5")
    bad = data.corrupt(["dynamics"], rate=0.3, seed=0)
    assert np.array_equal(bad.undo().next_observations, data.next_observations)
    try:
        bad.audit().to_pandas()
        raise AssertionError("pandas is here")
    except hardy.HardyError as e:
        assert "pip install pandas" in str(e.fix), e
    run = hardy.RIQL(critics=2, hidden=[16, 16]).fit(data, steps=100, seeds=2, out="run", env="pendulum", threads=2)
    files = {p.name: p.read_bytes() for p in Path("run/policy").iterdir()}
    said = json.loads(subprocess.run([command, "eval", "run", "--episodes", "5", "--seed", "42", "--json"], check=True,
                                     capture_output=True, text=True).stdout)
    mine = hardy.evaluate(run.policies, "pendulum", episodes=5, seed=42)
    assert np.array_equal(mine.returns, [p["returns"] for p in said])
    os.rename("run", "mine")
    subprocess.run([command, *run.command.split()[1:]], check=True, capture_output=True)
    assert {p.name: p.read_bytes() for p in Path("run/policy").iterdir()} == files
    subprocess.run([command, "data", "collect", "--env", "hopper", "--behaviour", "random", "--steps", "300", "h.hdf5"],
                   check=True, capture_output=True)
    policy = hardy.BC(hidden=[16, 16]).fit("h.hdf5", steps=20, out="hopper").policies[0]
    assert np.isfinite(hardy.evaluate(policy, "hopper", episodes=2).returns).all()


def together(page: str) -> None:
    os.rename("p.hdf5", "pendulum.hdf5")
    exec(compile(Path(page).read_text().split("```python\n", 1)[1].split("```", 1)[0], page, "exec"), {"__name__": "page"})
    assert Path("score.png").stat().st_size > 1000 and Path("riql.html").exists()
    # Gymnasium's environments, by a worker that lies in the package and this interpreter.
    played = hardy.evaluate(hardy.open_run("mine").policies[0], "gymnasium:id=Pendulum-v1", episodes=1)
    assert played.lengths[0, 0] == 200


alone() if what == "alone" else together(rest[0])
check_libraries()
print(f"hardy {hardy.__version__}: {what}, Python {sys.version.split()[0]}: as it should be")
