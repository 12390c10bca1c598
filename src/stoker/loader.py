"""Read requests to rows in batch order; stateless, so that any thread may load any window."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

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
    """The window's batches [first, behind), counted within it, to be transformed in one go.

    Attributes
    ----------
    window
        Whose batches they are.
    first_batch
        The epoch's number of the first.
    bounds
        int64 of shape (b + 1,): where in `take` each batch begins, and where the last one ends.
    take
        int64 of shape (n,): the row of the window that stands at each place, batch after batch.
    """

    def __init__(self, window: Window, first: int, behind: int, batch_size: int) -> None:
        request = window.request
        self.window, self._batch_size = window, batch_size
        self.first_batch = request.first_batch + first
        low, high = request.places
        ends = np.minimum(np.arange(first, behind + 1) * (high - low), len(request.order))
        self.bounds: IntArray = ends - ends[0]
        self.take = request.order[ends[0] : ends[-1]]

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
        batches = self.first_batch + np.arange(len(self.bounds) - 1)
        first_places = batches * self._batch_size + self.window.request.places[0]
        words: Uint64Array = batch_digests(self.epoch, first_places, self.ids, self.bounds)
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
