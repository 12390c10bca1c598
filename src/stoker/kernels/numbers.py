"""Decimal text to numbers, with the bits that Python's ``float()`` gives.

Clinger's fast path where mantissa and power of ten are exact, else the method of Eisel and Lemire (Lemire,
"Number parsing at a gigabyte per second", Software: Practice and Experience 51, 2021; without fallback after
Mushtak and Lemire, "Fast number parsing without fallback", 2023). Of more than 19 digits the first 19 are
taken; where the rest could decide the rounding, the text is handed back as `HARD`.
"""

from __future__ import annotations

import numpy as np

from stoker.kernels.compiling import helper_kernel, inner_kernel
from stoker.kernels.words import (
    ASCII_ZEROS,
    are_digits,
    bits_to_float,
    digits_value,
    leading_zeros,
    load_word,
    multiply_high,
)

__all__ = [
    "FLOAT",
    "HARD",
    "INTEGER",
    "INVALID",
    "LONG_FLOAT",
    "LONG_INTEGER",
    "decimal_to_float",
    "parse_float",
    "scan_decimal",
]

INVALID = 0
"""Not a decimal number."""
INTEGER = 1
"""Digits alone, whose value is the mantissa."""
FLOAT = 2
"""Digits with a fraction or an exponent, or followed by zeros that are not in the mantissa."""
LONG_INTEGER = 3
"""Digits alone, of which only the first 19 are in the mantissa."""
LONG_FLOAT = 4
"""Digits with a fraction or an exponent, of which only the first 19 are in the mantissa."""
HARD = 5
"""The digits beyond the nineteenth may decide the rounding: ask Python's ``float()``."""

_SMALLEST_POWER = -342
_LARGEST_POWER = 308
_SAFE_DIGITS = 19  # fit into 64 bits, whatever they are
_MANTISSA_LIMIT = np.uint64(10**18)  # one more digit still fits into 64 bits
_EXPONENT_LIMIT = 1 << 40
_PLUS, _MINUS, _POINT, _ZERO, _SMALL_E = b"+-.0e"


def _five_to_the(power: int) -> int:
    """Upper 128 bits of 5**power: rounded up for the reciprocals down to 5**-27, else truncated."""
    if power >= 0:
        value = int(5**power)
        excess = value.bit_length() - 128
        return value >> excess if excess > 0 else value << -excess
    divisor = int(5**-power)
    truncated = (1 << (127 + divisor.bit_length())) // divisor
    return truncated + (power >= -27)


def _power_table() -> np.ndarray[tuple[int, int], np.dtype[np.uint64]]:
    powers = [_five_to_the(power) for power in range(_SMALLEST_POWER, _LARGEST_POWER + 1)]
    return np.array([(value >> 64, value & 0xFFFFFFFFFFFFFFFF) for value in powers], np.uint64)


_POWERS = _power_table()
_EXACT_POWERS = np.array([10.0**power for power in range(23)])


@inner_kernel
def scan_decimal(data, start, stop):
    """Read the longest decimal number at `start`.

    Parameters
    ----------
    data : uint8 of shape (n,)
    start, stop : int
        Nothing outside ``[start, stop)`` is read.

    Returns
    -------
    form : int
        `INVALID`, `INTEGER`, `FLOAT`, `LONG_INTEGER` or `LONG_FLOAT`.
    negative : bool
    mantissa : uint64
    exponent : int
        The value is ``mantissa * 10**exponent``, and up to ``(mantissa + 1) * 10**exponent`` in a long form.
    padded : bool
        Whether a zero leads another digit, as in ``007``.
    end : int
        Offset behind the number.
    """
    negative = start < stop and data[start] == _MINUS
    first = start + (negative or (start < stop and data[start] == _PLUS))
    mantissa, place = _scan_digits(data, first, stop, np.uint64(0))
    padded = place > first + 1 and data[first] == _ZERO
    num_digits = place - first
    exponent = 0
    form = INTEGER
    if place < stop and data[place] == _POINT:
        form = FLOAT
        point = place + 1
        mantissa, place = _scan_digits(data, point, stop, mantissa)
        exponent = point - place
        num_digits -= exponent
    if num_digits == 0:
        return INVALID, negative, mantissa, exponent, padded, start
    if num_digits > _SAFE_DIGITS:
        mantissa, exponent, lost = _scan_long(data, first, place)
        if lost:
            form = LONG_INTEGER if form == INTEGER else LONG_FLOAT
        elif exponent > 0:
            form = FLOAT
    if place < stop and (data[place] | 32) == _SMALL_E:
        shift, place = _scan_exponent(data, place, stop)
        if place < 0:
            return INVALID, negative, mantissa, exponent, padded, start
        form = LONG_FLOAT if form >= LONG_INTEGER else FLOAT
        exponent += shift
    return form, negative, mantissa, exponent, padded, place


