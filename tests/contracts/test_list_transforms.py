"""Duties of transforms of lists; see `stoker.types.Transform`."""

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
from stoker.errors import ColumnError, OptionError
from stoker.transforms import Cast, PadSequences, SparseFeatures
from stoker.types import Matrix, Rows
from stoker.types.arrow import arrow_type
from transform_duties import MadeWhenAsked, SharedDuties, encoded

NUM_ROWS = 400
UNFITTED = {
    "ids": lambda: PadSequences(),
    "ids behind": lambda: PadSequences(padding="post", truncating="post", max_length=4, unknown="error"),
    "numbers": lambda: PadSequences(length=6),
    "integers as numbers": lambda: PadSequences(output="dense"),
    "sparse rows": lambda: SparseFeatures(),
    "sparse rows of some features": lambda: SparseFeatures(num_features=80),
}
LISTS_OF = {
    name: ["words", "weights"] if "sparse" in name else ["signal"] if name == "numbers" else ["words"]
    for name in UNFITTED
}


def make_rows(name: str) -> Rows:
    """A column of lists beside numbers and texts, which are nothing to these transforms."""
    draw = np.random.default_rng(5)
    sizes = draw.integers(0, 9, NUM_ROWS)
    lists = {
        "words": pa.array([draw.integers(0, 60, size).tolist() for size in sizes], arrow_type("ints")),
        "signal": pa.array([draw.normal(size=size).tolist() for size in sizes], arrow_type("floats")),
        "weights": pa.array([draw.normal(size=size).tolist() for size in sizes], arrow_type("floats")),
    }
    return Rows(
        num_rows=NUM_ROWS,
        features=("x",),
        matrix=Matrix.of(np.arange(NUM_ROWS, dtype=np.float64)[:, None]),
        columns={"text": pa.array(["a"] * NUM_ROWS), **{key: lists[key] for key in LISTS_OF[name]}},
    )


ROWS = {name: make_rows(name) for name in UNFITTED}
FITTED = MadeWhenAsked(UNFITTED, lambda name: UNFITTED[name]().fit(ROWS[name]))
TAKE = np.random.default_rng(1).integers(0, NUM_ROWS, 150)
every_transform = pytest.mark.parametrize("name", UNFITTED)


def part(rows: Rows, start: int, stop: int) -> Rows:
    """Consecutive rows as a reader would give them."""
    matrix = Matrix.of(np.arange(start, stop, dtype=np.float64)[:, None])
    columns = {key: values[start:stop] for key, values in rows.columns.items()}
    return replace(rows, num_rows=stop - start, matrix=matrix, columns=columns)


def bits(found: Any) -> tuple[Any, ...]:
    arrays = [found] if isinstance(found, np.ndarray) else [found.indptr, found.indices, found.data]
    return tuple((array.dtype, array.shape, array.tobytes()) for array in arrays)


def duties_of(names: list[str]) -> type:
    """The shared duties for transforms that see the same rows."""

    class Duties(SharedDuties):
        unfitted, fitted, rows = UNFITTED, FITTED, ROWS[names[0]]
        part, bits = staticmethod(partial(part, ROWS[names[0]])), staticmethod(bits)

    return pytest.mark.parametrize("name", names)(Duties)


TestDutiesOfIds = duties_of([name for name in UNFITTED if LISTS_OF[name] == ["words"]])
TestDutiesOfNumbers = duties_of(["numbers"])
TestDutiesOfSparseRows = duties_of([name for name in UNFITTED if "sparse" in name])


@every_transform
@settings(max_examples=examples(10))
@given(cuts=st.lists(st.integers(0, NUM_ROWS), max_size=6))
def test_a_fit_depends_neither_on_chunking_nor_on_merging(name: str, cuts: list[int]):
    whole, merged = UNFITTED[name](), UNFITTED[name]()
    for start, stop in pairwise([0, *sorted(cuts), NUM_ROWS]):
        assert whole.partial_fit(part(ROWS[name], start, stop)) is whole
        merged.merge(UNFITTED[name]().partial_fit(part(ROWS[name], start, stop)))
    assert encoded(whole) == encoded(FITTED[name])
    if LISTS_OF[name] == ["signal"] or "integers" in name:  # means of parts are the whole's but for rounding
        found, expected = merged.apply(ROWS[name], TAKE), whole.apply(ROWS[name], TAKE)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    else:
        assert encoded(whole) == encoded(merged)


@every_transform
def test_a_merge_with_another_kind_or_other_columns_is_an_error(name: str):
    with pytest.raises(OptionError, match="same options"):
        UNFITTED[name]().merge(Cast())
    rows = ROWS[name]
    other = {f"other {key}": values for key, values in rows.columns.items()}
    with pytest.raises(OptionError, match="the same"):
        UNFITTED[name]().fit(rows).merge(UNFITTED[name]().fit(replace(rows, columns=other)))


@every_transform
def test_rows_without_lists_are_refused_by_name(name: str):
    rows = replace(ROWS[name], columns={"text": ROWS[name].columns["text"]})
    with pytest.raises(ColumnError, match="lists"):
        UNFITTED[name]().fit(rows)
    with pytest.raises(ColumnError, match=rf"'{LISTS_OF[name][0]}' is not there"):
        FITTED[name].apply(rows, TAKE)


@every_transform
def test_what_comes_out_is_what_is_promised_and_fresh(name: str):
    fitted = FITTED[name]
    first, second = fitted.apply(ROWS[name], TAKE), fitted.apply(ROWS[name], TAKE)
    assert first.shape == (TAKE.size, *fitted.row_shape)
    assert str(first.dtype) == fitted.dtype
    assert bits(first) == bits(second)
    if fitted.output == "tokens":
        assert 0 <= first.min() <= first.max() < fitted.num_tokens
    assert fitted.apply(ROWS[name], TAKE[:0]).shape == (0, *fitted.row_shape)
    if isinstance(first, np.ndarray):
        assert not np.shares_memory(first, second)


@every_transform
def test_the_index_of_rows_the_order_of_take_and_chunks_are_followed(name: str):
    index, rows = np.random.default_rng(2).permutation(NUM_ROWS)[:100], ROWS[name]
    indexed, take = replace(rows, num_rows=100, index=index), np.array([99, 0, 5, 5])
    assert bits(FITTED[name].apply(indexed, take)) == bits(FITTED[name].apply(rows, index[take]))
    cut = {key: pa.chunked_array([values[:13], values[13:]]) for key, values in rows.columns.items()}
    assert bits(FITTED[name].apply(replace(rows, columns=cut), TAKE)) == bits(FITTED[name].apply(rows, TAKE))
    assert encoded(UNFITTED[name]().fit(replace(rows, columns=cut))) == encoded(FITTED[name])
