from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker.kernels.padding import longest_row, pad_rows, padded_width

COLUMNS = 1000


def csr_of(
    lengths: list[int], index_type: type, value_type: type
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(len(lengths))
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(
        np.int64 if index_type is np.uint16 else index_type
    )
    rows = [np.sort(random.choice(COLUMNS, length, replace=False)) for length in lengths]
    indices = np.concatenate([*rows, []]).astype(index_type)
    return indptr, indices, random.normal(size=len(indices)).astype(value_type)


def dense(columns: np.ndarray, values: np.ndarray) -> np.ndarray:
    rows = np.zeros((len(columns), COLUMNS), values.dtype)
    np.add.at(rows, (np.arange(len(columns))[:, None], columns), values)
    return rows


@given(
    lengths=st.lists(st.integers(0, 200), min_size=1, max_size=12),
    seed=st.integers(0, 5),
    index_type=st.sampled_from([np.uint16, np.int32, np.int64]),
    value_type=st.sampled_from([np.float32, np.float64]),
)
def test_pairs_hold_the_rows_that_were_taken_and_zeros_behind(lengths, seed, index_type, value_type):
    indptr, indices, data = csr_of(lengths, index_type, value_type)
    take = np.random.default_rng(seed).integers(0, len(lengths), 7)
    width = padded_width(longest_row(indptr, take), COLUMNS)
    columns, values = np.full((7, width), 99, np.int32), np.full((7, width), np.nan, np.float32)
    pad_rows(indptr, indices, data, take, columns, values)
    whole = np.zeros((len(lengths), COLUMNS), np.float32)
    for row in range(len(lengths)):
        part = slice(indptr[row], indptr[row + 1])
        whole[row, indices[part]] = data[part]
    assert np.array_equal(dense(columns, values), whole[take])
    used = np.diff(indptr)[take]
    behind = np.arange(width) >= used[:, None]
    assert not columns[behind].any()
    assert not values[behind].any()
    assert (np.diff(columns, axis=1)[~behind[:, 1:]] > 0).all()


@given(longest=st.integers(0, 100_000), more=st.integers(0, 1_000_000))
def test_a_width_comes_from_a_fixed_table_and_is_the_least_that_will_do(longest, more):
    columns = longest + more
    width = padded_width(longest, columns)
    assert width in [64 * 4**power for power in range(7)] or width == columns
    assert longest <= width < max(65, 4 * longest)
    assert width <= columns


def test_no_rows_have_no_longest():
    assert longest_row(np.array([0, 3]), np.array([], np.int64)) == 0


@pytest.mark.parametrize("longest", [64, 65])
def test_a_row_as_long_as_a_width_fits_it(longest):
    indptr, indices, data = csr_of([longest], np.int32, np.float32)
    width = padded_width(longest, COLUMNS)
    columns, values = np.empty((1, width), np.int32), np.empty((1, width), np.float32)
    pad_rows(indptr, indices, data, np.array([0]), columns, values)
    assert width == (64 if longest == 64 else 256)
    assert np.array_equal(columns[0, :longest], indices)
