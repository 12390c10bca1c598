"""Rows that are given once, or anew with each query: written to a file in the pass that surveys them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stoker import cache as caching
from stoker.conversion.shuffling import scratch_beside
from stoker.drafting import DraftColumns
from stoker.ledger import Ledger
from stoker.sources import Source
from stoker.survey import Survey

__all__ = ["Spool", "spool_beside"]


class Spool:
    """Takes in the rows of surveys that do not keep them, one after the other.

    Parameters
    ----------
    folder
        Where the rows are meanwhile.
    ledger
        Charged for rows that wait to be written.
    """

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self._folder, self._ledger = folder, ledger
        self._draft: caching.Draft | None = None

    def begin(self, source: Source, source_key: str) -> caching.Draft:
        """What takes in the rows of the next survey; those of the one before are let go."""
        if self._draft is not None:
            self._draft.drop()
        columns = DraftColumns.of(source, source_key)
        self._draft = caching.Draft(columns, directory=self._folder, ledger=self._ledger)
        return self._draft

    def rows(self, found: Survey) -> caching.CachedRows | None:
        """The rows that were surveyed; None where they were kept in memory, or the disk had no room."""
        if found.kept is not None or self._draft is None or not self._draft.finish(found):
            return None
        return caching.find(found, directory=self._folder)


@contextmanager
def spool_beside(source: Source, final: Path, ledger: Ledger) -> Iterator[Spool | None]:
    """Where rows of a stream that is no file may be until all of them are written; None for any other source.

    Raises
    ------
    RunError
        As of `scratch_beside`.
    """
    if source.random_access != "stream" or source.is_lasting:
        yield None
        return
    with scratch_beside(final) as folder:
        yield Spool(folder, ledger)
