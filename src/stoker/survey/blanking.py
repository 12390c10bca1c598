"""Rows that are left out keep their place, with nothing in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.types import Rows
from stoker.types.arrow import blank_value

__all__ = ["blanked"]


def blanked(rows: Rows, is_out: npt.NDArray[np.bool_]) -> Rows:
    """The rows with zeros and empty values in the place of some.

    Parameters
    ----------
    rows
        Stored in order; their numbers are changed where they are.
    is_out
        bool of shape (n,).

    Examples
    --------
    >>> rows = Rows(num_rows=2, features=(), matrix=None, columns={"y": np.array([3, 5])})
    >>> blanked(rows, np.array([True, False])).columns["y"].tolist()
    [0, 5]
    """
    if rows.matrix is not None:
        width = rows.matrix.num_columns
        rows.matrix.values[: rows.num_rows * width].reshape(rows.num_rows, width)[is_out] = 0
    return replace(rows, columns={name: _blanked(values, is_out) for name, values in rows.columns.items()})


def _blanked(values: Any, is_out: npt.NDArray[np.bool_]) -> Any:
    if isinstance(values, np.ndarray):
        values[is_out] = 0
        return values
    # Arrow's if_else and fill_null may crash on lists; taking does not.
    blank = pa.array([blank_value(values.type).as_py()], values.type)
    places = np.where(is_out, len(values), np.arange(len(values)))
    return pa.concat_arrays([values, blank]).take(pa.array(places))
