"""One sequential pass over a delimited file: whole segments in pieces of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.buffers import BufferPool
from stoker.errors import ChangedDataError, DataError
from stoker.kernels.frozen import frozen
from stoker.kernels.records import OPEN_QUOTE, scan_records
from stoker.ledger import Ledger
from stoker.sources.chunks import Chunk
from stoker.sources.files import line_of, open_reader
from stoker.sources.index import SEGMENT_BYTES
from stoker.sources.packing import PackedStream
from stoker.sources.schema import FileLayout

__all__ = ["MAX_RECORD_BYTES", "scan_file"]

MAX_RECORD_BYTES = 64 << 20
"""A longer record is an error: most likely a quote was never closed."""

_MOST_IDLE = 4


def scan_file(
    layout: FileLayout,
    file_index: int,
    first_row: int,
    target_bytes: int,
    max_record_bytes: int = MAX_RECORD_BYTES,
) -> Iterator[Chunk]:
    """Chunks of one file, each of at most `target_bytes` unless a single segment is longer.

    Parameters
    ----------
    layout
        The file.
    file_index, first_row
        Its place in the source, and the row id of its first record.
    target_bytes
        Size of the buffer that is read at a time.
    max_record_bytes
        How long a record may be.

    Raises
    ------
    DataError
        A quote is never closed, a record is too long, or there is no record.
    ChangedDataError
        The file is shorter than when it was opened.
    """
    row, offset, carried = first_row, layout.data_offset, np.empty(0, np.uint8)
    least = max(target_bytes, 4 * SEGMENT_BYTES)
    capacity, final = least, False
    with _PackedBytes(layout) if layout.packing else _PlainBytes(layout, least) as source:
        while not final:
            buffer, final = source.fill(carried, capacity)
            chunk = _whole_segments(layout, buffer, file_index, row, offset, final) if len(buffer) else None
            if chunk is None and final:
                break
            if chunk is None:
                if len(buffer) > max_record_bytes:
                    raise DataError(_too_long(layout, buffer, offset, max_record_bytes))
                carried, capacity = buffer, 2 * capacity
                continue
            if isinstance(source, _PackedBytes):
                chunk = source.marked(chunk)
            yield chunk
            row += chunk.num_records
            end = chunk.offset + len(chunk.data)
            carried = buffer[end - offset :].copy()
            offset, capacity = end, max(least, 2 * len(carried))
    if row == first_row:
        raise DataError(f"{layout.path}: there is a header and no row below it; give a file with rows")


class _PlainBytes:
    """A file's bytes behind its header, in buffers that begin with what was left of the one before.

    Their memory is used again as soon as nobody holds their chunks.
    """

    def __init__(self, layout: FileLayout, usual_bytes: int) -> None:
        self._layout = layout
        self._file = open_reader(layout.path, in_order=True)
        # What chunks take is charged by those who ask for them.
        account = Ledger(limit=_MOST_IDLE * usual_bytes)
        self._pool = BufferPool(account, "chunks", num_bytes=usual_bytes, most_idle=_MOST_IDLE)
        self._position = layout.data_offset

    def fill(self, carried: npt.NDArray[np.uint8], capacity: int) -> tuple[npt.NDArray[np.uint8], bool]:
        """The next buffer of `capacity` bytes, fewer at the end, and whether it is the last."""
        layout = self._layout
        wanted = min(capacity - len(carried), layout.size - self._position)
        buffer = self._pool.lend((len(carried) + wanted,), np.uint8)
        buffer[: len(carried)] = carried
        count = self._file.read_into(buffer[len(carried) :], self._position)
        self._position += count
        if count < wanted:
            raise ChangedDataError(
                f"{layout.path} shrank while it was read: it had {layout.size} bytes when it was opened and "
                f"ends at byte {self._position}; restore it and begin again"
            )
        return buffer, self._position >= layout.size

    def __enter__(self) -> _PlainBytes:
        return self

    def __exit__(self, *_: Any) -> None:
        self._file.close()
        self._pool.close()


class _PackedBytes:
    """The same of a compressed file."""

    def __init__(self, layout: FileLayout) -> None:
        self._stream = PackedStream(layout.path)
        self._stream.skip(layout.data_offset)
        self._told = 0

    def fill(self, carried: npt.NDArray[np.uint8], capacity: int) -> tuple[npt.NDArray[np.uint8], bool]:
        """As of `_PlainBytes`; that a buffer was the last may come to light with an empty next one."""
        buffer = np.empty(capacity, np.uint8)
        buffer[: len(carried)] = carried
        count = len(carried) + self._stream.read_into(buffer[len(carried) :])
        return buffer[:count], count < capacity

    def marked(self, chunk: Chunk) -> Chunk:
        """The chunk with what was read of the file since the last one, and what unpacking takes."""
        before, self._told = self._told, self._stream.packed_position
        return replace(chunk, packed_bytes=self._told - before, unpacking_bytes=self._stream.held_bytes)

    def __enter__(self) -> _PackedBytes:
        return self

    def __exit__(self, *_: Any) -> None:
        self._stream.close()


def _whole_segments(
    layout: FileLayout,
    buffer: npt.NDArray[np.uint8],
    file_index: int,
    first_row: int,
    offset: int,
    final: bool,
) -> Chunk | None:
    """The buffer's segments without the last one, which may go on; all of them at the end of the file."""
    rows = np.empty(len(buffer) // SEGMENT_BYTES + 2, np.int64)
    offsets = np.empty_like(rows)
    num_records, consumed, num_anchors, problem = scan_records(
        frozen(buffer),
        0,
        len(buffer),
        layout.dialect.delimiter_byte,
        layout.dialect.quote_byte,
        final,
        SEGMENT_BYTES,
        first_row,
        offset,
        rows,
        offsets,
    )
    if problem == OPEN_QUOTE:
        raise DataError(_open_quote(layout, offset + consumed))
    if final and num_anchors:
        end = len(buffer)
    elif num_anchors > 1:
        num_anchors -= 1
        num_records, end = int(rows[num_anchors]) - first_row, int(offsets[num_anchors]) - offset
    else:
        return None
    start = int(offsets[0]) - offset
    return Chunk(
        file_index=file_index,
        first_row=first_row,
        num_records=num_records,
        offset=offset + start,
        data=buffer[start:end],
        anchor_rows=rows[:num_anchors].copy(),
        anchor_offsets=offsets[:num_anchors].copy(),
    )


def _open_quote(layout: FileLayout, offset: int) -> str:
    return (
        f"{layout.path}, line {line_of(layout.path, offset)}: a quote ({layout.dialect.quote}) is opened in "
        "this record and never closed; close it, or say that the file has no quotes (quote='')"
    )


def _too_long(layout: FileLayout, buffer: npt.NDArray[np.uint8], offset: int, limit: int) -> str:
    nowhere = np.empty(1, np.int64)
    delimiter, quote = layout.dialect.delimiter_byte, layout.dialect.quote_byte
    _, consumed, _, _ = scan_records(
        frozen(buffer), 0, len(buffer), delimiter, quote, False, len(buffer), 0, 0, nowhere, nowhere
    )
    line = line_of(layout.path, offset + consumed)
    advice = "most likely a quote was never closed; close it, or say that the file has no quotes (quote='')"
    return f"{layout.path}, line {line}: a record is longer than {limit >> 20} MiB; " + (
        advice if layout.dialect.quote else "check that the file has line ends"
    )
