"""The sample of rows that quantiles are taken from: exact while it holds every row, then within its bound."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from property_examples import examples
from stoker.transforms import sampling
from stoker.transforms.sampling import RowSample
from stoker.types import Matrix, Rows

MOST = 512


@pytest.fixture(autouse=True)
def small_samples(monkeypatch):
    monkeypatch.setattr(sampling, "_MOST_ROWS", MOST)


def rows_of(array: np.ndarray) -> Rows:
    return Rows(num_rows=len(array), features=("a", "b"), matrix=Matrix.of(np.ascontiguousarray(array)))


def sample_of(array: np.ndarray, *cuts: int) -> RowSample:
    made = RowSample()
    for start, stop in pairwise([0, *sorted(cuts), len(array)]):
        made.update(rows_of(array[start:stop]))
    return made


def encoded(sample: RowSample) -> bytes:
    return msgspec.json.encode(sample.state())


LONG = np.random.default_rng(0).normal(size=(9_000, 2))
LEVELS = np.linspace(0, 1, 21)


@settings(max_examples=examples(30))
@given(st.integers(1, MOST), st.integers(0, 2**32), st.floats(0, 0.9))
def test_quantiles_are_numpy_s_where_every_row_is_held(num_rows, seed, blanks):
    draw = np.random.default_rng(seed)
    array = np.round(draw.normal(size=(num_rows, 2)), 1)
    array[1:][draw.random((num_rows - 1, 2)) < blanks] = np.nan
    expected = np.nanquantile(array, LEVELS, axis=0)
    np.testing.assert_array_equal(sample_of(array).quantiles(LEVELS), expected)


@settings(max_examples=examples(20))
@given(st.lists(st.integers(0, len(LONG)), max_size=6), st.sampled_from([np.float64, np.float32]))
def test_the_sample_does_not_depend_on_chunking(cuts, dtype):
    array = LONG.astype(dtype)
    assert encoded(sample_of(array, *cuts)) == encoded(sample_of(array))


def test_ranks_of_quantiles_are_within_the_bound():
    found = sample_of(LONG).quantiles(LEVELS[1:-1])
    ranks = np.stack([(LONG[:, c] <= found[:, [c]]).mean(axis=1) for c in range(2)], axis=1)
    bound = np.sqrt(np.log(2e6) / (2 * MOST))
    assert np.abs(ranks - LEVELS[1:-1, None]).max() < bound


@pytest.mark.parametrize("cut", [100, 5_000, 8_900])
def test_a_merge_is_one_pass_where_the_second_holds_every_row_and_a_fair_sample_else(cut):
    merged = sample_of(LONG[:cut]).merge(sample_of(LONG[cut:]))
    assert merged.num_rows == len(LONG)
    if len(LONG) - cut <= MOST:
        assert encoded(merged) == encoded(sample_of(LONG))
    held = merged.quantiles(LEVELS[1:-1])
    ranks = np.stack([(LONG[:, c] <= held[:, [c]]).mean(axis=1) for c in range(2)], axis=1)
    assert np.abs(ranks - LEVELS[1:-1, None]).max() < np.sqrt(np.log(2e6) / (2 * MOST))


def test_each_part_of_a_merge_is_held_by_its_share_of_the_rows():
    marked = np.repeat(np.arange(3.0), 3_000)[:, None] * np.ones(2)
    merged = sample_of(marked[:3_000]).merge(sample_of(marked[3_000:6_000])).merge(sample_of(marked[6_000:]))
    shares = [float((merged._least()[1][:, 0] == part).mean()) for part in range(3)]
    np.testing.assert_allclose(shares, 1 / 3, atol=0.08)
    assert merged._least()[0].size == MOST


@pytest.mark.parametrize("num_rows", [0, 100, 3_000])
def test_a_stored_sample_goes_on_as_the_first_would(num_rows):
    first = RowSample().update(rows_of(LONG[:num_rows]))
    stored = RowSample.from_state(msgspec.json.decode(encoded(first)))
    assert encoded(stored) == encoded(first)
    assert encoded(stored.update(rows_of(LONG[num_rows:]))) == encoded(sample_of(LONG))


def test_memory_does_not_grow_with_rows():
    sample = RowSample()
    for _ in range(20):
        sample.update(rows_of(LONG))
    assert sample.num_bytes <= 2.5 * MOST * (8 + 2 * 8)


def test_many_columns_have_a_smaller_sample(monkeypatch):
    monkeypatch.setattr(sampling, "_MOST_ROWS", 1 << 16)
    wide = Rows(num_rows=1, features=tuple(map(str, range(784))), matrix=Matrix.of(np.zeros((1, 784))))
    assert RowSample().update(wide).most_rows == 10_699


@pytest.mark.parametrize(
    "odd",
    [
        {"num_rows": -1},
        {"num_rows": 7},
        {"num_rows": 2**70},
        {"features": ["a"]},
        {"features": [1, 2]},
        {"keys": None},
    ],
)
def test_a_damaged_sample_is_refused(odd):
    state = sample_of(LONG).state()
    with pytest.raises((ValueError, TypeError)):
        RowSample.from_state(state | odd)
    with pytest.raises(ValueError, match="unsorted"):
        RowSample.from_state(state | {"keys": sampling.to_packed(sample_of(LONG)._least()[0][::-1].copy())})
