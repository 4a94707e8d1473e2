"""A class a training method, made from what the engine says of itself; methods.pyi, which the build makes, has them in full."""

from __future__ import annotations

from . import _native
from ._words import parameter
from .runs import Method

_SPELT = {"td3_bc": "TD3BC", "rebrac": "ReBRAC", "dr_grpo": "DrGRPO", "sft_then_grpo": "SFTThenGRPO", "mix": "Mix",
          "x_bc": "XBC", "srft_group": "SRFTGroup", "uw_msg": "UWMSG", "sac_n": "SACN"}


def _class_name(method: str) -> str:
    return _SPELT.get(method, method.replace("_", "").upper())


def _keys(method: str) -> list[tuple[str, str, str]]:
    """Parameter, value and help of every setting, but of those that fit() takes."""
    keys, help_ = [], ""
    for line in _native.settings_of(method).splitlines():
        if line.startswith("#"):
            help_ = f"{help_} {line[1:].strip()}".strip()
        elif "=" in line:
            key, value = (part.strip() for part in line.split("=", 1))
            if key not in ("dataset", "env", "steps", "seeds", "out", "or-resume"):
                keys.append((parameter(key), value, help_))
            help_ = ""
        else:
            help_ = ""
    return keys


def _document(method: str, summary: str) -> str:
    lines = [f"{summary[:1].upper()}{summary[1:]} (`hardy train {method}`).", "", "Settings, with their defaults:", ""]
    for key, value, help_ in _keys(method):
        lines.append(f"{key} = {value or 'none'}: {help_}")
    return "\n".join(lines)


class _Described(type):
    """Its classes' docstrings are made when they are asked for."""

    @property
    def __doc__(cls) -> str:  # type: ignore[override]
        return _document(cls.name, cls.summary) if cls.name else Method.__doc__ or ""  # type: ignore[attr-defined]


_classes = {_class_name(name): _Described(_class_name(name), (Method,), {"name": name, "summary": summary,
                                                                         "__module__": "hardy"})
            for name, summary in _native.methods()}
globals().update(_classes)
__all__ = list(_classes)


def method(name: str) -> type[Method]:
    """The class of a method by its name on the command line."""
    known = {c.name: c for c in _classes.values()}  # type: ignore[attr-defined]
    if name not in known:
        from .errors import HardyError

        raise HardyError("is no method", f"'{name}'", "one of " + ", ".join(known))
    return known[name]
