"""The statistics kernels: what they add up, and that nothing but values and row order matters."""

from __future__ import annotations

import numpy as np
import pytest

from stoker.kernels.mixing import mix
from stoker.kernels.statistics import add_floats, add_integers, first_values, sample_hashes
from stoker.types import Matrix


def leaf(array: np.ndarray, places: np.ndarray | None = None) -> dict[str, np.ndarray]:
    width, matrix = array.shape[1], Matrix.of(array)
    places = np.arange(len(array)) if places is None else places
    where = (matrix.values, matrix.starts, matrix.rows_per_piece, width, places)
    sums = {
        "shift": np.full(width, np.nan),
        "first": np.zeros(width),
        "second": np.zeros(width),
        "low": np.full(width, np.inf),
        "high": np.full(width, -np.inf),
        "blanks": np.zeros(width, np.int64),
        "fractions": np.zeros(width, np.int64),
    }
    first_values(*where, sums["shift"])
    if array.dtype.kind == "f":
        add_floats(*where, *sums.values())
    else:
        add_integers(*where, *list(sums.values())[:5])
    return sums


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float64"])
def test_sums_about_the_first_value_are_exact_for_integers(dtype):
    array = np.random.default_rng(0).integers(0, 120, (8192, 9)).astype(dtype)
    sums, deviations = leaf(array), array.astype(np.int64) - array[0].astype(np.int64)
    np.testing.assert_array_equal(sums["shift"], array[0])
    np.testing.assert_array_equal(sums["first"], deviations.sum(axis=0))
    np.testing.assert_array_equal(sums["second"], (deviations**2).sum(axis=0))
    np.testing.assert_array_equal(sums["low"], array.min(axis=0))
    np.testing.assert_array_equal(sums["high"], array.max(axis=0))
    assert not sums["blanks"].any()
    assert not sums["fractions"].any()


def test_the_extremes_of_int16_over_a_leaf_are_summed_exactly():
    array = np.full((8192, 1), np.iinfo(np.int16).max, np.int16)
    array[0] = np.iinfo(np.int16).min
    assert leaf(array)["second"][0] == 8191 * 65535**2


def test_blanks_are_counted_and_leave_everything_else_alone():
    array = np.array([[np.nan, 1.5, np.nan], [2, np.nan, np.nan], [4, 1.5, np.nan]])
    sums = leaf(array)
    np.testing.assert_array_equal(sums["blanks"], [1, 1, 3])
    np.testing.assert_array_equal(sums["shift"], [2, 1.5, np.nan])
    np.testing.assert_array_equal(sums["first"], [2, 0, 0])
    np.testing.assert_array_equal(sums["fractions"] != 0, [False, True, False])
    assert np.isinf(sums["low"][2])


def test_a_negative_zero_is_zero():
    sums = leaf(np.array([[-0.0], [-0.0]]))
    assert not np.signbit([sums["shift"][0], sums["first"][0], sums["low"][0], sums["high"][0]]).any()


def test_the_least_hashes_of_distinct_values_are_kept_in_order():
    values = np.random.default_rng(3).permutation(5000).astype(np.float64)
    hashes, sizes, repeated = np.zeros((1, 64), np.uint64), np.zeros(1, np.int64), np.zeros(1, np.int64)
    matrix, columns = Matrix.of(values.reshape(-1, 1)), np.zeros(1, np.int64)
    for places in np.array_split(np.arange(5000), 7):
        sample_hashes(values, matrix.starts, 5000, 1, places, columns, hashes, sizes, repeated)
    expected = sorted(int(mix(np.uint64(0x53544154), bits)) for bits in values.view(np.uint64))[:64]
    assert hashes[0].tolist() == expected
    assert (sizes[0], repeated[0]) == (64, 0)


def test_a_sampled_value_that_comes_back_is_noticed():
    values = np.array([3.0, 4.0, np.nan, 5.0, np.nan, 4.0])
    hashes, sizes, repeated = np.zeros((1, 8), np.uint64), np.zeros(1, np.int64), np.zeros(1, np.int64)
    starts, columns = np.zeros(1, np.int64), np.zeros(1, np.int64)
    sample_hashes(values, starts, 6, 1, np.arange(5), columns, hashes, sizes, repeated)
    assert repeated[0] == 0
    sample_hashes(values, starts, 6, 1, np.array([5]), columns, hashes, sizes, repeated)
    assert (sizes[0], repeated[0]) == (3, 1)


@pytest.mark.parametrize("begun", [(0.0, 0.0), (0.1, 7.3), (float(1 << 52), float(1 << 52)), (-4.0, 16.0)])
@pytest.mark.parametrize("shift", [0.0, 255.0, -70_000.0, 2.5])
@pytest.mark.parametrize("num_rows", [1, 3, 4, 8191])
def test_bytes_are_added_to_what_was_begun_with_the_bits_of_floats(begun, shift, num_rows):
    array = np.random.default_rng(num_rows).integers(0, 256, (num_rows, 5)).astype(np.uint8)
    answers = []
    for values, add in ((array, add_integers), (array.astype(np.float64), add_floats)):
        matrix = Matrix.of(values)
        where = (matrix.values, matrix.starts, matrix.rows_per_piece, 5, np.arange(num_rows))
        sums = [np.full(5, value) for value in (shift, *begun, np.inf, -np.inf)]
        add(*where, *sums, *([np.zeros(5, np.int64), np.zeros(5, np.int64)] if add is add_floats else []))
        answers.append(np.stack(sums))
    np.testing.assert_array_equal(answers[0].view(np.uint64), answers[1].view(np.uint64))
