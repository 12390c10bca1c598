"""Blocks of 64 bytes are read as Python reads them, byte by byte, and nothing beyond them is touched."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stoker.kernels.blocks import (
    BLOCK,
    CAN_COMPRESS,
    LANES,
    LOOK_BEHIND,
    MOST_NUMBERS,
    compress,
    find_bytes,
    find_non_digits,
    pick,
    read_short_numbers,
    store_short_numbers,
)
from stoker.kernels.cells import DTYPES, cells_of
from stoker.kernels.compiling import kernel

BLOCKS = st.lists(
    st.sampled_from(
        [b"0", b"7", b"12", b"255", b"256", b"1000", b",", b";", b"\n", b"\r", b"-", b"\xff", b"/"]
    ),
    min_size=BLOCK + LOOK_BEHIND,
    max_size=BLOCK + LOOK_BEHIND,
).map(lambda parts: b"".join(parts)[: BLOCK + LOOK_BEHIND])
FIELDS = st.lists(st.integers(0, 999), min_size=1, max_size=MOST_NUMBERS)


@kernel
def masks_of(data, place, delimiter, lanes):
    return (
        find_bytes(data, place, delimiter),
        find_non_digits(data, place),
        read_short_numbers(data, place, delimiter, lanes),
    )


@kernel
def stored(lanes, ends, cells, dtype, at):
    store_short_numbers(lanes, ends, cells, dtype, at)


@kernel
def picked(lanes, ends, cells, dtype, at):
    pick(lanes, ends, cells, dtype, at)


@kernel
def compressed(lanes, ends, cells, dtype, at):
    compress(lanes, ends, cells, dtype, at)


def bits(word: int) -> list[bool]:
    return [bool(int(word) >> place & 1) for place in range(BLOCK)]


def number_before(content: bytes, end: int) -> bytes:
    """The digits before a byte, four at most."""
    first = end
    while first > end - LOOK_BEHIND and content[first - 1 : first].isdigit():
        first -= 1
    return content[first:end]


@given(BLOCKS, st.integers(0, 70))
@example(b",0,00" + b"7,255,256,999,1000,010,\n0\r\n" * 3, 0)
def test_each_byte_is_told_by_itself_and_the_digits_before_it(content, before):
    content = content.ljust(BLOCK + LOOK_BEHIND, b"1")[: BLOCK + LOOK_BEHIND]
    data = np.frombuffer(b"9" * before + content + b"9", np.uint8)
    lanes = np.full(LANES, 77, np.uint8)
    commas, others, masks = masks_of(data, before + LOOK_BEHIND, np.uint8(ord(",")), lanes)
    block = content[LOOK_BEHIND:]
    assert bits(commas) == [byte == ord(",") for byte in block]
    assert bits(others) == [byte not in b"0123456789" for byte in block]
    delimiters, lines, rest, wrong, large = map(bits, masks)
    assert delimiters == bits(commas)
    assert lines == [byte in b"\r\n" for byte in block]
    assert rest == [byte not in b"0123456789,\r\n" for byte in block]
    for place in range(BLOCK):
        text = number_before(content, LOOK_BEHIND + place)
        is_wrong = not 1 <= len(text) <= 3 or (len(text) > 1 and text.startswith(b"0"))
        assert wrong[place] == is_wrong
        if not is_wrong:
            assert large[place] == (int(text) > 255)
            assert 100 * int(lanes[BLOCK + place]) + int(lanes[place]) == int(text)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "store",
    [
        stored,
        picked,
        pytest.param(
            compressed,
            marks=pytest.mark.skipif(not CAN_COMPRESS, reason="the processor has no such instruction"),
        ),
    ],
)
@given(fields=FIELDS, row=st.integers(0, 2))
def test_numbers_are_stored_side_by_side_and_at_most_32_of_them(store, dtype, fields, row):
    fields = [field % 256 if dtype is np.uint8 else field for field in fields]
    text = b",,,," + b"".join(b"%d," % field for field in fields)
    data = np.frombuffer(text.ljust(2 * BLOCK + 8, b"x"), np.uint8)
    lanes = np.empty(LANES, np.uint8)
    (delimiters, *_) = masks_of(data, LOOK_BEHIND, np.uint8(ord(",")), lanes)[2]
    count = int(delimiters).bit_count()
    out = np.full((4, MOST_NUMBERS + 1), 77, dtype)
    at = row * (MOST_NUMBERS + 1)
    store(lanes, np.uint64(delimiters), cells_of(out), DTYPES.index(dtype), at)
    assert out.reshape(-1)[at : at + count].tolist() == fields[:count]
    assert (out.reshape(-1)[:at] == 77).all()
    assert (out.reshape(-1)[at + MOST_NUMBERS :] == 77).all()
