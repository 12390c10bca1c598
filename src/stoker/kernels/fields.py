"""One field of a record: where it ends, and what its text is worth."""

from __future__ import annotations

import numpy as np

from stoker.kernels import issues as kinds
from stoker.kernels.cells import FLOAT64
from stoker.kernels.compiling import helper_kernel, inner_kernel
from stoker.kernels.numbers import INTEGER, INVALID, LONG_FLOAT, LONG_INTEGER, decimal_to_float, scan_decimal
from stoker.kernels.records import close_quote, seek

__all__ = [
    "RULE_INTEGER",
    "RULE_LEADING_ZEROS",
    "classify",
    "find_field",
    "number_to_float",
    "number_to_integer",
    "scan_field",
]

RULE_INTEGER = 1
"""The column holds integers: a number with a fraction is no number."""
RULE_LEADING_ZEROS = 2
"""``007`` is a number."""

_LARGEST_INT64 = np.uint64((1 << 63) - 1)
_BEYOND_INT64 = np.uint64(1 << 63)
_TEN = np.uint64(10)
_LF, _CR, _SPACE, _TAB, _PLUS, _MINUS = (np.uint8(byte) for byte in b"\n\r \t+-")
_INF, _INFINITY, _NAN = (np.frombuffer(word, np.uint8) for word in (b"inf", b"infinity", b"nan"))


@helper_kernel
def find_field(data, place, stop, delimiter, quote):
    """Bounds of the field that begins at `place`.

    Returns
    -------
    first, last : int
        The field's text is ``data[first:last]``, without its quotes and the blanks around it.
    end : int
        Offset of the delimiter or terminator behind it, or `stop`.
    sound : bool
        False where a quote is not closed or more than blanks follows it.
    """
    if place >= stop or data[place] != quote or quote == 0:
        end = seek(data, place, stop, _LF, _CR, delimiter)
        first, last = _trim(data, place, end)
        return first, last, end, True
    behind = close_quote(data, place + 1, stop, quote)
    if behind > stop:
        return place + 1, stop, stop, False
    end = seek(data, behind, stop, _LF, _CR, delimiter)
    tail, _ = _trim(data, behind, end)
    if tail < end:
        return place, end, end, False
    first, last = _trim(data, place + 1, behind - 1)
    return first, last, end, True


@inner_kernel
def _trim(data, first, last):
    while first < last and data[first] in (_SPACE, _TAB):
        first += 1
    while last > first and data[last - 1] in (_SPACE, _TAB):
        last -= 1
    return first, last


@inner_kernel
def scan_field(data, place, stop, delimiter, quote, rule):
    """Bounds of the field at `place` as of `find_field`, and its number as of `scan_decimal`.

    Returns
    -------
    first, last, end : int
    sound : bool
    form : int
    negative : bool
    mantissa : uint64
    exponent : int
    """
    form, negative, mantissa, exponent, padded, end = scan_decimal(data, place, stop)
    first, last, sound = place, end, True
    if form == INVALID or not (end == stop or data[end] == delimiter or data[end] in (_LF, _CR)):
        first, last, end, sound = find_field(data, place, stop, delimiter, quote)
        form, negative, mantissa, exponent, padded, behind = scan_decimal(data, first, last)
        if behind != last:
            form = INVALID
    if padded and rule & RULE_LEADING_ZEROS == 0:
        form = INVALID
    return first, last, end, sound, form, negative, mantissa, exponent


@inner_kernel
def _spells(data, first, last, word):
    """Whether the bytes, in any case, are the lower-case `word`."""
    same = last - first == word.shape[0]
    for place in range(word.shape[0] if same else 0):
        same &= data[first + place] | 32 == word[place]
    return same


@inner_kernel
def _is_null(data, first, last, null_bytes, null_offsets):
    for spelling in range(null_offsets.shape[0] - 1):
        begin = null_offsets[spelling]
        same = null_offsets[spelling + 1] - begin == last - first
        for place in range(last - first if same else 0):
            same &= data[first + place] == null_bytes[begin + place]
        if same:
            return True
    return False


