"""Learning n-grams from texts read once: counted, weighed and scored over streams of word numbers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from stoker.buffers import release_idle
from stoker.errors import MemoryBudgetError
from stoker.kernels.terms import add_scores
from stoker.ledger import Charge, Ledger
from stoker.prefetch import prefetch
from stoker.transforms.blocks import Block
from stoker.transforms.chunks import TextChunk
from stoker.transforms.corpus import Corpus
from stoker.transforms.counting import count_ngrams, finding_slots, finding_table
from stoker.transforms.cutting import Cutter
from stoker.transforms.lanes import Lanes
from stoker.transforms.nodes import Nodes
from stoker.transforms.spill import Spill
from stoker.transforms.terms import Terms
from stoker.transforms.wordlists import Int32Array
from stoker.types import IntArray, Uint64Array

__all__ = ["LEAST_MEMORY", "PART_WORDS", "SHARES", "Add", "Learner"]

SHARES = 4
"""Into so many equal shares the memory is cut, see `Learner`."""

LEAST_MEMORY = 16 << 20
"""Less than this is not enough to learn n-grams from any texts."""

PART_WORDS = 1 << 15
"""Words of texts whose terms are found at once, about: they stay in a core's cache."""

_TERM_BYTES = 40
"""Of a term beside its node: its place, its idf, what its values are weighed with, and its score."""

_NODE_BYTES = 16 + _TERM_BYTES
"""Of an n-gram of two or more words, at least, when it is learned."""

_SUMS_BYTES = 1 << 18
"""Sums of nodes that are turned into scores at once, about: they stay in a core's cache."""

Result = TypeVar("Result")
Add: TypeAlias = Callable[[Terms, Block, int, int, IntArray], None]
"""Adds the terms of a block to the sums of some nodes, from one number up to another."""
FloatArray = npt.NDArray[np.float64]


