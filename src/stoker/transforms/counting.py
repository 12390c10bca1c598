"""N-grams of a corpus and in how many texts each occurs, in bounded memory.

Each thread counts a share of the n-grams, told apart by their hashes, over all texts. A table that has grown
to its share of the memory is written to the temporary file, sorted, and begun anew; at the end such runs are
merged, a range of n-grams at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from stoker.kernels import ngrams
from stoker.ledger import Ledger
from stoker.prefetch import prefetch
from stoker.transforms.corpus import Corpus
from stoker.transforms.spill import Extent, Spill
from stoker.types import IntArray, Uint64Array

__all__ = ["RUN_BYTES", "count_ngrams", "finding_slots", "finding_table"]

_REPEATS = 4
"""How often an n-gram occurs, about: so large is the first table; a guess costs no more than time."""

_LOAD = 0.7
_FINDING_LOAD = 0.5
_SLOT_BYTES = 16
_INDEX_STEP = 1 << 12
_MERGE_BYTES = 64
"""What merging takes for an n-gram: it is read, put beside others, sorted and summed."""

RUN_BYTES = 12
"""What a run takes for an n-gram."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """Ascending pairs and their counts in the temporary file; `index` has every `_INDEX_STEP`-th pair."""

    pairs: Extent
    counts: Extent
    index: Uint64Array


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
) -> tuple[Uint64Array, IntArray]:
    """The n-grams of `length` words that at least so many texts hold.

    Parameters
    ----------
    length
        2 or more.
    finding
        Table of the shorter ones.
    memory
        Bytes that the tables may take together.

    Returns
    -------
    Pairs, ascending, and how many texts hold each: uint64 and int64.
    """
    parts = max(1, workers)

    def count(part: int) -> tuple[Uint64Array, IntArray]:
        share = _Share(corpus, length, finding, part, parts, memory // parts, spill, ledger)
        return share.count(least)

    with prefetch(count, range(parts), workers=workers, in_flight=parts, name="n-grams") as shares:
        found = list(shares)
    pairs = np.concatenate([share[0] for share in found])
    counts = np.concatenate([share[1] for share in found])
    order = np.argsort(pairs)
    return pairs[order], counts[order]


class _Share:
    """The n-grams that one thread counts."""

    def __init__(
        self,
        corpus: Corpus,
        length: int,
        finding: Uint64Array,
        part: int,
        parts: int,
        memory: int,
        spill: Spill,
        ledger: Ledger,
    ) -> None:
        self._corpus, self._length, self._finding = corpus, length, finding
        self._part, self._parts = part, parts
        self._spill, self._ledger, self._memory = spill, ledger, memory
        # While a table grows, the one of half its size is there too.
        self._most_slots = 1 << max(12, (2 * memory // (3 * _SLOT_BYTES)).bit_length() - 1)
        guess = 1 << max(12, (corpus.num_words // (_REPEATS * parts)).bit_length())
        self._table = self._new_table(min(guess, self._most_slots))
        self._used = 0
        self._runs: list[_Run] = []

    def _new_table(self, capacity: int) -> Uint64Array:
        return np.asarray(self._ledger.attach("n-grams", np.zeros(2 * capacity, np.uint64)))

    def count(self, least: int) -> tuple[Uint64Array, IntArray]:
        for place in range(self._corpus.num_blocks):
            self._count_block(place)
        if not self._runs:
            return self._collect(least)
        self._flush()
        self._table = np.zeros(0, np.uint64)
        merged = list(self._merge(least))
        return np.concatenate([pairs for pairs, _ in merged]), np.concatenate([some for _, some in merged])

    def _count_block(self, place: int) -> None:
        block, words = self._corpus.block(place)
        row, num_rows = 0, block.ends.size
        while row < num_rows:
            most = int(_LOAD * self._table.size / 2)
            row, self._used = ngrams.count_pairs(
                block.stream, block.ends, words, self._length, self._finding, self._table, self._part,
                self._parts, block.first_row, most, row, self._used,
            )  # fmt: skip
            if row < num_rows:
                self._make_room(int(block.ends[row] - (block.ends[row - 1] if row else 0)))

    def _make_room(self, words: int) -> None:
        """Let the table have room for a text of so many words: make it larger, or empty it."""
        slots = self._table.size // 2
        if slots >= self._most_slots and self._used:
            self._flush()
            if words <= _LOAD * slots:
                return
        while slots * _LOAD < self._used + words:
            slots *= 2
        table = self._new_table(slots)
        if self._used:
            ngrams.insert_counts(self._table, table)
        self._table = table

    def _collect(self, least: int) -> tuple[Uint64Array, IntArray]:
        """Pairs of the table, ascending, and their counts."""
        size = int(ngrams.collect(self._table, least, np.empty(0, np.uint64), np.empty(0, np.int64)))
        pairs, counts = np.empty(size, np.uint64), np.empty(size, np.int64)
        ngrams.collect(self._table, least, pairs, counts)
        order = np.argsort(pairs)
        return pairs[order], counts[order]

    def _flush(self) -> None:
        if not self._runs:
            self._spill.expect(self._corpus.num_words * RUN_BYTES // self._parts)
        pairs, counts = self._collect(1)
        self._runs.append(
            _Run(
                pairs=self._spill.write(pairs),
                counts=self._spill.write(counts.astype(np.uint32)),
                index=pairs[::_INDEX_STEP].copy(),
            )
        )
        self._table[:] = 0
        self._used = 0

    def _merge(self, least: int) -> Iterator[tuple[Uint64Array, IntArray]]:
        """The runs' pairs in ascending ranges, their counts summed."""
        index = np.sort(np.concatenate([run.index for run in self._runs]))
        step = max(1, self._memory // _MERGE_BYTES // _INDEX_STEP - len(self._runs))
        cuts: list[npt.NDArray[np.uint64] | None] = [None, *index[step::step], None]
        for low, high in pairwise(cuts):
            parts = [self._read(run, low, high) for run in self._runs]
            pairs = np.concatenate([part[0] for part in parts])
            if not pairs.size:
                continue
            order = np.argsort(pairs)
            pairs, counts = pairs[order], np.concatenate([part[1] for part in parts])[order]
            first = np.flatnonzero(np.append(True, pairs[1:] != pairs[:-1]))
            sums = np.add.reduceat(counts.astype(np.int64), first)
            kept = sums >= least
            yield pairs[first[kept]], sums[kept]

    def _read(
        self, run: _Run, low: npt.NDArray[np.uint64] | None, high: npt.NDArray[np.uint64] | None
    ) -> tuple[Uint64Array, npt.NDArray[np.uint32]]:
        """The pairs of a run in [low, high) and their counts."""
        start = 0 if low is None else max(0, int(np.searchsorted(run.index, low, "right")) - 1) * _INDEX_STEP
        stop = run.pairs.size
        if high is not None:
            stop = min(stop, int(np.searchsorted(run.index, high, "left")) * _INDEX_STEP)
        pairs = self._spill.read(run.pairs, start, stop)
        first = 0 if low is None else int(np.searchsorted(pairs, low))
        last = pairs.size if high is None else int(np.searchsorted(pairs, high))
        return pairs[first:last], self._spill.read(run.counts, start + first, start + last)
