"""How many rows each batch of an Arrow file has, told by its footer and headers: no column is read for it.

PyArrow tells the number of a batch's rows once the batch is read. What is read here are the two tables of
Arrow's FlatBuffers that say it without.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

import numpy as np

from stoker.sources.files import ByteReader

__all__ = ["batch_places"]

_MAGIC_BYTES = 6
_BLOCK = struct.Struct("<qi4xq")
_BATCHES, _HEADER, _LENGTH = 3, 2, 0
"""Which fields of a footer, a message and a record batch hold these."""
_CONTINUES = 0xFFFFFFFF
_MOST_ROWS = (1 << 31) - 1
"""Of a batch, whose values other libraries number in 32 bits."""
_ROWS_PER_BYTE = 1 << 15
"""Rows of all batches for each byte of the file, which compression does not come near."""


def batch_places(
    file: ByteReader, expect: Callable[[Sequence[tuple[int, int]]], None]
) -> list[tuple[int, int, int]]:
    """Rows of each record batch of an Arrow file, and the bytes at which it begins and ends.

    Parameters
    ----------
    file
        It.
    expect
        Told which bytes of it will be read.

    Raises
    ------
    ValueError
        The footer, or what stands before a batch, is damaged.
    """
    size = file.size
    end = _read(file, max(0, size - _MAGIC_BYTES - 4), _MAGIC_BYTES + 4)
    length = _number("<i", end, 0)
    if not 0 < length <= size - _MAGIC_BYTES - 4:
        raise ValueError("the footer has no length")
    footer = _read(file, size - _MAGIC_BYTES - 4 - length, length)
    vector = _reference(footer, _field(footer, _number("<I", footer, 0), _BATCHES))
    if not vector:
        return []
    count = _number("<I", footer, vector)
    if count * _BLOCK.size > len(footer):
        raise ValueError("the footer ends too early")
    blocks = [_block(footer, vector + 4 + number * _BLOCK.size) for number in range(count)]
    expect([(offset, offset + header) for offset, header, _ in blocks])
    rows = [_rows(_read(file, offset, header)) for offset, header, _ in blocks]
    if sum(rows) > max(_MOST_ROWS, size * _ROWS_PER_BYTE):
        raise ValueError(f"it tells of {sum(rows):,} rows in {size:,} bytes")
    return [
        (count, offset, offset + header + body)
        for count, (offset, header, body) in zip(rows, blocks, strict=True)
    ]


def _rows(message: bytes) -> int:
    start = 8 if _number("<I", message, 0) == _CONTINUES else 4
    data = message[start:]
    header = _reference(data, _field(data, _number("<I", data, 0), _HEADER))
    place = _field(data, header, _LENGTH)
    rows = _number("<q", data, place) if place else 0
    if not 0 <= rows <= _MOST_ROWS:
        raise ValueError(f"a batch has {rows:,} rows")
    return rows


def _block(footer: bytes, place: int) -> tuple[int, int, int]:
    """Where a batch begins, the bytes before its columns, and those of its columns."""
    if place + _BLOCK.size > len(footer):
        raise ValueError("the footer ends too early")
    offset, header, body = _BLOCK.unpack_from(footer, place)
    return offset, header, body


def _field(data: bytes, table: int, number: int) -> int:
    """Where a field of a table stands; 0 where the table does not have it."""
    fields = table - _number("<i", data, table)
    place = 4 + 2 * number
    if place >= _number("<H", data, fields):
        return 0
    offset = _number("<H", data, fields + place)
    return table + offset if offset else 0


def _reference(data: bytes, place: int) -> int:
    return place + _number("<I", data, place) if place else 0


def _number(kind: str, data: bytes, place: int) -> int:
    if place < 0 or place + struct.calcsize(kind) > len(data):
        raise ValueError("it refers to what is not there")
    return int(struct.unpack_from(kind, data, place)[0])


def _read(file: ByteReader, offset: int, count: int) -> bytes:
    if offset < 0 or count < 0 or offset + count > file.size:
        raise ValueError("it refers to what is not there")
    data = np.empty(count, np.uint8)
    found = file.read_into(data, offset)
    return data[:found].tobytes()