@helper_kernel
def classify(data, first, last, null_bytes, null_offsets):
    """Kind of issue and value of a text that is no decimal number."""
    if _is_null(data, first, last, null_bytes, null_offsets):
        return kinds.BLANK, np.nan
    negative = first < last and data[first] == _MINUS
    if negative or (first < last and data[first] == _PLUS):
        first += 1
    if _spells(data, first, last, _NAN):
        return kinds.BLANK, np.nan
    if _spells(data, first, last, _INF) or _spells(data, first, last, _INFINITY):
        return kinds.NOT_FINITE, (-np.inf if negative else np.inf)
    return kinds.NOT_A_NUMBER, 0.0


@helper_kernel
def _magnitude(form, mantissa, exponent):
    """Whether a number is an integer, and which, 2**63 standing for all beyond int64."""
    if mantissa == np.uint64(0):
        return True, mantissa
    if form >= LONG_INTEGER:
        return form != LONG_FLOAT, _BEYOND_INT64
    while exponent < 0 and mantissa % _TEN == np.uint64(0):
        mantissa //= _TEN
        exponent += 1
    if exponent < 0:
        return False, mantissa
    while exponent > 0 and mantissa <= _LARGEST_INT64 // _TEN:
        mantissa *= _TEN
        exponent -= 1
    return True, (mantissa if exponent == 0 and mantissa <= _LARGEST_INT64 else _BEYOND_INT64)


@inner_kernel
def number_to_float(form, negative, mantissa, exponent, rule):
    """Kind of issue, 0 if none, and value of a number that `scan_decimal` found."""
    if rule & RULE_INTEGER and form != INTEGER and not _magnitude(form, mantissa, exponent)[0]:
        return kinds.NOT_A_NUMBER, 0.0
    value = decimal_to_float(mantissa, exponent)
    kind = kinds.NOT_FINITE if np.isinf(value) else 0
    if form >= LONG_INTEGER and value != decimal_to_float(mantissa + np.uint64(1), exponent):
        kind = kinds.HARD
    if negative and not (rule & RULE_INTEGER and value == 0):
        value = -value
    return kind, value


@inner_kernel
def number_to_integer(form, negative, mantissa, exponent, rule):
    """Value of a number as int64, and the first of `DTYPES` that holds it."""
    integral, magnitude = _magnitude(form, mantissa, exponent)
    minus_zero = negative and magnitude == np.uint64(0) and rule & RULE_INTEGER == 0
    if not integral or magnitude > _LARGEST_INT64 or minus_zero:
        return 0, FLOAT64
    whole = np.int64(magnitude)
    if negative:
        whole = -whole
    return whole, _narrowest(whole)


@inner_kernel
def _narrowest(whole):
    if 0 <= whole <= 255:
        return 0
    if -(1 << 15) <= whole < 1 << 15:
        return 1
    if -(1 << 31) <= whole < 1 << 31:
        return 2
    return 3


@helper_kernel
def evaluate_field(data, place, stop, delimiter, quote, rule, null_bytes, null_offsets):
    """What the field at `place` holds.

    Returns
    -------
    first, last, end : int
        As of `find_field`.
    kind : int
        Of the issue, 0 if there is none.
    value : float
        What Python's ``float()`` gives, NaN for a blank, 0 for what is no number.
    whole : int
        The same as an integer, where one of the integer types holds it.
    dtype : int
        The place in `DTYPES` of the first type that holds the value; 0 for an issue that spoils the row.
    """
    first, last, end, sound, form, negative, mantissa, exponent = scan_field(
        data, place, stop, delimiter, quote, rule
    )
    if not sound:
        return first, last, end, kinds.BAD_QUOTE, 0.0, 0, 0
    if form == INVALID:
        kind, value = classify(data, first, last, null_bytes, null_offsets)
        return first, last, end, kind, value, 0, (FLOAT64 if kind == kinds.BLANK else 0)
    kind, value = number_to_float(form, negative, mantissa, exponent, rule)
    whole, dtype = 0, (FLOAT64 if kind == kinds.HARD else 0)
    if kind == 0:
        whole, dtype = number_to_integer(form, negative, mantissa, exponent, rule)
    return first, last, end, kind, value, whole, dtype
