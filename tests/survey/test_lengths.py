"""Lengths of texts are those that Python finds, however the rows are cut."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stoker
from property_examples import examples
from stoker.survey import survey
from stoker.survey.lengths import TextLengths

TEXTS = st.lists(st.text(max_size=40) | st.none(), min_size=1, max_size=30)


def test_words_are_those_of_split_for_every_character():
    every = "a".join(map(chr, range(1, 0xD800)))
    words = [len(every[start : start + 50].split()) for start in range(0, len(every), 50)]
    texts = [every[start : start + 50] for start in range(0, len(every), 50)]
    for kind in (pa.string(), pa.large_string()):
        found = TextLengths().update({"t": pa.array(texts, kind)}, ["t"])
        assert found.median_words == np.median(words)
    assert found.num_bytes == len(every.encode())


@settings(max_examples=examples(60))
@given(texts=TEXTS, cut=st.integers(0, 30))
def test_the_parts_add_up_to_the_whole(texts, cut):
    whole = TextLengths().update({"t": pa.array(texts, pa.string())}, ["t"])
    first, second = (
        TextLengths().update({"t": pa.array(part, pa.large_string())}, ["t"])
        for part in (texts[:cut], texts[cut:])
    )
    assert first.merge(second).state() == whole.state()
    assert TextLengths.from_state(whole.state()).state() == whole.state()
    sizes = sorted((len((text or "").encode()) for text in texts), reverse=True)
    assert (whole.num_rows, whole.num_bytes, whole.longest) == (len(texts), sum(sizes), sizes[0])
    assert whole.longest_first() == tuple((size, sizes.count(size)) for size in dict.fromkeys(sizes))
    assert whole.median_words == np.median([len((text or "").split()) for text in texts])


def test_the_longest_rows_are_never_told_too_short():
    sizes = np.random.default_rng(0).lognormal(6, 2, 500).astype(int)
    found = TextLengths().update({"t": pa.array(["x" * size for size in sizes])}, ["t"])
    told = np.repeat(*np.array(found.longest_first()).T)
    true = np.sort(sizes)[::-1]
    assert (told >= true).all()
    assert (told <= true * 1.01 + 1).all()


def test_several_columns_count_as_one_text_with_blanks_between():
    columns = {"a": pa.array(["one two", ""]), "b": pa.chunked_array([["three"], ["é"]])}
    found = TextLengths().update(columns, ["a", "b"])
    assert (found.num_bytes, found.longest, found.median_words) == (13 + 3, 13, 2.0)


@pytest.mark.parametrize("workers", [0, 3])
def test_a_survey_of_texts_tells_their_lengths_and_a_stored_one_recalls_them(tmp_path, workers):
    path = tmp_path / "t.csv"
    path.write_text("text,y\n" + "".join(f'"{"word " * (row % 9)}",{row % 2}\n' for row in range(4_000)))
    source = stoker.open(path, label="y", text="text")
    found = survey(source, workers=workers)
    assert (found.texts.num_rows, found.texts.longest, found.texts.median_words) == (4_000, 40, 4.0)
    again = survey(source, workers=workers)
    assert again.seconds == 0
    assert again.texts.state() == found.texts.state()
