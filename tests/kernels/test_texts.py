"""Fields of delimited records are those of Python's csv module, however they are quoted."""

from __future__ import annotations

import csv
import io
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker.kernels.frozen import frozen
from stoker.kernels.texts import copy_texts, find_texts, take_texts

COLUMNS = (0, 2)


def records_of(text: str, quote: str) -> list[list[str]]:
    options = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    return [record for record in csv.reader(io.StringIO(text, newline=""), **options) if record]


def found(data: np.ndarray, quote: str, num_records: int) -> tuple[int, np.ndarray]:
    spans = np.empty((len(COLUMNS), num_records, 2), np.int64)
    byte = np.uint8(ord(quote) if quote else 0)
    return find_texts(data, np.uint8(ord(",")), byte, np.array(COLUMNS), spans), spans


@pytest.mark.parametrize("quote", ['"', "'", ""])
@given(text=st.text("a,\"'\n\ré", max_size=40), skipped=st.lists(st.booleans(), max_size=40))
def test_texts_are_those_of_the_csv_module_and_rows_left_out_are_empty(quote, text, skipped):
    records, data = records_of(text, quote), np.frombuffer(text.encode(), np.uint8)
    count, spans = found(data, quote, len(records))
    assert count == len(records)
    is_there = np.array([not skip for skip in skipped] + [True] * len(records), bool)
    rows = np.flatnonzero(is_there)[: len(records)]
    for column, span in zip(COLUMNS, spans, strict=True):
        bounds = np.empty(is_there.size + 1, np.int64)
        out = np.empty(int((span[:, 1] - span[:, 0]).sum()), np.uint8)
        copy_texts(data, np.uint8(ord(quote) if quote else 0), span, rows, bounds, out)
        texts = [out[first:last].tobytes().decode() for first, last in pairwise(bounds)]
        expected = dict(zip(rows.tolist(), (record[column : column + 1] for record in records), strict=True))
        assert texts == ["".join(expected.get(row, [])) for row in range(is_there.size)]


def test_more_records_than_were_counted_are_told():
    data = np.frombuffer(b"a,b,c\nd,e,f\n\ng,h,i", np.uint8)
    assert [found(data, '"', counted)[0] for counted in (0, 1, 3, 4)] == [1, 2, 3, 3]


@given(texts=st.lists(st.text(max_size=5), min_size=1, max_size=9), seed=st.integers(0, 99))
def test_chosen_texts_stand_one_behind_the_other(texts, seed):
    held = [text.encode() for text in texts]
    bounds = np.cumsum([0, *map(len, held)])
    places = np.random.default_rng(seed).integers(0, len(held), 12)
    ends = np.cumsum([0, *(len(held[place]) for place in places)])
    out = np.empty(ends[-1], np.uint8)
    take_texts(np.frombuffer(b"".join(held), np.uint8), frozen(bounds), places, ends, out)
    assert out.tobytes() == b"".join(held[place] for place in places)
