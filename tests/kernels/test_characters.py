"""The table of characters against Python's own decoding and `str.lower`."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker.kernels.characters import Characters, decode
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


def test_pages_are_made_when_they_are_met():
    table = lowering()
    sizes = [
        table.covering(np.frombuffer(text.encode(), np.uint8))[0].entries.size
        for text in ("plain", "a text of é and 你", "è 你" * 40)
    ]
    assert sizes == [0, 768, 768]  # and that of U+FFFD


def test_a_character_that_two_texts_make_together_is_broken_in_each():
    arrays, _ = lowering().covering(np.frombuffer(b"ab\xc3" + b"\xa9cd", np.uint8))
    assert arrays.pages[0xFF] >= 0


def test_a_byte_grows_no_further_than_the_pages_met_let_it():
    table = Characters(lambda character: character.encode() * (1 + 6 * (character == "é")), lower=False)
    assert table.growth == 1
    table.covering(np.frombuffer("é".encode(), np.uint8))
    assert table.growth == 7
    broken = lowering()
    broken.covering(np.array([0xFF], np.uint8))
    assert broken.growth == 3


@pytest.mark.parametrize("lead", range(70))
def test_a_capital_sigma_is_seen_wherever_it_stands(lead):
    data = np.frombuffer((" " * lead + "Σ" + " " * 40).encode(), np.uint8)
    as_it_is = Characters(str.encode, lower=False)
    assert lowering().covering(data)[1]
    assert not as_it_is.covering(data)[1]
    assert not lowering().covering(data[: lead + 1])[1]
