"""Pieces of a table in columns: Arrow arrays of some rows, with checksums of what they hold."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stoker.errors import ChangedDataError
from stoker.sources.chunks import Chunk
from stoker.sources.columnar.arrow_kinds import holds_lists
from stoker.sources.columnar.times import is_moment, told_values
from stoker.sources.columnar.values import normalised
from stoker.sources.held import list_bounds, value_bounds
from stoker.sources.index import RowIndex, checksums_of
from stoker.types import IntArray, Uint64Array

__all__ = ["SEGMENT_ROWS", "BatchChunk", "changed", "chunk_of", "require_values", "value_checksums"]

SEGMENT_ROWS = 4_096
"""Rows of a segment; a unit's last one has fewer."""
_SHOWN_BYTES = 256
_NO_BYTE = np.zeros((), np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BatchChunk(Chunk):
    """Consecutive rows of a unit; ``data`` stands for them, a byte a row, and holds nothing.

    Attributes
    ----------
    batch
        The used columns, by the names that stoker gives them.
    batch_row
        Row id of the batch's first row.
    """

    batch: pa.RecordBatch = field(repr=False)
    batch_row: int

    @property
    def by_row(self) -> bool:
        """Offsets are numbers of rows."""
        return True

    @property
    def num_bytes(self) -> int:
        """Memory that the columns take."""
        return int(self.batch.nbytes)

    @property
    def rows(self) -> pa.RecordBatch:
        """The chunk's own rows of the batch."""
        return self.batch.slice(self.first_row - self.batch_row, self.num_records)

    def checksums(self) -> Uint64Array:
        """A checksum of the values of each segment, uint64 of shape (s,)."""
        return value_checksums(self.rows, np.append(self.anchor_rows - self.first_row, self.num_records))

    def text(self, begin: int, end: int) -> bytes:
        """The rows at these places as JSON, a line each."""
        rows = self.rows.slice(begin, end - begin)
        columns = [
            told_values(column) if is_moment(column.type) else column.to_pylist() for column in rows.columns
        ]
        names = rows.schema.names
        plain = (dict(zip(names, map(_plain, row), strict=True)) for row in zip(*columns, strict=True))
        return b"\n".join(msgspec.json.encode(row, enc_hook=str) for row in plain)


def _plain(value: Any) -> Any:
    """A value as JSON can tell it, which has no words for infinity; of a file how many bytes it has."""
    if isinstance(value, bytes) and len(value) > _SHOWN_BYTES:
        return f"{len(value):,} bytes"
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def chunk_of(
    batch: pa.RecordBatch,
    *,
    file_index: int,
    first_row: int,
    row: int,
    anchors: IntArray | None,
    packed_bytes: int | None = None,
) -> BatchChunk:
    """A chunk of rows that begin a segment.

    Parameters
    ----------
    batch
        The used columns.
    file_index, first_row
        Number of the file, and the id of its first row.
    row
        The number of the batch's first row within the file.
    anchors
        int64: numbers of the rows at which segments begin, of these rows or of all; None for those of a file
        that is one unit.
    packed_bytes
        What was read for it, about; None where nobody knows.
    """
    count = batch.num_rows
    if anchors is None:
        offsets = np.arange(row, row + count, SEGMENT_ROWS, dtype=np.int64)
    else:
        offsets = anchors[slice(*np.searchsorted(anchors, [row, row + count]))]
    return BatchChunk(
        file_index=file_index,
        first_row=first_row + row,
        num_records=count,
        offset=row,
        data=np.broadcast_to(_NO_BYTE, count),
        anchor_rows=offsets + first_row,
        anchor_offsets=offsets,
        packed_bytes=batch.nbytes if packed_bytes is None else packed_bytes,
        batch=batch,
        batch_row=first_row + row,
    )


def require_values(index: RowIndex, chunk: Chunk, found: Uint64Array, place: int, path: str) -> None:
    """Compare a chunk's checksums with those of an index, from segment number `place` on.

    Raises
    ------
    ChangedDataError
        They differ.
    """
    behind = place + len(found)
    if behind > len(index.checksums) or not np.array_equal(
        index.anchor_rows[place:behind], chunk.anchor_rows
    ):
        raise changed(path, f"from row {chunk.offset:,} on its rows stand in other units")
    differs = index.checksums[place:behind] != found
    if differs.any():
        first = int(np.argmax(differs))
        ends = np.append(chunk.anchor_offsets, chunk.offset + chunk.num_records)
        row, stop = int(ends[first]), int(ends[first + 1])
        raise changed(path, f"rows {row:,} to {stop - 1:,} hold other values")


def changed(path: str, why: str) -> ChangedDataError:
    """What to say of a file that is not what it was."""
    return ChangedDataError(
        f"{path} changed since it was surveyed: {why}; restore the file, or survey it again"
    )


def value_checksums(batch: pa.RecordBatch, bounds: IntArray) -> Uint64Array:
    """Checksums of the rows ``bounds[i]`` to ``bounds[i + 1]``, uint64 of shape (s,).

    They depend on the values and their types alone: not on what stands where there is none, nor on how the
    values were stored, nor on the other rows of the batch.
    """
    words = [word for column in batch.columns for word in _words(column, bounds)]
    if not words:
        return np.zeros(len(bounds) - 1, np.uint64)
    together = np.ascontiguousarray(np.stack(words, axis=1), "<u8")
    return checksums_of(
        together.reshape(-1).view(np.uint8), np.arange(len(bounds), dtype=np.int64) * 8 * len(words)
    )


def _words(array: Any, bounds: IntArray) -> Iterator[Uint64Array]:
    """Checksums of an array's type, of which values are missing, and of the values; one a segment each."""
    array = normalised(array)
    yield np.repeat(_type_word(_name_of(array.type)), len(bounds) - 1)
    missing = None
    if array.null_count:
        missing = np.asarray(array.is_null().to_numpy(zero_copy_only=False))
    yield _missing_words(missing, bounds)
    if holds_lists(array.type):
        places = list_bounds(array)
        yield checksums_of(np.diff(places).view(np.uint8), bounds * 8)
        yield from _words(array.flatten(), places[bounds])
        return
    for data, at in _canonical(array, missing, bounds):
        yield checksums_of(data, at)


@cache
def _type_word(name: str) -> Uint64Array:
    """The checksum of a type's name, of shape (1,)."""
    return checksums_of(np.frombuffer(name.encode(), np.uint8), np.array([0, len(name.encode())]))


def _name_of(kind: pa.DataType) -> str:
    """What is told of a type: not how wide its offsets are, nor what the items of lists are called."""
    if holds_lists(kind):
        return f"list of {kind.value_type}"
    return str(kind).removeprefix("large_")


def _missing_words(missing: npt.NDArray[np.bool_] | None, bounds: IntArray) -> Uint64Array:
    """Checksums of which values are missing, 0 where none is: whatever is missing in other segments."""
    if missing is None:
        return np.zeros(len(bounds) - 1, np.uint64)
    before = np.searchsorted(np.flatnonzero(missing), bounds)
    return np.where(np.diff(before) > 0, checksums_of(missing.view(np.uint8), bounds), np.uint64(0))


def _canonical(
    array: Any, missing: npt.NDArray[np.bool_] | None, bounds: IntArray
) -> Iterator[tuple[npt.NDArray[np.uint8], IntArray]]:
    """Bytes that say what an array holds, each with the places of the segments in them."""
    kind = array.type
    if _has_offsets(kind):
        array = array if missing is None else pc.fill_null(array, pa.scalar(b"", pa.binary()).cast(kind))
        places = value_bounds(array)
        yield np.diff(places).view(np.uint8), bounds * 8
        yield np.frombuffer(array.buffers()[2] or b"", np.uint8), places[bounds]
        return
    if pa.types.is_boolean(kind):
        array, kind = array.cast(pa.uint8()), pa.uint8()
    width = kind.bit_width // 8
    data, first = np.frombuffer(array.buffers()[1] or b"", np.uint8), array.offset * width
    if missing is not None:
        data, first = data[first : first + len(array) * width].reshape(-1, width).copy(), 0
        data[missing] = 0
    yield data.reshape(-1), first + bounds * width


def _has_offsets(kind: pa.DataType) -> bool:
    """Whether values are of any length: texts and bytes."""
    types = pa.types
    return any(
        test(kind)
        for test in (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
    )