@inner_kernel
def _scan_digits(data, place, stop, mantissa):
    """Append the digits from `place` on to `mantissa`, modulo 2**64."""
    while place + 8 <= stop:
        values = load_word(data, place) ^ ASCII_ZEROS
        if not are_digits(values):
            break
        mantissa = mantissa * np.uint64(100000000) + digits_value(values)
        place += 8
    while place < stop:
        digit = data[place] - np.uint8(_ZERO)
        if digit > 9:
            break
        mantissa = mantissa * np.uint64(10) + np.uint64(digit)
        place += 1
    return mantissa, place


@helper_kernel
def _scan_long(data, start, stop):
    """First 19 significant digits, the exponent that belongs to them, and whether others than 0 follow."""
    mantissa = np.uint64(0)
    exponent = 0
    fraction = 0
    lost = False
    for place in range(start, stop):
        if data[place] == _POINT:
            fraction = 1
            continue
        digit = np.uint64(data[place]) - np.uint64(_ZERO)
        if mantissa < _MANTISSA_LIMIT:
            mantissa = mantissa * np.uint64(10) + digit
            exponent -= fraction
        else:
            lost |= digit != np.uint64(0)
            exponent += 1 - fraction
    return mantissa, exponent, lost


@helper_kernel
def _scan_exponent(data, start, stop):
    """The exponent whose ``e`` is at `start`, and the offset behind it, -1 where no digit follows."""
    place = start + 1
    below = False
    if place < stop and data[place] in (_MINUS, _PLUS):
        below = data[place] == _MINUS
        place += 1
    first = place
    value = 0
    while place < stop:
        digit = data[place] - np.uint8(_ZERO)
        if digit > 9:
            break
        if value < _EXPONENT_LIMIT:
            value = value * 10 + np.int64(digit)
        place += 1
    if place == first:
        return 0, -1
    return (-value if below else value), place


@inner_kernel
def decimal_to_float(mantissa, exponent):
    """``mantissa * 10**exponent`` rounded to the nearest float64, ties to even; inf beyond the largest."""
    if mantissa == np.uint64(0) or exponent < _SMALLEST_POWER:
        return 0.0
    if mantissa <= np.uint64(1 << 53) and exponent >= -22 and exponent <= 22:
        if exponent < 0:
            return np.float64(mantissa) / _EXACT_POWERS[-exponent]
        return np.float64(mantissa) * _EXACT_POWERS[exponent]
    if exponent > _LARGEST_POWER:
        return np.inf
    return _eisel_lemire(mantissa, exponent)


@helper_kernel
def _eisel_lemire(mantissa, exponent):
    zeros = leading_zeros(mantissa)
    word = mantissa << np.uint64(zeros)
    row = exponent - _SMALLEST_POWER
    low = word * _POWERS[row, 0]
    high = multiply_high(word, _POWERS[row, 0])
    if high & np.uint64(0x1FF) == np.uint64(0x1FF):
        carry = multiply_high(word, _POWERS[row, 1])
        low += carry
        if carry > low:
            high += np.uint64(1)
    upper = np.int64(high >> np.uint64(63))
    shift = np.uint64(upper + 9)
    bits = high >> shift
    power = ((217706 * exponent) >> 16) + 63 + upper - zeros + 1023
    if power <= 0:
        if power <= -63:
            return 0.0
        bits >>= np.uint64(1 - power)
        bits = (bits + (bits & np.uint64(1))) >> np.uint64(1)
        return bits_to_float(bits)  # a carry into bit 52 is the smallest normal number
    halfway = low <= np.uint64(1) and exponent >= -4 and exponent <= 23
    if halfway and bits & np.uint64(3) == np.uint64(1) and bits << shift == high:
        bits &= ~np.uint64(1)
    bits = (bits + (bits & np.uint64(1))) >> np.uint64(1)
    if bits >= np.uint64(1 << 53):
        bits = np.uint64(1 << 52)
        power += 1
    if power >= 0x7FF:
        return np.inf
    return bits_to_float((bits & ~np.uint64(1 << 52)) | (np.uint64(power) << np.uint64(52)))


@inner_kernel
def parse_float(data, start, stop):
    """The float64 that ``data[start:stop]`` spells.

    Returns
    -------
    form : int
        `INVALID` where the bytes are not one decimal number (blanks around it count as invalid), `HARD` where
        only Python's ``float()`` can round it, else another form.
    value : float
    """
    form, negative, mantissa, exponent, _, end = scan_decimal(data, start, stop)
    if form == INVALID or end != stop:
        return INVALID, 0.0
    value = decimal_to_float(mantissa, exponent)
    if form >= LONG_INTEGER and value != decimal_to_float(mantissa + np.uint64(1), exponent):
        form = HARD
    return form, (-value if negative else value)
