"""Running column statistics: sums about a value of the column, extremes, blanks, and a sample of hashes.

Sums are taken row by row in float64 about the first value of the column in the current leaf (see
`stoker.transforms.statistics`), so that they are well conditioned and depend neither on how rows are cut
into calls nor on the dtype that holds them. Sums of integers of 16 bits are exact: over a leaf of 8,192 rows
no square sum exceeds 2**45. Rows are the outer loop, and each inner loop touches at most five arrays: beyond
that LLVM gives up the checks for overlap that it needs to run eight columns at once.

Storage of rows is that of `stoker.types.Matrix`; nothing is checked here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.kernels.cells import cells_of, take_float, type_of
from stoker.kernels.compiling import bare_kernel, helper_kernel
from stoker.kernels.frozen import frozen
from stoker.kernels.gather import _begin
from stoker.kernels.mixing import mix

__all__ = ["add_floats", "add_integers", "chosen_values", "first_values", "sample_hashes"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_HASH_SEED = np.uint64(0x5354_4154)
_MOST_BYTES = 1 << 16
"""Rows of which the squares of bytes are added in 32 bits."""
_SMALL = float(1 << 16)
_FAR = float(1 << 51)
_GREATEST = np.uint64(0xFFFF_FFFF_FFFF_FFFF)


def first_values(
    values: npt.NDArray[Any],
    starts: IntArray,
    rows_per_piece: int,
    num_columns: int,
    places: IntArray,
    shift: FloatArray,
) -> None:
    """Set every NaN of `shift`, float64 of shape (num_columns,), to the column's first value that is none."""
    cells = frozen(cells_of(values))
    _first_values(cells, type_of(values), starts, rows_per_piece, num_columns, places, shift)


@bare_kernel
def _first_values(cells, dtype, starts, rows_per_piece, num_columns, places, shift):
    missing = 0
    for j in range(num_columns):
        missing += shift[j] != shift[j]
    for i in range(places.shape[0]):
        if missing == 0:
            return
        begin = _begin(starts, rows_per_piece, num_columns, places[i])
        for j in range(num_columns):
            if shift[j] != shift[j]:
                value = take_float(cells, dtype, begin + j)
                if value == value:
                    shift[j] = value + 0.0
                    missing -= 1


@bare_kernel
def _are_exact(shift, first, second):
    """Whether sums of bytes may be added in any order: all of these are integers, and far from 2**53."""
    inexact = 0
    for j in range(shift.shape[0]):
        inexact += (shift[j] != np.floor(shift[j])) | (abs(shift[j]) >= _SMALL)
    for j in range(shift.shape[0]):
        inexact += (first[j] != np.floor(first[j])) | (abs(first[j]) >= _FAR)
    for j in range(shift.shape[0]):
        inexact += (second[j] != np.floor(second[j])) | (abs(second[j]) >= _FAR)
    return inexact == 0


@bare_kernel
def _add_bytes(
    values, starts, rows_per_piece, num_columns, places, shift, first, second, least, most, total, squares
):
    """As `add_integers` for the first rows, four at a time and in integers; returns how many were taken.

    `total` and `squares` are room for a uint32 a column, 0.
    """
    num_rows = min(places.shape[0], _MOST_BYTES) // 4 * 4
    for i in range(0, num_rows, 4):
        begin = _begin(starts, rows_per_piece, num_columns, places[i])
        one = values[begin : begin + num_columns]
        begin = _begin(starts, rows_per_piece, num_columns, places[i + 1])
        two = values[begin : begin + num_columns]
        begin = _begin(starts, rows_per_piece, num_columns, places[i + 2])
        three = values[begin : begin + num_columns]
        begin = _begin(starts, rows_per_piece, num_columns, places[i + 3])
        four = values[begin : begin + num_columns]
        for j in range(num_columns):
            total[j] += np.uint32(one[j]) + np.uint32(two[j]) + np.uint32(three[j]) + np.uint32(four[j])
        for j in range(num_columns):
            squares[j] += np.uint32(
                np.uint32(one[j]) * np.uint32(one[j])
                + np.uint32(two[j]) * np.uint32(two[j])
                + np.uint32(three[j]) * np.uint32(three[j])
                + np.uint32(four[j]) * np.uint32(four[j])
            )
        for j in range(num_columns):
            least[j] = min(least[j], min(min(one[j], two[j]), min(three[j], four[j])))
        for j in range(num_columns):
            most[j] = max(most[j], max(max(one[j], two[j]), max(three[j], four[j])))
    for j in range(num_columns):
        first[j] += np.float64(total[j]) - num_rows * shift[j]
        second[j] += np.float64(squares[j]) - shift[j] * (2 * np.float64(total[j]) - num_rows * shift[j])
    return num_rows


