"""One field of a record: where it ends, and what its text is worth."""

from __future__ import annotations

import numpy as np

from stoker.kernels import issues as kinds
from stoker.kernels.compiling import kernel
from stoker.kernels.numbers import INTEGER, INVALID, LONG, decimal_to_float, scan_decimal
from stoker.kernels.records import close_quote

__all__ = ["DTYPES", "RULE_INTEGER", "RULE_LEADING_ZEROS", "convert_field", "find_field"]

DTYPES = (np.uint8, np.int16, np.int32, np.int64, np.float64)
"""Matrix types, each of which holds all values of those before it."""

RULE_INTEGER = 1
"""The column holds integers: a number with a fraction is no number."""
RULE_LEADING_ZEROS = 2
"""``007`` is a number."""

_FLOAT64 = 4
_LARGEST_INT64 = np.uint64((1 << 63) - 1)


@kernel
def find_field(data, place, stop, delimiter, quote):
    """Bounds of the field that begins at `place`.

    Returns
    -------
    first, last : int
        The field's text is ``data[first:last]``, without its quotes.
    end : int
        Offset of the delimiter or terminator behind it, or `stop`.
    sound : bool
        False where a quote is not closed or more than blanks follows it.
    """
    if place >= stop or data[place] != quote or quote == 0:
        end = _unquoted_end(data, place, stop, delimiter)
        return place, end, end, True
    behind = close_quote(data, place + 1, stop, quote)
    if behind > stop:
        return place + 1, stop, stop, False
    end = _unquoted_end(data, behind, stop, delimiter)
    tail, _ = trim(data, behind, end)
    if tail == end:
        return place + 1, behind - 1, end, True
    return place, end, end, False


@kernel
def _unquoted_end(data, place, stop, delimiter):
    while place < stop:
        byte = data[place]
        if byte == delimiter or byte == 10 or byte == 13:
            break
        place += 1
    return place


@kernel
def trim(data, first, last):
    """Bounds of ``data[first:last]`` without the spaces and tabs around it."""
    while first < last and (data[first] == 32 or data[first] == 9):
        first += 1
    while last > first and (data[last - 1] == 32 or data[last - 1] == 9):
        last -= 1
    return first, last


@kernel
def _spells(data, first, last, word):
    """Whether the bytes, in any case, are the lower-case `word`."""
    if last - first != word.shape[0]:
        return False
    same = True
    for place in range(word.shape[0]):
        same &= data[first + place] | 32 == word[place]
    return same


@kernel
def _is_null(data, first, last, null_bytes, null_offsets):
    for spelling in range(null_offsets.shape[0] - 1):
        begin = null_offsets[spelling]
        length = null_offsets[spelling + 1] - begin
        if length == last - first:
            same = True
            for place in range(length):
                same &= data[first + place] == null_bytes[begin + place]
            if same:
                return True
    return False


_INF = np.frombuffer(b"inf", np.uint8)
_INFINITY = np.frombuffer(b"infinity", np.uint8)
_NAN = np.frombuffer(b"nan", np.uint8)


@kernel
def _classify(data, first, last, null_bytes, null_offsets):
    """Kind and value of a text that is no decimal number."""
    if _is_null(data, first, last, null_bytes, null_offsets):
        return kinds.BLANK, np.nan
    negative = first < last and data[first] == 45
    if negative or (first < last and data[first] == 43):
        first += 1
    if _spells(data, first, last, _NAN):
        return kinds.BLANK, np.nan
    if _spells(data, first, last, _INF) or _spells(data, first, last, _INFINITY):
        return kinds.NOT_FINITE, (-np.inf if negative else np.inf)
    return kinds.NOT_A_NUMBER, 0.0


@kernel
def _integral(mantissa, exponent):
    """Whether ``mantissa * 10**exponent`` is an integer, and its magnitude, 2**64 - 1 if beyond int64."""
    ten = np.uint64(10)
    if mantissa == np.uint64(0):
        return True, mantissa
    while exponent < 0 and mantissa % ten == np.uint64(0):
        mantissa //= ten
        exponent += 1
    if exponent < 0:
        return False, mantissa
    while exponent > 0 and mantissa <= _LARGEST_INT64 // ten:
        mantissa *= ten
        exponent -= 1
    if exponent > 0 or mantissa > _LARGEST_INT64:
        return True, ~np.uint64(0)
    return True, mantissa


@kernel
def convert_field(data, first, last, rule, null_bytes, null_offsets):
    """What the text ``data[first:last]`` is worth.

    Returns
    -------
    kind : int
        0, or a kind of issue.
    value : float
        What Python's ``float()`` gives, NaN for blanks, 0 for what is no number.
    whole : int
        The same as an integer where `dtype` says that there is one.
    dtype : int
        The first of `DTYPES` that holds the value; for issues other than `BLANK` the first of all.
    """
    first, last = trim(data, first, last)
    form, negative, mantissa, exponent, padded, end = scan_decimal(data, first, last)
    if form == INVALID or end != last:
        kind, value = _classify(data, first, last, null_bytes, null_offsets)
        return kind, value, 0, (_FLOAT64 if kind == kinds.BLANK else 0)
    if padded and rule & RULE_LEADING_ZEROS == 0:
        return kinds.NOT_A_NUMBER, 0.0, 0, 0
    integral, magnitude = (True, mantissa) if form == INTEGER else _integral(mantissa, exponent)
    if form == INTEGER and mantissa > _LARGEST_INT64:
        magnitude = ~np.uint64(0)
    if form == LONG:
        integral, magnitude = exponent >= 0, ~np.uint64(0)
    if rule & RULE_INTEGER and not integral:
        return kinds.NOT_A_NUMBER, 0.0, 0, 0
    value = decimal_to_float(mantissa, exponent)
    if form == LONG and value != decimal_to_float(mantissa + np.uint64(1), exponent):
        return kinds.HARD, value, 0, _FLOAT64
    if negative:
        value = -value
    if np.isinf(value):
        return kinds.NOT_FINITE, value, 0, 0
    if not integral or magnitude > _LARGEST_INT64:
        return 0, value, 0, _FLOAT64
    whole = np.int64(magnitude)
    if negative:
        whole = -whole
    if negative and whole == 0:
        if rule & RULE_INTEGER == 0:
            return 0, value, 0, _FLOAT64
        value = 0.0
    return 0, value, whole, narrowest(whole)


@kernel
def narrowest(whole):
    """Place in `DTYPES` of the first type that holds the int64 `whole`."""
    if 0 <= whole <= 255:
        return 0
    if -32768 <= whole <= 32767:
        return 1
    if -2147483648 <= whole <= 2147483647:
        return 2
    return 3
