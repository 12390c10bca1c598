"""A survey by many: parts of the files are surveyed elsewhere, and put together in order to what one finds.

Of files of lines, the parts are first looked at for where records begin; then each part is surveyed, all but
the statistics of numbers, whose sums go by which rows the view holds: for these its rows are read by their
places. So bytes are read three times, each time by all together.
"""

from __future__ import annotations

from stoker.crew import Crew
from stoker.sources import Source
from stoker.sources.byte_parts import Range, Records, byte_parts, byte_ranges, look_at
from stoker.sources.csv import CsvTable
from stoker.sources.index import RowIndex
from stoker.sources.parts import Part, is_of_bytes, unit_parts
from stoker.survey.measuring import measured
from stoker.survey.partpass import survey_part, take_in
from stoker.survey.scan import Pass
from stoker.types import IntArray, Progress

__all__ = ["is_worth_sharing", "measured_together", "survey_together"]

_PART_BYTES = 64 << 20
_LEAST_PART_BYTES = 1 << 20
_ALONE_BYTES = 256 << 20
"""Fewer are surveyed sooner than others have begun."""
_PARTS_A_TASK = 4
"""So many parts for each task that is done at once, if there are enough bytes."""
_LEAST_MEMORY = 64 << 20


def is_worth_sharing(num_bytes: int) -> bool:
    """Whether files of so many bytes are surveyed sooner by many."""
    return num_bytes >= _ALONE_BYTES


def survey_together(done: Pass, crew: Crew, progress: Progress | None) -> None:
    """Have others survey all files, and a pass know what they found, but for the statistics.

    Raises
    ------
    ChangedDataError
        If files are not what they were when they were opened, or not the same everywhere.
    """
    share = done.num_bytes // (_PARTS_A_TASK * crew.size)
    target = min(_PART_BYTES, max(_LEAST_PART_BYTES, share))
    parts = _parts(done.source, crew, target)
    num_slots = parts[-1].first_row + parts[-1].num_rows
    limit = _LEAST_MEMORY if done.ledger is None else done.ledger.limit // crew.tasks_a_host
    common = done.source, done.policy, num_slots, max(_LEAST_MEMORY, limit)
    told = 0
    for found in crew.each(survey_part, parts, common):
        take_in(done, found)
        told += found.file_bytes
        if progress is not None:
            progress(min(told, done.num_bytes), done.num_bytes)


def measured_together(done: Pass, crew: Crew, index: RowIndex, excluded: IntArray) -> None:
    """Have a pass know the statistics of its view, whose rows others read.

    Raises
    ------
    BadRowError
        If rows are bad and not to be left out.
    """
    view = done.source.view.bind(done.num_slots, excluded)
    done.statistics = measured(crew, done.source, view, index, excluded, done.dtype, done.marks)


def _parts(source: Source, crew: Crew, target: int) -> list[Part]:
    if not is_of_bytes(source):
        return unit_parts(source, target)
    table = source.table
    assert isinstance(table, CsvTable)
    ranges = byte_ranges(table, target)
    looked = crew.each(look_at, ranges, table)

    def again(wanted: Range) -> Records:
        (found,) = crew.each(look_at, [wanted], table)
        return found

    return list(byte_parts(table, ranges, looked, again))
