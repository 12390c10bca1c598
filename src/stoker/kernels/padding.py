"""Sparse rows as pairs of column and value, all rows of a batch padded to one width.

The width is the least of 64, 256, 1,024, … that holds the batch's longest row, and no more than there are
columns: the batch alone decides, so that a run that is resumed sees the same shapes. Steps are this large
because every shape is a program to compile, which takes as long as 300 steps, and layers skip what is
padding: 25,000 film reviews need one width.

Storage is that of CSR: row ``r`` has the entries ``indptr[r]`` to ``indptr[r + 1]`` of `indices` and `data`.
Nothing is checked here: rows must lie inside, and outputs must have the right shape.
"""

from __future__ import annotations

import numpy as np

from stoker.kernels.compiling import bare_kernel

__all__ = ["LEAST_WIDTH", "longest_row", "pad_rows", "padded_width"]

LEAST_WIDTH = 64
"""The least width that rows are padded to, but for fewer columns."""
_STEP = 4
"""How many times wider each width is than the one before."""


def padded_width(longest: int, columns: int) -> int:
    """Width that rows are padded to.

    Parameters
    ----------
    longest
        Entries of the longest of them.
    columns
        Columns that there are: no row has more entries.

    Examples
    --------
    >>> [padded_width(longest, 20_000) for longest in (0, 64, 65, 600, 17_000)]
    [64, 64, 256, 1024, 20000]
    """
    width = LEAST_WIDTH
    while width < longest:
        width *= _STEP
    return max(longest, min(width, columns))


@bare_kernel
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
    for place in range(take.shape[0]):
        entries = np.int64(indptr[take[place] + 1] - indptr[take[place]])
        longest = entries if entries > longest else longest
    return longest


@bare_kernel
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
        for entry in range(used):
            columns[place, entry] = indices[begin + entry]
            values[place, entry] = data[begin + entry]
        for entry in range(used, width):
            columns[place, entry] = 0
            values[place, entry] = 0.0
