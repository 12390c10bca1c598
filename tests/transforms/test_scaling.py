"""Scaling by extremes and quartiles, bins, and values for blanks, against scikit-learn's."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, RobustScaler

from property_examples import examples
from stoker.errors import ColumnError, DataError, OptionError
from stoker.transforms import Impute, MinMax, QuantileBins, Robust, Standardize, sampling
from stoker.types import Matrix, Rows

NAMES = ("age", "price", "stamp")


def rows_of(array: np.ndarray) -> Rows:
    return Rows(num_rows=len(array), features=NAMES, matrix=Matrix.of(np.ascontiguousarray(array)))


def applied(transform, array: np.ndarray, to: np.ndarray | None = None) -> np.ndarray:
    rows = rows_of(array if to is None else to)
    return transform.fit(rows_of(array)).apply(rows, np.arange(rows.num_rows))


def table(seed: int, num_rows: int, dtype: str, spread: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    array = draw.integers(0, spread, (num_rows, 3)) * draw.choice([1, 1, 1, 7], (num_rows, 3))
    return array.astype(dtype)


def with_gaps(array: np.ndarray, seed: int) -> np.ndarray:
    array = array.astype(np.float64)
    array[1:, :2][np.random.default_rng(seed).random((len(array) - 1, 2)) < 0.2] = np.nan
    return array


seeds = st.integers(0, 2**32)
tables = st.builds(
    table,
    seeds,
    st.integers(1, 120),
    st.sampled_from(["uint8", "int64", "float64"]),
    st.sampled_from([1, 4, 30]),
)


@settings(max_examples=examples(40))
@given(tables, tables, st.sampled_from([(0.0, 1.0), (-1.0, 1.0), (5.0, 7.5)]), st.booleans())
def test_minmax_is_scikit_learn_s(array, other, ends, clip):
    peer = MinMaxScaler(feature_range=ends, clip=clip).fit(array.astype(np.float64))
    found = applied(MinMax(feature_range=ends, clip=clip), array, other)
    np.testing.assert_allclose(found, peer.transform(other.astype(np.float64)), rtol=2e-5, atol=2e-5)


@settings(max_examples=examples(40))
@given(tables, st.sampled_from([(25.0, 75.0), (0.0, 100.0), (5.0, 60.0)]), st.none() | seeds)
def test_robust_is_scikit_learn_s(array, ends, gaps):
    if gaps is not None:
        array = with_gaps(array, gaps)
    expected = RobustScaler(quantile_range=ends).fit_transform(array.astype(np.float64))
    found = applied(Robust(quantile_range=ends, na="zero"), array)
    held = ~np.isnan(expected)
    np.testing.assert_allclose(found[held], expected[held], rtol=1e-5, atol=1e-5)


@settings(max_examples=examples(60))
@given(tables, tables, st.integers(2, 12))
def test_bins_are_scikit_learn_s(array, other, num_bins):
    array, other = array.astype(np.float64), other.astype(np.float64)
    peer = KBinsDiscretizer(
        n_bins=num_bins, encode="onehot-dense", strategy="quantile", quantile_method="linear"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer.fit(array)
    bins = QuantileBins(num_bins=num_bins, encode="onehot").fit(rows_of(array))
    np.testing.assert_array_equal(applied(bins, array, other), peer.transform(other))
    for found, expected in zip(bins.edges_, peer.bin_edges_, strict=True):
        np.testing.assert_array_equal(found, expected[1:-1] if np.isfinite(expected).all() else [])


def test_numbers_of_bins_go_on_from_column_to_column_and_a_blank_is_0():
    array = np.array([[1.0, 5, np.nan], [2, 5, 1], [3, 5, 2], [4, 5, np.nan]])
    bins = QuantileBins(num_bins=2)
    assert applied(bins, array).tolist() == [[1, 3, 0], [1, 3, 4], [2, 3, 5], [2, 3, 0]]
    assert (bins.num_tokens, bins.num_outputs, bins.output) == (6, 3, "tokens")
    wide = QuantileBins(num_bins=2, encode="onehot")
    assert applied(wide, array)[0].tolist() == [1, 0, 1, 0, 0]
    assert (wide.num_tokens, wide.num_outputs, wide.output) == (None, 5, "dense")


@settings(max_examples=examples(40))
@given(tables, seeds, st.sampled_from(["mean", "median", "most_frequent", "zero"]))
def test_impute_with_an_indicator_is_scikit_learn_s(array, seed, rule):
    array = with_gaps(array, seed)
    strategy = {"strategy": "constant", "fill_value": 0} if rule == "zero" else {"strategy": rule}
    expected = SimpleImputer(add_indicator=True, **strategy).fit_transform(array)
    transform = Impute(na=rule, indicator=True)
    found = applied(transform, array)
    assert found.shape == (len(array), transform.num_outputs)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_blank_where_there_was_none_is_filled_and_has_no_indicator():
    array = np.array([[1.0, 2, 3], [np.nan, 4, 5]])
    later = np.array([[7.0, np.nan, 3]])
    found = applied(Impute(na="median", indicator=True), array, later)
    assert found.tolist() == [[7, 3, 3, 0]]


def test_imputing_and_scaling_go_together():
    array = np.array([[1.0, 2, 3], [np.nan, 4, 5], [5, 9, 1]])
    filled = np.where(np.isnan(array), 3, array)
    found = applied(Robust(na={"age": "median"}, indicator=True), array)
    np.testing.assert_allclose(found[:, :3], applied(Robust(), filled), atol=1e-6)
    assert found[:, 3].tolist() == [0, 1, 0]
    kept = np.array([1.0, 5.0])
    expected = (np.array([1, 1, 5]) - kept.mean()) / kept.std()
    found = applied(Standardize(na="most_frequent"), array)
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-6)
    assert applied(MinMax(na="median", clip=True, indicator=True), array).shape == (3, 4)


def test_an_indicator_of_integers_is_nothing():
    array = np.arange(12).reshape(4, 3)
    np.testing.assert_array_equal(applied(Impute(indicator=True), array), array)
    gaps = Impute(na="zero", indicator=True).fit(rows_of(np.array([[np.nan, 1, 2]])))
    np.testing.assert_array_equal(gaps.apply(rows_of(array), np.array([3])), [[9, 10, 11, 0]])


def test_beyond_the_sample_quantiles_are_within_the_bound(monkeypatch):
    monkeypatch.setattr(sampling, "_MOST_ROWS", 1024)
    array = np.random.default_rng(0).lognormal(size=(20_000, 3))
    edges = QuantileBins(num_bins=4).fit(rows_of(array)).edges_
    ranks = [(array[:, [column]] <= edges[column]).mean(axis=0) for column in range(3)]
    bound = np.sqrt(np.log(2e6) / (2 * 1024))
    assert np.abs(np.array(ranks) - [0.25, 0.5, 0.75]).max() < bound


def test_a_column_without_a_value_is_told_by_its_rule():
    array = np.array([[np.nan, 1, 2], [np.nan, 3, 4]])
    for rule in ("median", "most_frequent"):
        with pytest.raises(ColumnError, match=f"no {rule} for its blanks"):
            applied(Impute(na=rule), array)
    assert applied(QuantileBins(), array)[:, 0].tolist() == [0, 0]


def test_what_learns_from_rows_refuses_statistics():
    for transform in (Robust(), Impute(na="median"), Standardize(na={"age": "most_frequent"})):
        assert transform.needs_rows
        with pytest.raises(OptionError, match="learns from rows"):
            transform.fit_statistics(Standardize().fit(rows_of(np.ones((2, 3)))).statistics_)
    assert not MinMax(na="mean", indicator=True).needs_rows


def test_a_spread_beyond_float64_is_told():
    array = np.array([[-1.7e308, 1, 1], [1.7e308, 1, 1]])
    for transform in (MinMax(), Robust(quantile_range=(0, 100))):
        with pytest.raises(DataError, match="'age' spreads so far"):
            applied(transform, array)


@pytest.mark.parametrize(
    "make",
    [
        lambda: MinMax(feature_range=(1, 1)),
        lambda: MinMax(feature_range=3),
        lambda: MinMax(feature_range=(0, np.inf)),
        lambda: MinMax(clip="yes"),
        lambda: Robust(quantile_range=(75, 25)),
        lambda: Robust(quantile_range=(-1, 50)),
        lambda: QuantileBins(num_bins=1),
        lambda: QuantileBins(num_bins=2.0),
        lambda: QuantileBins(encode="ordinal"),
        lambda: Impute(indicator=1),
    ],
)
def test_options_that_cannot_be_are_refused(make):
    with pytest.raises(OptionError):
        make()
