"""The table of characters against Python's own `str.lower`, `unicodedata` and `\\w`."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker.kernels.characters import Characters, decode, fold_ascii, load_bytes


def plainly(text: str, lowercase: bool, strip_accents: bool) -> str:
    """What scikit-learn makes of a text, each character that is no \\w replaced by a blank."""
    text = text.lower() if lowercase else text
    if strip_accents and not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.sub(r"\W", " ", text)


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("lowercase", "strip_accents"),
    [
        (True, True),
        pytest.param(True, False, marks=SLOW),
        pytest.param(False, True, marks=SLOW),
        (False, False),
    ],
)
def test_every_code_point_becomes_what_python_makes_of_it(lowercase, strip_accents):
    table = Characters(lowercase=lowercase, strip_accents=strip_accents)
    everything = "".join(chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    arrays, _ = table.covering(np.frombuffer(everything.encode(), np.uint8))
    entries = arrays.entries[arrays.pages.astype(np.int64) * 256]
    assert entries.size == 0x1100
    letters = arrays.letters.tobytes()
    for character in everything:
        code = ord(character)
        start, length = divmod(int(arrays.entries[int(arrays.pages[code >> 8]) * 256 + (code & 255)]), 256)
        image = letters[start : start + length].decode().replace("\0", " ")
        assert image == plainly(character, lowercase, strip_accents), hex(code)


@given(text=st.text())
def test_a_text_becomes_what_python_makes_of_the_whole(text):
    # A final sigma looks at its neighbours: such texts are lowered by Python first.
    text = text.replace("Σ", "σ")
    assert Characters(lowercase=True, strip_accents=True).fold(text) == plainly(text, True, True)


@pytest.mark.parametrize("code", range(128))
def test_ascii_is_folded_eight_at_a_time(code):
    data = np.frombuffer(bytes([code, 65, code, 95, code, 32, code, 122]), np.uint8)
    expected = plainly(data.tobytes().decode(), True, True)
    folded, outside = fold_ascii(load_bytes(data, 0, 8), True)
    for place, character in enumerate(expected):
        assert bool(int(outside) >> (8 * place + 7) & 1) == (character == " ")
        if character != " ":
            assert int(folded) >> (8 * place) & 255 == ord(character)


@given(data=st.binary(max_size=40))
def test_invalid_bytes_are_read_as_python_reads_them(data):
    array, place, text = np.frombuffer(data, np.uint8), 0, ""
    while place < len(data):
        if data[place] < 128:
            code, length = data[place], 1
        else:
            code, length = decode(array, place, len(data))
        text += chr(code)
        place += length

    def once(text):  # where Python sees one broken sequence, this may see one for each of its bytes
        return re.sub("\ufffd+", "\ufffd", text)

    assert once(text) == once(data.decode("utf-8", "replace"))


def test_pages_are_made_when_they_are_met():
    table = Characters(lowercase=True, strip_accents=True)
    sizes = [
        table.covering(np.frombuffer(text.encode(), np.uint8))[0].entries.size
        for text in ("plain", "a text of é and 你", "è 你" * 40)
    ]
    assert sizes == [0, 512, 512]


@pytest.mark.parametrize("lead", range(70))
def test_a_capital_sigma_is_seen_wherever_it_stands(lead):
    data = np.frombuffer((" " * lead + "Σ" + " " * 40).encode(), np.uint8)
    assert Characters(lowercase=True, strip_accents=True).covering(data)[1]
    assert not Characters(lowercase=False, strip_accents=True).covering(data)[1]
    assert not Characters(lowercase=True, strip_accents=True).covering(data[: lead + 1])[1]
