"""Dates, times and timestamps of Arrow: which of them a calendar holds, and how they are told."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["beyond_calendar", "is_moment", "iso_texts", "told_values", "without_beyond"]

_DAY_SECONDS = 86_400
_FIRST_DAY, _DAYS_BEHIND = -719_162, 2_932_897
"""The first day of year 1, and of year 10000, counted from 1970."""
_IN_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def is_moment(kind: pa.DataType) -> bool:
    """Whether values are dates, times of a day or timestamps."""
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind) or pa.types.is_time(kind))


def beyond_calendar(array: Any) -> npt.NDArray[np.bool_] | None:
    """Which dates and timestamps lie outside of the years 1 to 9999, and times of day outside of a day.

    PostgreSQL's ``infinity`` and years before Christ are such. ISO 8601 has no text of them.

    Parameters
    ----------
    array
        Normalised, of any type.

    Returns
    -------
    bool of shape (n,); None where there is none.

    Examples
    --------
    >>> beyond_calendar(pa.array([0, 2**63 - 1], pa.timestamp("us"))).tolist()
    [False, True]
    """
    kind = array.type
    if not is_moment(kind) or array.null_count == len(array):
        return None
    in_day = 1 if pa.types.is_date(kind) else _DAY_SECONDS * _IN_SECOND[kind.unit]
    days = (0, 1) if pa.types.is_time(kind) else (_FIRST_DAY, _DAYS_BEHIND)
    first, behind = (day * in_day for day in days)
    numbers = _counts(array)
    least, greatest = (end.as_py() for end in pc.min_max(numbers).values())
    if first <= least and greatest < behind:
        return None
    values = np.asarray(pc.fill_null(numbers, 0).to_numpy(zero_copy_only=False))
    return np.asarray((values < first) | (values >= behind))


def without_beyond(array: Any, beyond: npt.NDArray[np.bool_]) -> Any:
    """The array with nulls for the marked values."""
    return pc.if_else(pa.array(beyond), pa.scalar(None, array.type), array)


def iso_texts(array: Any) -> Any:
    """Moments in ISO 8601, with the digits that their fraction has; timestamps of a zone in universal time.

    Examples
    --------
    >>> iso_texts(pa.array([500, None], pa.timestamp("ms", "Europe/Berlin"))).to_pylist()
    ['1970-01-01T00:00:00.5Z', None]
    """
    kind = array.type
    if not pa.types.is_timestamp(kind):
        return _without_zeros(array.cast(pa.string()))
    texts = _zoneless(array).cast(pa.string())
    texts = pc.binary_replace_slice(texts, start=10, stop=11, replacement="T")
    if kind.unit != "s":
        texts = _without_zeros(texts)
    return pc.binary_join_element_wise(texts, "Z", "") if kind.tz else texts


def told_values(array: Any) -> list[str | None]:
    """Moments for people: as `iso_texts`, and those beyond the calendar as they are counted, if need be.

    Examples
    --------
    >>> told_values(pa.array([0, 2**63 - 1, None], pa.timestamp("us")))
    ['1970-01-01T00:00:00', '9223372036854775807 us from 1970 on', None]
    """
    beyond = beyond_calendar(array)
    if beyond is None:
        return list(iso_texts(array).to_pylist())
    texts: list[str | None] = iso_texts(without_beyond(array, beyond)).to_pylist()
    unit = "days" if pa.types.is_date(array.type) else array.type.unit
    start = "midnight" if pa.types.is_time(array.type) else "1970"
    for row in np.flatnonzero(beyond).tolist():
        one = array.slice(row, 1)
        text = _zoneless(one).cast(pa.string())[0].as_py()
        texts[row] = f"{_counts(one)[0]} {unit} from {start} on" if text.startswith("<") else text
    return texts


def _zoneless(array: Any) -> Any:
    """Timestamps of a zone in universal time, without one."""
    return array.cast(pa.timestamp(array.type.unit)) if pa.types.is_timestamp(array.type) else array


def _without_zeros(texts: Any) -> Any:
    """Seconds without the zeros, and the point, behind the last digit of their fraction."""
    return pc.replace_substring_regex(texts, r"\.?0*$", "") if _has_point(texts) else texts


def _has_point(texts: Any) -> bool:
    return len(texts) > 0 and bool(pc.any(pc.match_substring(texts, ".")).as_py())


def _counts(array: Any) -> Any:
    """Days of dates, and units of times and timestamps: int32 or int64."""
    return array.view(pa.int32() if array.type.bit_width == 32 else pa.int64())
