"""Between which values a column lies, as a Parquet file's statistics tell of each row group."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stoker.sources.columnar.arrow_kinds import column_kind
from stoker.sources.columnar.times import beyond_calendar, is_moment, iso_texts
from stoker.sources.outcomes import ANYTHING, Range

__all__ = ["leaves_of", "range_of_group", "range_of_value"]

_BEHIND = chr(0x10FFFF)
"""Greater than what may follow a text that was cut."""
_DECIMAL_SLACK = 1e-12
"""Decimals become floats by Arrow's arithmetic, which may be off in the last bits."""
_UNITS = {"milliseconds": "ms", "microseconds": "us", "nanoseconds": "ns"}


def leaves_of(metadata: pq.FileMetaData) -> Mapping[str, int]:
    """Which column of a Parquet file a field is, of those that hold one value a row."""
    places: dict[str, int] = {}
    place = 0
    for field in metadata.schema.to_arrow_schema():
        if not pa.types.is_nested(field.type):
            places[field.name] = place
        place += _num_leaves(field.type)
    if place != metadata.num_columns:
        return {}
    return {name: at for name, at in places.items() if metadata.schema.column(at).path == name}


def _num_leaves(kind: pa.DataType) -> int:
    if isinstance(kind, pa.BaseExtensionType):
        return _num_leaves(kind.storage_type)
    if not pa.types.is_nested(kind):
        return 1
    return sum(_num_leaves(kind.field(place).type) for place in range(kind.num_fields))


def range_of_value(value: Any) -> Range:
    """That of a column that holds one value; None for a blank.

    Examples
    --------
    >>> range_of_value(2024).low, range_of_value("").may_be_value
    (2024.0, False)
    """
    if value is None or value == "" or value != value:
        return Range(may_be_value=False, may_be_bad=False)
    if isinstance(value, str):
        return Range.of(value)
    return Range.of(float(value)) if math.isfinite(value) else ANYTHING


def range_of_group(part: pq.ColumnChunkMetaData, kind: pa.DataType) -> Range:
    """That of a column in one row group, as numbers or texts are compared: floats, and ISO 8601 for times.

    Statistics that are not there, or may not be relied on, leave it open.

    Parameters
    ----------
    part
        What the footer says.
    kind
        Arrow's type of the column.
    """
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    known = part.statistics
    has_nulls = known is None or not known.has_null_count or known.null_count > 0
    if known is not None and known.has_null_count and known.null_count == part.num_values:
        return Range(may_be_value=False, may_be_bad=False)
    if is_moment(kind):
        return _of_moments(known, has_nulls)
    ends = (known.min, known.max) if known is not None and known.has_min_max else (None, None)
    if column_kind(kind) == "text":
        return _of_texts(known, ends, has_nulls)
    if column_kind(kind) in ("int", "float"):
        return _of_numbers(ends, kind, has_nulls)
    return ANYTHING


def _of_numbers(ends: tuple[Any, Any], kind: pa.DataType, has_nulls: bool) -> Range:
    is_float = pa.types.is_floating(kind)
    if pa.types.is_float16(kind) or None in ends or not all(map(math.isfinite, ends)):
        # Without both ends there may be an infinity, which makes a row a bad one.
        return ANYTHING if is_float else Range(may_be_blank=has_nulls, may_be_bad=False)
    low, high = float(ends[0]), float(ends[1])
    if pa.types.is_decimal(kind):
        low, high = low - abs(low) * _DECIMAL_SLACK, high + abs(high) * _DECIMAL_SLACK
    # Statistics pass over NaN, which is a blank.
    return Range(low=low, high=high, may_be_blank=has_nulls or is_float, may_be_bad=False)


def _of_texts(known: Any, ends: tuple[Any, Any], has_nulls: bool) -> Range:
    if None in ends:
        return Range(may_be_bad=False)
    low, high = ends
    if not isinstance(low, str) or not isinstance(high, str):
        return ANYTHING
    if not getattr(known, "is_max_value_exact", False):
        high += _BEHIND  # long texts are cut, by some writers to a mere beginning of the greatest one
    return Range(low=low, high=high, may_be_blank=has_nulls or low == "", may_be_bad=False)


def _of_moments(known: Any, has_nulls: bool) -> Range:
    ends = None if known is None or not known.has_min_max else _moments(known)
    if ends is None or beyond_calendar(ends[0]) is not None:
        return Range(may_be_blank=has_nulls)
    moments, size = ends
    low, high = (text[:size] for text in iso_texts(moments).to_pylist())
    return Range(low=low, high=high + _BEHIND, may_be_blank=has_nulls, may_be_bad=False)


def _moments(known: Any) -> tuple[Any, int] | None:
    """The ends of a column of times, and how much of their text goes to the second.

    What follows it sorts in no order of time: a fraction is left out where it is none, and ``Z`` sorts behind
    a point.
    """
    said = json.loads(known.logical_type.to_json())
    unit = _UNITS.get(said.get("timeUnit", ""), "")
    ends = pa.array([known.min_raw, known.max_raw])
    if said["Type"] == "Date":
        return ends.cast(pa.int32()).cast(pa.date32()), len("2024-01-05")
    if said["Type"] == "Timestamp" and unit:
        return ends.cast(pa.timestamp(unit)), len("2024-01-05T10:00:00")
    if said["Type"] == "Time" and unit == "ms":
        return ends.cast(pa.int32()).cast(pa.time32(unit)), len("10:00:00")
    if said["Type"] == "Time" and unit:
        return ends.cast(pa.time64(unit)), len("10:00:00")
    return None
