"""Whether the survey's pass over the files writes the cache as well, and what takes the rows in."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from stoker import cache as caching
from stoker.ledger import Ledger
from stoker.settling import FeedOptions
from stoker.sources import Source
from stoker.survey import source_key
from stoker.survey.result import others_of
from stoker.types import ColumnSpec

__all__ = ["DraftColumns", "cache_draft"]

_SPARE_ROOM = {"always": 1, "auto": 2}
"""How many times the room for the cache must be free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftColumns:
    """What is known of the rows before they are surveyed; implements `stoker.cache.Columns`."""

    places: tuple[str, ...]
    source_key: str
    features: tuple[str, ...]
    others: tuple[ColumnSpec, ...]
    large_texts: tuple[str, ...]

    @classmethod
    def of(cls, source: Source, source_key: str) -> DraftColumns:
        """Those of a source that will be surveyed under this key."""
        return cls(
            places=source.places,
            source_key=source_key,
            features=source.numeric_features,
            others=others_of(source),
            large_texts=source.table.schema.learned_texts,
        )


def cache_draft(
    source: Source, options: FeedOptions, ledger: Ledger
) -> AbstractContextManager[caching.Draft | None]:
    """What takes in the rows of a training feed while they are surveyed; None where no cache will be used.

    That is told by the options. A draft writes nothing while the rows may yet fit into memory, nor where the
    disk has too little room.

    Parameters
    ----------
    source
        The rows.
    options
        The user's.
    ledger
        Of the memory.

    Raises
    ------
    OptionError
        If the options name columns that there are not.
    """
    plan = options.plan
    if plan.cache == "never" or (
        plan.cache == "auto" and plan.epochs < 2 and not _decodes_again(source, options)
    ):
        return nullcontext()
    key = source_key(source, na=options.na, on_bad_row=options.on_bad_row, texts=options.texts)
    columns = DraftColumns.of(source, key)
    changed = max(identity.mtime_ns for identity in source.identity())
    if caching.is_there_since(columns, changed):
        return nullcontext()
    return caching.Draft(columns, spare=_SPARE_ROOM[plan.cache], ledger=ledger)


def _decodes_again(source: Source, options: FeedOptions) -> bool:
    """Whether an epoch may decode a row more than once."""
    return source.random_access != "rows" and options.plan.shuffle is not False
