"""Texts to instants, and instants to years, months and all the rest of the proleptic Gregorian calendar.

An instant is an int64 of microseconds since 1970-01-01T00:00:00, of years 1 to 9999. Days are turned into
dates and back as in Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (2013).
"""

from __future__ import annotations

import math

import numpy as np

from stoker.kernels.compiling import bare_kernel, helper_kernel, inner_kernel, kernel

__all__ = ["BLANK", "NO_DATE", "OUT_OF_RANGE", "parse_format", "parse_iso", "write_parts"]

BLANK, NO_DATE, OUT_OF_RANGE = 1, 2, 3
"""What may be the matter with a text; 0 is nothing."""

_DAY = 86_400_000_000
_ZERO, _NINE = 0x30, 0x39
_MONTHS = np.frombuffer(b"janfebmaraprmayjunjulaugsepoctnovdec", np.uint8)


@inner_kernel
def _days(year, month, day):
    """Days since 1970-01-01."""
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


@inner_kernel
def _month_days(year, month):
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if month == 2:
        return 29 if leap else 28
    return 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31


@helper_kernel
def _instant(year, month, day, hour, minute, second, micros, east):
    """The instant and 0, or 0 and `OUT_OF_RANGE`; `east`: minutes of a zone ahead of UTC."""
    sound = 1 <= year <= 9999 and 1 <= month <= 12 and day >= 1
    sound = sound and day <= _month_days(year, month) and hour < 24 and minute < 60 and second < 60
    if not sound or abs(east) >= 1440:
        return np.int64(0), np.uint8(OUT_OF_RANGE)
    seconds = ((_days(year, month, day) * 24 + hour) * 60 + minute - east) * 60 + second
    return np.int64(seconds * 1_000_000 + micros), np.uint8(0)


@helper_kernel
def _digits(data, at, end, least, most):
    """The number of so many digits from `at` on, least and most, -1 if there is none, and where it ends."""
    number, begin = np.int64(0), at
    while at < end and at - begin < most and _ZERO <= data[at] <= _NINE:
        number = number * 10 + np.int64(data[at] - _ZERO)
        at += 1
    if at - begin < least:
        return np.int64(-1), at
    return number, at


@helper_kernel
def _fraction(data, at, end):
    """Microseconds of the one to nine digits from `at` on, what is finer cut off; -1 if there is none."""
    number, stop = _digits(data, at, end, 1, 9)
    if number >= 0:
        for _ in range(stop - at, 6):
            number *= 10
        for _ in range(6, stop - at):
            number //= 10
    return number, stop


@inner_kernel
def _holds(data, at, end, character):
    return at < end and data[at] == character


@helper_kernel
def _zone(data, at, end):
    """Minutes ahead of UTC of ``Z``, ``+hh``, ``+hhmm`` or ``+hh:mm``, and its end; -1 if it is none."""
    if _holds(data, at, end, 0x5A) or _holds(data, at, end, 0x7A):
        return np.int64(0), at + 1
    if not (_holds(data, at, end, 0x2B) or _holds(data, at, end, 0x2D)):
        return np.int64(0), at
    sign = 1 if data[at] == 0x2B else -1
    hours, at = _digits(data, at + 1, end, 2, 2)
    if hours < 0:
        return np.int64(0), np.int64(-1)
    minutes = np.int64(0)
    if at < end:
        minutes, at = _digits(data, at + (data[at] == 0x3A), end, 2, 2)
    if minutes < 0:
        return np.int64(0), np.int64(-1)
    return sign * (hours * 60 + minutes), at


@helper_kernel
def _iso(data, at, end):
    """The instant of one text, and what is the matter with it."""
    failed = np.int64(0), np.uint8(NO_DATE)
    year, at = _digits(data, at, end, 4, 4)
    if year < 0 or not _holds(data, at, end, 0x2D):
        return failed
    month, at = _digits(data, at + 1, end, 2, 2)
    if month < 0 or not _holds(data, at, end, 0x2D):
        return failed
    day, at = _digits(data, at + 1, end, 2, 2)
    if day < 0:
        return failed
    hour = minute = second = micros = east = np.int64(0)
    if at < end:
        if not (data[at] == 0x54 or data[at] == 0x20):
            return failed
        hour, at = _digits(data, at + 1, end, 2, 2)
        if hour < 0 or not _holds(data, at, end, 0x3A):
            return failed
        minute, at = _digits(data, at + 1, end, 2, 2)
        if minute < 0:
            return failed
        if _holds(data, at, end, 0x3A):
            second, at = _digits(data, at + 1, end, 2, 2)
            if second >= 0 and (_holds(data, at, end, 0x2E) or _holds(data, at, end, 0x2C)):
                micros, at = _fraction(data, at + 1, end)
        if second < 0 or micros < 0:
            return failed
        east, at = _zone(data, at, end)
    if at != end:
        return failed
    return _instant(year, month, day, hour, minute, second, micros, east)


@bare_kernel
def parse_iso(data, offsets, instants, problems):
    """Read ISO 8601 dates, ``2024-01-05``, perhaps with a time, ``2024-01-05T10:00:00.5+01:00``, as UTC.

    Parameters
    ----------
    data, offsets
        uint8; int64 of shape (n + 1,): text i is ``data[offsets[i] : offsets[i + 1]]``.
    instants, problems
        int64 and uint8 of shape (n,): instants, 0 where there is none, and what is the matter. Written.
    """
    for i in range(instants.shape[0]):
        at, end = np.int64(offsets[i]), np.int64(offsets[i + 1])
        if at == end:
            instants[i], problems[i] = 0, BLANK
        else:
            instants[i], problems[i] = _iso(data, at, end)


