"""The rows to train on, a chunk at a time and in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from stoker.errors import DataError
from stoker.ledger import Ledger
from stoker.plan import DataFacts, rows_within
from stoker.prefetch import prefetch
from stoker.sources.bound import BoundView
from stoker.survey import Survey
from stoker.transforms.base import FittedTransform, RowValueError
from stoker.transforms.chunks import TextChunk
from stoker.transforms.texts import joined_texts
from stoker.types import Rows

__all__ = ["Reading", "Texts"]

_CHUNK_BYTES = 2 << 20
_CHUNK_ROWS = 1 << 13
_CHUNK_SHARE = 32
"""Rows that are read ahead take at most this part of the memory, each time a chunk."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How rows are read to learn from them.

    Attributes
    ----------
    found
        The survey of the rows.
    facts
        How long they are.
    memory_bytes
        What reading and learning may take.
    workers
        Threads.
    ledger
        Charged for what is in memory.
    others
        The rows, where they are not those of the survey's own view.
    """

    found: Survey
    facts: DataFacts
    memory_bytes: int
    workers: int
    ledger: Ledger
    others: BoundView | None = None

    @property
    def view(self) -> BoundView:
        """Which rows of the survey these are."""
        return self.found.view if self.others is None else self.others

    def chunks(self, make: Callable[[Rows], T], start: int = 0, stop: int | None = None) -> Iterator[T]:
        """What becomes of the view's rows at the positions [start, stop), made ahead in threads."""
        found, view = self.found, self.view
        end = view.num_rows if stop is None else stop
        reader = found.reader()
        room = min(_CHUNK_BYTES, self.memory_bytes // _CHUNK_SHARE)
        step = max(1, rows_within(room, self.facts.row_bytes, self.facts, _CHUNK_ROWS))
        size = self.facts.text_bytes(step)

        def read(first: int) -> T:
            with self.ledger.charge("fitting", 2 * size):
                return make(reader.read(view.ids(first, min(first + step, end))))

        try:
            starts, workers = range(start, end, step), self.workers
            with prefetch(read, starts, workers=workers, in_flight=workers + 1, name="fit") as made:
                yield from made
        finally:
            if found.kept is None:
                reader.close()

    @contextmanager
    def placed(self, first: int = 0) -> Iterator[None]:
        """Tell where a row stands of whose value nothing is made; rows count from number `first` on.

        Raises
        ------
        DataError
            In the place of a `RowValueError`.
        """
        try:
            yield
        except RowValueError as error:
            at = first + int(error.places[0])
            row = int(self.view.ids(at, at + 1)[0])
            raise DataError(f"{self.found.source.told(row, self.found.index)}: {error.said}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """Which texts are learned from, and what they are judged by.

    Attributes
    ----------
    names
        The columns.
    target
        Makes class numbers of labels; None where there are none.
    """

    names: tuple[str, ...]
    target: FittedTransform | None

    def of(self, rows: Rows, ledger: Ledger) -> TextChunk:
        """The texts of some rows, and their classes."""
        texts = joined_texts(rows, self.names)
        labels = None
        if self.target is not None:
            labels = self.target.apply(rows, np.arange(rows.num_rows)).astype(np.int64)
        ledger.tie("fitting", texts.nbytes, texts)
        return TextChunk(texts=texts, labels=labels)
