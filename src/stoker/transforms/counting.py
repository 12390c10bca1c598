"""N-grams of a corpus and in how many texts each occurs, in bounded memory.

Each thread counts the n-grams of some of the texts. A table that has grown to its share of the memory is
written to the temporary file as a run, and begun anew; at the end all runs are merged, a range of hashes at a
time. Tables and runs are in the order of hashes, so that only what enough texts hold need ever be sorted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from queue import SimpleQueue

import numpy as np

from stoker.kernels import ngrams
from stoker.kernels import pairs as kernel
from stoker.ledger import Ledger
from stoker.prefetch import prefetch
from stoker.transforms.corpus import Corpus
from stoker.transforms.runs import LOAD, RUN_BYTES, SLOT_BYTES, Found, Runs, WrittenRun, collected
from stoker.transforms.spill import Spill
from stoker.types import Uint64Array

__all__ = ["count_ngrams", "count_runs", "finding_slots", "finding_table", "in_order"]

_REPEATS = 4
"""How often an n-gram occurs, about: so large is the first table; a guess costs no more than time."""

_SMALLEST = 1 << 12
_FINDING_LOAD = 0.5
_FOUND_BYTES = 40
"""What an n-gram takes while what was found is gathered and sorted."""


def finding_slots(count: int) -> int:
    """Slots of a table in which so many n-grams are found: enough that most are where they are sought."""
    return 1 << max(4, int(count / _FINDING_LOAD).bit_length())


def finding_table(levels: list[Uint64Array], num_words: int) -> Uint64Array:
    """The table in which kernels find n-grams of two and more words; see `stoker.kernels.ngrams`."""
    count = sum(pairs.size for pairs in levels)
    table = np.zeros(2 * finding_slots(count), np.uint64)
    first = num_words
    for pairs in levels:
        ngrams.file_pairs(pairs, first, table)
        first += pairs.size
    return table


def count_ngrams(
    corpus: Corpus,
    length: int,
    finding: Uint64Array,
    least: int,
    *,
    memory: int,
    workers: int,
    spill: Spill,
    ledger: Ledger,
    check: Callable[[int], None],
) -> Found:
    """The n-grams of `length` words that at least so many texts hold.

    Parameters
    ----------
    length
        2 or more.
    finding
        Table of the shorter ones.
    memory
        Bytes that the tables may take together.
    check
        Called with how many there are so far; raises an error where these are too many.

    Returns
    -------
    Pairs, ascending, and how many texts hold each: uint64 and int64.
    """
    counting = _Counting(corpus, length, finding, memory, workers, spill, ledger)
    counting.read()
    return in_order(counting.found(least), ledger, check)


def count_runs(
    corpus: Corpus, length: int, finding: Uint64Array, *, memory: int, spill: Spill, ledger: Ledger
) -> list[WrittenRun]:
    """All n-grams of `length` words, as runs that are merged with those of other texts.

    Parameters
    ----------
    corpus
        Whose words have the numbers that all others' have.
    length, finding, memory, spill, ledger
        As of `count_ngrams`.
    """
    counting = _Counting(corpus, length, finding, memory, 0, spill, ledger)
    counting.read()
    return counting.written()


def in_order(parts: Iterator[Found], ledger: Ledger, check: Callable[[int], None]) -> Found:
    """All that was found, the pairs ascending; see `count_ngrams`."""
    found, size = [], 0
    for some in parts:
        found.append(some)
        size += some[0].size
        check(size)
    with ledger.charge("n-grams", _FOUND_BYTES * size):
        pairs, counts = (np.concatenate(some) for some in zip(*found, strict=True))
        found.clear()
        order = np.argsort(pairs)
        return pairs[order], counts[order]


class _Table:
    """A table in which one thread at a time counts."""

    def __init__(self, capacity: int, ledger: Ledger) -> None:
        self._ledger, self.used = ledger, 0
        self.slots = self._new(capacity)

    @property
    def capacity(self) -> int:
        return self.slots.size // 2

    def _new(self, capacity: int) -> Uint64Array:
        return np.asarray(self._ledger.attach("n-grams", np.zeros(2 * capacity, np.uint64)))

    def clear(self) -> None:
        self.slots[:] = 0
        self.used = 0

    def let_in(self, words: int) -> None:
        """Grow until there is room for so many more."""
        capacity = self.capacity
        while capacity * LOAD < self.used + words:
            capacity *= 2
        if capacity > self.capacity:
            slots = self._new(capacity)
            kernel.insert_counts(self.slots, slots)
            self.slots = slots


class _Counting:
    """Tables, and the runs that they were written to."""

    def __init__(
        self,
        corpus: Corpus,
        length: int,
        finding: Uint64Array,
        memory: int,
        workers: int,
        spill: Spill,
        ledger: Ledger,
    ) -> None:
        self._corpus, self._length, self._finding = corpus, length, finding
        self._workers, self._spill = workers, spill
        lanes = max(1, min(workers, corpus.num_blocks))
        self._memory = memory // lanes
        # While a table grows the one of half its size is there too, and while it is written its run.
        self._most_slots = max(_SMALLEST, 1 << (2 * self._memory // (3 * SLOT_BYTES)).bit_length() - 1)
        guess = max(_SMALLEST, 1 << (corpus.num_words // (_REPEATS * lanes)).bit_length())
        self._tables: SimpleQueue[_Table] = SimpleQueue()
        for _ in range(lanes):
            self._tables.put(_Table(min(guess, self._most_slots), ledger))
        self._runs = Runs(spill, ledger)

    def read(self) -> None:
        """Count all texts."""
        blocks = range(self._corpus.num_blocks)
        in_flight = self._workers + 1
        with prefetch(
            self._read_block, blocks, workers=self._workers, in_flight=in_flight, name="n-grams"
        ) as done:
            for _ in done:
                pass

    def _read_block(self, place: int) -> None:
        block, words = self._corpus.block(place)
        table = self._tables.get()
        try:
            row, num_rows = 0, block.ends.size
            while row < num_rows:
                most = int(LOAD * table.capacity)
                row, table.used = kernel.count_pairs(
                    block.stream, block.ends, words, self._length, self._finding, table.slots,
                    block.first_row, most, row, table.used,
                )  # fmt: skip
                if row < num_rows:
                    self._make_room(table, int(block.ends[row] - (block.ends[row - 1] if row else 0)))
        finally:
            self._tables.put(table)

    def _make_room(self, table: _Table, words: int) -> None:
        """Let a table have room for a text of so many words: make it larger, or empty it."""
        if table.capacity >= self._most_slots and table.used:
            if not len(self._runs):
                self._spill.expect(self._corpus.num_words * RUN_BYTES)
            self._runs.add(table.slots, table.used, hold=False)
            table.clear()
        table.let_in(words)

    def written(self) -> list[WrittenRun]:
        """All that was counted, as runs; the tables are let go."""
        while not self._tables.empty():
            table = self._tables.get()
            self._runs.add(table.slots, table.used, hold=True)
        return list(self._runs.written())

    def found(self, least: int) -> Iterator[Found]:
        """What at least so many texts hold, in no order; the tables are let go."""
        hold = not len(self._runs)
        if hold and self._tables.qsize() == 1:
            yield collected(self._tables.get().slots, least)
            return

        def write(_: int) -> None:
            table = self._tables.get()
            self._runs.add(table.slots, table.used, hold=hold)

        lanes = range(self._tables.qsize())
        with prefetch(
            write, lanes, workers=self._workers, in_flight=self._workers + 1, name="n-grams"
        ) as written:
            for _ in written:
                pass
        yield from self._runs.merged(least, memory=self._memory, workers=self._workers)
