"""Learning n-grams from texts read once: counted, weighed and scored over streams of word numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from stoker.errors import MemoryBudgetError
from stoker.kernels import ngrams
from stoker.kernels.characters import Characters
from stoker.ledger import Ledger
from stoker.prefetch import prefetch
from stoker.transforms.corpus import Block, Corpus
from stoker.transforms.counting import count_ngrams, finding_slots, finding_table
from stoker.transforms.lexicon import Int32Array
from stoker.transforms.nodes import Nodes
from stoker.transforms.spill import Spill
from stoker.transforms.texts import TextChunk
from stoker.types import IntArray, Uint64Array

__all__ = ["LEAST_MEMORY", "Learner"]

LEAST_MEMORY = 16 << 20
"""Less than this is not enough to learn n-grams from any texts."""

Result = TypeVar("Result")
FloatArray = npt.NDArray[np.float64]


class Learner:
    """What a vectoriser holds while it learns; close it.

    Of `memory` a quarter is for streams, one for lexicons, one for the tables that count, and the sums of
    scores take no more than one.

    Parameters
    ----------
    characters
        What each character becomes.
    memory
        Bytes.
    workers
        Threads; 0 for the calling one.
    ledger
        Charged for what is held; None for one of its own.

    Raises
    ------
    MemoryBudgetError
        If `memory` is too small.
    """

    def __init__(self, characters: Characters, *, memory: int, workers: int, ledger: Ledger | None) -> None:
        if memory < LEAST_MEMORY:
            raise MemoryBudgetError(
                f"learning n-grams takes at least {LEAST_MEMORY >> 20} MiB, got {memory / (1 << 20):.1f}: "
                f"raise memory"
            )
        self._share = memory // 4
        self._memory, self._workers = memory, workers
        self._ledger = ledger if ledger is not None else Ledger(memory)
        self.spill = Spill()
        self._corpus = Corpus(
            characters, memory=self._share, workers=workers, spill=self.spill, ledger=self._ledger
        )
        self.class_counts: IntArray = np.zeros(0, np.int64)
        self.has_labels = True

    @property
    def num_rows(self) -> int:
        """Texts read so far."""
        return self._corpus.num_rows

    def read(self, chunks: Iterable[TextChunk]) -> Iterator[int]:
        """Read texts; yields how many there are so far."""
        done = self._corpus.num_rows
        for chunk in self._corpus.add(chunks):
            done += len(chunk.texts)
            if chunk.labels is None:
                self.has_labels = False
            else:
                counts = np.bincount(chunk.labels, minlength=self.class_counts.size)
                counts[: self.class_counts.size] += self.class_counts
                self.class_counts = counts
            yield done

    def nodes(self, longest: int, least: int) -> Nodes:
        """All n-grams of up to `longest` words that at least so many texts hold."""
        words = self._corpus.settle(least)
        levels: list[Uint64Array] = []
        counts = [words.counts]
        for length in range(2, longest + 1):
            finding = finding_table(levels, len(words.spelled))
            pairs, some = count_ngrams(
                self._corpus, length, finding, least, memory=self._share, workers=self._workers,
                spill=self.spill, ledger=self._ledger,
            )  # fmt: skip
            levels.append(pairs)
            counts.append(some)
        return Nodes(words=words.spelled, levels=tuple(levels), counts=np.concatenate(counts))

    def check_room(self, nodes: Nodes, *, scored: bool) -> None:
        """Raise `MemoryBudgetError` if what was learned does not fit the memory with its tables."""
        slots = 2 * finding_slots(nodes.counts.size - len(nodes.words))
        of_each = 40 + (8 * (self.class_counts.size + 1) if scored else 0)
        needed = nodes.nbytes + 8 * slots + of_each * nodes.counts.size
        if needed > self._memory:
            raise MemoryBudgetError(
                f"{nodes.counts.size:,} n-grams occur often enough; they take {needed / 1e6:,.0f} MB, and "
                f"memory is {self._memory / 1e6:,.0f} MB: raise memory or min_df"
            )

    def take_in(self, other: Learner) -> None:
        """Add the texts that another learner has read, as those that follow."""
        self._corpus.take_in(other._corpus)
        self.has_labels &= other.has_labels
        counts = np.zeros(max(self.class_counts.size, other.class_counts.size), np.int64)
        counts[: self.class_counts.size] += self.class_counts
        counts[: other.class_counts.size] += other.class_counts
        self.class_counts = counts

    def sums(
        self,
        nodes: Nodes,
        finding: Uint64Array,
        weights: FloatArray,
        *,
        sublinear: bool,
        scored: bool,
        totals: bool,
    ) -> tuple[IntArray, IntArray]:
        """Sums over all texts.

        Parameters
        ----------
        weights
            See `stoker.kernels.ngrams.add_scores`.
        scored, totals
            What to sum.

        Returns
        -------
        int64 of shape (nodes, classes + 1), values by class and their squares, in fixed point; int64 of shape
        (nodes,), occurrences. Empty where they were not asked for.
        """
        num_nodes, width = nodes.counts.size, self.class_counts.size + 1 if scored else 1
        lanes = max(1, self._workers)
        row_bytes = 8 * (width + totals)
        if num_nodes * row_bytes * lanes > self._share:
            lanes = 1
        step = max(1 << 12, self._share // (row_bytes * lanes))
        parts = [
            self._sum_range(
                nodes, finding, weights, low, min(low + step, num_nodes), sublinear, scored, totals, lanes
            )
            for low in range(0, num_nodes, step)
        ]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def _sum_range(
        self,
        nodes: Nodes,
        finding: Uint64Array,
        weights: FloatArray,
        low: int,
        high: int,
        sublinear: bool,
        scored: bool,
        totals: bool,
        lanes: int,
    ) -> tuple[IntArray, IntArray]:
        free: SimpleQueue[tuple[IntArray, IntArray]] = SimpleQueue()
        width = self.class_counts.size + 1 if scored else 1
        for _ in range(lanes):
            held = np.zeros((high - low if scored else 0, width), np.int64)
            occurrences = np.zeros(high - low if totals else 0, np.int64)
            free.put((self._ledger.attach("scores", held), self._ledger.attach("scores", occurrences)))

        def add(block: Block, words: Int32Array) -> None:
            sums, occurrences = free.get()
            ngrams.add_scores(
                block.stream, block.ends, words, len(nodes.levels) + 1, finding, sublinear, weights,
                block.labels if scored else block.labels[:0], low, high, sums, occurrences,
            )  # fmt: skip
            free.put((sums, occurrences))

        for _ in self.over_blocks(add, workers=min(lanes, self._workers)):
            pass
        sums, occurrences = free.get()
        while not free.empty():
            more, others = free.get()
            sums += more
            occurrences += others
        return sums, occurrences

    def over_blocks(
        self, function: Callable[[Block, Int32Array], Result], *, workers: int | None = None
    ) -> Iterator[Result]:
        """What a function gives for each block of texts and its table of words, in order."""
        workers = self._workers if workers is None else workers

        def work(place: int) -> Result:
            return function(*self._corpus.block(place))

        with prefetch(
            work, range(self._corpus.num_blocks), workers=workers, in_flight=workers + 1, name="n-grams"
        ) as results:
            yield from results

    def close(self) -> None:
        """Give the temporary space back."""
        self.spill.close()
