"""A batch as a generator gave it, and what is kept of it: its size, its rows' fingerprints, its shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from stoker.doctor.fingerprints import fingerprint_rows, is_sparse
from stoker.errors import DataError
from stoker.types import Uint64Array

__all__ = ["Glance", "Signature", "glance", "split"]

Signature: TypeAlias = tuple[tuple[str, tuple[int, ...], str], ...]
"""Of each array: its name ("" where it has none), the shape of a row, the dtype."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What is kept of a batch.

    Attributes
    ----------
    x, y
        Fingerprints of inputs and targets, uint64 of shape (size,).
    whole
        A number that is the same for the same rows in any order: the sum of `x` modulo 2**64.
    x_signature, y_signature
        Names, shapes and dtypes.
    seconds
        What it took to make the batch.
    """

    size: int
    x: Uint64Array
    y: Uint64Array
    whole: int
    x_signature: Signature
    y_signature: Signature
    seconds: float


def glance(batch: Any, seconds: float = 0.0) -> Glance:
    """Look at a batch, ``(x, y)`` or ``(x, y, sample_weight)``, and keep none of its arrays.

    Raises
    ------
    DataError
        If it is no such thing, holds no rows, or its arrays differ in rows.

    Examples
    --------
    >>> import numpy as np
    >>> glance((np.zeros((4, 3), "float32"), np.zeros(4, "int32"))).x_signature
    (('', (3,), 'float32'),)
    """
    x, y = split(batch)
    inputs, targets = _named(x), _named(y)
    size = _common_rows(inputs, targets)
    prints = fingerprint_rows(list(inputs.values()))
    return Glance(
        size=size,
        x=prints,
        y=fingerprint_rows(list(targets.values())),
        whole=int(prints.sum(dtype=np.uint64)),
        x_signature=_signature(inputs),
        y_signature=_signature(targets),
        seconds=seconds,
    )


def split(batch: Any) -> tuple[Any, Any]:
    """Inputs and targets of a batch.

    Raises
    ------
    DataError
        If it is not a tuple or list of two or three.
    """
    if not isinstance(batch, tuple | list):
        raise DataError(f"it is {_described(batch)} and not a tuple (x, y) or (x, y, sample_weight)")
    if len(batch) not in (2, 3):
        raise DataError(
            f"it is a {type(batch).__name__} of {len(batch)} and not (x, y) or (x, y, sample_weight)"
        )
    if batch[1] is None:
        raise DataError("its targets are None")
    return batch[0], batch[1]


def _named(part: Any) -> dict[str, Any]:
    """The arrays of x or y by name, in an order that does not depend on how a dict was filled."""
    if isinstance(part, Mapping):
        return {str(name): _array(part[name]) for name in sorted(part, key=str)}
    if isinstance(part, tuple | list) and part and all(getattr(item, "shape", ()) for item in part):
        return {str(place): _array(item) for place, item in enumerate(part)}
    return {"": _array(part)}


def _array(value: Any) -> Any:
    if is_sparse(value):
        return value
    array = np.asarray(value)
    if array.ndim == 0:
        raise DataError(f"it holds {_described(value)} where an array of rows is needed")
    return array


def _common_rows(inputs: Mapping[str, Any], targets: Mapping[str, Any]) -> int:
    rows = {f"x {name}".rstrip(): int(array.shape[0]) for name, array in inputs.items()}
    rows |= {f"y {name}".rstrip(): int(array.shape[0]) for name, array in targets.items()}
    if len(set(rows.values())) != 1 or not inputs or not targets:
        counts = ", ".join(f"{name}: {count}" for name, count in rows.items()) or "no arrays"
        raise DataError(f"its arrays do not hold the same number of rows ({counts})")
    size = next(iter(rows.values()))
    if not size:
        raise DataError("it holds no rows")
    return size


def _signature(arrays: Mapping[str, Any]) -> Signature:
    return tuple((name, tuple(map(int, array.shape[1:])), _dtype(array)) for name, array in arrays.items())


def _dtype(array: Any) -> str:
    return "text" if array.dtype.kind in "OSUT" else str(array.dtype)


def _described(value: Any) -> str:
    shape = getattr(value, "shape", None)
    kind = type(value).__name__
    return f"{kind} of shape {tuple(shape)}" if isinstance(shape, tuple) else f"a {kind}"
