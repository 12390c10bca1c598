"""Values of any length as Arrow arrays, texts, bytes and lists alike: measured, and joined in one copy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stoker.buffers import own_pages
from stoker.types import IntArray
from stoker.types.arrow import is_list

__all__ = [
    "held_bytes",
    "held_numbers",
    "join_values",
    "list_bounds",
    "of_buffers",
    "value_bounds",
    "value_bytes",
]


def value_bounds(array: Any) -> IntArray:
    """Offsets of a ``pyarrow`` array of texts, bytes or lists, large or not, int64 of shape (n + 1,).

    Examples
    --------
    >>> value_bounds(pa.array(["ab", "", "c"])).tolist(), value_bounds(pa.array([[5, 6], [7]])).tolist()
    ([0, 2, 2, 3], [0, 2, 3])
    """
    buffer = array.buffers()[1]
    if buffer is None or not len(array):
        return np.zeros(len(array) + 1, np.int64)
    types, kind = pa.types, array.type
    is_large = types.is_large_string(kind) or types.is_large_binary(kind) or types.is_large_list(kind)
    offsets = np.frombuffer(buffer, np.int64 if is_large else np.int32)
    return offsets[array.offset : array.offset + len(array) + 1].astype(np.int64, copy=False)


def list_bounds(array: Any) -> IntArray:
    """Where each list of an array begins in what ``array.flatten()`` gives, int64 of shape (n + 1,).

    Examples
    --------
    >>> list_bounds(pa.array([[5, 6], None, [7]])[1:]).tolist()
    [0, 0, 1]
    """
    lengths = pc.fill_null(pc.list_value_length(array), 0)
    bounds = np.zeros(len(array) + 1, np.int64)
    np.cumsum(lengths.to_numpy(zero_copy_only=False), out=bounds[1:])
    return bounds


def held_bytes(array: Any) -> int:
    """Bytes of an array's values, less those that say where each begins."""
    bounds = value_bounds(array)
    return int(bounds[-1] - bounds[0]) * _width(array.type)


def value_bytes(array: Any) -> tuple[npt.NDArray[np.uint8], IntArray]:
    """The bytes of an array's values, uint8, and where each begins, int64 of shape (n + 1,): no copy."""
    bounds, width = value_bounds(array), _width(array.type)
    return (_data(array) if int(bounds[-1]) else np.empty(0, np.uint8)), bounds * width


def held_numbers(array: Any) -> npt.NDArray[Any]:
    """The numbers of lists, one behind the other: no copy. Of texts and bytes there are none."""
    if not is_list(array.type):
        return np.empty(0)
    bounds = value_bounds(array)
    return np.asarray(array.values)[bounds[0] : bounds[-1]]


def join_values(parts: list[Any], kind: pa.DataType) -> Any:
    """One array of the values of consecutive arrays, which are let go one by one: `parts` is empty then.

    Parameters
    ----------
    parts
        ``pyarrow`` arrays or chunked arrays of one type, that of `kind` or, of strings, large or not; none of
        their values is null.
    kind
        What the result is of: strings, or values whose offsets are large.
    """
    arrays = [
        array for part in parts for array in (part.chunks if isinstance(part, pa.ChunkedArray) else [part])
    ]
    parts.clear()
    if pa.types.is_string(kind):
        return pa.chunked_array(arrays, kind).combine_chunks()
    if len(arrays) == 1:
        return arrays[0].cast(kind)
    bounds, width = [value_bounds(array) for array in arrays], _width(kind)
    offsets = np.zeros(sum(map(len, arrays)) + 1, np.int64)
    data = own_pages(width * sum(int(bound[-1] - bound[0]) for bound in bounds))
    arrays.reverse()
    row = place = 0
    for bound in bounds:
        array = arrays.pop()
        first, last = int(bound[0]), int(bound[-1])
        if last > first:
            data[width * place : width * (place + last - first)] = _data(array)[width * first : width * last]
        offsets[row + 1 : row + len(bound)] = bound[1:] + (place - first)
        row, place = row + len(array), place + last - first
    return of_buffers(kind, offsets, data)


def of_buffers(kind: pa.DataType, offsets: IntArray, data: npt.NDArray[np.uint8]) -> Any:
    """An array over offsets, int64 of shape (n + 1,), and bytes; nothing is copied.

    Parameters
    ----------
    kind
        Large strings, large binaries, or large lists of numbers.
    offsets, data
        Contiguous, and never written again.
    """
    held: list[Any] = [None, pa.py_buffer(offsets)]
    if not pa.types.is_large_list(kind):
        return pa.Array.from_buffers(kind, len(offsets) - 1, [*held, pa.py_buffer(data)])
    number = kind.value_type
    values = pa.Array.from_buffers(number, len(data) // _width(kind), [None, pa.py_buffer(data)])
    return pa.Array.from_buffers(kind, len(offsets) - 1, held, children=[values])


def _width(kind: pa.DataType) -> int:
    """Bytes of what offsets count: a byte, or a number of a list."""
    return kind.value_type.bit_width // 8 if pa.types.is_large_list(kind) or pa.types.is_list(kind) else 1


def _data(array: Any) -> npt.NDArray[np.uint8]:
    """The bytes that offsets point into."""
    if not pa.types.is_large_list(array.type):
        return np.frombuffer(array.buffers()[2], np.uint8)
    values = array.values
    return np.frombuffer(values.buffers()[1], np.uint8)[values.offset * _width(array.type) :]
