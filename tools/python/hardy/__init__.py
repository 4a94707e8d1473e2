"""Hardy: reinforcement learning under adversity.

    data = hardy.open_dataset("hopper-medium-v2.hdf5")
    bad = data.corrupt(["dynamics"], rate=0.3, seed=0)
    run = hardy.RIQL(critics=5).fit(bad, steps=50_000, seeds=4, out="runs/riql", env="hopper")
    print(hardy.evaluate(run.policies, "hopper").scores)
"""

import os as _os
import sys as _sys

from . import _native
from . import loggers
from . import methods as _methods
from . import ops
from ._native import Builder
from .datasets import Audit, Dataset, open_dataset
from .environments import environments, make_vec
from .errors import HardyError
from .methods import *  # noqa: F403
from .own_methods import OwnMethod
from .policies import Evaluation, Policy, evaluate
from .runs import Method, Record, Run, load_policy, open_run
from .studies import Study, regret, regret_methods

# Gymnasium's environments in the engine ("gymnasium:id=...") run in processes of this interpreter.
if _sys.executable:
    _os.environ.setdefault("HARDY_PYTHON", _sys.executable)

__version__: str = _native.version()

__all__ = [
    "Audit", "Builder", "Dataset", "Evaluation", "HardyError", "Method", "OwnMethod", "Policy", "Record", "Run", "Study", "environments",
    "evaluate", "load_policy", "loggers", "make_vec", "ops", "open_dataset", "open_run", "regret", "regret_methods", *_methods.__all__,
]
