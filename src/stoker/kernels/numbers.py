"""Decimal text to numbers, with the bits that Python's ``float()`` gives.

Clinger's fast path where mantissa and power of ten are exact, else the method of Eisel and Lemire (Lemire,
"Number parsing at a gigabyte per second", Software: Practice and Experience 51, 2021; without fallback after
Mushtak and Lemire, "Fast number parsing without fallback", 2023). Of more than 19 digits the first 19 are
taken; where the rest could decide the rounding, the text is handed back as `HARD`.
"""

from __future__ import annotations

import numpy as np

from stoker.kernels.compiling import kernel
from stoker.kernels.words import bits_to_float, leading_zeros, multiply_high

__all__ = ["FLOAT", "HARD", "INTEGER", "INVALID", "decimal_to_float", "parse_float", "scan_decimal"]

INVALID = 0
"""Not a decimal number."""
INTEGER = 1
"""Digits alone, 19 significant ones at most."""
FLOAT = 2
"""A fraction or an exponent."""
LONG = 3
"""More than 19 significant digits; the mantissa holds the first 19."""
HARD = 4
"""The digits beyond the nineteenth may decide the rounding: ask Python's ``float()``."""

_SMALLEST_POWER = -342
_LARGEST_POWER = 308
_MANTISSA_LIMIT = 1000000000000000000  # one more digit still fits into 64 bits
_EXPONENT_LIMIT = 1 << 40


def _five_to_the(power: int) -> int:
    """Upper 128 bits of 5**power: truncated for positive powers, rounded up for reciprocals."""
    if power >= 0:
        value = int(5**power)
        excess = value.bit_length() - 128
        return value >> excess if excess > 0 else value << -excess
    divisor = int(5**-power)
    scale = (divisor - 1).bit_length()
    value = (1 << (2 * scale + 128)) // divisor + 1
    return value >> (value.bit_length() - 128)


def _power_table() -> np.ndarray[tuple[int, int], np.dtype[np.uint64]]:
    powers = [_five_to_the(power) for power in range(_SMALLEST_POWER, _LARGEST_POWER + 1)]
    return np.array([(value >> 64, value & 0xFFFFFFFFFFFFFFFF) for value in powers], np.uint64)


_POWERS = _power_table()
_EXACT_POWERS = np.array([10.0**power for power in range(23)])


@kernel
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
        `INVALID`, `INTEGER`, `FLOAT` or `LONG`.
    negative : bool
    mantissa : uint64
    exponent : int
        The value is ``mantissa * 10**exponent``, where `LONG` knows only the leading digits.
    padded : bool
        Whether a zero leads another digit, as in ``007``.
    end : int
        Offset behind the number.
    """
    place = start
    negative = False
    if place < stop and (data[place] == 45 or data[place] == 43):
        negative = data[place] == 45
        place += 1
    mantissa = np.uint64(0)
    exponent = 0
    lost = False
    first = place
    while place < stop:
        digit = np.uint64(data[place]) - np.uint64(48)
        if digit > np.uint64(9):
            break
        if mantissa < np.uint64(_MANTISSA_LIMIT):
            mantissa = mantissa * np.uint64(10) + digit
        else:
            exponent += 1
            lost |= digit != np.uint64(0)
        place += 1
    num_digits = place - first
    padded = num_digits > 1 and data[first] == 48
    form = INTEGER if exponent == 0 else LONG
    if place < stop and data[place] == 46:
        form = FLOAT
        place += 1
        point = place
        while place < stop:
            digit = np.uint64(data[place]) - np.uint64(48)
            if digit > np.uint64(9):
                break
            if mantissa < np.uint64(_MANTISSA_LIMIT):
                mantissa = mantissa * np.uint64(10) + digit
                exponent -= 1
            else:
                lost |= digit != np.uint64(0)
            place += 1
        num_digits += place - point
    if num_digits == 0:
        return INVALID, negative, mantissa, exponent, padded, start
    if place < stop and (data[place] | 32) == 101:
        shift, place = _scan_exponent(data, place, stop)
        if place < 0:
            return INVALID, negative, mantissa, exponent, padded, start
        form = FLOAT
        exponent += shift
    if lost:
        form = LONG
    elif form == LONG:
        form = FLOAT
    return form, negative, mantissa, exponent, padded, place


@kernel
def _scan_exponent(data, start, stop):
    """The exponent whose ``e`` is at `start`, and the offset behind it, -1 where no digit follows."""
    place = start + 1
    below = False
    if place < stop and (data[place] == 45 or data[place] == 43):
        below = data[place] == 45
        place += 1
    first = place
    value = 0
    while place < stop and data[place] >= 48 and data[place] <= 57:
        if value < _EXPONENT_LIMIT:
            value = value * 10 + np.int64(data[place]) - 48
        place += 1
    if place == first:
        return 0, -1
    return (-value if below else value), place


@kernel
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


@kernel
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


@kernel
def parse_float(data, start, stop):
    """The float64 that ``data[start:stop]`` spells.

    Returns
    -------
    form : int
        `INVALID` where the bytes are not one decimal number (blanks around it count as invalid), `HARD` where
        only Python's ``float()`` can round it, else `INTEGER`, `FLOAT` or `LONG`.
    value : float
    """
    form, negative, mantissa, exponent, _, end = scan_decimal(data, start, stop)
    if form == INVALID or end != stop:
        return INVALID, 0.0
    value = decimal_to_float(mantissa, exponent)
    if form == LONG and value != decimal_to_float(mantissa + np.uint64(1), exponent):
        form = HARD
    return form, (-value if negative else value)
