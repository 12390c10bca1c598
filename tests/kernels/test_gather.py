"""The gather kernels against NumPy's own indexing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from property_examples import examples
from stoker.kernels.gather import gather, gather_affine, gather_cast, gather_filled, storage_of
from stoker.types import Matrix

DTYPES = ["uint8", "int16", "float64"]


@st.composite
def gathering(draw: Any) -> tuple[np.ndarray, Matrix, np.ndarray]:
    """An array, the same rows in pieces with rubbish between, and places to take."""
    num_rows, width = draw(st.integers(1, 40)), draw(st.sampled_from([1, 2, 7, 16, 65, 200]))
    dtype = draw(st.sampled_from(DTYPES))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    array = random.integers(0, 127, (num_rows, width)).astype(dtype)
    rows_per_piece, gap = draw(st.integers(1, 50)), draw(st.integers(0, 9))
    num_pieces = -(-num_rows // rows_per_piece)
    starts = gap + np.arange(num_pieces) * (rows_per_piece * width + gap)
    values = np.full(gap + num_pieces * (rows_per_piece * width + gap), 111, dtype)
    for piece, start in enumerate(starts):
        held = array[piece * rows_per_piece : (piece + 1) * rows_per_piece].reshape(-1)
        values[start : start + held.size] = held
    matrix = Matrix(values=values, starts=starts, rows_per_piece=rows_per_piece, num_columns=width)
    return array, matrix, random.integers(0, num_rows, draw(st.integers(0, 60)))


def storage(matrix: Matrix, places: np.ndarray) -> tuple[Any, ...]:
    return *storage_of(matrix), places


@settings(max_examples=examples(60))
@given(gathering())
def test_rows_are_those_of_numpy_for_any_dtype_pieces_and_places(made):
    array, matrix, places = made
    same = np.empty((places.size, matrix.num_columns), array.dtype)
    gather(*storage(matrix, places), same)
    np.testing.assert_array_equal(same, array[places])
    cast = np.empty((places.size, matrix.num_columns), np.float32)
    gather_cast(*storage(matrix, places), cast)
    np.testing.assert_array_equal(cast, array[places].astype(np.float32))


@settings(max_examples=examples(60))
@given(gathering(), st.sampled_from([np.float32, np.float64]))
def test_scaling_has_the_bits_of_numpy_in_the_dtype_of_its_vectors(made, dtype):
    array, matrix, places = made
    random = np.random.default_rng(places.size)
    subtract = random.normal(50, 20, matrix.num_columns).astype(dtype)
    multiply = random.lognormal(0, 2, matrix.num_columns).astype(dtype)
    out = np.empty((places.size, matrix.num_columns), np.float32)
    gather_affine(*storage(matrix, places), subtract, multiply, out)
    wide = np.result_type(array.dtype, dtype)
    expected = ((array[places].astype(wide) - subtract.astype(wide)) * multiply.astype(wide)).astype(
        np.float32
    )
    if wide == dtype or dtype == np.float64:
        np.testing.assert_array_equal(out, expected)
    else:
        np.testing.assert_allclose(out, expected, rtol=2e-6, atol=1e-4)


def aligned(num_rows: int, width: int, offset: int = 0) -> np.ndarray:
    """Floats that begin `offset` elements behind a multiple of 64 bytes, all -1."""
    memory = np.full(num_rows * width + 32, -1, np.float32)
    first = -memory.ctypes.data % 64 // 4 + offset
    return memory[first : first + num_rows * width].reshape(num_rows, width)


@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize(("num_rows", "width"), [(401, 784), (20_003, 20), (300_007, 1), (30_000, 9)])
def test_what_is_written_past_the_cache_is_the_same(num_rows, width, offset):
    random = np.random.default_rng(width)
    array = random.integers(0, 127, (97, width)).astype(np.uint8)
    floats = array.astype(np.float64)
    floats[5, 0] = np.nan
    places = random.integers(0, 97, num_rows)
    out, ones = aligned(num_rows, width, offset), np.ones(width, np.float32)
    gather_cast(*storage(Matrix.of(array), places), out)
    np.testing.assert_array_equal(out, array[places].astype(np.float32))
    gather_affine(*storage(Matrix.of(array), places), ones, ones * 2, out)
    np.testing.assert_array_equal(out, (array[places].astype(np.float32) - 1) * 2)
    unfilled = np.full(width, np.nan), np.zeros(width), np.ones(width)
    assert gather_filled(*storage(Matrix.of(floats), places), *unfilled, out) == (places == 5).sum()
    np.testing.assert_array_equal(out, floats[places].astype(np.float32))


def test_columns_beside_those_of_the_matrix_are_left_alone():
    out, places = aligned(20_000, 20), np.zeros(20_000, np.int64)
    gather_cast(*storage(Matrix.of(np.ones((1, 19), np.uint8)), places), out)
    assert (out[:, :19] == 1).all()
    assert (out[:, 19] == -1).all()


def test_a_value_far_from_zero_keeps_its_digits():
    array = 1e9 + np.arange(8, dtype=np.float64).reshape(-1, 1) / 1024
    matrix, out = Matrix.of(array), np.empty((8, 1), np.float32)
    gather_affine(*storage(matrix, np.arange(8)), np.array([1e9]), np.array([1024.0]), out)
    np.testing.assert_array_equal(out[:, 0], np.arange(8, dtype=np.float32))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_blanks_are_filled_before_scaling_and_the_rest_is_counted(dtype):
    array = np.array([[1, np.nan, 3], [np.nan, 5, 6], [7, 8, np.inf], [0, 0, 0]], dtype)
    matrix, out = Matrix.of(array), np.empty((5, 3), np.float32)
    fill, subtract, multiply = np.array([np.nan, 50, 60]), np.array([1.0, 0, 0]), np.array([1.0, 2, 1])
    left = gather_filled(*storage(matrix, np.array([0, 1, 2, 3, 1])), fill, subtract, multiply, out)
    assert left == 3
    expected = [[0, 100, 3], [np.nan, 10, 6], [6, 16, np.inf], [-1, 0, 0], [np.nan, 10, 6]]
    np.testing.assert_array_equal(out, np.array(expected, np.float32))


def test_a_value_beyond_float32_is_counted_as_not_finite():
    matrix, out = Matrix.of(np.array([[3.5e38], [3.4e38]])), np.empty((2, 1), np.float32)
    assert gather_filled(*storage(matrix, np.arange(2)), np.zeros(1), np.zeros(1), np.ones(1), out) == 1


def test_a_read_only_matrix_is_gathered_too():
    values = np.arange(6, dtype=np.uint8).reshape(3, 2)
    values.flags.writeable = False
    out = np.empty((1, 2), np.float32)
    gather_cast(*storage(Matrix.of(values), np.array([2])), out)
    np.testing.assert_array_equal(out, [[4, 5]])
