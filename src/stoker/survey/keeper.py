"""Collects rows while a pass goes on, for as long as all of them may fit into memory."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.ledger import Charge, Ledger
from stoker.survey.kept import KeptRows, join_columns
from stoker.types import ColumnSpec, Matrix, Rows, RowSink

__all__ = ["Keeper"]

_HOPELESS = 2
"""Rows that are expected to take this many times the limit are not even begun to be kept."""
_PAGE_BYTES = 4_096


class Keeper:
    """Collects parsed rows, in order, until they are too large to be kept.

    Workers ask for `room` while another thread adds.

    Parameters
    ----------
    features, others
        The columns in the matrix and beside it.
    limit
        Bytes that the rows may take; beyond, all of them are let go.
    ledger
        Charged for what is held.
    beyond
        Takes in the rows that are not kept, from the first on, once it is certain that they are not.

    Examples
    --------
    >>> from stoker.types import Matrix
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
        beyond: RowSink | None = None,
    ) -> None:
        self.beyond = beyond
        self._features = features
        self._others = others
        self._limit = limit
        self._ledger = ledger
        self._charge: Charge | None = None
        self._num_slots = 0
        self._counts: list[int] = []
        self._matrix: npt.NDArray[Any] | None = None
        self._columns: dict[str, list[Any]] = {column.name: [] for column in others}
        self._column_bytes = 0
        self._lock = threading.Lock()
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
        with self._lock:
            if not self.active or not self._features:
                return None
            if self._matrix is None:
                self._matrix = np.empty((self._capacity(num_slots, dtype), len(self._features)), dtype)
            place = self._matrix[first_row : first_row + count]
            if len(place) < count:
                return None
            # Workers that write for the first time to the same huge page would each have it cleared.
            place.reshape(-1).view(np.uint8)[::_PAGE_BYTES] = 0
        return place

    def add(self, rows: Rows, *, num_slots: int) -> None:
        """Take in the next rows, a chunk as it was parsed.

        `num_slots` is an estimate of the rows in all: room for so many is reserved, though not touched.
        """
        if not self.active:
            if self.beyond is not None:
                self.beyond.add(rows, num_slots=num_slots)
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
            self._hand_over(num_slots)
            self.drop()
            self.add(rows, num_slots=num_slots)
            return
        if matrix is not None and rows.matrix is not None:
            parsed = rows.matrix.values[: rows.num_rows * len(self._features)].reshape(rows.num_rows, -1)
            place = matrix[self._num_slots : self._num_slots + rows.num_rows]
            if place.ctypes.data != parsed.ctypes.data:
                place[:] = parsed
        self._num_slots += rows.num_rows
        self._counts.append(rows.num_rows)
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
                self._hand_over(self._num_slots)
                self.drop()
                return None
            matrix = matrix[: self._num_slots].astype(dtype, copy=False)
        columns = {column.name: join_columns(self._columns[column.name], column) for column in self._others}
        charge, self._charge = self._charge, None
        return KeptRows(self._num_slots, self._features, matrix, columns, charge)

    def _hand_over(self, num_slots: int) -> None:
        """Give the rows that were kept so far to `beyond`."""
        if self.beyond is None:
            return
        start = 0
        for number, count in enumerate(self._counts):
            matrix = None if self._matrix is None else Matrix.of(self._matrix[start : start + count])
            columns = {name: parts[number] for name, parts in self._columns.items()}
            rows = Rows(num_rows=count, features=self._features, matrix=matrix, columns=columns)
            self.beyond.add(rows, num_slots=num_slots)
            start += count

    def drop(self) -> None:
        """Let go of everything and keep nothing from now on."""
        with self._lock:
            self.active = False
            self._matrix, self._columns = None, {}
        self._recharge(0)

    def _room_for(self, rows: Rows, num_slots: int) -> npt.NDArray[Any]:
        """The matrix, made wider or longer where the rows need it."""
        assert rows.matrix is not None
        with self._lock:
            held, parsed = self._matrix, rows.matrix.values.dtype
            dtype = parsed if held is None else np.promote_types(held.dtype, parsed)
            needed = self._num_slots + rows.num_rows
            if held is not None and held.dtype == dtype and len(held) >= needed:
                return held
            if held is not None and num_slots <= needed:
                num_slots = 2 * needed  # nobody knows how many come: each row is copied about once
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
