"""The same rows once more, as an Arrow file that is mapped into memory: no parsing, no copy, any order.

The file is plain Arrow IPC, readable by anyone: record batches of equally many rows. A row's numeric features
lie side by side in the first column, a fixed-size list whose names are in the schema's metadata; every other
column stands beside it under its own name. All record slots are stored, excluded ones as zeros or empty
texts, so that a row's id is its place.
"""

from __future__ import annotations

import os
from contextlib import suppress

import pyarrow as pa

from stoker import folders
from stoker.cache.bounds import note_use
from stoker.cache.contents import Columns, Contents, expected_bytes
from stoker.cache.draft import Draft
from stoker.cache.mapped import CachedRows
from stoker.cache.places import check_room, file_name, folders_of, is_there_since
from stoker.cache.writing import write
from stoker.errors import DataError
from stoker.ledger import Ledger
from stoker.stored import DAMAGE
from stoker.types import Progress, RowReader

__all__ = [
    "CachedRows",
    "Columns",
    "Contents",
    "Draft",
    "build",
    "expected_bytes",
    "find",
    "is_there_since",
]


def find(contents: Contents, *, directory: str | os.PathLike[str] | None = None) -> CachedRows | None:
    """Open the cache of these rows, or return None where there is none that is whole and theirs.

    Parameters
    ----------
    contents
        The survey of the rows.
    directory
        Where to look; None stands for the ``.stoker`` folder beside the data and the user's cache directory.
    """
    for folder in folders_of(contents, directory):
        path = folder / file_name(contents)
        found = None
        with suppress(pa.ArrowException, *DAMAGE):
            found = CachedRows(path, contents)
        if found is not None:
            note_use(path)
            return found
    return None


def build(
    contents: Contents,
    reader: RowReader,
    *,
    directory: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    workers: int | None = None,
    ledger: Ledger | None = None,
) -> CachedRows:
    """Write the rows to a new cache, in one parallel pass and bounded memory, and open it.

    Parameters
    ----------
    contents
        The survey of the rows.
    reader
        Where the rows come from: the files, or rows kept in memory.
    directory
        As for `find`.
    progress
        Called with the rows written so far and the rows in all.
    workers
        Threads; None for one a core.
    ledger
        Charged for the pieces in flight.

    Raises
    ------
    DataError
        If no folder can be written, or the disk has no room; nothing is left behind.
    ChangedDataError
        If the files are not what the survey saw.
    """
    refused: list[str] = []
    for folder in folders_of(contents, directory):
        path = folder / file_name(contents)
        folders.clean(folder)
        try:
            check_room(folder, expected_bytes(contents))
            write(path, contents, reader, progress=progress, workers=workers, ledger=ledger)
            found = CachedRows(path, contents)
            note_use(path)
            return found
        except OSError as error:
            refused.append(f"{folder}: {error.strerror or error}")
    raise DataError(
        f"the cache of {contents.places[0]} could not be written ({'; '.join(refused)}). It needs "
        f"{expected_bytes(contents):,} bytes: free that much, or go without it (cache='never'); the data are "
        "unchanged."
    )