def add_integers(
    values: npt.NDArray[Any],
    starts: IntArray,
    rows_per_piece: int,
    num_columns: int,
    places: IntArray,
    shift: FloatArray,
    first: FloatArray,
    second: FloatArray,
    low: FloatArray,
    high: FloatArray,
) -> None:
    """Take rows of integers into the sums and extremes of a leaf, with the bits that `add_floats` gives.

    Parameters
    ----------
    values, starts, rows_per_piece, num_columns, places
        Storage, and int64 of shape (n,), n at least 1: which rows, in this order.
    shift, first, second, low, high
        float64 of shape (num_columns,): zero points; sums of (value - shift) and of its square; least and
        greatest value. All but the first are written.
    """
    where = (frozen(values), starts, rows_per_piece, num_columns, places)
    bounds = np.iinfo(values.dtype)
    least, most = (np.full(num_columns, bound, values.dtype) for bound in (bounds.max, bounds.min))
    done = 0
    if values.itemsize == 1 and _are_exact(shift, first, second):
        done = _add_bytes(*where, shift, first, second, least, most, *np.zeros((2, num_columns), np.uint32))
    if done < len(places):
        _add_integers(*where, done, shift, first, second, least, most)
    np.minimum(low, least, out=low)
    np.maximum(high, most, out=high)


@bare_kernel
def _add_integers(
    values, starts, rows_per_piece, num_columns, places, done, shift, first, second, least, most
):
    """As `add_integers` behind the rows that are `done`."""
    for i in range(done, places.shape[0]):
        begin = _begin(starts, rows_per_piece, num_columns, places[i])
        row = values[begin : begin + num_columns]
        for j in range(num_columns):
            deviation = np.float64(row[j]) - shift[j]
            first[j] += deviation
            second[j] += deviation * deviation
        for j in range(num_columns):
            least[j] = min(least[j], row[j])
            most[j] = max(most[j], row[j])


def add_floats(
    values: npt.NDArray[Any],
    starts: IntArray,
    rows_per_piece: int,
    num_columns: int,
    places: IntArray,
    shift: FloatArray,
    first: FloatArray,
    second: FloatArray,
    low: FloatArray,
    high: FloatArray,
    blanks: IntArray,
    fractions: IntArray,
) -> None:
    """Take rows of floats into the sums and extremes of a leaf; NaN is a blank.

    Two rows at a time, one behind the other: that halves what is read and written of the sums.

    Parameters
    ----------
    values, starts, rows_per_piece, num_columns, places, shift, first, second, low, high
        As for `add_integers`; `shift` is NaN for a column that has had no value.
    blanks, fractions
        int64 of shape (num_columns,): blanks counted; not 0 once a value was no integer. Written.
    """
    where = (frozen(values), starts, rows_per_piece, num_columns, places)
    _add_floats(*where, shift, first, second, low, high, blanks, fractions)


