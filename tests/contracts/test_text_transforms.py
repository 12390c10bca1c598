"""What every transform of texts must keep: the duties of `stoker.types.Transform`, for texts.

A new one joins by one more entry in `UNFITTED`.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from property_examples import examples
from stoker.errors import ColumnError, OptionError
from stoker.transforms import HashingVectorizer, NgramVectorizer, SequenceVectorizer
from stoker.transforms.registry import TRANSFORMS
from stoker.transforms.texts import TextTransform
from stoker.types import Rows
from transform_duties import MadeWhenAsked, SharedDuties, encoded

NUM_ROWS = 2_500
_TEXT = "the a of to and in it is was good bad film Été naïve ΣΊΣΥΦΟΣ 你好 ١٢٣ plot actor x9 snake_case don't"
WORDS = _TEXT.split()

UNFITTED = {
    "n-grams": lambda: NgramVectorizer(columns="text", max_features=None),
    "n-grams of one to three": lambda: NgramVectorizer(
        columns="text", ngram_range=(1, 3), max_features=None, max_terms=300, sublinear_tf=True
    ),
    "n-grams of two columns": lambda: NgramVectorizer(columns=["text", "title"], max_features=None),
    "sequences": lambda: SequenceVectorizer(columns="text"),
    "sequences of few words": lambda: SequenceVectorizer(
        columns=["text", "title"], max_tokens=9, max_length=7
    ),
    "hashed n-grams": lambda: HashingVectorizer(columns="text"),
    "hashed n-grams of three words": lambda: HashingVectorizer(
        columns=["text", "title"], ngram_range=(3, 3), num_features=1000, norm=None
    ),
}


def make_rows() -> Rows:
    draw = np.random.default_rng(5)
    weights = 1 / np.arange(1, len(WORDS) + 1)
    weights /= weights.sum()

    def texts(longest: int) -> list[str]:
        return [" ".join(draw.choice(WORDS, draw.integers(0, longest), p=weights)) for _ in range(NUM_ROWS)]

    columns = {
        "text": pa.array(texts(30), pa.large_string()),
        "title": pa.array([text or None for text in texts(4)]),
        "number": draw.normal(size=NUM_ROWS),
    }
    return Rows(num_rows=NUM_ROWS, features=(), matrix=None, columns=columns)


ROWS = make_rows()
FITTED = MadeWhenAsked(UNFITTED, lambda name: UNFITTED[name]().partial_fit(ROWS))
TAKE = np.random.default_rng(1).integers(0, NUM_ROWS, 300)

every_transform = pytest.mark.parametrize("name", UNFITTED)


def part(start: int, stop: int) -> Rows:
    columns = {key: values[start:stop] for key, values in ROWS.columns.items()}
    return Rows(num_rows=stop - start, features=(), matrix=None, columns=columns)


def bits(output: Any) -> tuple[Any, ...]:
    """What tells two outputs apart."""
    arrays = (output.indptr, output.indices, output.data) if scipy.sparse.issparse(output) else (output,)
    return (output.shape, *((array.dtype.str, array.tobytes()) for array in arrays))


def test_every_registered_transform_of_texts_is_held_to_the_contract():
    registered = {name for name, kind in TRANSFORMS.items() if issubclass(kind, TextTransform)}
    assert {transform.name for transform in FITTED.values()} == registered


@every_transform
class TestSharedDuties(SharedDuties):
    unfitted, fitted, rows = UNFITTED, FITTED, ROWS
    part, bits = staticmethod(part), staticmethod(bits)


@every_transform
@settings(max_examples=examples(8))
@given(cuts=st.lists(st.integers(0, NUM_ROWS), max_size=6))
def test_a_fit_does_not_depend_on_chunking(name: str, cuts: list[int]):
    transform = UNFITTED[name]()
    for start, stop in pairwise([0, *sorted(cuts), NUM_ROWS]):
        assert transform.partial_fit(part(start, stop)) is transform
    assert encoded(transform) == encoded(FITTED[name])


@every_transform
@pytest.mark.parametrize("cut", [1, 1000, NUM_ROWS - 1])
def test_a_merge_is_one_pass_over_all_rows(name: str, cut: int):
    first = UNFITTED[name]().partial_fit(part(0, cut))
    second = UNFITTED[name]().partial_fit(part(cut, NUM_ROWS))
    assert encoded(first.merge(second)) == encoded(FITTED[name])


@every_transform
def test_merging_leaves_the_other_as_it_was(name: str):
    first, second = (UNFITTED[name]().partial_fit(part(*ends)) for ends in [(0, 900), (900, 1800)])
    third = UNFITTED[name]().partial_fit(part(1800, NUM_ROWS))
    second.merge(third)
    assert encoded(first.merge(second)) == encoded(FITTED[name])
    assert encoded(second) == encoded(UNFITTED[name]().partial_fit(part(900, NUM_ROWS)))


@every_transform
def test_a_merge_with_other_options_is_an_error(name: str):
    other = NgramVectorizer(min_df=7)
    with pytest.raises(OptionError, match="same options"):
        UNFITTED[name]().merge(other)


@every_transform
def test_a_fit_is_all_parts_at_once(name: str):
    assert encoded(UNFITTED[name]().fit(ROWS)) == encoded(FITTED[name])


@every_transform
def test_apply_changes_nothing_and_returns_fresh_arrays(name: str):
    fitted, before = FITTED[name], encoded(FITTED[name])
    first = fitted.apply(ROWS, TAKE)
    kept = bits(first)
    second = fitted.apply(ROWS, TAKE)
    held = second.data if scipy.sparse.issparse(second) else second
    held[:] = 99
    assert bits(first) == kept
    assert encoded(fitted) == before


@every_transform
def test_rows_come_in_the_order_of_take(name: str):
    everything = FITTED[name].apply(ROWS, np.arange(NUM_ROWS))
    assert bits(FITTED[name].apply(ROWS, TAKE)) == bits(everything[TAKE])
    assert FITTED[name].apply(ROWS, TAKE[:0]).shape == (0, FITTED[name].num_outputs)
    assert everything.shape == (NUM_ROWS, FITTED[name].num_outputs)


@every_transform
def test_the_index_of_rows_is_followed(name: str):
    index = np.random.default_rng(2).permutation(NUM_ROWS)[:1000]
    indexed = replace(ROWS, num_rows=1000, index=index)
    take = np.array([999, 0, 5, 5])
    assert bits(FITTED[name].apply(indexed, take)) == bits(FITTED[name].apply(ROWS, index[take]))
    columns = {key: values.take(index) for key, values in ROWS.columns.items() if key != "number"}
    stored_in_order = Rows(num_rows=1000, features=(), matrix=None, columns=columns)
    assert encoded(UNFITTED[name]().fit(indexed)) == encoded(UNFITTED[name]().fit(stored_in_order))


@every_transform
def test_an_output_is_what_it_is_said_to_be(name: str):
    fitted, output = FITTED[name], FITTED[name].apply(ROWS, TAKE)
    if fitted.output == "sparse":
        assert output.dtype == np.float32
        assert all((np.diff(output.indices[a:b]) > 0).all() for a, b in pairwise(output.indptr))
        texts = fitted.texts_of(ROWS, TAKE)
        longest = max(len(text.encode()) for text in texts.to_pylist())
        assert np.diff(output.indptr).max() <= fitted.most_entries(longest)
    else:
        assert output.dtype == np.int32
        assert 0 <= output.min() <= output.max() < fitted.num_tokens
    assert (fitted.num_bytes > 0) == (not UNFITTED[name]().is_fitted)


@every_transform
def test_texts_alone_give_what_rows_give(name: str):
    texts = FITTED[name].texts_of(ROWS)
    assert bits(FITTED[name].transform(texts)) == bits(FITTED[name].apply(ROWS, np.arange(NUM_ROWS)))
    assert bits(FITTED[name].transform(texts.to_pylist())) == bits(FITTED[name].transform(texts))


@every_transform
def test_rows_without_the_column_are_refused(name: str):
    with pytest.raises(ColumnError, match=r"no text column 'text' \(did you mean 'texts'"):
        FITTED[name].apply(replace(ROWS, columns={"texts": ROWS.columns["text"]}), TAKE)
    with pytest.raises(ColumnError, match="holds numbers"):
        FITTED[name].apply(replace(ROWS, columns={"text": ROWS.columns["number"]}), TAKE)
