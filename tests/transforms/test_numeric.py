"""The numeric transforms against scikit-learn's, and what they say of data that they cannot take."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from property_examples import examples
from stoker.errors import ColumnError, DataError, OptionError
from stoker.transforms import Cast, ColumnStatistics, Impute, MinMax, Scale, Standardize
from stoker.types import Matrix, Rows

NAMES = ("age", "price", "stamp")


def rows_of(array: np.ndarray, names: tuple[str, ...] = NAMES) -> Rows:
    return Rows(num_rows=len(array), features=names, matrix=Matrix.of(np.ascontiguousarray(array)))


def applied(transform: Cast, array: np.ndarray) -> np.ndarray:
    rows = rows_of(array)
    return transform.fit(rows).apply(rows, np.arange(len(array)))


tables = st.builds(
    lambda seed, num_rows, dtype, centre: (
        np.random.default_rng(seed).integers(0, 120, (num_rows, 3)).astype(dtype) + np.array(centre, dtype)
    ),
    st.integers(0, 2**32),
    st.integers(1, 200),
    st.sampled_from(["uint8", "int16", "int64", "float64"]),
    st.sampled_from([0, 100]),
)


@settings(max_examples=examples(40))
@given(tables)
def test_standardize_is_scikit_learn_s_within_a_hundred_thousandth_of_a_deviation(array):
    expected = StandardScaler().fit_transform(array.astype(np.float64))
    np.testing.assert_allclose(applied(Standardize(), array), expected, rtol=1e-5, atol=1e-5)


@settings(max_examples=examples(40))
@given(tables, st.sampled_from([(0.0, 1.0), (-1.0, 1.0), (5.0, 7.5)]))
def test_scale_is_scikit_learn_s_after_rows_of_the_known_ends(array, ends):
    low, high = float(array.min()), float(array.max()) + 1
    expected = (
        MinMaxScaler(feature_range=ends).fit([[low] * 3, [high] * 3]).transform(array.astype(np.float64))
    )
    found = applied(Scale(data_range=(low, high), feature_range=ends), array)
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)


@settings(max_examples=examples(20))
@given(tables, st.integers(0, 9))
def test_impute_is_scikit_learn_s(array, seed):
    array = array.astype(np.float64)
    array[1:][np.random.default_rng(seed).random((len(array) - 1, 3)) < 0.2] = np.nan
    expected = SimpleImputer(strategy="mean").fit_transform(array)
    np.testing.assert_allclose(applied(Impute(), array), expected, rtol=1e-6)
    zeros = SimpleImputer(strategy="constant", fill_value=0).fit_transform(array)
    np.testing.assert_array_equal(applied(Impute(na="zero"), array), zeros.astype(np.float32))


def test_a_cast_leaves_numbers_as_they_are():
    array = np.array([[0, 7, 255]], np.uint8)
    np.testing.assert_array_equal(applied(Cast(), array), array.astype(np.float32))


def test_badly_conditioned_columns_come_out_standardised():
    array = 1e9 + np.random.default_rng(0).normal(0, 1e-3, (20_000, 3))
    found = applied(Standardize(), array)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(found.std(axis=0), 1, rtol=1e-4)
    moved = array - 1e9
    np.testing.assert_allclose(found, (moved - moved.mean(axis=0)) / moved.std(axis=0), atol=1e-4)


def test_small_integers_far_from_zero_do_not_suffer_from_float32():
    array = (30_000 + np.random.default_rng(0).integers(0, 3, (1000, 3))).astype(np.int16)
    expected = StandardScaler().fit_transform(array.astype(np.float64))
    np.testing.assert_allclose(applied(Standardize(), array), expected, rtol=1e-6, atol=1e-6)


def test_a_constant_far_from_zero_does_not_slow_small_integers_down():
    array = np.random.default_rng(0).integers(0, 256, (1000, 3), dtype=np.uint8)
    array[:, 0] = 255
    transform = Standardize().fit(rows_of(array))
    assert transform._prepared().narrow is not None


def test_huge_integers_are_scaled():
    array = np.array([[0, 2**62, -(2**62)], [2**53, 2**62 + 2**40, 2**62]], np.int64)
    np.testing.assert_allclose(applied(MinMax(), array), [[0, 0, 0], [1, 1, 1]], atol=1e-6)


def test_a_column_of_one_value_becomes_zero_or_the_minimum():
    array = np.full((10, 3), 0.1)
    np.testing.assert_array_equal(applied(Standardize(), array), np.zeros((10, 3)))
    np.testing.assert_allclose(applied(MinMax(feature_range=(-1, 1)), array), np.full((10, 3), -1.0))


def test_a_known_range_needs_no_extremes_and_cuts_nothing_off():
    transform = Scale().fit(rows_of(np.zeros((1, 3), np.uint8)))
    found = transform.apply(rows_of(np.array([[0, 255, 510]], np.int16)), np.zeros(1, np.int64))
    np.testing.assert_array_equal(found, [[0, 1, 2]])


def test_statistics_from_elsewhere_serve_and_stay_their_owner_s():
    rows = rows_of(np.random.default_rng(0).normal(size=(50, 3)))
    statistics = ColumnStatistics().update(rows)
    transform, take = Standardize().fit_statistics(statistics), np.arange(50)
    np.testing.assert_array_equal(transform.apply(rows, take), Standardize().fit(rows).apply(rows, take))
    transform.partial_fit(rows)
    assert statistics.num_rows == 50


def test_rules_for_blanks_go_by_column():
    array = np.array([[1, 2, 3], [np.nan, np.nan, 5]])
    found = applied(Cast(na={"age": "mean", "price": "zero"}), array)
    np.testing.assert_array_equal(found, [[1, 2, 3], [1, 0, 5]])
    np.testing.assert_allclose(applied(Standardize(na="mean"), array)[1], [0, 0, 1])


def test_a_blank_without_a_rule_names_column_row_and_the_way_out():
    with pytest.raises(DataError, match=r"column 'price' has no value \(row 1 .*na='mean'"):
        applied(Cast(na={"age": "mean"}), np.array([[1, 2, 3], [4, np.nan, 6]]))


def test_a_column_of_blanks_alone_has_no_mean():
    with pytest.raises(ColumnError, match=r"'stamp' has no value in any of 2 rows.*na='zero'"):
        applied(Impute(), np.array([[1, 2, np.nan], [4, 5, np.nan]]))
    found = applied(Standardize(na="zero"), np.array([[1, 2, np.nan], [3, 5, np.nan]]))
    np.testing.assert_array_equal(found, [[-1, -1, 0], [1, 1, 0]])


def test_a_number_beyond_float32_is_named():
    far = np.array([[1, 1e300, 3]])
    with pytest.raises(DataError, match="'price' holds what is beyond float32 after Cast: correct its"):
        applied(Cast(), far)
    with pytest.raises(DataError, match=r"'price' holds 1e\+300 \(row 0"):
        Cast().fit(rows_of(np.array([[1.0, 2, 3]]))).apply(rows_of(far), np.array([0]))


@pytest.mark.parametrize("transform", [Standardize(), MinMax()])
def test_a_spread_beyond_float64_is_named(transform):
    with pytest.raises(DataError, match="column 'price' spreads so far"):
        applied(transform, np.array([[1, 1.7e308, 3], [1, -1.7e308, 3]]))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("age", "price"), "absent: 'stamp'"),
        (("age", "price", "stamp", "id"), "not expected: 'id'"),
        (("price", "age", "stamp"), "column 1 is 'price' and not 'age'"),
    ],
)
def test_other_columns_than_those_of_the_fit_are_refused(names, message):
    transform = Cast().fit(rows_of(np.ones((1, 3))))
    with pytest.raises(ColumnError, match=message):
        transform.apply(rows_of(np.ones((1, len(names))), names), np.zeros(1, np.int64))


def test_options_that_cannot_be_are_refused():
    with pytest.raises(OptionError, match="got 'mode'"):
        Impute(na="mode")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="feature_range must be two numbers, the first below the second"):
        Scale(feature_range=(1, 0))
    with pytest.raises(OptionError, match="data_range must be two numbers"):
        Scale(data_range=(5, 5))
    with pytest.raises(OptionError, match=r"MinMax\(\) learns both"):
        Scale(data_range=None)  # type: ignore[arg-type]
    with pytest.raises(ColumnError, match=r"'prise', which is not .*did you mean 'price'"):
        Cast(na={"prise": "mean"}).fit(rows_of(np.ones((1, 3))))
