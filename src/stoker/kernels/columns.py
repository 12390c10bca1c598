"""Columns, each in memory of its own, as the rows of one matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from stoker.kernels.compiling import bare_kernel

__all__ = ["lay_side_by_side"]

_BLOCK_ROWS = 32
"""Rows that are written at a time: they stay in the core's first cache."""


@intrinsic
def _load_like(typing_context: Any, array: Any, address: Any) -> Any:
    """The value at an address, of the type of an array's elements."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = context.get_value_type(signature.args[0].dtype)
        return builder.load(builder.inttoptr(arguments[1], kind.as_pointer()))

    return array.dtype(array, types.int64), generate


@bare_kernel
def lay_side_by_side(addresses, out):
    """Write ``out[i, j]``, the i-th value of column j.

    Parameters
    ----------
    addresses
        int64 of shape (k,): where each column's values begin, contiguous, aligned and of the type of `out`.
    out
        Of shape (n, k), C-contiguous; written.
    """
    num_rows, size = out.shape[0], np.int64(out.itemsize)
    for start in range(0, num_rows, _BLOCK_ROWS):
        stop = min(start + _BLOCK_ROWS, num_rows)
        for column in range(addresses.shape[0]):
            address = addresses[column]
            for row in range(start, stop):
                out[row, column] = _load_like(out, address + size * row)
