"""The matrix that rows' numbers are packed in: its types, and columns laid side by side in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.errors import OptionError
from stoker.kernels.columns import lay_side_by_side
from stoker.kernels.csv import DTYPES
from stoker.types import ColumnSpec, IntArray

__all__ = ["blanks_of", "join_numbers", "place_of", "side_by_side", "with_gaps"]

_PARSED: tuple[np.dtype[Any], ...] = tuple(np.dtype(kind) for kind in DTYPES)
_INTEGERS = _PARSED[:-1]
_FLOAT64 = _PARSED[-1]
_KNOWN = (*_INTEGERS, np.dtype(np.float32), _FLOAT64)
_BLOCK_ROWS = 1 << 10


def place_of(dtype: np.dtype[Any]) -> int:
    """Place of a matrix type among those that text is parsed to, from the narrowest on.

    Raises
    ------
    OptionError
        It is none.

    Examples
    --------
    >>> place_of(np.dtype(np.uint8)), place_of(np.dtype(np.float64))
    (0, 4)
    """
    if dtype not in _PARSED:
        raise OptionError(f"dtype must be one of {', '.join(map(str, _PARSED))}, got {dtype}")
    return _PARSED.index(dtype)


def side_by_side(
    columns: Sequence[npt.NDArray[Any]],
    num_rows: int,
    dtype: np.dtype[Any],
    out: npt.NDArray[Any] | None = None,
) -> npt.NDArray[Any]:
    """A C-contiguous matrix of shape (num_rows, len(columns)), of `dtype` or what is needed beyond it.

    Whatever `dtype` is, the result's is what NumPy promotes it and the narrowest types of the columns to:
    float32 where columns are, and integers beside them are within int16.

    Parameters
    ----------
    columns
        Integers or floats, NaN for blanks, each of shape (num_rows,).
    num_rows
        Their length.
    dtype
        The narrowest type: uint8, int16, int32, int64, float32 or float64.
    out
        Takes the matrix where it is of that type.

    Raises
    ------
    OptionError
        `dtype` is none of them.

    Examples
    --------
    >>> side_by_side([np.array([1, 2]), np.array([300, 4])], 2, np.dtype(np.uint8))
    array([[  1, 300],
           [  2,   4]], dtype=int16)
    """
    if dtype not in _KNOWN:
        raise OptionError(f"dtype must be one of {', '.join(map(str, _KNOWN))}, got {dtype}")
    kind = dtype
    for values in columns:
        kind = np.promote_types(kind, _narrowest(values, kind))
        if kind == _FLOAT64:
            break
    matrix = out if out is not None and out.dtype == kind else np.empty((num_rows, len(columns)), kind)
    if num_rows and all(_is_plain(values, kind) for values in columns) and matrix.flags.c_contiguous:
        lay_side_by_side(np.array([values.ctypes.data for values in columns], np.int64), matrix)
        return matrix
    # A few rows at a time, so that those being written stay in the core's cache.
    for start in range(0, num_rows, _BLOCK_ROWS):
        block = matrix[start : start + _BLOCK_ROWS]
        for number, values in enumerate(columns):
            block[:, number] = values[start : start + _BLOCK_ROWS]
    return matrix


def _is_plain(values: npt.NDArray[Any], kind: np.dtype[Any]) -> bool:
    """Whether a kernel may read it by its address as one of that type."""
    return values.dtype == kind and values.flags.c_contiguous and values.flags.aligned


def _narrowest(values: npt.NDArray[Any], least: np.dtype[Any]) -> np.dtype[Any]:
    """The first of the types that holds all values; not looked for below `least`."""
    if values.dtype.kind == "f":
        return values.dtype
    if not len(values) or np.can_cast(values.dtype, least):
        return least
    low, high = int(values.min()), int(values.max())
    bounds = ((kind, np.iinfo(kind.name)) for kind in _INTEGERS)
    return next((kind for kind, most in bounds if most.min <= low and high <= most.max), _FLOAT64)


def with_gaps(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Integers with NaN among them, given as float64, as float32 where all are within int16.

    Examples
    --------
    >>> with_gaps(np.array([1.0, np.nan])).dtype.name, with_gaps(np.array([1e6, np.nan])).dtype.name
    ('float32', 'float64')
    """
    most = np.iinfo(np.int16)
    is_narrow = not len(values) or not (
        np.fmin.reduce(values) < most.min or np.fmax.reduce(values) > most.max
    )
    return values.astype(np.float32) if is_narrow else values


def join_numbers(
    columns: Sequence[ColumnSpec], parts: Sequence[Mapping[str, npt.NDArray[Any]]]
) -> dict[str, npt.NDArray[Any]]:
    """Columns beside the matrix from their parts: int64 or float64, as their kinds say.

    Parameters
    ----------
    columns
        Which of the parts' columns.
    parts
        One behind the other; perhaps none.
    """
    return {
        column.name: np.concatenate(
            [np.empty(0, np.int64 if column.kind == "int" else np.float64)]
            + [part[column.name] for part in parts]
        )
        for column in columns
    }


def blanks_of(column: npt.NDArray[Any]) -> IntArray:
    """Rows of a column of numbers that are NaN."""
    return np.flatnonzero(np.isnan(column)) if column.dtype.kind == "f" else np.empty(0, np.int64)
