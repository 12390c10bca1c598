"""Rows out of a matrix, in any order, cast and scaled on the way: one pass, no temporary array.

Storage is that of `stoker.types.Matrix`: row ``p`` begins at element
``starts[p // rows_per_piece] + (p % rows_per_piece) * num_columns`` of the flat array `values`. Random rows
are bound by the latency of memory, so each row asks for the cache lines of one a few places ahead; that
makes 784 bytes a row 2.8 times as fast as waiting for each row.

What is gathered for later, more than the cache of a core holds, is written past it: 400,000 rows of 784
float32 into buffers of 13 MB took 190 ms by way of the cache and 110 past it.

Nothing is checked here: places must lie inside the matrix, and outputs must have the right shape.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.kernels.compiling import bare_kernel, inner_kernel
from stoker.kernels.frozen import frozen
from stoker.kernels.words import ask_second, fence, store_line_past

__all__ = [
    "gather",
    "gather_affine",
    "gather_bins",
    "gather_cast",
    "gather_columns",
    "gather_filled",
    "gather_gaps",
    "storage_of",
]

_LINE = 64
"""Bytes of a cache line."""
_FLOATS = 16
"""Of float32 in a cache line."""
_FLIGHT = 8192
"""Bytes of rows to ask for ahead of use: more would push out of the first cache what is not yet used."""
_LONGEST = 4096
"""Bytes of one row to ask for: behind that the processor has seen the stream itself."""
_NEAR = 1 << 20
"""Bytes of an output that may still be in a core's own cache when it is read: more is written past it."""


def storage_of(matrix: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64], int, int]:
    """What the kernels here take of a `stoker.types.Matrix`: values, starts, rows_per_piece, num_columns.

    Examples
    --------
    >>> from stoker.types import Matrix
    >>> storage_of(Matrix.of(np.ones((2, 3))))[1:]
    (array([0]), 2, 3)
    """
    return frozen(matrix.values), matrix.starts, matrix.rows_per_piece, matrix.num_columns


@inner_kernel
def _begin(starts, rows_per_piece, num_columns, place):
    """Element at which a row begins."""
    piece = place // rows_per_piece
    return starts[piece] + (place - piece * rows_per_piece) * num_columns


