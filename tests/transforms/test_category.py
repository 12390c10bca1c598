"""Categories against scikit-learn's and pandas's answers, and what is said of columns that have none."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import OneHotEncoder

from property_examples import examples
from stoker.errors import ColumnError, DataError, OptionError, RunError
from stoker.transforms import from_state, tallies
from stoker.transforms.category import Category
from stoker.types import Matrix, Rows

LONG = "a name of a place that is longer than sixteen bytes "


def texts(values, kind=None) -> Rows:
    return Rows(num_rows=len(values), features=(), matrix=None, columns={"city": pa.array(values, kind)})


def numbers(values, dtype=np.int64) -> Rows:
    matrix = Matrix.of(np.array(values, dtype).reshape(-1, 1))
    return Rows(num_rows=len(values), features=("code",), matrix=matrix)


def every(transform, rows: Rows) -> np.ndarray:
    return transform.apply(rows, np.arange(rows.num_rows))


words = st.sampled_from(["a", "b", "c", "aa", "Ü", "twelve bytes", LONG, LONG + "b", "x" * 16, "y" * 8])
some_words = st.lists(words, min_size=1, max_size=60)
kinds = st.sampled_from(
    [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)


@settings(max_examples=examples(60))
@given(some_words, some_words, st.integers(1, 4), st.none() | st.integers(2, 5), kinds)
def test_one_hot_rows_are_scikit_learn_s(seen, new, min_count, most, kind):
    transform = Category(min_count=min_count, max_categories=most, encode="onehot").fit(texts(seen, kind))
    encoder = OneHotEncoder(
        min_frequency=min_count,
        max_categories=most,
        handle_unknown="infrequent_if_exist",
        sparse_output=False,
    ).fit(np.array(seen, object)[:, None])
    bucket = encoder.infrequent_categories_[0] is not None
    found = every(transform, texts(new, kind))
    expected = encoder.transform(np.array(new, object)[:, None])
    np.testing.assert_array_equal(found if bucket else found[:, :-1], expected)
    np.testing.assert_array_equal(found.sum(axis=1), 1)


@settings(max_examples=examples(40))
@given(st.lists(words | st.none(), max_size=60), st.lists(st.integers(-3, 3) | st.none(), max_size=60))
def test_counts_are_those_of_pandas(values, codes):
    rows = texts(values, pa.string())
    for given_rows, column in (
        (rows, values),
        (numbers([np.nan if c is None else c for c in codes], float), codes),
    ):
        (book,) = Category().fit(given_rows).books_
        expected = pd.Series(column, dtype=object).value_counts(dropna=False).to_dict()
        found = dict(zip(book.categories, book.counts.tolist(), strict=True))
        assert found == {None if key is None or key != key else key: n for key, n in expected.items()}
        assert list(book.categories) == sorted(
            found, key=lambda value: (value is None, value if value is not None else 0)
        )


@settings(max_examples=examples(30))
@given(some_words, st.lists(st.integers(0, 60), max_size=4))
def test_numbers_are_places_among_categories_and_fits_do_not_depend_on_chunks(seen, cuts):
    whole = Category().fit(texts(seen))
    parts = Category()
    edges = sorted({0, len(seen), *(min(cut, len(seen)) for cut in cuts)})
    for start, stop in pairwise(edges):
        parts.partial_fit(texts(seen[start:stop], pa.string()))
    assert parts.state() == whole.state()
    (known,) = whole.categories_
    np.testing.assert_array_equal(every(whole, texts(seen)).ravel(), [1 + known.index(word) for word in seen])
    assert whole.num_tokens == len(known) + 2


def test_integers_of_any_width_and_floats_with_blanks_are_the_same_categories():
    wanted = None
    for dtype in (np.uint8, np.int64, np.float64):
        transform = Category().fit(numbers([3, 1, 200], dtype))
        found = every(transform, numbers([200, 7, 1, 3], dtype)).ravel().tolist()
        assert found == (wanted := wanted or [3, 4, 1, 2])
    blanks = Category().fit(numbers([3, np.nan, 3], float))
    assert blanks.categories_ == ((3, None),)
    assert every(blanks, numbers([np.nan, 3, 4], float)).ravel().tolist() == [2, 1, 3]


def test_the_blank_is_a_category_only_where_it_was_met_often_enough():
    seen = ["a", None, "", "a", "b", "b"]
    assert Category().fit(texts(seen)).categories_ == (("a", "b", None),)
    assert Category(min_count=3).fit(texts([*seen, "b"])).categories_ == (("b",),)
    never = Category(unknown="zeros").fit(texts(["a"]))
    assert every(never, texts([None, "a", "new"])).ravel().tolist() == [0, 1, 0]
    assert never.num_tokens == 2


def test_integers_that_a_float_rounds_are_no_categories():
    exact = [(1 << 53) - 1, 5]
    assert Category().fit(numbers(exact, np.float64)).categories_ == ((5, exact[0]),)
    assert Category().fit(numbers([1 << 60, (1 << 60) + 1])).num_tokens == 4
    with pytest.raises(ColumnError, match=r"beyond 2\*\*53, .*several would be one category.*'text'"):
        Category().fit(numbers([float(1 << 53), 0.0], np.float64))


def test_an_unknown_value_is_told_with_its_row_where_that_is_an_error():
    transform = Category(unknown="error").fit(texts(["a", "b"]))
    with pytest.raises(DataError, match="'city' holds 'zz' \\(row 1 of this batch\\)"):
        every(transform, texts(["a", "zz"]))
    with pytest.raises(DataError, match="holds a blank"):
        every(transform, texts([None], pa.string()))
    codes = Category(unknown="error").fit(numbers([1, 2]))
    with pytest.raises(DataError, match="holds 9"):
        every(codes, numbers([9]))


def test_several_columns_share_one_range_of_numbers():
    rows = Rows(
        num_rows=2,
        features=("code",),
        matrix=Matrix.of(np.array([[7], [8]])),
        columns={"city": pa.array(["u", "b"])},
    )
    transform = Category().fit(rows)
    assert transform.columns_ == ("code", "city")
    assert every(transform, rows).tolist() == [[1, 5], [2, 4]]
    assert transform.num_tokens == 7
    one_hot = Category(encode="onehot").fit(rows)
    assert every(one_hot, rows).tolist() == [[1, 0, 0, 0, 1, 0], [0, 1, 0, 1, 0, 0]]


def test_hashes_need_no_counting_and_never_change():
    transform = Category(encode="hash", num_buckets=100).fit(texts(["a"]))
    found = every(transform, texts(["Ulm", "Bonn", "Ulm", None, LONG]))
    assert found.ravel().tolist() == [50, 73, 50, 22, 41]
    assert transform.num_tokens == 101
    assert transform.num_bytes == 0
    assert every(from_state(transform.state()), texts(["Bonn"])).tolist() == [[73]]


def test_a_column_of_too_many_values_names_the_way_out(monkeypatch):
    monkeypatch.setattr(tallies, "MOST_VALUES", 100)
    with pytest.raises(OptionError, match=r"'city' has more different values.*encode='hash'"):
        Category().fit(texts([f"city {i}" for i in range(101)]))
    Category().fit(texts([f"city {i}" for i in range(100)]))
    monkeypatch.setattr(tallies, "MOST_LETTERS", 2000)
    with pytest.raises(OptionError, match="encode='hash'"):
        Category().fit(texts(["x" * 1999]))


def test_one_hot_rows_have_a_greatest_width():
    transform = Category(encode="onehot").fit(numbers(np.arange(4096)))
    with pytest.raises(OptionError, match=r"4,097 numbers.*max_categories"):
        _ = transform.num_outputs


@pytest.mark.parametrize(
    "options",
    [
        {"min_count": 0},
        {"min_count": 1.5},
        {"max_categories": 1},
        {"unknown": "drop"},
        {"encode": "dummy"},
        {"encode": "hash"},
        {"num_buckets": 8},
        {"encode": "hash", "num_buckets": 1},
        {"encode": "hash", "num_buckets": 8, "min_count": 2},
        {"unknown": "error", "min_count": 2},
        {"encode": "hash", "num_buckets": 8, "unknown": "zeros"},
    ],
)
def test_options_that_cannot_be_are_refused(options):
    with pytest.raises(OptionError):
        Category(**options)


def test_fractions_are_no_categories():
    with pytest.raises(ColumnError, match=r"holds 2.5.*QuantileBins"):
        Category().fit(numbers([1, 2.5], float))


def test_a_column_that_becomes_text_is_told():
    transform = Category().fit(texts(["1"]))
    with pytest.raises(DataError, match=r"kind int.*text"):
        every(transform, Rows(num_rows=1, features=(), matrix=None, columns={"city": np.array([1])}))


def test_bytes_that_are_no_utf_8_are_told():
    odd = pa.array([b"M\xfcnchen"], pa.binary())
    odd = pa.StringArray.from_buffers(1, odd.buffers()[1], odd.buffers()[2])
    with pytest.raises(DataError, match="no UTF-8"):
        _ = Category().fit(Rows(num_rows=1, features=(), matrix=None, columns={"city": odd})).categories_


HOSTILE = [
    {"columns": ["city", "city"]},
    {"columns": [3]},
    {"counts": []},
    {"options": {"encode": "hash"}},
    {"options": {"min_count": -1}},
    {"options": {"other": 1}},
    *(
        {"counts": [{"kind": "text", "blanks": 0, "values": ["a", "b"]} | odd]}
        for odd in (
            {"kind": "bytes"},
            {"kind": "int"},
            {"kind": None},
            {"blanks": -1},
            {"blanks": 2**70},
            {"values": ["b", "a"]},
            {"values": ["a", "a"]},
            {"values": ["", "a"]},
            {"values": ["a"]},
            {"values": "ab"},
            {"values": [1, 2]},
            {"kind": "int", "values": [1, 2**64]},
            {"kind": "float", "values": [1.0, 2.0]},
        )
    ),
]


@pytest.mark.parametrize("odd", HOSTILE)
def test_a_damaged_state_is_refused(odd):
    state = Category().fit(texts(["a", "b", "b"])).state()
    if odd.get("counts"):
        odd = {"counts": [state["counts"][0] | odd["counts"][0]]}
        assert odd != {"counts": state["counts"]}
    if "options" in odd:
        odd = {"options": state["options"] | odd["options"]}
    with pytest.raises(RunError, match="damaged"):
        from_state(state | odd)
