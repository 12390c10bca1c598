"""Sparse matrices as ``scipy.sparse.save_npz`` writes them, in CSR: two columns of lists, read row by row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.errors import DataError
from stoker.sources.arrays.stored import StoredArray, UnusableArray, cut_off
from stoker.sources.held import of_buffers
from stoker.types.arrow import arrow_type

__all__ = ["MATRIX", "SPARSE_COLUMNS", "SparseArray", "sparse_array"]

MATRIX = "x"
"""What the matrix of such a file is called."""
SPARSE_COLUMNS = (f"{MATRIX}.indices", f"{MATRIX}.values")
"""Its columns: of each row, in which of the matrix's columns it is not zero, and what it is there."""
_PARTS = ("indptr", "indices", "data")
_PIECE = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseArray:
    """The rows of a CSR matrix; a `StoredArray` but that `lists` takes the place of `blocks`.

    Attributes
    ----------
    indptr, indices, data
        Where each row begins in the others, one more than rows; columns; and values.
    width
        Columns of the matrix.
    """

    path: str
    indptr: StoredArray
    indices: StoredArray
    data: StoredArray
    width: int

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values as stored."""
        return self.data.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, and columns of the matrix."""
        return self.indptr.shape[0] - 1, self.width

    @property
    def is_packed(self) -> bool:
        """Whether rows can be read from the first on only."""
        return any(part.is_packed for part in (self.indptr, self.indices, self.data))

    def blocks(self, first_row: int, rows: int) -> Iterator[npt.NDArray[Any]]:
        """No label is of lists."""
        raise DataError(f"{self.path}: the matrix {MATRIX!r} is no label; name an array of one value a row")

    def lists(self, first_row: int, rows: int) -> Iterator[tuple[Any, Any]]:
        """The rows from one on, so many at a time, as Arrow lists of columns and of values.

        Raises
        ------
        DataError
            The matrix is damaged, or cannot be read.
        """
        pointers = _Stream(self.indptr, first_row)
        behind = int(pointers.take(1)[0])
        self._require(
            behind >= 0 if first_row else not behind, first_row, "its rows do not begin at the first value"
        )
        indices, data = _Stream(self.indices, behind), _Stream(self.data, behind)
        for row in range(first_row, self.shape[0], rows):
            count = min(rows, self.shape[0] - row)
            ends = pointers.take(count).astype(np.int64)
            bounds = np.concatenate([[behind], ends])
            self._require(bool((np.diff(bounds) >= 0).all()), row, "its rows end before they begin")
            self._require(int(ends[-1]) <= self.indices.shape[0], row, "its rows go on behind the last value")
            taken = int(ends[-1]) - behind
            columns, values = indices.take(taken).astype(np.int64), data.take(taken).astype(np.float64)
            inside = not taken or (int(columns.min()) >= 0 and int(columns.max()) < self.width)
            self._require(inside, row, f"a value stands in none of the {self.width:,} columns")
            yield _lists("ints", bounds - behind, columns), _lists("floats", bounds - behind, values)
            behind = int(ends[-1])

    def _require(self, is_so: bool, row: int, why: str) -> None:
        if not is_so:
            raise DataError(
                f"{self.path} holds a damaged sparse matrix: from row {row:,} on, {why}; write it again"
            )


class _Stream:
    """Values of an array of one dimension from one on, as many at a time as are wanted."""

    def __init__(self, array: StoredArray, first: int) -> None:
        self._array, self._blocks = array, array.blocks(first, _PIECE)
        self._left: npt.NDArray[Any] = np.empty(0, array.dtype.newbyteorder("="))

    def take(self, count: int) -> npt.NDArray[Any]:
        """The next values, of shape (count,)."""
        parts, missing = [], count
        while missing:
            if not len(self._left):
                block = next(self._blocks, None)
                if block is None:
                    raise cut_off(self._array.path, self._array.shape[0])
                self._left = block.reshape(-1)
            parts.append(self._left[:missing])
            self._left = self._left[missing:]
            missing -= len(parts[-1])
        return np.concatenate(parts) if parts else self._left[:0]


def sparse_array(
    path: str, arrays: Mapping[str, StoredArray], shape: npt.NDArray[Any], layout: str
) -> SparseArray:
    """The matrix of an archive with the parts that ``scipy.sparse.save_npz`` writes.

    Parameters
    ----------
    path, arrays
        The archive, and its arrays.
    shape, layout
        What it says of itself: rows and columns, and how values are stored.

    Raises
    ------
    DataError
        It is stored in another way than by rows, or its parts do not belong together.
    """
    if layout != "csr":
        raise DataError(
            f"{path} holds a sparse matrix in the {layout.upper()} layout, and rows are read from CSR: write "
            "it with scipy.sparse.save_npz(path, matrix.tocsr())"
        )
    for name in _PARTS:
        part = arrays.get(name)
        if part is None or isinstance(part, UnusableArray):
            why = "it is not there" if part is None else str(part.error)
            raise DataError(f"{path} holds a sparse matrix without its {name} ({why}); write it again")
    indptr, indices, data = (arrays[name] for name in _PARTS)
    sizes = [part.shape for part in (indptr, indices, data)]
    kinds = [part.dtype.kind for part in (indptr, indices, data)]
    sound = shape.shape == (2,) and shape.dtype.kind in "iu" and all(len(size) == 1 for size in sizes)
    sound = sound and kinds[0] in "iu" and kinds[1] in "iu" and kinds[2] in "iufb"
    if not sound or sizes[0] != (int(shape[0]) + 1,) or sizes[1] != sizes[2]:
        raise DataError(f"{path} holds a sparse matrix whose parts do not belong together; write it again")
    return SparseArray(path=path, indptr=indptr, indices=indices, data=data, width=int(shape[1]))


def _lists(kind: Any, bounds: npt.NDArray[np.int64], values: npt.NDArray[Any]) -> pa.Array:
    return of_buffers(arrow_type(kind), bounds, np.ascontiguousarray(values).view(np.uint8))