@bare_kernel
def _add_floats(
    values, starts, rows_per_piece, num_columns, places, shift, first, second, low, high, blanks, fractions
):
    for i in range(1, places.shape[0], 2):
        begin = _begin(starts, rows_per_piece, num_columns, places[i - 1])
        one = values[begin : begin + num_columns]
        begin = _begin(starts, rows_per_piece, num_columns, places[i])
        two = values[begin : begin + num_columns]
        for j in range(num_columns):
            deviation, other = np.float64(one[j]) - shift[j], np.float64(two[j]) - shift[j]
            deviation = deviation if deviation == deviation else 0.0
            other = other if other == other else 0.0
            first[j] = (first[j] + deviation) + other
            second[j] = (second[j] + deviation * deviation) + other * other
        for j in range(num_columns):
            value, other = np.float64(one[j]), np.float64(two[j])
            least = value if value < low[j] else low[j]
            most = value if value > high[j] else high[j]
            low[j] = other if other < least else least
            high[j] = other if other > most else most
        for j in range(num_columns):
            value, other = np.float64(one[j]), np.float64(two[j])
            blank, gap = value != value, other != other
            blanks[j] += np.int64(blank) + np.int64(gap)
            odd = (value != np.floor(value)) & (not blank)
            fractions[j] |= np.int64(odd | ((other != np.floor(other)) & (not gap)))
    if places.shape[0] % 2:
        begin = _begin(starts, rows_per_piece, num_columns, places[-1])
        row = values[begin : begin + num_columns]
        for j in range(num_columns):
            value = np.float64(row[j])
            blank = value != value
            deviation = value - shift[j]
            deviation = deviation if deviation == deviation else 0.0
            first[j] += deviation
            second[j] += deviation * deviation
            low[j] = value if value < low[j] else low[j]
            high[j] = value if value > high[j] else high[j]
            blanks[j] += np.int64(blank)
            fractions[j] |= np.int64((value != np.floor(value)) & (not blank))
    for j in range(num_columns):
        low[j] += 0.0
        high[j] += 0.0


@helper_kernel
def _insert(kept, size, key):
    """Put a hash in its place, the greatest falling out of a full row; the new size, or 0 if it was there."""
    at, end = np.int64(0), size
    while at < end:
        middle = (at + end) >> 1
        if kept[middle] < key:
            at = middle + 1
        else:
            end = middle
    if at < size and kept[at] == key:
        return np.int64(0)
    size = min(size + 1, kept.shape[0])
    for k in range(size - 1, at, -1):
        kept[k] = kept[k - 1]
    kept[at] = key
    return size


def sample_hashes(
    values: npt.NDArray[Any],
    starts: IntArray,
    rows_per_piece: int,
    num_columns: int,
    places: IntArray,
    columns: IntArray,
    hashes: npt.NDArray[np.uint64],
    sizes: IntArray,
    repeated: IntArray,
) -> None:
    """Keep the least hashes of the distinct values of some columns, and note a value that came back.

    A value among those kept was kept from its first row on, so that its return is always noticed: the kept
    are a sample of the distinct values, and `repeated` says whether one of them was met again (bottom-k
    sampling: Cohen and Kaplan, "Summarizing data using bottom-k sketches", PODC 2007).

    Parameters
    ----------
    columns
        int64 of shape (c,): which columns.
    hashes
        uint64 of shape (c, capacity): ascending hashes, as many as `sizes` says. Written.
    sizes, repeated
        int64 of shape (c,). Written.
    """
    where = (frozen(cells_of(values)), type_of(values), starts, rows_per_piece, num_columns, places)
    limits = np.where(sizes == hashes.shape[1], hashes[:, -1], _GREATEST)
    _sample_hashes(*where, columns, hashes, sizes, repeated, limits)


@bare_kernel
def _sample_hashes(
    cells, dtype, starts, rows_per_piece, num_columns, places, columns, hashes, sizes, repeated, limits
):
    """As `sample_hashes`; the `limits` are the greatest hashes that may still be kept."""
    capacity = hashes.shape[1]
    for i in range(places.shape[0]):
        begin = _begin(starts, rows_per_piece, num_columns, places[i])
        for c in range(columns.shape[0]):
            if repeated[c]:
                continue
            value = take_float(cells, dtype, begin + columns[c]) + 0.0
            if value != value:
                continue
            key = mix(_HASH_SEED, np.float64(value).view(np.uint64))
            if key <= limits[c]:
                size = _insert(hashes[c], sizes[c], key)
                repeated[c] = size == 0
                sizes[c] = max(size, sizes[c])
                if size == capacity:
                    limits[c] = hashes[c, capacity - 1]


@bare_kernel
def chosen_values(values, limit, out):
    """Write the values that `sample_hashes` might keep in a sample that goes up to a limit, in their order.

    Parameters
    ----------
    values, out
        float64 of shape (n,); as many are written as are returned.
    limit
        uint64: the greatest hash.
    """
    found = 0
    for i in range(values.shape[0]):
        value = values[i] + 0.0
        if value == value and mix(_HASH_SEED, np.float64(value).view(np.uint64)) <= limit:
            out[found] = value
            found += 1
    return found
