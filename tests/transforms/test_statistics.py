"""Column statistics against NumPy, and their independence of chunks and dtypes."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from property_examples import examples
from stoker.errors import ColumnError, OptionError
from stoker.transforms import ColumnStatistics
from stoker.types import Matrix, Rows

LEAF = 8192


def rows_of(array: np.ndarray) -> Rows:
    names = tuple(f"c{j}" for j in range(array.shape[1]))
    return Rows(num_rows=len(array), features=names, matrix=Matrix.of(np.ascontiguousarray(array)))


def seen(array: np.ndarray) -> ColumnStatistics:
    return ColumnStatistics().update(rows_of(array))


def encoded(statistics: ColumnStatistics) -> bytes:
    return msgspec.json.encode(statistics.state())


def exact_variance(column: np.ndarray) -> float:
    values = [Fraction(float(value)) for value in column]
    mean = sum(values) / len(values)
    return float(sum((value - mean) ** 2 for value in values) / len(values))


@settings(max_examples=examples(50))
@given(st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), min_size=1, max_size=60))
def test_numbers_are_those_of_numpy_for_any_column(values):
    column = np.array(values)
    found, there = seen(column.reshape(-1, 1)), column[~np.isnan(column)]
    assert found.num_rows == column.size
    assert found.count[0] == there.size
    assert found.blanks[0] == column.size - there.size
    if there.size:
        assert (found.minimum[0], found.maximum[0]) == (there.min(), there.max())
        assert found.mean[0] == pytest.approx(there.mean(), rel=1e-12, abs=1e-9)
        assert found.variance[0] == pytest.approx(exact_variance(there), rel=1e-9, abs=1e-300)
        assert found.constant[0] == (there.min() == there.max())
        assert found.integral[0] == (there == np.floor(there)).all()
        assert not found.unique[0] or len(set(values)) == len(values)
    else:
        for number in (found.minimum, found.maximum, found.mean, found.variance, found.std):
            assert np.isnan(number[0])


@settings(max_examples=examples(10))
@given(st.lists(st.integers(0, 20_000), max_size=8), st.randoms(use_true_random=False))
def test_neither_chunks_nor_the_dtype_of_a_chunk_change_a_bit(cuts, random):
    draw = np.random.default_rng(0)
    array = np.stack(
        [draw.integers(0, 9, 20_000), draw.integers(-128, 128, 20_000), np.arange(20_000) % 128], axis=1
    ).astype(np.float64)
    array[12_000:12_010, 0] = 0.1
    array[13_000, 1] = np.nan
    whole, pieces = seen(array), ColumnStatistics()
    for start, stop in pairwise([0, *sorted(cuts), 20_000]):
        chunk = array[start:stop]
        if not (start < 13_001 and stop > 12_000):
            chunk = chunk.astype(random.choice([np.int16, np.int32, np.int64, np.float64]))
        pieces.update(rows_of(chunk))
    assert encoded(pieces) == encoded(whole)


@pytest.mark.parametrize("num_rows", [100, LEAF, 3 * LEAF + 17])
def test_a_mean_a_million_million_times_the_spread_costs_no_digits_but_the_data_s(num_rows):
    column = 1e9 + np.random.default_rng(1).normal(0, 1e-3, num_rows)
    found = seen(column.reshape(-1, 1))
    assert found.variance[0] == pytest.approx(exact_variance(column), rel=1e-12)
    assert found.mean[0] == pytest.approx(1e9 + (column - 1e9).mean(), abs=2e-7)


def test_a_first_value_that_is_an_outlier_costs_few_digits():
    column = np.random.default_rng(1).normal(0, 1, 3 * LEAF)
    column[[0, LEAF]] = 1e12
    assert seen(column.reshape(-1, 1)).variance[0] == pytest.approx(exact_variance(column), rel=1e-10)


def test_huge_integers_are_summed_as_float64():
    column = np.array([2**62, 2**62 + 2**20, -(2**62), 2**63 - 1], np.int64)
    found = seen(column.reshape(-1, 1))
    assert found.maximum[0] == 2.0**63
    assert found.minimum[0] == -(2.0**62)
    assert found.std[0] == pytest.approx(np.std(column.astype(float)), rel=1e-12)


def test_take_chooses_and_orders_rows():
    array = np.random.default_rng(0).normal(size=(100, 2))
    take = np.array([7, 99, 3])
    assert encoded(ColumnStatistics().update(rows_of(array), take)) == encoded(seen(array[take]))


def test_merging_where_a_leaf_ends_is_one_pass_bit_for_bit():
    array = np.random.default_rng(0).normal(3, 5, (3 * LEAF + 50, 3))
    left, right = seen(array[: 2 * LEAF]), seen(array[2 * LEAF :])
    assert encoded(left.merge(right)) == encoded(seen(array))


@settings(max_examples=examples(20))
@given(st.integers(0, 30_000))
def test_merging_anywhere_is_one_pass_within_rounding(cut):
    array = np.random.default_rng(0).normal([0, 1e6, 1e9], [1, 1, 1e-2], (30_000, 3))
    array[::7, 0] = np.nan
    whole, merged = seen(array), seen(array[:cut]).merge(seen(array[cut:]))
    for exact in ("num_rows", "count", "blanks", "minimum", "maximum", "integral", "constant", "unique"):
        np.testing.assert_array_equal(getattr(merged, exact), getattr(whole, exact))
    np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(merged.variance, whole.variance, rtol=1e-11)


def test_statistics_of_nothing_merge_with_anything():
    some = seen(np.ones((3, 2)))
    assert encoded(ColumnStatistics().merge(some)) == encoded(some.copy().merge(ColumnStatistics()))


def test_other_columns_are_refused_by_name():
    with pytest.raises(ColumnError, match=r"column 2 is 'b' and not 'c1'|absent: 'c1'"):
        seen(np.ones((2, 2))).update(
            Rows(num_rows=1, features=("c0", "b"), matrix=Matrix.of(np.ones((1, 2))))
        )


def test_columns_unique_a_row_are_told_from_the_rest():
    draw, num_rows = np.random.default_rng(0), 30_000
    array = np.stack(
        [
            np.arange(num_rows) * 3.0,
            draw.permutation(num_rows).astype(float),
            draw.integers(0, 2**50, num_rows).astype(float),
            draw.normal(size=num_rows),
            draw.integers(0, num_rows, num_rows).astype(float),
            np.full(num_rows, 5.0),
            np.repeat(draw.permutation(num_rows // 2), 2).astype(float),
        ],
        axis=1,
    )
    np.testing.assert_array_equal(seen(array).unique, [True, True, True, False, False, False, False])
    merged = seen(array[:5000]).merge(seen(array[5000:]))
    np.testing.assert_array_equal(merged.unique, seen(array).unique)


def test_a_column_that_repeats_between_two_merged_parts_is_not_unique():
    half = np.random.default_rng(0).permutation(20_000).astype(float).reshape(-1, 1)
    assert seen(half).unique[0]
    assert not seen(half).merge(seen(half[::-1])).unique[0]


def test_a_blank_or_a_single_row_is_not_called_unique():
    assert not seen(np.array([[1.0], [np.nan], [2.0]])).unique[0]
    assert not seen(np.array([[1.0]])).unique[0]


def test_uniqueness_that_was_not_watched_is_not_told():
    with pytest.raises(OptionError, match="distinct=False"):
        _ = ColumnStatistics(distinct=False).update(rows_of(np.ones((2, 1)))).unique
    with pytest.raises(OptionError, match="distinct"):
        ColumnStatistics(distinct=False).merge(seen(np.ones((2, 1))))


def test_rows_without_numbers_are_counted():
    text_only = Rows(num_rows=4, features=(), matrix=None)
    assert ColumnStatistics().update(text_only).num_rows == 4


def test_booleans_are_counted_as_0_and_1_and_what_is_no_number_is_refused():
    flags = np.random.default_rng(0).random((500, 2)) < 0.3
    assert encoded(seen(flags)) == encoded(seen(flags.astype(np.uint8)))
    for array in (np.array([["a"]]), np.array([[1j]]), np.array([[None]]), np.array([["2026"]], "M8[D]")):
        with pytest.raises(ValueError, match="a matrix is of integers, floats or booleans, got an array of"):
            Matrix.of(array)
