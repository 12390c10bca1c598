"""Learning n-grams from texts that others read: words first, then longer n-grams, then the sums of scores.

Each reads its part anew for each of these. What comes back is counts alone, integers, so that the result is
that of one who reads all texts, whichever way they are cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stoker.ledger import Ledger
from stoker.transforms.chunks import TextChunk
from stoker.transforms.corpus import Words
from stoker.transforms.counting import count_runs, finding_table, in_order
from stoker.transforms.cutting import Cutter, word_cutter
from stoker.transforms.learning import Add, Learner
from stoker.transforms.nodes import Nodes
from stoker.transforms.runs import Runs, WrittenRun
from stoker.transforms.textshards import TextShards
from stoker.transforms.wordlists import Dictionary, WordList
from stoker.transforms.wordspill import SpilledWords, bucket_shares, spilled
from stoker.types import IntArray, Progress, Uint64Array

__all__ = ["Reader", "SharedLearner"]

_MERGE_BYTES = 192
"""What merging takes for a word, as in `stoker.transforms.corpus`."""

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """How each reads its part.

    Attributes
    ----------
    lowercase, strip_accents
        What words are made of.
    memory
        Bytes that it may take.
    """

    lowercase: bool
    strip_accents: bool
    memory: int

    @property
    def cutter(self) -> Cutter:
        """Where words end."""
        return word_cutter(lowercase=self.lowercase, strip_accents=self.strip_accents)

    def reading(self, chunks: Iterator[TextChunk], then: Callable[[Learner], R]) -> R:
        """What is made of a learner that has read the texts."""
        learner = Learner(self.cutter, memory=self.memory, workers=0, ledger=None)
        try:
            for _ in learner.read(chunks):
                pass
            return then(learner)
        finally:
            learner.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What a part's words are, and how many texts hold each."""

    words: WordList
    num_rows: int
    num_words: int
    class_counts: IntArray
    has_labels: bool


def _words(reader: Reader, chunks: Iterator[TextChunk]) -> _Read:
    def settled(learner: Learner) -> _Read:
        words = learner.corpus.settle(1)
        return _Read(
            words=WordList.of(words.spelled)._replace(counts=words.counts),
            num_rows=learner.num_rows,
            num_words=learner.corpus.num_words,
            class_counts=learner.class_counts,
            has_labels=learner.has_labels,
        )

    return reader.reading(chunks, settled)


def _runs(
    common: tuple[Reader, pa.LargeStringArray, list[Uint64Array], int], chunks: Iterator[TextChunk]
) -> list[WrittenRun]:
    reader, words, levels, length = common

    def counted(learner: Learner) -> list[WrittenRun]:
        learner.corpus.adopt(words)
        finding = finding_table(levels, len(words))
        return count_runs(
            learner.corpus,
            length,
            finding,
            memory=learner.share,
            spill=learner.spill,
            ledger=learner.ledger,
        )

    return reader.reading(chunks, counted)


def _sums(common: tuple[Reader, Nodes, Add, tuple[int, int, int]], chunks: Iterator[TextChunk]) -> IntArray:
    reader, nodes, add, (low, high, width) = common

    def summed(learner: Learner) -> IntArray:
        learner.corpus.adopt(nodes.words)
        finding = finding_table(list(nodes.levels), len(nodes.words))
        sums = np.zeros((high - low, width), np.int64)
        for place in range(learner.corpus.num_blocks):
            learner.add_block(add, *learner.corpus.block(place), nodes, finding, low, sums)
        return sums

    return reader.reading(chunks, summed)


class SharedLearner(Learner):
    """A `Learner` whose texts others read.

    Parameters
    ----------
    shards
        The texts.
    reader
        How each reads them.
    memory, workers, ledger
        As of `Learner`; what comes back waits in its temporary file.
    """

    def __init__(
        self, shards: TextShards, reader: Reader, *, memory: int, workers: int, ledger: Ledger | None
    ) -> None:
        super().__init__(reader.cutter, memory=memory, workers=workers, ledger=ledger)
        self._shards, self._reader = shards, reader
        self._words: list[SpilledWords] = []
        self._num_rows = 0

    @property
    def num_rows(self) -> int:
        """Texts read so far."""
        return self._num_rows

    def read_all(self, progress: Progress | None, num_rows: int) -> None:
        """Have all texts read for their words."""
        for part in self._shards.each(_words, self._reader):
            self._words.append(spilled(part.words, self.spill)[0])
            self._num_rows += part.num_rows
            self.corpus.num_words += part.num_words
            self.has_labels &= part.has_labels
            self._add_classes(part.class_counts)
            if progress is not None:
                progress(self._num_rows, num_rows)

    def nodes(self, longest: int, least: int) -> Nodes:
        """All n-grams of up to `longest` words that at least so many texts hold."""
        words = self._settled(least)
        levels: list[Uint64Array] = []
        counts = [words.counts]
        for length in range(2, longest + 1):
            runs = Runs(self.spill, self.ledger)
            for part in self._shards.each(_runs, (self._reader, words.spelled, levels, length)):
                for run in part:
                    runs.take(run)
            known = sum(some.size for some in counts)

            def check(size: int, known: int = known) -> None:
                self.check_nodes(known + size)

            found = runs.merged(least, memory=self.share, workers=self.workers)
            pairs, some = in_order(found, self.ledger, check)
            levels.append(pairs)
            counts.append(some)
        return Nodes(words=words.spelled, levels=tuple(levels), counts=np.concatenate(counts))

    def _settled(self, least: int) -> Words:
        """The words that at least so many texts hold, in byte order; a share of them at a time."""
        parts, counts = [], []
        sizes = np.sum([each.sizes for each in self._words], axis=0)
        for first, stop in bucket_shares(sizes, max(1, self.share // _MERGE_BYTES)):
            merged = Dictionary(self.ledger)
            for each in self._words:
                merged.absorb(each.read(first, stop))
            words = merged.words()
            kept = np.flatnonzero(words.counts >= least)
            parts.append(words.take(kept).spelled())
            counts.append(words.counts[kept])
        spelled = pa.concat_arrays(parts)
        order = np.asarray(pc.array_sort_indices(spelled)).astype(np.int64)
        return Words(spelled=spelled.take(pa.array(order)), counts=np.concatenate(counts)[order])

    def _add_up(
        self,
        add: Add,
        finish: Callable[[int, IntArray], None],
        nodes: Nodes,
        finding: Uint64Array,
        width: int,
        together: int,
    ) -> None:
        """See `Learner`: the sums of some nodes at a time, of all parts."""
        num_nodes = nodes.counts.size
        step = together * max(1, self.share // (8 * width * together))
        for low in range(0, num_nodes, step):
            high = min(low + step, num_nodes)
            sums = self.ledger.attach("scores", np.zeros((high - low, width), np.int64))
            for part in self._shards.each(_sums, (self._reader, nodes, add, (low, high, width))):
                sums += part
            finish(low, sums)