@helper_kernel
def _month_named(data, at, end):
    """The month of an English name's first three letters, and where these end; -1 if it is none."""
    if at + 3 <= end:
        for month in range(12):
            same = True
            for letter in range(3):
                same = same and (data[at + letter] | 0x20) == _MONTHS[3 * month + letter]
            if same:
                return np.int64(month + 1), at + 3
    return np.int64(-1), at


@helper_kernel
def _one_field(data, at, end, step):
    """The value of one step of a format, -1 if it is not there, and where it ends."""
    if step == 0x59:  # Y
        return _digits(data, at, end, 4, 4)
    if step == 0x79:  # y
        number, at = _digits(data, at, end, 2, 2)
        return (number if number < 0 else number + (1900 if number >= 69 else 2000)), at
    if step == 0x66:  # f
        return _fraction(data, at, end)
    if step == 0x62:  # b
        return _month_named(data, at, end)
    if step == 0x70:  # p
        half = data[at] | 0x20 if at + 2 <= end and data[at + 1] | 0x20 == 0x6D else 0
        return np.int64(0 if half == 0x61 else 1 if half == 0x70 else -1), at + 2
    return _digits(data, at, end, 1, 2)


@helper_kernel
def _formatted(data, at, end, steps):
    """As `_iso`, by the steps of a format."""
    year, month, day = np.int64(1900), np.int64(1), np.int64(1)
    hour = minute = second = micros = np.int64(0)
    half = np.int64(-1)
    for step in steps:
        if step >= 256:
            if not _holds(data, at, end, step - 256):
                return np.int64(0), np.uint8(NO_DATE)
            at += 1
            continue
        number, at = _one_field(data, at, end, step)
        if number < 0:
            return np.int64(0), np.uint8(NO_DATE)
        if step == 0x59 or step == 0x79:
            year = number
        elif step == 0x6D or step == 0x62:
            month = number
        elif step == 0x64:
            day = number
        elif step == 0x48 or step == 0x49:
            hour = number
        elif step == 0x4D:
            minute = number
        elif step == 0x53:
            second = number
        elif step == 0x66:
            micros = number
        else:
            half = number
    if at != end:
        return np.int64(0), np.uint8(NO_DATE)
    if half >= 0:
        if not 1 <= hour <= 12:
            return np.int64(0), np.uint8(OUT_OF_RANGE)
        hour = hour % 12 + 12 * half
    return _instant(year, month, day, hour, minute, second, micros, np.int64(0))


@bare_kernel
def parse_format(data, offsets, steps, instants, problems):
    """As `parse_iso`, of another spelling.

    `steps`, int32, are the characters of its fields, ``Y y m b d H I p M S f`` as of ``strptime``, and 256
    more than each character that stands for itself.
    """
    for i in range(instants.shape[0]):
        at, end = np.int64(offsets[i]), np.int64(offsets[i + 1])
        if at == end:
            instants[i], problems[i] = 0, BLANK
        else:
            instants[i], problems[i] = _formatted(data, at, end, steps)


@kernel
def write_parts(instants, problems, parts, periods, subtract, multiply, out):
    """Write parts of instants, one row each; zeros for those with a problem.

    Parameters
    ----------
    instants, problems
        See `parse_iso`.
    parts
        int64: 0 year, 1 month, 2 day, 3 weekday (Monday is 0), 4 hour, 5 minute, 6 second, 7 day of the year,
        8 quarter, 9 days since 1970 with their fraction.
    periods
        float64 of the same shape: where it is not 0 the part goes round in so many steps, and its sine and
        cosine are written.
    subtract, multiply
        float64 of the same shape: what is taken off a part, and what that is multiplied by then, if it does
        not go round; where it does, its least value and 1.
    out
        float64 of shape (n, numbers of all parts); written.
    """
    found = np.empty(10, np.float64)
    for i in range(instants.shape[0]):
        if problems[i]:
            out[i, :] = 0
            continue
        _all_parts(instants[i], found)
        at = 0
        for place in range(parts.shape[0]):
            value = (found[parts[place]] - subtract[place]) * multiply[place]
            if periods[place] == 0:
                out[i, at] = value
                at += 1
            else:
                angle = 2 * math.pi * value / periods[place]
                out[i, at], out[i, at + 1] = math.sin(angle), math.cos(angle)
                at += 2


@helper_kernel
def _all_parts(instant, found):
    days = instant // _DAY
    seconds = (instant - days * _DAY) // 1_000_000
    shifted = days + 719468
    era = shifted // 146097
    of_era = shifted - era * 146097
    year_of_era = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    turned = (5 * of_year + 2) // 153
    month = turned + 3 if turned < 10 else turned - 9
    year = year_of_era + era * 400 + (month <= 2)
    found[0] = year
    found[1] = month
    found[2] = of_year - (153 * turned + 2) // 5 + 1
    found[3] = (days + 3) % 7
    found[4] = seconds // 3600
    found[5] = seconds // 60 % 60
    found[6] = seconds % 60
    found[7] = days - _days(year, np.int64(1), np.int64(1)) + 1
    found[8] = (month - 1) // 3 + 1
    found[9] = instant / _DAY