@inner_kernel
def _rows_ahead(values, num_columns):
    return max(1, min(16, _FLIGHT // max(1, num_columns * values.itemsize)))


@inner_kernel
def _ask(values, begin, num_columns):
    step = _LINE // values.itemsize
    for element in range(begin, begin + min(num_columns, _LONGEST // values.itemsize), step):
        ask_second(values, element)


def _room(out: npt.NDArray[np.float32], num_columns: int) -> npt.NDArray[np.float32]:
    """For rows that fill cache lines to the end, a power of two; for none where none go past the cache."""
    rows = 0
    if out.nbytes > _NEAR and out.shape[1] == num_columns and not out.ctypes.data % _LINE:
        rows = 1
        while rows * num_columns * out.itemsize % _LINE:
            rows *= 2
    return np.empty((rows, num_columns), np.float32)


@inner_kernel
def _pass_on(room, out, i):
    """Write what was made in the room past the cache, if row i is its last."""
    last = len(room) - 1
    if last >= 0 and i & last == last:
        lines, target = room.reshape(-1), out.reshape(-1)
        begin = (i - last) * room.shape[1]
        for place in range(0, lines.shape[0], _FLOATS):
            store_line_past(lines, place, target, begin + place)


@bare_kernel
def gather(values, starts, rows_per_piece, num_columns, places, out):
    """Copy rows as they are: ``out[i, j] = values[row(places[i]), j]``, one dtype for both.

    Parameters
    ----------
    values, starts, rows_per_piece, num_columns
        Storage; see the module.
    places
        int64 of shape (n,).
    out
        C-contiguous, shape (n, num_columns), of the dtype of `values`; written.
    """
    num_places = places.shape[0]
    ahead = _rows_ahead(values, num_columns)
    for i in range(num_places):
        if i + ahead < num_places:
            _ask(values, _begin(starts, rows_per_piece, num_columns, places[i + ahead]), num_columns)
        begin = _begin(starts, rows_per_piece, num_columns, places[i])
        row, target = values[begin : begin + num_columns], out[i]
        for j in range(num_columns):
            target[j] = row[j]


@bare_kernel
def gather_columns(values, starts, rows_per_piece, num_columns, places, columns, out):
    """Copy some columns of rows, cast as `out` is: ``out[i, j] = values[row(places[i]), columns[j]]``.

    Parameters
    ----------
    columns
        int64 of shape (c,), each in [0, num_columns).
    out
        C-contiguous, shape (n, c); written.
    """
    num_places = places.shape[0]
    ahead = _rows_ahead(values, num_columns)
    for i in range(num_places):
        if i + ahead < num_places:
            next_row = _begin(starts, rows_per_piece, num_columns, places[i + ahead])
            for j in range(min(columns.shape[0], _LINE)):
                ask_second(values, next_row + columns[j])
        begin = _begin(starts, rows_per_piece, num_columns, places[i])
        for j in range(columns.shape[0]):
            out[i, j] = values[begin + columns[j]]


def gather_cast(
    values: npt.NDArray[Any],
    starts: npt.NDArray[np.int64],
    rows_per_piece: int,
    num_columns: int,
    places: npt.NDArray[np.int64],
    out: npt.NDArray[np.float32],
) -> None:
    """Copy rows into float32: ``out[i, j] = float32(values[row(places[i]), j])``; as `gather` else."""
    _gather_cast(values, starts, rows_per_piece, num_columns, places, out, _room(out, num_columns))


@bare_kernel
def _gather_cast(values, starts, rows_per_piece, num_columns, places, out, room):
    num_places = places.shape[0]
    ahead = _rows_ahead(values, num_columns)
    last = len(room) - 1
    past = num_places & ~last if len(room) else 0
    for i in range(num_places):
        if i + ahead < num_places:
            _ask(values, _begin(starts, rows_per_piece, num_columns, places[i + ahead]), num_columns)
        begin = _begin(starts, rows_per_piece, num_columns, places[i])
        row, target = values[begin : begin + num_columns], room[i & last] if i < past else out[i]
        for j in range(num_columns):
            target[j] = np.float32(row[j])
        _pass_on(room, out, i)
    fence()


def gather_affine(
    values: npt.NDArray[Any],
    starts: npt.NDArray[np.int64],
    rows_per_piece: int,
    num_columns: int,
    places: npt.NDArray[np.int64],
    subtract: npt.NDArray[Any],
    multiply: npt.NDArray[Any],
    out: npt.NDArray[np.float32],
) -> None:
    """Copy rows, centred and scaled: ``out[i, j] = float32((value - subtract[j]) * multiply[j])``.

    The arithmetic is done in the dtype of `subtract` and `multiply`, both float32 or both float64, shape
    (num_columns,). Subtracting first keeps the digits of a value far from zero, such as a timestamp.
    """
    where = (values, starts, rows_per_piece, num_columns, places)
    _gather_affine(*where, subtract, multiply, out, _room(out, num_columns))


@bare_kernel
def _gather_affine(values, starts, rows_per_piece, num_columns, places, subtract, multiply, out, room):
    num_places = places.shape[0]
    ahead = _rows_ahead(values, num_columns)
    one = multiply.dtype.type(1)
    last = len(room) - 1
    past = num_places & ~last if len(room) else 0
    for i in range(num_places):
        if i + ahead < num_places:
            _ask(values, _begin(starts, rows_per_piece, num_columns, places[i + ahead]), num_columns)
        begin = _begin(starts, rows_per_piece, num_columns, places[i])
        row, target = values[begin : begin + num_columns], room[i & last] if i < past else out[i]
        for j in range(num_columns):
            target[j] = np.float32((row[j] * one - subtract[j]) * multiply[j])
        _pass_on(room, out, i)
    fence()


def gather_filled(
    values: npt.NDArray[Any],
    starts: npt.NDArray[np.int64],
    rows_per_piece: int,
    num_columns: int,
    places: npt.NDArray[np.int64],
    fill: npt.NDArray[np.float64],
    subtract: npt.NDArray[np.float64],
    multiply: npt.NDArray[np.float64],
    out: npt.NDArray[np.float32],
) -> int:
    """As `gather_affine` in float64 for matrices of floats, with a value in the place of NaN.

    A NaN becomes ``fill[j]`` before it is centred and scaled; a fill that is NaN leaves it.

    Returns
    -------
    Rows of `out` that hold a value that is not finite: NaN left as it was, or beyond float32.
    """
    where = (values, starts, rows_per_piece, num_columns, places)
    return int(_gather_filled(*where, fill, subtract, multiply, out, _room(out, num_columns)))


@bare_kernel
def _gather_filled(values, starts, rows_per_piece, num_columns, places, fill, subtract, multiply, out, room):
    num_places = places.shape[0]
    ahead = _rows_ahead(values, num_columns)
    not_finite = 0
    last = len(room) - 1
    past = num_places & ~last if len(room) else 0
    for i in range(num_places):
        if i + ahead < num_places:
            _ask(values, _begin(starts, rows_per_piece, num_columns, places[i + ahead]), num_columns)
        begin = _begin(starts, rows_per_piece, num_columns, places[i])
        row, target = values[begin : begin + num_columns], room[i & last] if i < past else out[i]
        for j in range(num_columns):
            value = np.float64(row[j])
            value = value if value == value else fill[j]
            target[j] = np.float32((value - subtract[j]) * multiply[j])
        odd = np.uint32(0)
        for j in range(num_columns):
            odd |= np.uint32(not (abs(target[j]) <= np.float32(3.4028235e38)))
        not_finite += odd != 0
        _pass_on(room, out, i)
    fence()
    return not_finite


@bare_kernel
def gather_gaps(values, starts, rows_per_piece, num_columns, places, columns, out):
    """Write 1 where one of `columns` is NaN and 0 where it is not: the last columns of `out`, float32."""
    before = out.shape[1] - columns.shape[0]
    for i in range(places.shape[0]):
        begin = _begin(starts, rows_per_piece, num_columns, places[i])
        for j in range(columns.shape[0]):
            value = values[begin + columns[j]]
            out[i, before + j] = np.float32(value != value)


@bare_kernel
def gather_bins(values, starts, rows_per_piece, num_columns, places, edges, ends, out):
    """Write how many of its column's edges are at most each value, int32, and -1 for NaN.

    Parameters
    ----------
    edges, ends
        float64, ascending for each column; int64 of shape (num_columns,): where the column's edges end.
    out
        int32 of shape (n, num_columns); written.
    """
    for i in range(places.shape[0]):
        begin = _begin(starts, rows_per_piece, num_columns, places[i])
        first = np.int64(0)
        for j in range(num_columns):
            value = np.float64(values[begin + j])
            low, high = first, ends[j]
            while low < high:
                middle = (low + high) // 2
                if edges[middle] <= value:
                    low = middle + 1
                else:
                    high = middle
            out[i, j] = np.int32(low - first) if value == value else np.int32(-1)
            first = ends[j]
