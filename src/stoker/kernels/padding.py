"""Sparse rows as pairs of column and value, all rows of a batch padded to one width.

The width is the least of 32, 64, 128, … that holds the batch's longest row: the batch alone decides, so that
a run that is resumed sees the same shapes, and few shapes mean few programs to compile.

Storage is that of CSR: row ``r`` has the entries ``indptr[r]`` to ``indptr[r + 1]`` of `indices` and `data`.
Nothing is checked here: rows must lie inside, and outputs must have the right shape.
"""

from __future__ import annotations

import numpy as np

from stoker.kernels.compiling import kernel

__all__ = ["LEAST_WIDTH", "longest_row", "pad_rows", "padded_width"]

LEAST_WIDTH = 32
"""The least width that rows are padded to; wider ones are this doubled as often as it takes."""


def padded_width(longest: int) -> int:
    """Width that rows are padded to of which the longest has so many entries.

    Examples
    --------
    >>> [padded_width(longest) for longest in (0, 32, 33, 600)]
    [32, 32, 64, 1024]
    """
    width = LEAST_WIDTH
    while width < longest:
        width *= 2
    return width


@kernel
def longest_row(indptr, take):
    """Entries of the longest of some rows.

    Parameters
    ----------
    indptr
        int32 or int64 of shape (rows + 1,).
    take
        int64 of shape (n,): which rows.

    Returns
    -------
    Entries, 0 where `take` is empty.
    """
    longest = np.int64(0)
    for row in take:
        longest = max(longest, np.int64(indptr[row + 1] - indptr[row]))
    return longest


@kernel
def pad_rows(indptr, indices, data, take, columns, values):
    """Copy rows into pairs; behind its entries a row of the outputs is 0 and 0.0.

    Parameters
    ----------
    indptr, indices, data
        CSR rows; see the module.
    take
        int64 of shape (n,): which rows, in the order of the outputs.
    columns, values
        int32 and float32 of shape (n, width), C-contiguous, at least as wide as the longest row; written.
    """
    width = columns.shape[1]
    for place in range(take.shape[0]):
        begin = indptr[take[place]]
        used = indptr[take[place] + 1] - begin
        row_columns, row_values = columns[place], values[place]
        for entry in range(used):
            row_columns[entry] = indices[begin + entry]
            row_values[entry] = data[begin + entry]
        for entry in range(used, width):
            row_columns[entry] = 0
            row_values[entry] = 0.0
