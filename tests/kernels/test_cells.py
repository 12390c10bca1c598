"""Cells of every type are written and read as NumPy does it, by kernels that are compiled once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker.kernels.cells import DTYPES, cells_of, put_float, put_integer, take_float, type_of
from stoker.kernels.compiling import kernel
from stoker.kernels.frozen import frozen

READ = [*DTYPES, np.float32, np.int8, np.uint16, np.uint32, np.uint64, np.bool_]


@kernel
def write_integer(cells, dtype, at, whole):
    put_integer(cells, dtype, at, whole)


@kernel
def write_float(cells, at, value):
    put_float(cells, at, value)


@kernel
def read(cells, dtype, at):
    return take_float(cells, dtype, at)


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_an_integer_is_written_to_its_cell_alone(dtype, data):
    bounds = np.iinfo(np.int64 if dtype is np.float64 else dtype)
    whole, at = data.draw(st.integers(int(bounds.min), int(bounds.max))), data.draw(st.integers(0, 5))
    matrix = np.full((2, 3), 77, dtype)
    write_integer(cells_of(matrix), type_of(matrix), at, whole)
    expected = np.full(6, 77, dtype)
    expected[at] = whole
    np.testing.assert_array_equal(matrix.reshape(-1), expected)


def test_a_float_keeps_its_bits():
    matrix = np.zeros((2, 3))
    write_float(cells_of(matrix), 4, -0.0)
    assert np.signbit(matrix).tolist() == [[False] * 3, [False, True, False]]


@pytest.mark.parametrize("dtype", READ)
def test_what_is_read_is_what_numpy_casts_to(dtype):
    bounds = np.iinfo(dtype) if np.dtype(dtype).kind in "iu" else None
    held = [0, 1] if bounds is None else [0, 1, bounds.min, bounds.max]
    values = np.array([*held, 0.1, -7.5, np.inf] if np.dtype(dtype).kind == "f" else held, dtype)
    found = [read(frozen(cells_of(values)), type_of(values), at) for at in range(values.size)]
    assert found == values.astype(np.float64).tolist()


def test_one_kernel_does_for_all_types():
    for dtype in DTYPES:
        values = np.ones(2, dtype)
        write_integer(cells_of(values), type_of(values), 0, 1)
        read(frozen(cells_of(values)), type_of(values), 0)
    assert len(write_integer.signatures) == len(read.signatures) == 1


def test_a_type_without_a_number_is_refused():
    with pytest.raises(ValueError, match="not in tuple"):
        type_of(np.zeros(1, ">i4"))
