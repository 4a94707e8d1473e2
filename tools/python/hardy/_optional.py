"""Packages that are imported where they are used, and not before."""

import importlib
from typing import Any

from .errors import HardyError


def need(module: str, what_for: str) -> Any:
    """The module; a HardyError with the line that installs it where it is missing."""
    try:
        return importlib.import_module(module)
    except ImportError as e:
        package = module.split(".")[0]
        raise HardyError(f"{what_for} needs the package {package}", "import", f"pip install {package}") from e
