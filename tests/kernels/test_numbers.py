"""Numbers have the bits that Python's ``float()`` gives."""

from __future__ import annotations

import math
import struct
from decimal import Decimal, getcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from property_examples import examples
from stoker.kernels import numbers
from stoker.kernels.compiling import kernel
from stoker.kernels.numbers import HARD, INVALID, decimal_to_float, parse_float, scan_decimal


@kernel
def parsed(data, start, stop):
    return parse_float(data, start, stop)


@kernel
def scanned(data, start, stop):
    return scan_decimal(data, start, stop)


@kernel
def converted(mantissa, exponent):
    return decimal_to_float(mantissa, exponent)


def parse(text: str) -> tuple[int, float]:
    content = text.encode()
    padded = np.frombuffer(b"9" + content + b"9", np.uint8)
    return parsed(padded, 1, 1 + len(content))


def bits(value: float) -> bytes:
    return struct.pack(">d", value)


def check(text: str) -> None:
    form, value = parse(text)
    assert form != INVALID, text
    if form == HARD:
        assert sum(map(str.isdigit, text)) > 19, text
    else:
        assert bits(value) == bits(float(text)), text


digits = st.text("0123456789", min_size=1, max_size=30)
decimals = st.builds(
    lambda sign, whole, fraction, exponent: sign + whole + fraction + exponent,
    st.sampled_from(["", "-", "+"]),
    digits,
    st.one_of(st.just(""), st.just("."), digits.map(".".__add__)),
    st.one_of(
        st.just(""), st.integers(-400, 400).map("e{}".format), st.integers(0, 30).map("E+{:03}".format)
    ),
)


@settings(max_examples=examples(600))
@given(decimals)
@example("0")
@example("-0")
@example("-0.0e5")
@example(".5")
@example("5.")
@example("1e400")
@example("-1e400")
@example("1e-400")
@example("0e999999999999999999999999")
@example("1e999999999999999999999999")
@example("1e-999999999999999999999999")
@example("1.7976931348623157e308")
@example("1.7976931348623159e308")
@example("4.9406564584124654e-324")
@example("2.4703282292062327e-324")
@example("2.4703282292062328e-324")
@example("2.2250738585072011e-308")
@example("2.2250738585072014e-308")
@example("9007199254740993")
@example("9007199254740992.5")
@example("18446744073709551615")
@example("18446744073709551616")
@example("9999999999999999999")
@example("8.5e22")
@example("1e23")
@example("0." + "0" * 400 + "1e400")
@example("1" + "0" * 400 + "e-400")
def test_a_decimal_string_equals_float(text):
    check(text)


@settings(max_examples=examples(400))
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_shortest_and_the_17_digit_spelling_give_the_number_back(value):
    for text in (repr(value), f"{value:.17g}", f"{value:.16e}"):
        form, parsed = parse(text)
        assert form not in (INVALID, HARD)
        assert bits(parsed) == bits(value)


@settings(max_examples=examples(300))
@given(st.integers(0, (1 << 52) - 1), st.integers(0, 51))
def test_subnormal_numbers_keep_their_bits(mantissa, shift):
    value = struct.unpack(">d", struct.pack(">Q", mantissa >> shift))[0]
    check(repr(value))
    check(f"{value:.18e}")


@settings(max_examples=examples(400))
@given(st.floats(min_value=1e-300, max_value=1e300), st.sampled_from(["", "1", "000000000000000001"]))
def test_numbers_halfway_between_two_floats_are_rounded_or_handed_back(value, tail):
    """The exact decimal expansion of a midpoint, cut to lengths around the 19 digits, and a hair above."""
    getcontext().prec = 800
    middle = (Fraction(value) + Fraction(math.nextafter(value, math.inf))) / 2
    expansion = f"{Decimal(middle.numerator) / Decimal(middle.denominator):.780e}"
    number, exponent = expansion.split("e")
    whole = number.rstrip("0")
    for size in (18, 19, 20, 21, 40, len(whole)):
        check(f"{whole[:size]}{tail}e{exponent}")


@given(st.integers(1 << 52, (1 << 53) - 1), st.integers(0, 10))
def test_integers_halfway_between_two_floats_go_to_even(mantissa, shift):
    check(str((2 * mantissa + 1) << shift))
    check(str(((2 * mantissa + 1) << shift) + 1))


def test_a_number_is_handed_back_only_where_digits_beyond_the_nineteenth_decide():
    assert parse("9007199254740993." + "0" * 20 + "1")[0] == HARD
    assert parse("1" * 60)[0] != HARD


@settings(max_examples=examples(600))
@given(st.text("0123456789+-.eE_ xnaif", max_size=12))
def test_what_is_accepted_is_what_float_accepts(text):
    assume(not any(word in text for word in ("nan", "inf")))
    form, _ = parse(text)
    try:
        float(text)
        accepted = "_" not in text and text == text.strip()
    except ValueError:
        accepted = False
    assert (form != INVALID) == accepted


@given(st.binary(max_size=20))
def test_any_bytes_are_scanned_within_their_bounds(content):
    results = []
    for poison in (b"0", b"e", b".", b"\xff"):
        data = np.frombuffer(poison * 8 + content + poison * 8, np.uint8)
        results.append(scanned(data, 8, 8 + len(content)))
    assert all(result == results[0] for result in results)
    assert 8 <= results[0][5] <= 8 + len(content)


@pytest.mark.parametrize("power", [-342, -200, -28, -27, -1, 0, 1, 27, 55, 56, 200, 308])
def test_the_power_table_holds_the_upper_128_bits_of_powers_of_five(power):
    row = numbers._POWERS[power + 342]
    entry = (int(row[0]) << 64) | int(row[1])
    exact = Fraction(5) ** power
    scaled = exact * Fraction(2) ** (128 - entry_exponent(exact))
    assert entry >> 127 == 1
    assert abs(entry - scaled) <= 1
    assert entry >= scaled if -27 <= power < 0 else entry <= scaled


def entry_exponent(value: Fraction) -> int:
    """The e with 2**(e-1) <= value < 2**e."""
    exponent = value.numerator.bit_length() - value.denominator.bit_length()
    return exponent + (value >= Fraction(2) ** exponent)


def test_mantissas_of_64_bits_are_taken_whole():
    for mantissa in (1, (1 << 53) + 1, (1 << 64) - 1, 10**19):
        for exponent in (-342, -320, -30, 0, 30, 300):
            value = converted(np.uint64(mantissa), exponent)
            assert bits(value) == bits(float(f"{mantissa}e{exponent}"))