class Learner:
    """What a vectoriser holds while it learns; close it.

    Of `memory` a quarter is for streams, one for dictionaries, one for the tables that count, and the sums of
    scores take no more than one.

    Parameters
    ----------
    cutter
        Where words end.
    memory
        Bytes.
    workers
        Threads; 0 for the calling one.
    ledger
        Charged for what is held; None for one of its own.
    keep_terms
        Whether the terms of texts are found once, and kept while they fit the tables' quarter.

    Attributes
    ----------
    corpus
        The texts that were read.
    share, workers
        Bytes of each share; threads.
    class_counts
        Texts of each class, int64.
    has_labels
        Whether all texts have one.

    Raises
    ------
    MemoryBudgetError
        If `memory` is too small.
    """

    def __init__(
        self,
        cutter: Cutter,
        *,
        memory: int,
        workers: int,
        ledger: Ledger | None,
        keep_terms: bool = False,
    ) -> None:
        if memory < LEAST_MEMORY:
            raise MemoryBudgetError(
                f"learning n-grams takes at least {LEAST_MEMORY >> 20} MiB, got {memory / (1 << 20):.1f} "
                "MiB: raise memory=, such as memory='100MB'"
            )
        self.share = memory // SHARES
        self._memory, self.workers = memory, workers
        self.ledger = ledger if ledger is not None else Ledger(memory)
        self.spill = Spill()
        self.corpus = Corpus(cutter, memory=self.share, workers=workers, spill=self.spill, ledger=self.ledger)
        self.class_counts: IntArray = np.zeros(0, np.int64)
        self.has_labels = True
        self._keep_terms, self._kept_bytes = keep_terms, 0
        self._terms: dict[int, Terms] = {}
        self._lock = threading.Lock()

    @property
    def num_rows(self) -> int:
        """Texts read so far."""
        return self.corpus.num_rows

    def read(self, chunks: Iterable[TextChunk]) -> Iterator[int]:
        """Read texts; yields how many there are so far."""
        done = self.corpus.num_rows
        for chunk in self.corpus.add(chunks):
            done += len(chunk.texts)
            if chunk.labels is None:
                self.has_labels = False
            else:
                self._add_classes(np.bincount(chunk.labels))
            yield done

    def nodes(self, longest: int, least: int) -> Nodes:
        """All n-grams of up to `longest` words that at least so many texts hold."""
        self._terms, self._kept_bytes = {}, 0
        release_idle()
        words = self.corpus.settle(least)
        levels: list[Uint64Array] = []
        counts = [words.counts]
        for length in range(2, longest + 1):
            release_idle()
            finding = finding_table(levels, len(words.spelled))
            known = sum(some.size for some in counts)

            def check(found: int, known: int = known) -> None:
                self.check_nodes(known + found)

            pairs, some = count_ngrams(
                self.corpus, length, finding, least, memory=self.share, workers=self.workers,
                spill=self.spill, ledger=self.ledger, check=check,
            )  # fmt: skip
            levels.append(pairs)
            counts.append(some)
        release_idle()
        return Nodes(words=words.spelled, levels=tuple(levels), counts=np.concatenate(counts))

    def room_for(self, nodes: Nodes, *, scored: bool) -> Charge:
        """A charge for what was learned and its tables, to be released when nobody uses them here any more.

        Raises
        ------
        MemoryBudgetError
            If they do not fit the memory.
        """
        slots = 2 * finding_slots(nodes.counts.size - len(nodes.words))
        tables = nodes.nbytes + 8 * slots + _TERM_BYTES * nodes.counts.size
        sums = min(self.share, 8 * (self.class_counts.size + 1) * nodes.counts.size) if scored else 0
        self._check_room(nodes.counts.size, tables + sums)
        return self.ledger.charge("terms", tables)

    def check_nodes(self, count: int) -> None:
        """Refuse more n-grams than fit the memory.

        Raises
        ------
        MemoryBudgetError
            If there are more.
        """
        self._check_room(count, _NODE_BYTES * count)

    def _check_room(self, count: int, needed: int) -> None:
        """Raise unless so many n-grams, which take so many bytes, fit the memory; streams make room."""
        if needed > self._memory:
            raise MemoryBudgetError(
                f"{count:,} n-grams occur often enough; they take {needed / 1e6:,.0f} MB, and "
                f"memory is {self._memory / 1e6:,.0f} MB: raise memory= or min_df="
            )
        self.corpus.hold_at_most(self._memory - needed)

    def take_in(self, other: Learner) -> None:
        """Add the texts that another learner has read, as those that follow."""
        self.corpus.take_in(other.corpus)
        self.has_labels &= other.has_labels
        self._add_classes(other.class_counts)

    def _add_classes(self, further: IntArray) -> None:
        """Texts of each class that follow."""
        counts = np.zeros(max(self.class_counts.size, further.size), np.int64)
        counts[: self.class_counts.size] += self.class_counts
        counts[: further.size] += further
        self.class_counts = counts

    def scores(
        self,
        nodes: Nodes,
        finding: Uint64Array,
        weights: FloatArray,
        judge: Callable[[int, IntArray], FloatArray],
        *,
        sublinear: bool,
    ) -> FloatArray:
        """A score of each node, made of sums over all texts; so many at a time as fit a share of the memory.

        Parameters
        ----------
        weights
            See `stoker.kernels.terms.add_scores`.
        judge
            Gives the scores of some nodes: of the first one's number, and the sums of their values by class
            and of their squares, int64 of shape (some nodes, classes + 1). Which nodes come together depends
            on the number of classes alone.

        Returns
        -------
        float64 of shape (nodes,).
        """
        width, scores = self.class_counts.size + 1, np.zeros(nodes.counts.size)
        together = 1 << max(0, (_SUMS_BYTES // (8 * width)).bit_length() - 1)

        def finish(low: int, sums: IntArray) -> None:
            def score(first: int) -> None:
                part = sums[first : first + together]
                scores[low + first : low + first + len(part)] = judge(low + first, part)

            for _ in self._done(score, range(0, len(sums), together), self.workers):
                pass

        self._add_up(_Scores(sublinear, weights), finish, nodes, finding, width, together)
        return scores

    def totals(self, nodes: Nodes, finding: Uint64Array) -> IntArray:
        """How often each n-gram occurs in all texts: int64 of shape (nodes,)."""
        totals = np.zeros(nodes.counts.size, np.int64)

        def finish(low: int, some: IntArray) -> None:
            totals[low : low + len(some)] = some[:, 0]

        self._add_up(_add_totals, finish, nodes, finding, 1, 1)
        return totals

    def _add_up(
        self,
        add: Add,
        finish: Callable[[int, IntArray], None],
        nodes: Nodes,
        finding: Uint64Array,
        width: int,
        together: int,
    ) -> None:
        """`finish` what `add` adds up over all blocks: of as many nodes at a time as there is room for."""
        num_nodes, lanes = nodes.counts.size, max(1, self.workers)
        if 8 * width * num_nodes * lanes > self.share:
            lanes = 1
        step = together * max(1, self.share // (8 * width * lanes * together))

        def work(block: Block, words: Int32Array, low: int, sums: Lanes) -> None:
            with sums.one() as own:
                self.add_block(add, block, words, nodes, finding, low, own)

        for low in range(0, num_nodes, step):
            sums = Lanes(self.ledger, lanes, (min(step, num_nodes - low), width))
            for _ in self.over_blocks(partial(work, low=low, sums=sums), workers=min(lanes, self.workers)):
                pass
            finish(low, sums.total())

    def add_block(
        self,
        add: Add,
        block: Block,
        words: Int32Array,
        nodes: Nodes,
        finding: Uint64Array,
        low: int,
        sums: IntArray,
    ) -> None:
        """`add` the terms of a block to the sums of the nodes from `low` on."""
        for part in block.parts(PART_WORDS):
            terms = self.terms(part, words, nodes, finding)
            add(terms, part, low, low + sums.shape[0], sums)

    def terms(self, block: Block, words: Int32Array, nodes: Nodes, finding: Uint64Array) -> Terms:
        """The terms of a block; they are kept for the next time while there is room for them."""
        if (kept := self._terms.get(block.first_row)) is not None:
            return kept
        terms = Terms.of(
            block.stream, block.ends, words,
            longest=len(nodes.levels) + 1, finding=finding,
        )  # fmt: skip
        with self._lock:
            if not self._keep_terms or self._kept_bytes + terms.nbytes > self.share:
                return terms
            self._kept_bytes += terms.nbytes
        kept = terms.copy()
        self.ledger.attach("terms", kept.nodes)
        self.ledger.attach("terms", kept.counts)
        self._terms[block.first_row] = kept
        return kept

    def over_blocks(
        self, function: Callable[[Block, Int32Array], Result], *, workers: int | None = None
    ) -> Iterator[Result]:
        """What a function gives for each block of texts and its table of words, in order."""
        workers = self.workers if workers is None else workers

        def work(place: int) -> Result:
            return function(*self.corpus.block(place))

        yield from self._done(work, range(self.corpus.num_blocks), workers)

    @staticmethod
    def _done(work: Callable[[int], Result], places: range, workers: int) -> Iterator[Result]:
        """What a function gives for each place, in order."""
        with prefetch(work, places, workers=workers, in_flight=workers + 1, name="n-grams") as results:
            yield from results

    def close(self) -> None:
        """Give the temporary space back."""
        self.spill.close()


@dataclass(frozen=True, slots=True)
class _Scores:
    """Adds values of terms by class, and their squares; see `Learner.scores`."""

    sublinear: bool
    weights: FloatArray

    def __call__(self, terms: Terms, block: Block, low: int, high: int, sums: IntArray) -> None:
        add_scores(*terms, self.sublinear, self.weights, block.labels, low, high, sums)


def _add_totals(terms: Terms, block: Block, low: int, high: int, totals: IntArray) -> None:
    inside = (terms.nodes >= low) & (terms.nodes < high)
    np.add.at(totals[:, 0], terms.nodes[inside] - low, terms.counts[inside])
