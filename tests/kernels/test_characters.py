"""The table of characters against Python's own decoding and `str.lower`."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker.kernels.characters import NO_ENTRY, Characters, decode
from stoker.kernels.compiling import kernel


@kernel
def decoded(data, place, end):
    return decode(data, place, end)


def lowering() -> Characters:
    return Characters(lambda character: character.lower().encode(), lower=True)


@given(data=st.binary(max_size=40))
def test_invalid_bytes_are_read_as_python_reads_them(data):
    array, place, text = np.frombuffer(data, np.uint8), 0, ""
    while place < len(data):
        if data[place] < 128:
            code, length = data[place], 1
        else:
            code, length = decoded(array, place, len(data))
        text += chr(code)
        place += length

    def once(text):  # where Python sees one broken sequence, this may see one for each of its bytes
        return re.sub("\ufffd+", "\ufffd", text)

    assert once(text) == once(data.decode("utf-8", "replace"))


@given(text=st.text())
def test_a_text_becomes_what_its_characters_become(text):
    assert lowering().fold(text) == text.lower().encode()


def test_pages_are_made_once():
    table = lowering()
    assert [table.load(*pages).entries.size for pages in ((), (0,), (0x4F, 0xFF), (0, 0x4F))] == [
        0,
        256,
        768,
        768,
    ]


def test_a_byte_grows_no_further_than_the_pages_met_let_it():
    table = Characters(lambda character: character.encode() * (1 + 6 * (character == "é")), lower=False)
    assert table.growth == 1
    table.load(0)
    assert table.growth == 7
    broken = lowering()
    broken.load(0xFF)
    assert broken.growth == 3


@pytest.mark.parametrize(("lower", "without"), [(True, ["Σ"]), (False, [])])
def test_a_capital_sigma_alone_has_no_entry_where_texts_are_lowered(lower, without):
    entries = Characters(str.encode, lower=lower).load(3).entries
    assert [chr(0x300 + place) for place in np.flatnonzero(entries == NO_ENTRY)] == without
