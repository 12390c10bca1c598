"""What a piece of the cache holds, byte by byte: told when written, looked at when first read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from stoker.kernels.checksum import checksum_segments
from stoker.stored import require
from stoker.types import ColumnSpec, is_number
from stoker.types.arrow import is_list

__all__ = ["CHECKSUM", "buffers_of", "check_places", "checksum_of"]

CHECKSUM = b"stoker.checksum"
"""Key, in the metadata of a record batch, of the sum of its buffers' XXH64, each multiplied by its place."""


def buffers_of(batch: pa.RecordBatch, width: int, others: Sequence[ColumnSpec]) -> list[tuple[Any, int]]:
    """The buffers of a record batch, each with the bytes of it that count.

    Parameters
    ----------
    batch
        The matrix's column, if any, then the others.
    width
        Columns of the matrix; 0 without one.
    others
        The columns beside it.

    Raises
    ------
    ValueError
        If an array begins within its buffers, or knows missing values.
    """
    num_rows, found = batch.num_rows, []
    columns = list(batch.columns)
    for column in columns:
        require(not column.offset and not column.null_count, "a column has missing values")
    if width:
        values = columns.pop(0).values
        require(not values.offset and not values.null_count, "the matrix has missing values")
        found.append((values.buffers()[1], num_rows * width * values.type.bit_width // 8))
    for column, spec in zip(columns, others, strict=True):
        if is_number(spec.kind):
            found.append((column.buffers()[1], 8 * num_rows))
            continue
        # Of a list the buffers of its numbers come last; they know no missing values either.
        offsets, data, width = column.buffers()[1], column.buffers()[-1], 1
        if is_list(column.type):
            values, width = column.values, column.type.value_type.bit_width // 8
            require(not values.offset and not values.null_count, "a list has missing values")
        item = np.dtype(np.int32 if pa.types.is_string(column.type) else np.int64)
        num_bytes = (num_rows + 1) * item.itemsize
        require(offsets is not None and offsets.size >= num_bytes, "values without places")
        length = int(np.frombuffer(offsets, item, num_rows + 1)[-1]) * width
        found += [(offsets, num_bytes), (data, length)]
    for buffer, num_bytes in found:
        require(0 <= num_bytes <= (0 if buffer is None else buffer.size), "a buffer is too short")
    return found


def check_places(batch: pa.RecordBatch, begin: int, end: int) -> None:
    """Refuse a record batch that does not lie within the mapping: it was compressed, or is another's.

    Raises
    ------
    ValueError
        If it does not.
    """
    for column in batch.columns:
        has_values = pa.types.is_fixed_size_list(column.type) or is_list(column.type)
        arrays = [column, column.values] if has_values else [column]
        require(all(array.buffers()[0] is None for array in arrays), "a column has missing values")
        for buffer in column.buffers():
            inside = buffer is None or not buffer.size or begin <= buffer.address <= end - buffer.size
            require(inside, "a buffer lies outside of the file")


def checksum_of(buffers: Sequence[tuple[Any, int]]) -> int:
    """What stands under `CHECKSUM`."""
    found, one = np.zeros(len(buffers), np.uint64), np.empty(1, np.uint64)
    for place, (buffer, num_bytes) in enumerate(buffers):
        data = np.empty(0, np.uint8) if buffer is None else np.frombuffer(buffer, np.uint8)
        checksum_segments(data, np.array([0, num_bytes], np.int64), one)
        found[place] = one[0]
    return int((found * (2 * np.arange(len(buffers), dtype=np.uint64) + 1)).sum())
