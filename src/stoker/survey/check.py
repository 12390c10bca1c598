"""Whether a stored survey can be one: its numbers decide what is allocated, and where kernels read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from stoker.sources import Source
from stoker.sources.csv_scan import MAX_RECORD_BYTES
from stoker.sources.index import SEGMENT_BYTES, RowIndex
from stoker.sources.index_check import check_index, check_segments
from stoker.stored import MOST, require
from stoker.survey.labels import MAX_CLASSES
from stoker.survey.lengths import TextLengths
from stoker.survey.profiles import profiles_from_state
from stoker.survey.records import LabelRecord, SurveyRecord, label_counts
from stoker.survey.valuelengths import lengths_from_state
from stoker.transforms.statistics import ColumnStatistics
from stoker.types import IntArray

__all__ = ["check_arrays", "check_record", "checked_statistics"]

_DTYPES = frozenset({"uint8", "int16", "int32", "int64", "float32", "float64"})
_BEYOND = 1 << 63
_LONGEST_SEGMENT = SEGMENT_BYTES + 2 * MAX_RECORD_BYTES


def check_record(record: SurveyRecord, source: Source) -> None:
    """Refuse a record whose numbers contradict one another or the source.

    Raises
    ------
    ValueError, TypeError, KeyError, OverflowError
        If they do.
    """
    slots = record.num_slots
    require(0 < slots <= MOST and 0 <= record.num_bytes <= MOST, f"it tells of {slots} rows")
    for count in (record.num_bad, record.num_skipped, record.num_dropped):
        require(0 <= count <= slots, f"it tells of {count} rows that are left out, of {slots}")
    require(len(record.files) == len(source.paths), "it is of other files")
    for file in record.files:
        require(0 <= file.size <= MOST, f"{file.name} has an impossible size")
    require(record.dtype in _DTYPES, f"no matrix is of {record.dtype!r}")
    for labels in (record.labels, record.view_labels):
        require(set(labels) == set(source.labels), "it knows labels where there are none, or none")
        for label in source.table.schema.labels:
            counted = labels[label.name]
            require(counted.kind == label.kind, f"its labels are of the kind {counted.kind!r}")
            _check_labels(counted, slots)
    require(
        (record.texts is None) == (not source.text_features), "it knows texts where there are none, or none"
    )
    if record.texts is not None:
        lengths = TextLengths.from_state(record.texts)
        require(lengths.num_rows <= slots, "it tells of more texts than rows")
    values = lengths_from_state(record.values, source.table.schema.features)
    require(all(seen.num_rows <= slots for seen in values.values()), "it tells of more values than rows")
    profiles = profiles_from_state(record.profiles) or {}
    require(set(profiles) <= set(source.text_features), "it knows what other columns hold")
    require(all(seen.num_rows <= slots for seen in profiles.values()), "it knows more texts than rows")
    for problem in record.problems:
        place = (problem.row, problem.line, problem.count)
        require(all(number is None or 0 <= number <= MOST for number in place), "a problem is nowhere")


def checked_statistics(record: SurveyRecord, source: Source) -> ColumnStatistics:
    """The statistics of the record.

    Raises
    ------
    ValueError, TypeError, KeyError, OverflowError
        If they are damaged, or of other columns.
    """
    statistics = ColumnStatistics.from_state(record.statistics)
    require((statistics.features or ()) == source.numeric_features, "its statistics are of other columns")
    require(statistics.num_rows <= record.num_slots, "its statistics are of more rows")
    return statistics


def check_arrays(index: RowIndex, excluded: IntArray, record: SurveyRecord) -> None:
    """Refuse arrays that cannot be those of the record.

    Raises
    ------
    ValueError
        If they cannot.
    """
    check_index(index)
    check_segments(index, _LONGEST_SEGMENT)
    sizes = [record.num_slots, len(record.files)]
    require([index.num_records, index.num_files] == sizes, "its parts do not belong together")
    ascends = bool((excluded[1:] > excluded[:-1]).all())
    inside = not excluded.size or (int(excluded[0]) >= 0 and int(excluded[-1]) < record.num_slots)
    require(ascends and inside, "the rows left out are none of the files")


def _check_labels(labels: LabelRecord, num_slots: int) -> None:
    require(0 <= labels.num_rows <= num_slots, "it tells of more labels than rows")
    classes = labels.classes
    if classes is None:
        return
    require(len(classes) == len(labels.counts) <= MAX_CLASSES, "its labels are not counted")
    require(all(0 < count <= num_slots for count in labels.counts), "a label is counted wrongly")
    label_counts(labels)  # of the right types
    numbers = [value for value in classes if isinstance(value, int)]
    require(all(-_BEYOND <= number < _BEYOND for number in numbers), "a label is too large")
    require(_is_sorted(classes), "its labels are in no order")


def _is_sorted(values: Sequence[Any]) -> bool:
    keys = [value.encode() if isinstance(value, str) else value for value in values]
    return all(one < other for one, other in pairwise(keys))
