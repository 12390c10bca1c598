"""Parsed rows in memory, or mapped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = [
    "Arrays",
    "IntArray",
    "Matrix",
    "Rows",
    "SparseRows",
    "Uint64Array",
]

IntArray: TypeAlias = npt.NDArray[np.int64]
Uint64Array: TypeAlias = npt.NDArray[np.uint64]
Arrays: TypeAlias = "npt.NDArray[Any] | Mapping[str, Any]"
"""One array, or a mapping: of sparse rows their indices and values, of named inputs the arrays of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Row-major numeric columns, in memory or mapped, perhaps in several pieces of one flat buffer.

    Row ``i`` begins at element ``starts[i // rows_per_piece] + (i % rows_per_piece) * num_columns`` of
    ``values``. A plain array is one piece that starts at 0.
    """

    values: npt.NDArray[Any]
    starts: IntArray
    rows_per_piece: int
    num_columns: int

    @classmethod
    def of(cls, array: npt.NDArray[Any]) -> Matrix:
        """Wrap a C-contiguous array of numbers of shape (n, k); booleans are seen as 0 and 1, uint8.

        Raises
        ------
        ValueError
            For another shape or layout, or what is no integer, float or boolean.
        """
        if array.ndim != 2 or not array.flags.c_contiguous:
            raise ValueError(f"expected a C-contiguous array of two dimensions, got shape {array.shape}")
        if array.dtype.kind not in "iufb":
            raise ValueError(f"a matrix is of integers, floats or booleans, got an array of {array.dtype}")
        if array.dtype == np.bool_:
            array = array.view(np.uint8)
        return cls(
            values=array.reshape(-1),
            starts=np.zeros(1, np.int64),
            rows_per_piece=max(1, array.shape[0]),
            num_columns=array.shape[1],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseRows:
    """Rows of which only the entries that are not zero are there: row r has those from ``indptr[r]`` on.

    Attributes
    ----------
    indptr
        int64 of shape (n + 1,).
    indices, data
        uint16 or int32, and float32, of shape (entries,); indices ascend within a row.
    """

    indptr: IntArray
    indices: npt.NDArray[np.uint16] | npt.NDArray[np.int32]
    data: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Parsed rows: numeric features packed in one matrix, every other column beside it.

    Attributes
    ----------
    num_rows
        n.
    features
        Names of the matrix's columns, k of them.
    matrix
        One dtype for all; missing values are NaN (so a column with blanks makes the matrix one of floats).
    columns
        The other columns by name, the label among them: a NumPy array (int64 or float64) or a
        ``pyarrow.Array``/``ChunkedArray`` of strings, bytes or lists. Stored like the matrix: see `index`.
    inputs
        What the features' transform makes of the rows, where that is kept in the place of texts or images:
        stored like the matrix.
    index
        int64 of shape (n,): row i is stored at place ``index[i]`` of matrix and columns; None means place i.
    """

    num_rows: int
    features: tuple[str, ...]
    matrix: Matrix | None
    columns: Mapping[str, Any] = field(default_factory=dict)
    index: IntArray | None = None
    inputs: SparseRows | npt.NDArray[Any] | None = None

    def places(self, rows: IntArray) -> IntArray:
        """Storage places of the given row numbers, int64 of the same shape."""
        return rows if self.index is None else self.index[rows]
