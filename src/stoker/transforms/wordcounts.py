"""Words of texts counted in threads and in bounded memory: what exceeds it waits in a temporary file."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from stoker.kernels import separated
from stoker.kernels.separated import COUNT_WORDS, DONE, FULL, TEXT
from stoker.ledger import Ledger
from stoker.prefetch import prefetch
from stoker.transforms.cutting import Cutter, Prepared
from stoker.transforms.spill import Spill
from stoker.transforms.wordlists import Dictionary, WordList
from stoker.transforms.wordspill import NUM_BUCKETS, SpilledWords, spilled
from stoker.types import IntArray, Progress

__all__ = ["Counted", "WordCounts"]

_LEAST_MEMORY = 1 << 20

_JOINED = 2
"""Two lists of words that become one are held as often: joined, and as those of them that were chosen."""


class Counted(NamedTuple):
    """Consecutive texts whose words were counted; `lengths`, int64 of shape (n,), has how many each holds."""

    texts: pa.LargeStringArray
    row: int
    lengths: IntArray


class WordCounts:
    """How often each word was met, and where first; the same for any chunks, threads and memory.

    Parameters
    ----------
    cutter
        Where words end.
    memory
        Bytes that the words may take. What exceeds half of it is written to a temporary file, which has no
        name and so goes with the process.
    ledger
        Charged for the words in memory.

    Attributes
    ----------
    num_texts
        Texts counted so far.
    """

    def __init__(self, cutter: Cutter, *, memory: int, ledger: Ledger | None = None) -> None:
        self.num_texts = 0
        self._memory = max(memory, _LEAST_MEMORY)
        self._ledger = Ledger(self._memory) if ledger is None else ledger
        self._cutter = cutter
        self._tables: list[Dictionary] = []
        self._spilled: list[tuple[SpilledWords, int]] = []  # and how much further on its rows are
        self._spill_file = Spill()
        self._lock = threading.Lock()

    def count(
        self,
        chunks: Iterable[pa.LargeStringArray],
        *,
        workers: int,
        progress: Progress | None = None,
        num_rows: int = 0,
    ) -> Iterator[Counted]:
        """Count the words of the texts that follow; the iterator must be used up.

        Each worker has a dictionary of its own from its first chunk to its last, because the rows that a
        dictionary sees must ascend.
        """
        free, own = list(self._tables), threading.local()
        share = self._memory // (2 * max(1, workers))

        def work(task: tuple[pa.LargeStringArray, int]) -> Counted:
            if not hasattr(own, "table"):
                with self._lock:
                    if not free:
                        free.append(Dictionary(self._ledger))
                        self._tables.append(free[-1])
                    own.table = free.pop()
            return Counted(*task, self._count_chunk(own.table, *task, share))

        def tasks() -> Iterator[tuple[pa.LargeStringArray, int]]:
            row = self.num_texts
            for texts in chunks:
                yield texts, row
                row += len(texts)

        with prefetch(work, tasks(), workers=workers, in_flight=workers + 1, name="words") as results:
            for counted in results:
                self.num_texts += len(counted.texts)
                if progress is not None:
                    progress(self.num_texts, num_rows)
                yield counted

    def merge(self, other: WordCounts) -> None:
        """Take in what was counted in the texts that follow."""
        shift = self.num_texts
        self.take_in((table.words() for table in other._tables), other.num_texts)
        self._spilled += [(words, others + shift) for words, others in other._spilled]

    def take_in(self, lists: Iterable[WordList], num_texts: int) -> None:
        """Take in words that were counted in so many texts that follow."""
        if not self._tables:
            self._tables.append(Dictionary(self._ledger))
        for words in lists:
            self._tables[0].absorb(words, shift=self.num_texts)
            if self._tables[0].nbytes > self._memory // 2:
                self._spill(self._tables[0])
        self.num_texts += num_texts

    def most_frequent(self, most: int | None) -> tuple[WordList, int]:
        """At most so many words, the most frequent first and of equals the first; and how many there are."""
        best, total = WordList.of(pa.array([], pa.large_string())), 0
        for words in self.lists():
            total += words.counts.size
            if most is not None and best.counts.size == most:
                words = words.take(np.flatnonzero(words.counts >= best.counts[-1]))
            with self._ledger.charge("fitting", _JOINED * (best.num_bytes + words.num_bytes)):
                best = best.joined(words).most_frequent(most)
            self._ledger.tie("fitting", best.num_bytes, best.letters)
        return best, total

    def lists(self) -> Iterator[WordList]:
        """All words, each in one of the lists."""
        together = sum(table.nbytes for table in self._tables)
        if self._spilled or together > self._memory // 2:
            for table in self._tables:
                self._spill(table)
            self._tables.clear()
        else:
            for table in self._tables[1:]:
                self._tables[0].absorb(table.words())
            del self._tables[1:]
        if not self._spilled:
            yield from (table.words() for table in self._tables)
            return
        for bucket in range(NUM_BUCKETS):
            gathered = Dictionary(self._ledger)
            for words, shift in self._spilled:
                gathered.absorb(words.read(bucket, bucket + 1), shift=shift)
            yield gathered.words()

    def _count_chunk(self, table: Dictionary, texts: pa.LargeStringArray, row: int, share: int) -> IntArray:
        prepared, ends = self._cutter.prepare(texts), np.empty(len(texts), np.int64)
        table.state[TEXT:] = 0
        while (status := _step(table, prepared, row, ends)) != DONE:
            if status == FULL:
                self._make_room(table, share)
            else:
                prepared = self._cutter.prepare_for(-1 - status, prepared)
        return np.diff(ends, prepend=0)

    def _make_room(self, table: Dictionary, share: int) -> None:
        where = table.state[TEXT:].copy()
        if len(table) and table.nbytes_to_grow > share:
            self._spill(table)
        else:
            table.grow()
        table.state[TEXT:] = where

    def _spill(self, table: Dictionary) -> None:
        """Write a dictionary's words to the file, by partition, and clear it."""
        if not len(table):
            return
        with self._ledger.charge("fitting", table.nbytes_used):
            written, _ = spilled(table.words(), self._spill_file)
        with self._lock:
            self._spilled.append((written, 0))
        table.clear()


def _step(table: Dictionary, prepared: Prepared, row: int, ends: IntArray) -> int:
    return int(
        separated.number_words(
            prepared.data, prepared.offsets, row, *prepared.characters, prepared.least,
            *prepared.rooms,
            table.slots, table.counts, table.entries, table.letters, table.state,
            COUNT_WORDS, np.empty(0, np.int32), ends,
        )
    )  # fmt: skip
