"""Where words end, against Python's own `str.lower`, `unicodedata` and `re`."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker.kernels.characters import DECODE, SEPARATOR
from stoker.transforms.chunks import as_texts
from stoker.transforms.cutting import word_cutter
from stoker.transforms.numbering import learn_stream, stream_of, text_counts
from stoker.transforms.wordlists import Dictionary

SLOW = pytest.mark.slow
CHOICES = [
    (True, True, 8),
    pytest.param(True, True, 1, marks=SLOW),
    pytest.param(True, False, 1, marks=SLOW),
    pytest.param(False, True, 1, marks=SLOW),
    pytest.param(False, False, 1, marks=SLOW),
]
TEXTS = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("ab é½Σσİ\ufdfa한.")))


def plainly(text: str, lowercase: bool, strip_accents: bool) -> str:
    """What scikit-learn makes of a text, each character that is no \\w replaced by a blank."""
    text = text.lower() if lowercase else text
    if strip_accents and not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.sub(r"\W", " ", text)


@pytest.mark.parametrize(("lowercase", "strip_accents", "every"), CHOICES)
def test_every_code_point_becomes_what_python_makes_of_it(lowercase, strip_accents, every):
    """The quick test takes an eighth of the pages behind the first 48, which hold most alphabets."""
    table = word_cutter(lowercase=lowercase, strip_accents=strip_accents).characters
    wanted = [page for page in range(0x1100) if page < 0x30 or page % every == 0]
    arrays = table.load(*(page for page in wanted if not 0xD8 <= page < 0xE0))  # surrogates are no text
    starts, lengths = np.divmod(arrays.entries.astype(np.int64), 256)
    ascii_images = starts[int(arrays.pages[0]) * 256 + np.arange(128)]
    assert np.array_equal(arrays.actions[:128], arrays.letters[ascii_images])
    letters = arrays.letters.tobytes()
    for page in np.flatnonzero(arrays.pages >= 0).tolist():
        codes = [code for code in range(page << 8, (page + 1) << 8) if not (lowercase and code == 0x3A3)]
        places = int(arrays.pages[page]) * 256 + np.array(codes) % 256
        bounds = zip(starts[places].tolist(), (starts[places] + lengths[places]).tolist(), strict=True)
        images = b"x".join(letters[start:stop] for start, stop in bounds)
        # Beside a letter, each character becomes what it becomes alone.
        expected = plainly("x".join(map(chr, codes)), lowercase, strip_accents)
        assert images.replace(bytes([SEPARATOR]), b" ").decode() == expected, hex(page)
    assert (arrays.actions[128:] == DECODE).all()


@given(texts=st.lists(TEXTS, max_size=5), lowercase=st.booleans(), strip_accents=st.booleans())
def test_words_are_those_of_the_token_pattern(texts, lowercase, strip_accents):
    words = Dictionary()
    stream, ends = learn_stream(
        as_texts(texts), word_cutter(lowercase=lowercase, strip_accents=strip_accents), words, first_row=7
    )
    spelled = words.words().spelled().to_pylist()
    found = [
        [spelled[number] for number in stream[start:stop]]
        for start, stop in zip([0, *ends.tolist()], ends.tolist(), strict=False)
    ]
    expected = [re.findall(r"\b\w\w+\b", plainly(text, lowercase, strip_accents)) for text in texts]
    assert found == expected
    assert text_counts(words).tolist() == [sum(word in held for held in expected) for word in spelled]


def test_a_word_that_is_not_held_is_minus_one_and_none_is_added():
    cutter = word_cutter(lowercase=True, strip_accents=True)
    words = Dictionary.of(pa.array(["naive", "film"], pa.large_string()))
    stream, ends = stream_of(as_texts(["A naïve FILM", "unseen", ""]), cutter, words)
    assert (stream.tolist(), ends.tolist(), len(words)) == ([0, 1, -1], [2, 3, 3], 2)


def test_words_beyond_the_first_room_are_numbered_too():
    texts = [" ".join(f"w{row}x{word}" for word in range(700)) for row in range(20)]
    texts += ["ab " * 5_000, "\ufdfa" * 3_000]  # of the latter each character becomes four words
    words = Dictionary()
    cutter = word_cutter(lowercase=True, strip_accents=True)
    stream, ends = learn_stream(as_texts(texts), cutter, words, first_row=0)
    spelled = np.array(words.words().spelled().to_pylist(), dtype=object)
    expected = [word for text in texts for word in re.findall(r"\w\w+", plainly(text, True, True))]
    assert spelled[stream].tolist() == expected
    assert ends[-1] == len(expected)
