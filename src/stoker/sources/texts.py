"""Texts as Arrow arrays: decoded, joined without a second copy, measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.types import IntArray

__all__ = ["decode_bytes", "decode_texts", "join_texts", "large_strings", "text_bounds"]


def decode_texts(array: Any) -> pa.LargeStringArray:
    r"""Texts of a ``pyarrow`` array of strings or bytes; what is not UTF-8 becomes U+FFFD.

    Examples
    --------
    >>> decode_texts(pa.array([b"caf\xe9", b""])).to_pylist()
    ['caf\ufffd', '']
    """
    try:
        return array.cast(pa.large_string())
    except pa.ArrowInvalid:
        return pa.array([value.decode("utf-8", "replace") for value in array.to_pylist()], pa.large_string())


def text_bounds(array: Any) -> IntArray:
    """Offsets of a ``pyarrow`` array of strings or bytes, large or not, int64 of shape (n + 1,)."""
    buffer = array.buffers()[1]
    if buffer is None or not len(array):
        return np.zeros(len(array) + 1, np.int64)
    is_large = pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)
    dtype = np.int64 if is_large else np.int32
    offsets = np.frombuffer(buffer, dtype)[array.offset : array.offset + len(array) + 1]
    return offsets.astype(np.int64, copy=False)


def large_strings(offsets: IntArray, data: npt.NDArray[np.uint8]) -> pa.LargeStringArray:
    """A ``pyarrow`` array over offsets, int64 of shape (n + 1,), and bytes of UTF-8; nothing is copied."""
    return pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data))


def decode_bytes(data: npt.NDArray[np.uint8], bounds: IntArray) -> pa.LargeStringArray:
    """The texts ``data[bounds[i]:bounds[i + 1]]``, with U+FFFD for what is not UTF-8; no copy of what is."""
    texts = large_strings(bounds, data)
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        return decode_texts(texts.view(pa.large_binary()))
    return texts


def join_texts(parts: list[Any], *, large: bool) -> Any:
    """One array of the texts of consecutive arrays, which are let go one by one: `parts` is empty afterwards.

    Parameters
    ----------
    parts
        ``pyarrow`` arrays or chunked arrays of strings, or all of large strings; none of them null.
    large
        Whether the result is a ``LargeStringArray``; else it is a ``StringArray``.
    """
    arrays = [
        array for part in parts for array in (part.chunks if isinstance(part, pa.ChunkedArray) else [part])
    ]
    parts.clear()
    if not large:
        return pa.chunked_array(arrays, pa.string()).combine_chunks()
    if len(arrays) == 1:
        return arrays[0].cast(pa.large_string())
    bounds = [text_bounds(array) for array in arrays]
    offsets = np.zeros(sum(map(len, arrays)) + 1, np.int64)
    data = np.empty(sum(int(bound[-1] - bound[0]) for bound in bounds), np.uint8)
    arrays.reverse()
    row = place = 0
    for bound in bounds:
        array = arrays.pop()
        first, last = int(bound[0]), int(bound[-1])
        if last > first:
            data[place : place + last - first] = np.frombuffer(array.buffers()[2], np.uint8)[first:last]
        offsets[row + 1 : row + len(bound)] = bound[1:] + (place - first)
        row, place = row + len(array), place + last - first
    return large_strings(offsets, data)
