"""Units decoded from the first to the last, cut into chunks of whole segments."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing

import numpy as np
import pyarrow as pa

from stoker.errors import DataError
from stoker.sources.columnar.batch_chunk import SEGMENT_ROWS, BatchChunk, chunk_of
from stoker.sources.columnar.columns import FileColumns
from stoker.sources.columnar.units import anchors_of, unreadable
from stoker.types import IntArray
from stoker.waits import Wait

__all__ = ["read_batches", "scan_units"]


def scan_units(
    columns: FileColumns,
    file_index: int,
    first_row: int,
    target_bytes: int,
    first_unit: int = 0,
    stop_unit: int | None = None,
) -> Iterator[BatchChunk]:
    """The rows of a file, or of some of its units, in chunks.

    Parameters
    ----------
    columns
        The file and its used columns.
    file_index, first_row
        Its number, and the id of its first row.
    target_bytes
        About what a chunk takes, if that is no less than a segment.
    first_unit, stop_unit
        The units; None for all that follow.

    Raises
    ------
    DataError
        The file cannot be read.
    """
    unit_rows = columns.file.unit_rows
    segment_rows = columns.segment_rows
    anchors = None if unit_rows is None else anchors_of(unit_rows, segment_rows)
    total = None if unit_rows is None else int(unit_rows[:stop_unit].sum())
    row_bytes = columns.used_bytes / max(1, int(unit_rows.sum())) if unit_rows is not None and total else 0.0

    def chunk(batch: pa.RecordBatch) -> BatchChunk:
        packed = max(1, int(batch.num_rows * row_bytes)) if row_bytes else None
        return chunk_of(
            batch, file_index=file_index, first_row=first_row, row=row, anchors=anchors, packed_bytes=packed
        )

    waiting: list[pa.RecordBatch] = []
    row = 0 if unit_rows is None else int(unit_rows[:first_unit].sum())
    held = num_bytes = 0
    with closing(read_batches(columns, first_unit, columns.rows_within(3 * target_bytes // 2))) as batches:
        for batch in batches:
            if stop_unit is not None and row + held == total:
                break
            if total is not None and stop_unit is not None:
                batch = batch.slice(0, total - row - held)
            size = batch.nbytes
            together = num_bytes + size
            too_much = 2 * together > 3 * target_bytes or (
                together > target_bytes and 2 * num_bytes >= target_bytes
            )
            if waiting and too_much and _cut(anchors, row, held) == held:
                # What was decoded together stays so: to join and cut it again would copy every value.
                yield chunk(_joined(waiting))
                waiting, row, held, num_bytes = [], row + held, 0, 0
            waiting.append(batch)
            held, num_bytes = held + batch.num_rows, num_bytes + size
            while num_bytes >= target_bytes and held > segment_rows:
                share = max(segment_rows, held * target_bytes // num_bytes)
                # What is little too much is not worth being cut, and so copied.
                share = held if 2 * num_bytes <= 3 * target_bytes else share
                count = _cut(anchors, row, min(share, held))
                if not count:
                    break
                whole = _joined(waiting)
                yield chunk(whole.slice(0, count))
                waiting = [whole.slice(count)] if count < held else []
                row, held = row + count, held - count
                num_bytes = sum(part.nbytes for part in waiting)
    if held:
        yield chunk(_joined(waiting))
        row += held
    if total is not None and row != total:
        raise DataError(
            f"{columns.file.path} holds {row:,} rows where it says {total:,}; restore the file, or write it "
            "again"
        )


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)


def read_batches(columns: FileColumns, first_unit: int, rows: int | None = None) -> Generator[pa.RecordBatch]:
    """The batches of a file, of about so many rows; what goes wrong in reading them is told as such.

    Raises
    ------
    DataError
        The file cannot be read.
    """
    path, row = columns.file.path, 0
    batches = columns.batches(first_unit, columns.batch_rows if rows is None else rows)
    try:
        while True:
            with Wait("decodes row {} of {}", row, path):
                batch = next(batches, None)
            if batch is None:
                return
            if batch.num_rows:
                yield batch
                row += batch.num_rows
    except (OSError, pa.ArrowException) as error:
        raise unreadable(path, error, behind=f" behind row {row:,}") from error
    finally:
        batches.close()


def _cut(anchors: IntArray | None, row: int, most: int) -> int:
    """How many rows from an anchor on reach to the last anchor within `most`, or to the first behind."""
    if anchors is None:
        return most // SEGMENT_ROWS * SEGMENT_ROWS
    place = int(np.searchsorted(anchors, row + most, side="right")) - 1
    return int(anchors[place]) - row
