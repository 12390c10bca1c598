"""Rows kept in memory, so that small data are parsed once."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.ledger import Charge, Ledger
from stoker.prefetch import prefetch
from stoker.types import ColumnSpec, IntArray, Matrix, RowReader, Rows

__all__ = ["Keeper", "KeptRows", "collect"]

_PIECE_BYTES = 1 << 20
_HOPELESS = 2
_COLUMN_BYTES = {"int": 8, "float": 8, "text": 32}


class Contents(Protocol):
    """What must be known of rows to read all of them; a `Survey` knows it."""

    @property
    def num_slots(self) -> int:
        """Record slots."""

    @property
    def num_bytes(self) -> int:
        """Bytes of the files."""

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the matrix's columns."""

    @property
    def others(self) -> tuple[ColumnSpec, ...]:
        """The columns beside it."""

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
    """

    def __init__(
        self,
        num_slots: int,
        features: tuple[str, ...],
        matrix: npt.NDArray[Any] | None,
        columns: Mapping[str, Any],
        charge: Charge | None = None,
    ) -> None:
        self._num_slots = num_slots
        self._features = features
        self._matrix = None if matrix is None else Matrix.of(matrix)
        self._columns = dict(columns)
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
        return matrix + sum(int(column.nbytes) for column in self._columns.values())

    def read(self, ids: IntArray) -> Rows:
        """Rows of the given ids: the kept arrays themselves, with the ids as places."""
        return Rows(
            num_rows=len(ids), features=self._features, matrix=self._matrix, columns=self._columns, index=ids
        )

    def close(self) -> None:
        """Nothing is held open; the rows, and the charge for them, go with this reader."""


class Keeper:
    """Collects parsed rows, in order, until they are too large to be kept.

    Parameters
    ----------
    features, others
        The columns in the matrix and beside it.
    limit
        Bytes that the rows may take; beyond, all of them are let go.
    ledger
        Charged for what is held.

    Examples
    --------
    >>> keeper = Keeper(features=("a",), others=(), limit=100)
    >>> rows = Rows(num_rows=2, features=("a",), matrix=Matrix.of(np.array([[1], [2]], np.uint8)))
    >>> keeper.add(rows, num_slots=2)
    >>> keeper.finish(np.dtype(np.uint8)).num_bytes
    2
    """

    def __init__(
        self,
        *,
        features: tuple[str, ...],
        others: tuple[ColumnSpec, ...],
        limit: int,
        ledger: Ledger | None = None,
    ) -> None:
        self._features = features
        self._others = others
        self._limit = limit
        self._ledger = ledger
        self._charge: Charge | None = None
        self._num_slots = 0
        self._matrix: npt.NDArray[Any] | None = None
        self._columns: dict[str, list[Any]] = {column.name: [] for column in others}
        self._column_bytes = 0
        self.active = limit > 0

    def room(
        self, first_row: int, count: int, *, num_slots: int, dtype: np.dtype[Any]
    ) -> npt.NDArray[Any] | None:
        """Where the rows [first_row, first_row + count) may be parsed to, so that `add` need not copy them.

        Parameters
        ----------
        num_slots
            An estimate of the rows in all.
        dtype
            Of the matrix as far as it is known.

        Returns
        -------
        Shape (count, k), or None where there is no room ahead.
        """
        if not self.active or not self._features:
            return None
        if self._matrix is None:
            self._matrix = np.empty((self._capacity(num_slots, dtype), len(self._features)), dtype)
        place = self._matrix[first_row : first_row + count]
        return place if len(place) == count else None

    def add(self, rows: Rows, *, num_slots: int) -> None:
        """Take in the next rows, a chunk as it was parsed.

        `num_slots` is an estimate of the rows in all: room for so many is reserved, though not touched.
        """
        if not self.active:
            return
        for column in self._others:
            values = rows.columns[column.name]
            self._columns[column.name].append(values)
            self._column_bytes += values.nbytes
        matrix = None if rows.matrix is None else self._room_for(rows, num_slots)
        held = self._column_bytes
        if matrix is not None:
            held += (self._num_slots + rows.num_rows) * len(self._features) * matrix.itemsize
        # Where by far too many rows are to come, none is kept in vain.
        expected = held * num_slots // max(1, self._num_slots + rows.num_rows)
        if held > self._limit or expected > _HOPELESS * self._limit:
            self.drop()
            return
        if matrix is not None and rows.matrix is not None:
            parsed = rows.matrix.values[: rows.num_rows * len(self._features)].reshape(rows.num_rows, -1)
            place = matrix[self._num_slots : self._num_slots + rows.num_rows]
            if place.ctypes.data != parsed.ctypes.data:
                place[:] = parsed
        self._num_slots += rows.num_rows
        self._recharge(held)

    def finish(self, dtype: np.dtype[Any]) -> KeptRows | None:
        """The rows, with a matrix of the dtype that all of them fit; None when they were too large."""
        if not self.active:
            return None
        matrix = self._matrix
        if self._features and matrix is None:
            matrix = np.empty((0, len(self._features)), dtype)
        if matrix is not None:
            if self._column_bytes + self._num_slots * len(self._features) * dtype.itemsize > self._limit:
                self.drop()
                return None
            matrix = matrix[: self._num_slots].astype(dtype, copy=False)
        columns = {column.name: _join(self._columns[column.name], column) for column in self._others}
        charge, self._charge = self._charge, None
        return KeptRows(self._num_slots, self._features, matrix, columns, charge)

    def drop(self) -> None:
        """Let go of everything and keep nothing from now on."""
        self.active = False
        self._matrix, self._columns = None, {}
        self._recharge(0)

    def _room_for(self, rows: Rows, num_slots: int) -> npt.NDArray[Any]:
        """The matrix, made wider or longer where the rows need it."""
        assert rows.matrix is not None
        held, parsed = self._matrix, rows.matrix.values.dtype
        dtype = parsed if held is None else np.promote_types(held.dtype, parsed)
        needed = self._num_slots + rows.num_rows
        if held is not None and held.dtype == dtype and len(held) >= needed:
            return held
        larger = np.empty((max(needed, self._capacity(num_slots, dtype)), len(self._features)), dtype)
        if held is not None:
            self._recharge((self._num_slots + needed) * len(self._features) * dtype.itemsize)
            larger[: self._num_slots] = held[: self._num_slots]
        self._matrix = larger
        return larger

    def _capacity(self, num_slots: int, dtype: np.dtype[Any]) -> int:
        """Rows to reserve memory for; what is not written takes none."""
        most = self._limit // (len(self._features) * dtype.itemsize) + 1
        return min(num_slots + num_slots // 16, most)

    def _recharge(self, num_bytes: int) -> None:
        if self._ledger is None:
            return
        if self._charge is not None:
            self._charge.release()
        self._charge = self._ledger.charge("kept rows", num_bytes)


def _join(parts: list[Any], column: ColumnSpec) -> Any:
    if column.kind == "text":
        arrays = [
            array
            for part in parts
            for array in (part.chunks if isinstance(part, pa.ChunkedArray) else [part])
        ]
        return pa.chunked_array(arrays, type=arrays[0].type if arrays else pa.string()).combine_chunks()
    dtype = np.int64 if column.kind == "int" else np.float64
    return np.concatenate(parts) if parts else np.empty(0, dtype)


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
    width, num_slots = len(contents.features), contents.num_slots
    size = num_slots * (
        width * contents.dtype.itemsize + sum(_COLUMN_BYTES[column.kind] for column in contents.others)
    )
    if not num_slots or size > limit:
        return None
    charge = None if ledger is None else ledger.charge("kept rows", size)
    matrix = np.empty((num_slots, width), contents.dtype) if width else None
    step = max(1, num_slots * _PIECE_BYTES // max(1, contents.num_bytes))
    reader = contents.reader()

    def fill(start: int) -> Mapping[str, Any]:
        stop = min(start + step, num_slots)
        rows = reader.read(np.arange(start, stop, dtype=np.int64))
        if matrix is not None and rows.matrix is not None:
            matrix[start:stop] = rows.matrix.values.reshape(stop - start, width)
        return rows.columns

    with prefetch(
        fill, range(0, num_slots, step), workers=workers, in_flight=workers + 1, name="keep"
    ) as parts:
        filled = list(parts)
    reader.close()
    columns = {
        column.name: _join([part[column.name] for part in filled], column) for column in contents.others
    }
    return KeptRows(num_slots, contents.features, matrix, columns, charge)
