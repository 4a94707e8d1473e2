"""Python's values as the words of a command line."""

import keyword
import os
from typing import Any, Mapping

from .errors import HardyError


def text(value: Any, key: str) -> str:
    """A value as the engine's keys take it: true, 12, 0.25, a,b,c."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int)):
        return str(value)
    if isinstance(value, os.PathLike):
        return str(os.fspath(value))
    if isinstance(value, (list, tuple)):
        return ",".join(text(v, key) for v in value)
    try:
        return repr(float(value))  # NumPy's numbers too
    except (TypeError, ValueError) as e:
        raise HardyError(f"{value!r} is no value", key, "a number, a string, True or False, or a list of them") from e


def parameter(key: str) -> str:
    """A key of the engine's as the name of a parameter: batch_size; lambda_ where it is a word of Python's own."""
    name = key.replace("-", "_")
    return f"{name}_" if keyword.iskeyword(name) else name


def words(settings: Mapping[str, Any]) -> "list[str]":
    """--key value for every setting that is not None; underscores become dashes."""
    out: list[str] = []
    for key, value in settings.items():
        if value is None:
            continue
        name = key.rstrip("_").replace("_", "-")  # as parameter() has them
        out += [f"--{name}", text(value, name)]
    return out
