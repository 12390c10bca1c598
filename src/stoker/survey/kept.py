"""Rows kept in memory, so that small data are parsed once."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from stoker.ledger import Charge, Ledger
from stoker.prefetch import prefetch
from stoker.sources.held import join_values
from stoker.types import ColumnSpec, IntArray, Matrix, RowReader, Rows, SparseRows, is_number
from stoker.types.arrow import arrow_type

__all__ = ["KeptRows", "collect", "join_columns", "kept_bytes"]

_PIECE_BYTES = 1 << 20
_ARRAY_BYTES = 32
"""Of a value that is no number, with its place."""


class Contents(Protocol):
    """What must be known of rows to read all of them; a `Survey` knows it."""

    @property
    def num_slots(self) -> int:
        """Record slots."""

    @property
    def plain_bytes(self) -> int:
        """Bytes of the files, unpacked."""

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the matrix's columns."""

    @property
    def others(self) -> tuple[ColumnSpec, ...]:
        """The columns beside it."""

    @property
    def text_bytes(self) -> int:
        """Bytes of the values that are no numbers, of all slots."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the matrix."""

    def reader(self) -> RowReader:
        """The rows by id."""


class KeptRows:
    """All rows of a source in memory: a `RowReader` that copies nothing.

    Parameters
    ----------
    num_slots
        n, excluded rows included.
    features
        Names of the matrix's columns.
    matrix
        C-contiguous of shape (n, k), or None without numeric features.
    columns
        The other columns, n values each.
    charge
        For all of it; released with this reader.
    inputs
        What became of texts or images that are not kept themselves.
    """

    def __init__(
        self,
        num_slots: int,
        features: tuple[str, ...],
        matrix: npt.NDArray[Any] | None,
        columns: Mapping[str, Any],
        charge: Charge | None = None,
        inputs: SparseRows | npt.NDArray[Any] | None = None,
    ) -> None:
        self._num_slots = num_slots
        self._features = features
        self._matrix = None if matrix is None else Matrix.of(matrix)
        self._columns = dict(columns)
        self._inputs = inputs
        if charge is not None:
            weakref.finalize(self, charge.release).atexit = False

    @property
    def num_slots(self) -> int:
        """Record slots, excluded ones included."""
        return self._num_slots

    @property
    def num_bytes(self) -> int:
        """Memory that the rows take."""
        matrix = 0 if self._matrix is None else self._matrix.values.nbytes
        inputs = self._inputs
        if isinstance(inputs, SparseRows):
            matrix += inputs.indptr.nbytes + inputs.indices.nbytes + inputs.data.nbytes
        elif inputs is not None:
            matrix += inputs.nbytes
        return matrix + sum(int(column.nbytes) for column in self._columns.values())

    def column(self, name: str) -> Any:
        """The values of a column beside the matrix, of all slots."""
        return self._columns[name]

    def read(self, ids: IntArray) -> Rows:
        """Rows of the given ids: the kept arrays themselves, with the ids as places."""
        return Rows(
            num_rows=len(ids),
            features=self._features,
            matrix=self._matrix,
            columns=self._columns,
            index=ids,
            inputs=self._inputs,
        )

    def close(self) -> None:
        """Nothing is held open; the rows, and the charge for them, go with this reader."""


def join_columns(parts: list[Any], column: ColumnSpec) -> Any:
    """One array of a column's values from those of consecutive chunks, a list that Arrow's leave empty."""
    if not is_number(column.kind):
        return join_values(parts, parts[0].type if parts else arrow_type(column.kind))
    dtype = np.int64 if column.kind == "int" else np.float64
    return np.concatenate(parts) if parts else np.empty(0, dtype)


def kept_bytes(contents: Contents) -> int:
    """About what all rows take in memory."""
    others = sum(8 if is_number(column.kind) else _ARRAY_BYTES for column in contents.others)
    row_bytes = len(contents.features) * contents.dtype.itemsize + others
    return contents.num_slots * row_bytes + contents.text_bytes


def collect(contents: Contents, limit: int, *, workers: int, ledger: Ledger | None = None) -> KeptRows | None:
    """Read all rows into memory, in parallel; None where they take more than `limit` bytes.

    Parameters
    ----------
    contents
        The survey of the rows.
    limit
        Bytes that they may take.
    workers
        Threads; 0 reads in the calling thread.
    ledger
        Charged for the rows until they are let go.

    Raises
    ------
    ChangedDataError
        If the files are not what the survey saw.
    """
    width, num_slots, size = len(contents.features), contents.num_slots, kept_bytes(contents)
    if not num_slots or size > limit:
        return None
    charge = None if ledger is None else ledger.charge("kept rows", size)
    matrix = np.empty((num_slots, width), contents.dtype) if width else None
    step = max(1, num_slots * _PIECE_BYTES // max(1, contents.plain_bytes))
    reader = contents.reader()

    def fill(start: int) -> dict[str, Any]:
        stop = min(start + step, num_slots)
        rows = reader.read(np.arange(start, stop, dtype=np.int64))
        if matrix is not None and rows.matrix is not None:
            matrix[start:stop] = rows.matrix.values.reshape(stop - start, width)
        return dict(rows.columns)

    with prefetch(
        fill, range(0, num_slots, step), workers=workers, in_flight=workers + 1, name="keep"
    ) as parts:
        filled = list(parts)
    reader.close()
    columns = {}
    for column in contents.others:
        columns[column.name] = join_columns([part.pop(column.name) for part in filled], column)
    return KeptRows(num_slots, contents.features, matrix, columns, charge)
