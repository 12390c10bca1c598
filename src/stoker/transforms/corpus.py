"""Texts as streams of word numbers: read once, kept in memory while they fit, else in a temporary file.

Each thread teaches a dictionary of its own; one that has grown to its share of the memory is retired to the
temporary file and a new one begun. At the end all are merged, a share of the words at a time, into one list
of words in byte order, and each dictionary gets a table from its numbers to places of that list. So the
result depends neither on threads nor on chunks nor on the memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from queue import SimpleQueue

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stoker.errors import DataError
from stoker.ledger import Ledger
from stoker.prefetch import prefetch
from stoker.transforms.chunks import TextChunk
from stoker.transforms.cutting import Cutter
from stoker.transforms.numbering import learn_stream, text_counts
from stoker.transforms.retired import Retired
from stoker.transforms.spill import Extent, Spill
from stoker.transforms.wordlists import Dictionary, Int32Array
from stoker.transforms.wordspill import bucket_shares
from stoker.types import IntArray

__all__ = ["TEXT_BYTES", "Block", "Corpus", "Words"]

TEXT_BYTES = 16
"""What a text takes beside the numbers of its words: where it ends, and its class."""

_MOST_ROWS = 2**32 - 2
"""Texts are counted, and told apart, with 32 bits."""


def _counted(num_rows: int) -> int:
    if num_rows > _MOST_ROWS:
        raise DataError(f"n-grams are learned from {_MOST_ROWS:,} texts at most: give a part of them")
    return num_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Consecutive texts as a stream of word numbers.

    Attributes
    ----------
    stream
        int32 numbers of a dictionary.
    ends
        int64 of shape (n,): where each text ends in the stream.
    labels
        int64 of shape (n,), or empty.
    first_row
        Row of the first text.
    dictionary
        Which dictionary.
    """

    stream: Int32Array
    ends: IntArray
    labels: IntArray
    first_row: int
    dictionary: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The words that enough texts hold, in byte order.

    Attributes
    ----------
    spelled
        Arrow large strings, ascending by their bytes.
    counts
        int64: how many texts hold each.
    """

    spelled: pa.LargeStringArray
    counts: IntArray


@dataclass(frozen=True, slots=True)
class _Stored:
    """A block whose arrays lie in a temporary file."""

    first_row: int
    dictionary: int
    spill: Spill
    extents: list[Extent]

    def load(self) -> Block:
        stream, ends, labels = (self.spill.read(extent) for extent in self.extents)
        return Block(
            stream=stream, ends=ends, labels=labels, first_row=self.first_row, dictionary=self.dictionary
        )


class _Pupil:
    """A dictionary and its number."""

    def __init__(self, number: int, ledger: Ledger) -> None:
        self.number, self.dictionary = number, Dictionary(ledger)


class Corpus:
    """All texts that were read, as numbers of words.

    Parameters
    ----------
    cutter
        Where words end.
    memory
        Bytes that streams may take, and again that dictionaries may take; what is beyond lies in `spill`.
    workers
        Threads.
    spill, ledger
        Where arrays go that do not fit; what is charged for those that are held.
    """

    def __init__(self, cutter: Cutter, *, memory: int, workers: int, spill: Spill, ledger: Ledger) -> None:
        self._cutter, self._memory, self._workers = cutter, memory, workers
        self._spill, self._ledger = spill, ledger
        self._pupils: SimpleQueue[_Pupil] = SimpleQueue()
        self._num_pupils = 0
        self._num_dictionaries = 0
        self._retired: dict[int, Retired] = {}
        self._blocks: list[Block | _Stored] = []
        self._held = 0
        self._maps: dict[int, Int32Array] = {}
        self.num_rows = 0
        self.num_words = 0

    @property
    def num_blocks(self) -> int:
        """Blocks of texts."""
        return len(self._blocks)

    def add(self, chunks: Iterable[TextChunk]) -> Iterator[TextChunk]:
        """Read chunks of texts; yields each when it is done, in order."""
        while self._num_pupils < max(1, self._workers):
            self._pupils.put(self._pupil())
            self._num_pupils += 1
        workers = self._workers
        with prefetch(
            self._read, self._tasks(chunks), workers=workers, in_flight=workers + 1, name="words"
        ) as blocks:
            for block, chunk in blocks:
                self._keep(block)
                yield chunk

    def _pupil(self) -> _Pupil:
        self._num_dictionaries += 1
        return _Pupil(self._num_dictionaries - 1, self._ledger)

    def _tasks(self, chunks: Iterable[TextChunk]) -> Iterator[tuple[int, TextChunk]]:
        for chunk in chunks:
            if len(chunk.texts):
                first_row, self.num_rows = self.num_rows, _counted(self.num_rows + len(chunk.texts))
                yield first_row, chunk

    def _read(self, task: tuple[int, TextChunk]) -> tuple[Block, TextChunk]:
        first_row, chunk = task
        pupil = self._pupils.get()
        try:
            dictionary, number = pupil.dictionary, pupil.number
            stream, ends = learn_stream(chunk.texts, self._cutter, dictionary, first_row=first_row)
            if 4 * dictionary.nbytes > self._memory // max(1, self._workers):
                self._retire(pupil)
        finally:
            self._pupils.put(pupil)
        labels = np.zeros(0, np.int64) if chunk.labels is None else chunk.labels
        block = Block(stream=stream, ends=ends, labels=labels, first_row=first_row, dictionary=number)
        return block, chunk

    def _retire(self, pupil: _Pupil) -> None:
        self._retired[pupil.number] = Retired.of(pupil.dictionary, self._spill)
        fresh = self._pupil()
        pupil.number, pupil.dictionary = fresh.number, fresh.dictionary

    def _keep(self, block: Block) -> None:
        self.num_words += block.stream.size
        size = block.stream.nbytes + block.ends.nbytes + block.labels.nbytes
        if self._held + size > self._memory:
            extents = [self._spill.write(part) for part in (block.stream, block.ends, block.labels)]
            self._blocks.append(_Stored(block.first_row, block.dictionary, self._spill, extents))
            return
        self._held += size
        held = replace(block, stream=block.stream.copy())
        self._ledger.tie("streams", size, held.stream)
        self._blocks.append(held)

    def block(self, place: int) -> tuple[Block, Int32Array]:
        """The block at a place, and the table from its numbers to those of `Words`, -1 for words left out."""
        stored = self._blocks[place]
        block = stored.load() if isinstance(stored, _Stored) else stored
        table = self._maps.get(block.dictionary)
        return block, self._retired[block.dictionary].table() if table is None else table

    def take_in(self, other: Corpus) -> None:
        """Add another's texts, as those that follow; the other stays as it is."""
        first_row, first = self.num_rows, self._num_dictionaries
        for block in other._blocks:
            self._blocks.append(
                replace(block, first_row=block.first_row + first_row, dictionary=block.dictionary + first)
            )
        for number, retired in other._retired.items():
            self._retired[number + first] = retired.copy()
        for pupil in other._all_pupils():
            self._retired[pupil.number + first] = Retired.of(pupil.dictionary, self._spill)
        self._num_dictionaries += other._num_dictionaries
        self.num_rows = _counted(self.num_rows + other.num_rows)
        self.num_words += other.num_words

    def _all_pupils(self) -> list[_Pupil]:
        pupils = [self._pupils.get() for _ in range(self._num_pupils)]
        for pupil in pupils:
            self._pupils.put(pupil)
        return pupils

    def settle(self, least: int) -> Words:
        """Merge the dictionaries into the words that at least so many texts hold."""
        pupils = self._all_pupils()
        self._maps = {}
        if not self._retired:
            return self._settle_held(pupils, least)
        for pupil in pupils:
            self._retire(pupil)
        return self._settle_retired(least)

    def _settle_held(self, pupils: list[_Pupil], least: int) -> Words:
        merged = Dictionary(self._ledger)
        for pupil in pupils:
            merged.absorb(pupil.dictionary.words()._replace(counts=text_counts(pupil.dictionary)))
        words = merged.words()
        kept = np.flatnonzero(words.counts >= least)
        spelled = words.take(kept).spelled()
        order = np.asarray(pc.array_sort_indices(spelled)).astype(np.int64)
        ranks = np.full(words.counts.size + 1, -1, np.int32)  # the last for -1
        ranks[kept[order]] = np.arange(kept.size, dtype=np.int32)
        for pupil in pupils:
            self._maps[pupil.number] = ranks[merged.numbers_of(pupil.dictionary.words())]
        return Words(spelled=spelled.take(pa.array(order)), counts=words.counts[kept[order]])

    def _settle_retired(self, least: int) -> Words:
        """As `_settle_held`, a share of the words at a time, told apart by their hashes."""
        retired = [self._retired[number] for number in sorted(self._retired)]
        for each in retired:
            each.forget_numbers()
        parts, counts, given = [], [], 0
        sizes = np.sum([each.words.sizes for each in retired], axis=0)
        for first, stop in bucket_shares(sizes, max(1, self._memory // 96)):
            merged = Dictionary(self._ledger)
            for each in retired:
                merged.absorb(each.words.read(first, stop))
            words = merged.words()
            kept = np.flatnonzero(words.counts >= least)
            numbers = np.full(words.counts.size + 1, -1, np.int32)
            numbers[kept] = np.arange(given, given + kept.size, dtype=np.int32)
            given += kept.size
            for each in retired:
                each.add_numbers(numbers[merged.numbers_of(each.words.read(first, stop))])
            parts.append(words.take(kept).spelled())
            counts.append(words.counts[kept])
        spelled = pa.concat_arrays(parts)
        order = np.asarray(pc.array_sort_indices(spelled)).astype(np.int64)
        ranks = np.full(order.size + 1, -1, np.int32)
        ranks[order] = np.arange(order.size, dtype=np.int32)
        for each in retired:
            each.ranks = ranks
        return Words(spelled=spelled.take(pa.array(order)), counts=np.concatenate(counts)[order])
