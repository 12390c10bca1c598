"""Read requests to rows in batch order; stateless, so that any thread may load any window."""

from __future__ import annotations

from typing import Any, Protocol

from stoker.kernels.mixing import batch_digests
from stoker.ledger import Ledger
from stoker.samplers import positions_in
from stoker.types import IntArray, ReadRequest, RowReader, Rows, Uint64Array

__all__ = ["BatchGroup", "Loader", "PositionMap", "Window"]


class PositionMap(Protocol):
    """From view positions to row ids."""

    @property
    def num_rows(self) -> int:
        """Rows of the view."""
        ...

    def ids_of(self, positions: IntArray) -> IntArray:
        """Row ids of view positions; ascending where the positions are."""
        ...


class Window:
    """The rows of one read request, and the order in which the batches take them.

    Attributes
    ----------
    request
        What was asked for.
    rows
        The rows, in the order of their ids.
    ids
        Their ids, int64 of shape (n,), ascending.
    """

    def __init__(self, request: ReadRequest, rows: Rows, ids: IntArray) -> None:
        self.request, self.rows, self.ids = request, rows, ids


class BatchGroup:
    """The window's batches [first, behind), counted within it, to be transformed in one go."""

    def __init__(self, window: Window, first: int, behind: int, batch_size: int) -> None:
        self.window, self.batch_size = window, batch_size
        self.take = window.request.order[first * batch_size : behind * batch_size]
        self.first_batch = window.request.first_batch + first

    @property
    def epoch(self) -> int:
        """The epoch that the batches belong to."""
        return self.window.request.epoch

    @property
    def ids(self) -> IntArray:
        """Row ids in batch order, int64 of shape (n,)."""
        return self.window.ids[self.take]

    def digests(self) -> Uint64Array:
        """Each batch's terms of the epoch's digests, uint64 of shape (b, 4); see `stoker.types.Batch`."""
        first_place = self.first_batch * self.batch_size
        words: Uint64Array = batch_digests(self.epoch, first_place, self.ids, self.batch_size)
        return words


class Loader:
    """Loads windows: view positions to ids to rows, whatever holds them.

    Parameters
    ----------
    reader
        Where the rows are.
    view
        Which of them, by position.
    ledger
        What the windows are charged to.
    read_bytes
        What one read holds besides its rows; 0 where rows are not read but mapped.
    row_bytes
        What a row takes once it is read; 0 where rows are mapped.
    """

    def __init__(
        self, reader: RowReader, view: PositionMap, ledger: Ledger, read_bytes: int, row_bytes: int
    ) -> None:
        self._reader, self._view, self._ledger = reader, view, ledger
        self._read_bytes, self._row_bytes = read_bytes, row_bytes

    def load(self, request: ReadRequest) -> Window:
        """Read the rows of a request; safe to call from several threads.

        Raises
        ------
        ChangedDataError
            If a file is not what the survey saw.
        """
        with self._ledger.charge("reads", self._read_bytes):
            ids = self._view.ids_of(positions_in(request.ranges))
            places = ids.nbytes + request.order.nbytes + request.ranges.nbytes
            with self._ledger.charge("windows", len(ids) * self._row_bytes):
                rows = self._reader.read(ids)
            window = Window(request, rows, ids)
            self._ledger.tie("windows", places + _own_bytes(rows), window)
        return window


def _own_bytes(rows: Rows) -> int:
    """Bytes that were allocated for these rows; none where they only point into a mapping or kept rows."""
    if rows.index is not None:
        return 0
    held: list[Any] = list(rows.columns.values())
    matrix = rows.matrix
    if matrix is not None and matrix.values.size == rows.num_rows * matrix.num_columns:
        held.append(matrix.values)
    return sum(int(column.nbytes) for column in held)
