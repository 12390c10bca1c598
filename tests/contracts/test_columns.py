"""What `Columns` keeps of the duties of every transform: see `stoker.types.Transform`."""

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
from stoker.transforms import (
    Category,
    Columns,
    HashingVectorizer,
    Impute,
    NgramVectorizer,
    QuantileBins,
    Scale,
    SequenceVectorizer,
    Standardize,
)
from stoker.types import Matrix, Rows
from transform_duties import MadeWhenAsked, SharedDuties, encoded

NUM_ROWS = 400
FEATURES = ("price", "rooms", "gaps")
WORDS = ["the", "a", "of", "good", "bad", "film", "plot", "x9", "été"]

UNFITTED = {
    "numbers in several inputs": lambda: Columns(
        {"size": (["rooms", "price"], Standardize()), "price": Scale(), "all": (FEATURES, Impute(na="zero"))}
    ),
    "inputs of every kind": lambda: Columns(
        {
            "rooms": Category(min_count=40),
            "price": QuantileBins(num_bins=3),
            "review": NgramVectorizer(max_features=None),
            "words": ("review", SequenceVectorizer(max_tokens=6, max_length=4)),
            "hashed": (["title", "review"], HashingVectorizer(num_features=64)),
        }
    ),
}
"""What each transform does by itself, its own tests hold; here it is what becomes of several together."""


def make_rows() -> Rows:
    draw = np.random.default_rng(5)
    matrix = np.stack(
        [draw.lognormal(3, 1, NUM_ROWS), draw.integers(1, 9, NUM_ROWS), draw.random(NUM_ROWS)], 1
    )
    matrix[draw.random(NUM_ROWS) < 0.1, 2] = np.nan
    texts = [" ".join(draw.choice(WORDS, draw.integers(0, 8))) for _ in range(2 * NUM_ROWS)]
    columns = {"review": pa.array(texts[:NUM_ROWS], pa.large_string()), "title": pa.array(texts[NUM_ROWS:])}
    return Rows(num_rows=NUM_ROWS, features=FEATURES, matrix=Matrix.of(matrix), columns=columns)


ROWS = make_rows()
ARRAY = ROWS.matrix.values.reshape(NUM_ROWS, len(FEATURES))
FITTED = MadeWhenAsked(UNFITTED, lambda name: UNFITTED[name]().partial_fit(ROWS))
TAKE = np.random.default_rng(1).integers(0, NUM_ROWS, 50)

every_one = pytest.mark.parametrize("name", UNFITTED)


def part(start: int, stop: int) -> Rows:
    return Rows(
        num_rows=stop - start,
        features=FEATURES,
        matrix=Matrix.of(np.ascontiguousarray(ARRAY[start:stop])),
        columns={key: values[start:stop] for key, values in ROWS.columns.items()},
    )


def bits(output: dict[str, Any]) -> list[Any]:
    """What tells two outputs apart."""
    found = []
    for name, made in output.items():
        sparse = scipy.sparse.issparse(made)
        arrays = (made.indptr, made.indices, made.data) if sparse else (made,)
        found.append((name, made.shape, [(array.dtype.str, array.tobytes()) for array in arrays]))
    return found


@every_one
class TestSharedDuties(SharedDuties):
    unfitted, fitted, rows = UNFITTED, FITTED, ROWS
    part, bits = staticmethod(part), staticmethod(bits)


@every_one
@settings(max_examples=examples(5))
@given(cuts=st.lists(st.integers(0, NUM_ROWS), max_size=4))
def test_a_fit_does_not_depend_on_chunking(name: str, cuts: list[int]):
    columns = UNFITTED[name]()
    for start, stop in pairwise([0, *sorted(cuts), NUM_ROWS]):
        assert columns.partial_fit(part(start, stop)) is columns
    assert encoded(columns) == encoded(FITTED[name])


@every_one
def test_each_input_is_what_its_transform_makes_of_its_columns_alone(name: str):
    together = FITTED[name].apply(ROWS, TAKE)
    assert list(together) == [each.name for each in FITTED[name].parts]
    for each in FITTED[name].parts:
        places = [FEATURES.index(column) for column in each.columns if column in FEATURES]
        alone = replace(
            ROWS,
            features=tuple(FEATURES[place] for place in places),
            matrix=Matrix.of(np.ascontiguousarray(ARRAY[:, places])) if places else None,
            columns={column: ROWS.columns[column] for column in each.columns if column not in FEATURES},
        )
        assert bits({"x": together[each.name]}) == bits({"x": each.transform.apply(alone, TAKE)})
        spec = each.spec
        assert together[each.name].shape[1:] == spec.shape
        assert str(together[each.name].dtype) == spec.dtype


@every_one
def test_the_index_of_rows_is_followed(name: str):
    index = np.random.default_rng(2).permutation(NUM_ROWS)[:100]
    indexed = replace(ROWS, num_rows=100, index=index)
    take = np.array([99, 0, 5, 5])
    assert bits(FITTED[name].apply(indexed, take)) == bits(FITTED[name].apply(ROWS, index[take]))


def test_merging_others_is_refused():
    with pytest.raises(OptionError, match="same options"):
        UNFITTED["numbers in several inputs"]().merge(Columns({"price": Standardize()}))


def test_a_column_that_the_rows_lack_is_named():
    with pytest.raises(ColumnError, match=r"no column 'prise' .did you mean 'price'"):
        Columns({"prise": Standardize()}).partial_fit(ROWS)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "takes a mapping"),
        ([Standardize()], "takes a mapping"),
        ({"a/b": Standardize()}, "without '/'"),
        ({"a": Standardize}, r"write Standardize\(\)"),
        ({"a": "standardize"}, "needs a transform of features"),
        ({"a": ([], Standardize())}, "names of columns"),
        ({"a": (["b", "b"], Standardize())}, "names a column twice"),
        ({"a": Columns({"b": Standardize()})}, "needs a transform of features"),
        ({"a": ("b", NgramVectorizer(columns="c"))}, "leave columns= out"),
    ],
)
def test_what_is_no_input_is_refused(inputs: Any, said: str):
    with pytest.raises(OptionError, match=said):
        Columns(inputs)


def test_two_inputs_do_not_share_a_transform():
    shared = Standardize()
    with pytest.raises(OptionError, match="make one for each"):
        Columns({"a": shared, "b": shared})


def test_kinds_of_columns_are_checked_by_each_transform():
    columns = Columns({"price": Standardize(), "review": NgramVectorizer()})
    columns.check_kinds({"price": "float", "review": "text"})
    with pytest.raises(ColumnError, match="'review' holds numbers"):
        columns.check_kinds({"price": "float", "review": "int"})
    with pytest.raises(ColumnError, match="'price' holds text"):
        columns.check_kinds({"price": "text", "review": "text"})
    with pytest.raises(ColumnError, match="no such feature"):
        columns.check_kinds({"price": "text"})


def test_blanks_are_filled_where_every_transform_of_the_column_does():
    columns = Columns({"a": (["x", "y"], Impute()), "b": ("y", Standardize())})
    assert [columns.fills_blank(name) for name in "xyz"] == [True, False, False]
