"""Tables of any lengths as tables of equally many rows: what a row group, or a record batch, is made of."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

__all__ = ["Grouping"]


class Grouping:
    """Cuts tables of one schema anew; rows wait until a group is full.

    A group is one piece of memory: where a file's pages and batches end does not tell how its rows came.

    Parameters
    ----------
    num_rows
        Of a group.

    Examples
    --------
    >>> grouping = Grouping(2)
    >>> [group.num_rows for group in grouping.add(pa.table({"a": [1, 2, 3, 4, 5]}))]
    [2, 2]
    >>> [group["a"].to_pylist() for group in grouping.rest()]
    [[5]]
    """

    def __init__(self, num_rows: int) -> None:
        self._num_rows = num_rows
        self._waiting: list[pa.Table] = []
        self._held = 0

    def add(self, table: pa.Table) -> Iterator[pa.Table]:
        """Take in the next rows; yields the groups that are full."""
        self._waiting.append(table)
        self._held += table.num_rows
        if self._held < self._num_rows:
            return
        rows, start = pa.concat_tables(self._waiting), 0
        while self._held >= self._num_rows:
            yield rows.slice(start, self._num_rows).combine_chunks()
            start += self._num_rows
            self._held -= self._num_rows
        self._waiting = [rows.slice(start)] if self._held else []

    def rest(self) -> Iterator[pa.Table]:
        """The rows that wait, if there are any; none wait any more."""
        if self._held:
            yield pa.concat_tables(self._waiting).combine_chunks()
        self._waiting, self._held = [], 0
