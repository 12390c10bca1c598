"""Random access to the files of folders by row id."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from stoker.errors import ChangedDataError
from stoker.sources.folder_listing import Listing
from stoker.sources.index import RowIndex, checksums_of
from stoker.types import IntArray, Rows, Uint64Array

if TYPE_CHECKING:
    from stoker.sources.folder import FolderTable

__all__ = ["FolderReader"]


class FolderReader:
    """A `RowReader` over folders of files; opens a file at a time in each calling thread.

    Parameters
    ----------
    table
        The folders.
    index
        What each file held.
    verify
        Whether to compare checksums; sizes are always compared.
    """

    def __init__(self, table: FolderTable, index: RowIndex, verify: bool) -> None:
        self._table, self._index, self._verify = table, index, verify

    @property
    def num_slots(self) -> int:
        """Files."""
        return self._index.num_records

    def read(self, ids: IntArray) -> Rows:
        """Files of the given ids, strictly ascending, in that order.

        Raises
        ------
        ChangedDataError
            A file is gone, or holds something else than it did when it was surveyed.
        """
        ids = np.ascontiguousarray(ids, np.int64)
        cuts = np.searchsorted(ids, self._table.first_rows)
        parts: dict[str, list[Any]] = {name: [] for name in self._table.schema.array_types}
        for number, listing in enumerate(self._table.listings):
            places = ids[cuts[number] : cuts[number + 1]] - self._table.first_rows[number]
            data = listing.read(places)
            bounds = np.append(0, np.cumsum(listing.sizes[places]))
            if self._verify:
                self._check(listing, places, ids[cuts[number] : cuts[number + 1]], checksums_of(data, bounds))
            for name, values in self._table.columns_of(number, places, data, bounds).items():
                parts[name].append(values)
        columns = {
            name: values[0] if len(values) == 1 else pa.concat_arrays(values)
            for name, values in parts.items()
        }
        return Rows(num_rows=len(ids), features=(), matrix=None, columns=columns)

    def close(self) -> None:
        """Nothing is held open."""

    def _check(self, listing: Listing, places: IntArray, ids: IntArray, found: Uint64Array) -> None:
        differs = self._index.checksums[ids] != found
        if differs.any():
            name = listing.names[int(places[int(np.argmax(differs))])]
            raise ChangedDataError(
                f"{os.path.join(listing.path, name)} changed since it was surveyed; restore it, or survey "
                "again"
            )
