"""Duties of transforms of any columns that they are given, texts or numbers; see `stoker.types.Transform`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from property_examples import examples
from stoker.errors import OptionError
from stoker.transforms import Cast, Category, Dates
from stoker.types import Matrix, Rows
from transform_duties import MadeWhenAsked, SharedDuties, encoded

NUM_ROWS = 700
WORDS = np.array(["dog", "ant", "Émile", "zebra", "", "a dog that is longer than sixteen bytes"])

UNFITTED = {
    "category": lambda: Category(min_count=3),
    "categories without a bucket": lambda: Category(unknown="zeros", max_categories=4),
    "one-hot categories": lambda: Category(encode="onehot"),
    "hashed categories": lambda: Category(encode="hash", num_buckets=32),
    "dates": lambda: Dates("year", "elapsed", "weekday", "hour", na="zero"),
    "parts of dates": lambda: Dates("day", "second", cyclic=False, na="zero", invalid="blank"),
}
OF_DATES = [name for name in UNFITTED if "dates" in name]


def make_rows() -> Rows:
    draw = np.random.default_rng(3)
    gaps = draw.integers(0, 5, NUM_ROWS).astype(np.float64)
    gaps[draw.random(NUM_ROWS) < 0.1] = np.nan
    return Rows(
        num_rows=NUM_ROWS,
        features=("code", "gaps"),
        matrix=Matrix.of(np.stack([draw.integers(-2, 9, NUM_ROWS).astype(np.float64), gaps], axis=1)),
        columns={"kind": pa.array(WORDS[draw.integers(0, len(WORDS), NUM_ROWS)])},
    )


def make_dates() -> Rows:
    draw = np.random.default_rng(4)
    texts = np.datetime_as_string(draw.integers(-(10**9), 10**10, NUM_ROWS).astype("datetime64[s]"))
    blank = draw.random(NUM_ROWS) < 0.1
    columns = {"when": pa.array(texts, mask=blank), "until": pa.array(texts[::-1])}
    return Rows(num_rows=NUM_ROWS, features=(), matrix=None, columns=columns)


ROWS, DATES = make_rows(), make_dates()
ROWS_OF = {name: DATES if name in OF_DATES else ROWS for name in UNFITTED}
ARRAY = ROWS.matrix.values.reshape(NUM_ROWS, -1)
FITTED = MadeWhenAsked(UNFITTED, lambda name: UNFITTED[name]().fit(ROWS_OF[name]))
TAKE = np.random.default_rng(1).integers(0, NUM_ROWS, 300)

every_transform = pytest.mark.parametrize("name", UNFITTED)


def part(rows: Rows, start: int, stop: int) -> Rows:
    """Consecutive rows as a reader would give them: storage of their own."""
    return Rows(
        num_rows=stop - start,
        features=rows.features,
        matrix=None if rows.matrix is None else Matrix.of(np.ascontiguousarray(ARRAY[start:stop])),
        columns={key: values[start:stop] for key, values in rows.columns.items()},
    )


def bits(array: np.ndarray[Any, Any]) -> tuple[Any, ...]:
    return array.dtype, array.shape, array.tobytes()


@pytest.mark.parametrize("name", [name for name in UNFITTED if name not in OF_DATES])
class TestDutiesOfCategories(SharedDuties):
    unfitted, fitted, rows = UNFITTED, FITTED, ROWS
    part, bits = staticmethod(partial(part, ROWS)), staticmethod(bits)


@pytest.mark.parametrize("name", OF_DATES)
class TestDutiesOfDates(SharedDuties):
    unfitted, fitted, rows = UNFITTED, FITTED, DATES
    part, bits = staticmethod(partial(part, DATES)), staticmethod(bits)


@every_transform
@settings(max_examples=examples(8))
@given(cuts=st.lists(st.integers(0, NUM_ROWS), max_size=6))
def test_a_fit_depends_neither_on_chunking_nor_on_merging(name: str, cuts: list[int]):
    whole, merged = UNFITTED[name](), UNFITTED[name]()
    for start, stop in pairwise([0, *sorted(cuts), NUM_ROWS]):
        assert whole.partial_fit(part(ROWS_OF[name], start, stop)) is whole
        merged.merge(UNFITTED[name]().partial_fit(part(ROWS_OF[name], start, stop)))
    assert encoded(whole) == encoded(FITTED[name])
    assert merged.columns_ == whole.columns_
    if name not in OF_DATES:
        assert encoded(merged) == encoded(whole)
    np.testing.assert_allclose(
        merged.apply(ROWS_OF[name], TAKE), whole.apply(ROWS_OF[name], TAKE), rtol=1e-6, atol=1e-6
    )


@every_transform
def test_a_merge_with_another_kind_or_other_columns_is_an_error(name: str):
    with pytest.raises(OptionError, match="same options"):
        UNFITTED[name]().merge(Cast())
    rows = ROWS_OF[name]
    column = list(rows.columns)[-1]
    fewer = replace(rows, features=(), matrix=None, columns={column: rows.columns[column]})
    with pytest.raises(OptionError, match="the same"):
        UNFITTED[name]().fit(rows).merge(UNFITTED[name]().fit(fewer))


@every_transform
def test_apply_changes_nothing_and_returns_fresh_arrays(name: str):
    fitted, before = FITTED[name], encoded(FITTED[name])
    values, rows = ARRAY.copy(), ROWS_OF[name]
    values.flags.writeable = False
    if rows.matrix is not None:
        rows = replace(rows, matrix=Matrix.of(values))
    first = fitted.apply(rows, TAKE)
    kept, second = first.copy(), fitted.apply(rows, TAKE)
    assert not np.shares_memory(first, second)
    assert not np.shares_memory(first, values)
    second[:] = 99
    assert bits(first) == bits(kept)
    assert encoded(fitted) == before


@every_transform
def test_what_comes_out_is_what_is_promised(name: str):
    fitted, rows = FITTED[name], ROWS_OF[name]
    found = fitted.apply(rows, TAKE)
    assert found.shape == (TAKE.size, fitted.num_outputs)
    assert found.dtype == (np.int32 if fitted.output == "tokens" else np.float32)
    if fitted.output == "tokens":
        assert 0 <= found.min() <= found.max() < fitted.num_tokens
    assert fitted.apply(rows, TAKE[:0]).shape == (0, fitted.num_outputs)


@every_transform
def test_the_index_of_rows_and_the_order_of_take_are_followed(name: str):
    index = np.random.default_rng(2).permutation(NUM_ROWS)[:100]
    rows, take = ROWS_OF[name], np.array([99, 0, 5, 5])
    indexed = replace(rows, num_rows=100, index=index)
    assert bits(FITTED[name].apply(indexed, take)) == bits(FITTED[name].apply(rows, index[take]))
    stored_in_order = Rows(
        num_rows=100,
        features=rows.features,
        matrix=None if rows.matrix is None else Matrix.of(ARRAY[index]),
        columns={key: values.take(pa.array(index)) for key, values in rows.columns.items()},
    )
    assert encoded(UNFITTED[name]().fit(indexed)) == encoded(UNFITTED[name]().fit(stored_in_order))


@every_transform
def test_chunked_texts_and_a_matrix_in_several_pieces_are_the_same_rows(name: str):
    rows_per_piece, width = 256, ARRAY.shape[1]
    starts = 11 + np.arange(-(-NUM_ROWS // rows_per_piece)) * (rows_per_piece * width + 3)
    values = np.full(int(starts[-1]) + rows_per_piece * width, -1e30)
    for piece, start in enumerate(starts):
        held = ARRAY[piece * rows_per_piece : (piece + 1) * rows_per_piece].reshape(-1)
        values[start : start + held.size] = held
    matrix = Matrix(values=values, starts=starts, rows_per_piece=rows_per_piece, num_columns=width)
    given = ROWS_OF[name]
    cut = {key: pa.chunked_array([texts[:13], texts[13:]]) for key, texts in given.columns.items()}
    rows = replace(given, matrix=None if given.matrix is None else matrix, columns=cut)
    assert bits(FITTED[name].apply(rows, TAKE)) == bits(FITTED[name].apply(given, TAKE))
    assert encoded(UNFITTED[name]().fit(rows)) == encoded(FITTED[name])
