"""Columns laid side by side are the matrix that NumPy stacks of them, however they lie in memory."""

from __future__ import annotations

import numpy as np
import pytest

from stoker.sources.number_columns import side_by_side


@pytest.mark.parametrize("dtype", ["float64", "float32", "int16"])
@pytest.mark.parametrize(("rows", "width"), [(0, 2), (1, 1), (31, 3), (100, 7)])
def test_columns_become_rows(dtype: str, rows: int, width: int):
    whole = np.random.default_rng(rows).integers(-300, 300, (width, rows + 3)).astype(dtype)
    columns = [column[2 : rows + 2] for column in whole]  # none begins where its memory does
    expected = np.stack(columns, axis=1)
    found = side_by_side(columns, rows, np.dtype(dtype))
    assert (found.dtype, found.flags.c_contiguous) == (expected.dtype, True)
    np.testing.assert_array_equal(found, expected)
    out = np.empty((rows, width), dtype)
    assert side_by_side(columns, rows, np.dtype(dtype), out) is out
    np.testing.assert_array_equal(out, expected)


def test_columns_that_no_address_tells_of_become_rows_too():
    strided, odd = (
        np.arange(20.0)[::2],
        np.frombuffer(b"x" + np.arange(10.0).tobytes(), np.uint8)[1:].view("f8"),
    )
    assert not odd.flags.aligned
    found = side_by_side([strided, odd, np.arange(10, dtype=np.int8)], 10, np.dtype("uint8"))
    np.testing.assert_array_equal(found, np.stack([strided, odd, np.arange(10)], axis=1))
