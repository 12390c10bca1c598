"""Columns of numbers laid side by side: the matrix of a format that keeps each column by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.errors import OptionError
from stoker.kernels.csv import DTYPES
from stoker.types import IntArray

__all__ = ["blanks_of", "narrowest", "side_by_side"]

_KNOWN: tuple[np.dtype[Any], ...] = tuple(np.dtype(kind) for kind in DTYPES)


def side_by_side(
    columns: Sequence[npt.NDArray[Any]],
    num_rows: int,
    dtype: np.dtype[Any],
    out: npt.NDArray[Any] | None = None,
) -> npt.NDArray[Any]:
    """A C-contiguous matrix of shape (num_rows, len(columns)), of `dtype` or what is needed beyond it.

    Parameters
    ----------
    columns
        int64, or float64 with NaN for blanks, each of shape (num_rows,).
    num_rows
        Their length.
    dtype
        The narrowest type: uint8, int16, int32, int64 or float64.
    out
        Takes the matrix where it is of that type.
    """
    kind = narrowest(columns, dtype)
    if out is None or out.dtype != kind:
        out = np.empty((num_rows, len(columns)), kind)
    for place, column in enumerate(columns):
        out[:, place] = column
    return out


def narrowest(columns: Sequence[npt.NDArray[Any]], dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The narrowest of the matrix's types, from `dtype` on, that holds all columns.

    Raises
    ------
    OptionError
        `dtype` is none of them.
    """
    if dtype not in _KNOWN:
        raise OptionError(f"dtype must be one of {', '.join(map(str, _KNOWN))}, got {dtype}")
    if any(column.dtype.kind == "f" for column in columns):
        return np.dtype(np.float64)
    filled = [column for column in columns if len(column)]
    least = min((int(column.min()) for column in filled), default=0)
    most = max((int(column.max()) for column in filled), default=0)
    for kind in _KNOWN[_KNOWN.index(dtype) :]:
        if kind.kind == "f" or (np.iinfo(kind).min <= least and most <= np.iinfo(kind).max):
            return kind
    raise AssertionError("float64 holds everything")


def blanks_of(column: npt.NDArray[Any]) -> IntArray:
    """Rows of a column of numbers that are NaN."""
    return np.flatnonzero(np.isnan(column)) if column.dtype.kind == "f" else np.empty(0, np.int64)
