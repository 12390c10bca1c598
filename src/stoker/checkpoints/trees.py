"""Nested plain data with arrays in it, as JSON that gives back exactly what it was made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from stoker.checkpoints.records import DTYPES
from stoker.errors import OptionError, RunError

__all__ = ["Plain", "pack", "unpack"]

Plain: TypeAlias = Any
"""None, bool, int, float, str, NumPy arrays and scalars, and lists, tuples and dicts of these."""

_LARGEST = 1 << 63
_DEEPEST = 64


def pack(value: Plain, keep: Callable[[npt.NDArray[Any]], str], *, what: str) -> Any:
    """Turn plain data into what JSON holds.

    Parameters
    ----------
    value
        The data.
    keep
        Takes an array, and returns the name under which it is kept.
    what
        Whose data these are, for errors.

    Raises
    ------
    OptionError
        If there is something else than plain data in it.

    Examples
    --------
    >>> pack({"best": float("inf"), "seen": (1, 2)}, keep=lambda array: "", what="a callback")
    {'best': {'$float': 'inf'}, 'seen': {'$tuple': [1, 2]}}
    """
    return _pack(value, keep, what, 0)


def unpack(packed: Any, arrays: Mapping[str, npt.NDArray[Any]]) -> Plain:
    """What `pack` was given; arrays are copies.

    Raises
    ------
    RunError
        If it is not what `pack` makes.

    Examples
    --------
    >>> unpack({"best": {"$float": "inf"}, "seen": {"$tuple": [1, 2]}}, {})
    {'best': inf, 'seen': (1, 2)}
    """
    try:
        return _unpack(packed, arrays)
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise RunError(f"a checkpoint holds data that nobody wrote there ({error!r})") from error


def _pack(value: Any, keep: Callable[[npt.NDArray[Any]], str], what: str, depth: int) -> Any:
    if depth > _DEEPEST:
        raise OptionError(f"{what} holds data nested more than {_DEEPEST} deep, or within itself")
    if value is None or type(value) in (bool, str):
        return value
    if type(value) is int:
        return value if -_LARGEST <= value < _LARGEST else {"$int": hex(value)}
    if type(value) is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if isinstance(value, np.ndarray) and value.dtype.name in DTYPES:
        return {"$array": keep(value)}
    if isinstance(value, np.generic) and value.dtype.name in DTYPES:
        return {"$scalar": keep(np.asarray(value))}
    if type(value) is list:
        return [_pack(each, keep, what, depth + 1) for each in value]
    if type(value) is tuple:
        return {"$tuple": [_pack(each, keep, what, depth + 1) for each in value]}
    if isinstance(value, dict):
        if all(type(name) is str and not name.startswith("$") for name in value):
            return {name: _pack(each, keep, what, depth + 1) for name, each in value.items()}
        pairs = [[_pack(part, keep, what, depth + 1) for part in pair] for pair in value.items()]
        return {"$dict": pairs}
    raise OptionError(
        f"{what} holds a {type(value).__name__}, and a checkpoint keeps numbers, texts, lists, tuples, "
        "dicts and NumPy arrays alone: turn it into these"
    )


def _unpack(packed: Any, arrays: Mapping[str, npt.NDArray[Any]]) -> Any:
    if isinstance(packed, list):
        return [_unpack(each, arrays) for each in packed]
    if not isinstance(packed, dict):
        return packed
    if len(packed) != 1 or not next(iter(packed)).startswith("$"):
        return {name: _unpack(each, arrays) for name, each in packed.items()}
    ((kind, held),) = packed.items()
    if kind == "$int":
        return int(held, 16)
    if kind == "$float":
        return float(held)
    if kind == "$array":
        return np.array(arrays[held])
    if kind == "$scalar":
        return np.array(arrays[held])[()]
    if kind == "$tuple":
        return tuple(_unpack(each, arrays) for each in held)
    if kind == "$dict":
        return {_unpack(name, arrays): _unpack(each, arrays) for name, each in held}
    raise KeyError(kind)
