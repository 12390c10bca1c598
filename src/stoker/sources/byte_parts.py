"""Where parts of a file of lines begin, found part by part.

A segment begins at the first record that lies 4 KiB behind the last one's beginning, so that where segments
begin in a part depends on all that comes before. Each part is therefore looked at by itself for its records,
and for which segments it would have, whichever of its first records began one; put together in order, these
tell which ones it has. Where a part begins within quotes, what comes before tells that too, and the part is
looked at once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from stoker.errors import DataError
from stoker.sources.csv import CsvTable
from stoker.sources.csv_scan import scan_file
from stoker.sources.files import open_reader
from stoker.sources.index import SEGMENT_BYTES
from stoker.sources.parts import Part, require_size
from stoker.sources.record_starts import record_starts
from stoker.sources.schema import FileLayout
from stoker.types import IntArray

__all__ = ["Range", "Records", "byte_parts", "byte_ranges", "look_at"]

_CHUNK_BYTES = 1 << 20
_LF, _CR = 10, 13
_LOOK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Bytes of a file whose records are looked for.

    Attributes
    ----------
    file_index
        The file's number.
    start, stop
        The bytes.
    begins
        Whether a record, or blank lines before one, certainly begins at `start`; else one is looked for
        behind the next line break.
    """

    file_index: int
    start: int
    stop: int
    begins: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """The records that begin in a range.

    Attributes
    ----------
    num_rows
        How many; -1 where the range cannot be read as though it began outside of quotes.
    following
        Where the first record behind the range begins; -1 where there is none.
    firsts
        int64: where the first records begin, as far as one of them begins the first segment.
    nexts
        int64, one for each of these: how far the last segment in the range reaches at least if that is so.
    """

    num_rows: int
    following: int
    firsts: IntArray
    nexts: IntArray


def byte_ranges(table: CsvTable, target_bytes: int) -> list[Range]:
    """Ranges of about so many bytes of all files.

    Raises
    ------
    ChangedDataError
        A file is not as long as when it was opened.
    """
    ranges = []
    for number, layout in enumerate(table.layouts):
        require_size(layout.path, layout.size)
        count = max(1, (layout.size - layout.data_offset) // max(1, target_bytes))
        bounds = np.linspace(layout.data_offset, layout.size, count + 1).astype(np.int64).tolist()
        for place in range(count):
            ranges.append(
                Range(file_index=number, start=bounds[place], stop=bounds[place + 1], begins=not place)
            )
    return ranges


def look_at(table: CsvTable, wanted: Range) -> Records:
    """The records that begin in a range.

    Raises
    ------
    DataError
        The file cannot be read so, and the range certainly begins with a record.
    """
    layout = table.layouts[wanted.file_index]
    require_size(layout.path, layout.size)
    nowhere = np.empty(0, np.int64)
    start = wanted.start if wanted.begins else _behind_a_line(layout, wanted.start)
    if start >= min(wanted.stop, layout.size):
        return Records(num_rows=-1, following=-1, firsts=nowhere, nexts=nowhere)
    try:
        starts, following = _starts(layout, wanted, start)
    except DataError:
        if wanted.begins:
            raise
        return Records(num_rows=-1, following=-1, firsts=nowhere, nexts=nowhere)
    if not len(starts):
        return Records(num_rows=0, following=following, firsts=nowhere, nexts=nowhere)
    few = int(np.searchsorted(starts, starts[0] + SEGMENT_BYTES)) + 1
    return Records(
        num_rows=len(starts), following=following, firsts=starts[:few].copy(), nexts=_nexts(starts, few)
    )


def _behind_a_line(layout: FileLayout, start: int) -> int:
    """Where the first line begins at or behind `start`."""
    with open_reader(layout.path) as file:
        place = start - 1
        while place < layout.size:
            buffer = np.empty(min(_LOOK_BYTES, layout.size - place), np.uint8)
            buffer = buffer[: file.read_into(buffer, place)]
            (breaks,) = np.nonzero((buffer == _LF) | (buffer == _CR))
            if len(breaks):
                return place + int(breaks[0]) + 1
            if not len(buffer):
                break
            place += len(buffer)
    return layout.size


def _starts(layout: FileLayout, wanted: Range, start: int) -> tuple[IntArray, int]:
    """Where records begin from a byte on, before the range's end; and where the first behind it does."""
    found = []
    for chunk in scan_file(replace(layout, data_offset=start), wanted.file_index, 0, _CHUNK_BYTES):
        starts = chunk.offset + record_starts(chunk.data, chunk.num_records, layout)[:-1]
        found.append(starts)
        if starts[-1] >= wanted.stop:
            break
    together = np.concatenate(found)
    inside = int(np.searchsorted(together, wanted.stop))
    return together[:inside], int(together[inside]) if inside < len(together) else -1


def _nexts(starts: IntArray, few: int) -> IntArray:
    """From where on the first segment behind these records begins, for each of the first as a beginning."""
    step = np.searchsorted(starts, starts + SEGMENT_BYTES)
    last = np.arange(min(few, len(starts)))
    while True:
        further = step[last]
        there = further < len(starts)
        if not there.any():
            return np.asarray(starts[last] + SEGMENT_BYTES, np.int64)
        last[there] = further[there]


def byte_parts(
    table: CsvTable,
    ranges: Sequence[Range],
    found: Iterable[Records],
    look_again: Callable[[Range], Records],
) -> Iterator[Part]:
    """The parts of all files, in order, of what was found in each range.

    Parameters
    ----------
    table
        The files.
    ranges, found
        All ranges in order, and what `look_at` gave for each.
    look_again
        Called with a range that begins within quotes.

    Raises
    ------
    DataError
        What `look_again` raises.
    """
    row, file_index = 0, -1
    expected, target, begun = -1, -1, (-1, -1)
    for wanted, records in zip(ranges, found, strict=True):
        layout = table.layouts[wanted.file_index]
        if wanted.file_index != file_index:
            if begun[0] >= 0:
                yield _part(file_index, begun, row, table.layouts[file_index].size)
            file_index, begun, target = wanted.file_index, (-1, -1), 0
            expected = layout.data_offset
        if expected < 0 or expected >= wanted.stop:
            continue
        is_first = expected == layout.data_offset and wanted.begins
        if not is_first and (not len(records.firsts) or int(records.firsts[0]) != expected):
            records = look_again(replace(wanted, start=expected, begins=True))
        if not len(records.firsts):
            expected = records.following
            continue
        place = int(np.searchsorted(records.firsts, target))
        if place < len(records.nexts):
            anchor = int(records.firsts[place])
            if begun[0] >= 0:
                yield _part(file_index, begun, row + place, anchor)
            begun, target = (anchor, row + place), int(records.nexts[place])
        row += records.num_rows
        expected = records.following
    yield _part(file_index, begun, row, table.layouts[file_index].size)


def _part(file_index: int, begun: tuple[int, int], row: int, stop: int) -> Part:
    start, first_row = begun
    return Part(file_index=file_index, first_row=first_row, num_rows=row - first_row, start=start, stop=stop)
