"""Texts as streams of word numbers: read once, kept in memory while they fit, else in a temporary file.

Each thread teaches a dictionary of its own; one that has grown to its share of the memory is retired to the
temporary file and a new one begun. At the end all are merged, a share of the words at a time, into one list
of words in byte order, and each dictionary gets a table from its numbers to places of that list. So the
result depends neither on threads nor on chunks nor on the memory.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from queue import SimpleQueue

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stoker.errors import DataError
from stoker.ledger import Ledger
from stoker.prefetch import prefetch
from stoker.transforms.blocks import Block, StoredBlock
from stoker.transforms.chunks import TextChunk, cut_chunk
from stoker.transforms.cutting import Cutter
from stoker.transforms.numbering import learn_stream, text_counts
from stoker.transforms.retired import Retired
from stoker.transforms.spill import Spill
from stoker.transforms.wordlists import Dictionary, Int32Array
from stoker.transforms.wordspill import NUM_BUCKETS, bucket_shares
from stoker.types import IntArray

__all__ = ["TEXT_BYTES", "Corpus", "Words"]

TEXT_BYTES = 16
"""What a text takes beside the numbers of its words: where it ends, and its class."""

_MOST_ROWS = 2**32 - 2
"""Texts are counted, and told apart, with 32 bits."""


_RETIRE = 6
"""Into so many parts the memory of a dictionary is cut: one for its words, one or two for room that is not
filled, and one or two for more room while it grows; and one for the words as they are written."""


_MERGE_BYTES = 196
"""What merging takes for a word: a dictionary that grows and is at most half filled, the word as read, and
its number there."""

_PARTS, _LEAST_PART = 16, 1 << 16
"""A thread's memory is to a part of texts that it reads at once as this, but parts have so many bytes."""


def _counted(num_rows: int) -> int:
    if num_rows > _MOST_ROWS:
        raise DataError(f"n-grams are learned from {_MOST_ROWS:,} texts at most: give a part of them")
    return num_rows


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


class _Pupil:
    """A dictionary and its number, and room for a stream."""

    def __init__(self, number: int, ledger: Ledger) -> None:
        self.number, self.dictionary = number, Dictionary(ledger)
        self._ledger, self._room = ledger, np.empty(0, np.int32)

    def learn(
        self, texts: pa.LargeStringArray, cutter: Cutter, first_row: int
    ) -> tuple[Int32Array, IntArray]:
        """See `learn_stream`."""
        stream, ends = learn_stream(texts, cutter, self.dictionary, first_row=first_row, room=self._room)
        if stream.base is not self._room:
            self._room = self._ledger.attach("streams", np.asarray(stream.base))
        return stream.copy(), ends

    def let_room_go(self) -> None:
        """Nothing more will be learned for a while."""
        self._room = np.empty(0, np.int32)


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
        self._lock = threading.Lock()
        self._retired: dict[int, Retired] = {}
        self._blocks: list[Block | StoredBlock] = []
        self._held = 0
        self._maps: dict[int, Int32Array] = {}
        self.num_rows = 0
        self.num_words = 0

    @property
    def num_blocks(self) -> int:
        """Blocks of texts."""
        return len(self._blocks)

    def add(self, chunks: Iterable[TextChunk]) -> Iterator[TextChunk]:
        """Read chunks of texts; yields parts of them as they are done, in order."""
        while self._num_pupils < max(1, self._workers):
            self._pupils.put(_Pupil(self._next_number(), self._ledger))
            self._num_pupils += 1
        workers = self._workers
        with prefetch(
            self._read, self._tasks(chunks), workers=workers, in_flight=workers + 1, name="words"
        ) as blocks:
            for block, chunk in blocks:
                self._keep(block)
                yield chunk

    def _next_number(self) -> int:
        self._num_dictionaries += 1
        return self._num_dictionaries - 1

    def _tasks(self, chunks: Iterable[TextChunk]) -> Iterator[tuple[int, TextChunk]]:
        most = max(_LEAST_PART, self._memory // (_PARTS * max(1, self._workers)))
        for part in (part for chunk in chunks for part in cut_chunk(chunk, most)):
            first_row, self.num_rows = self.num_rows, _counted(self.num_rows + len(part.texts))
            yield first_row, part

    def _read(self, task: tuple[int, TextChunk]) -> tuple[Block, TextChunk]:
        first_row, chunk = task
        pupil = self._pupils.get()
        try:
            dictionary, number = pupil.dictionary, pupil.number
            stream, ends = pupil.learn(chunk.texts, self._cutter, first_row)
            if _RETIRE * dictionary.nbytes_used > self._memory // max(1, self._workers):
                self._retire(pupil)
        finally:
            self._pupils.put(pupil)
        labels = np.zeros(0, np.int64) if chunk.labels is None else chunk.labels.copy()
        block = Block(stream=stream, ends=ends, labels=labels, first_row=first_row, dictionary=number)
        self._ledger.tie("streams", block.nbytes, stream)
        return block, chunk

    def _retire(self, pupil: _Pupil) -> None:
        """Write a dictionary to the file, and begin another in its room."""
        with self._ledger.charge("fitting", pupil.dictionary.nbytes_used):
            self._retired[pupil.number] = Retired.of(pupil.dictionary, self._spill, self._ledger)
        pupil.dictionary.clear()
        with self._lock:
            pupil.number = self._next_number()

    def _keep(self, block: Block) -> None:
        self.num_words += block.stream.size
        if self._held + block.nbytes > self._memory:
            self._blocks.append(StoredBlock.of(block, self._spill))
            return
        self._held += block.nbytes
        self._blocks.append(block)

    def hold_at_most(self, num_bytes: int) -> None:
        """Write streams to the file until those that are held take no more than so many bytes."""
        for place in range(len(self._blocks) - 1, -1, -1):
            block = self._blocks[place]
            if self._held > num_bytes and isinstance(block, Block):
                self._blocks[place] = StoredBlock.of(block, self._spill)
                self._held -= block.nbytes

    def block(self, place: int) -> tuple[Block, Int32Array]:
        """The block at a place, and the table from its numbers to those of `Words`, -1 for words left out."""
        stored = self._blocks[place]
        block, table = stored, self._maps.get(stored.dictionary)
        if isinstance(block, StoredBlock):
            block = block.load()
            self._ledger.tie("streams", block.nbytes, block.stream)
        if table is None:
            table = self._ledger.attach("fitting", self._retired[block.dictionary].table())
        return block, table

    def take_in(self, other: Corpus) -> None:
        """Add another's texts, as those that follow; the other stays as it is."""
        first_row, first = self.num_rows, self._num_dictionaries
        self._held += other._held
        for block in other._blocks:
            self._blocks.append(
                replace(block, first_row=block.first_row + first_row, dictionary=block.dictionary + first)
            )
        for number, retired in other._retired.items():
            self._retired[number + first] = retired.copy()
        for pupil in other._all_pupils():
            self._retired[pupil.number + first] = Retired.of(pupil.dictionary, self._spill, self._ledger)
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
        for pupil in pupils:
            pupil.let_room_go()
        self._maps = {}
        if not self._retired:
            return self._settle_held(pupils, least)
        for pupil in pupils:
            self._retire(pupil)
            pupil.dictionary = Dictionary(self._ledger)
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
            numbers = ranks[merged.numbers_of(pupil.dictionary.words())]
            self._maps[pupil.number] = self._ledger.attach("fitting", numbers)
        return Words(spelled=spelled.take(pa.array(order)), counts=words.counts[kept[order]])

    def adopt(self, words: pa.LargeStringArray) -> None:
        """Have the words the numbers of a list that others have as well, -1 where they are not there.

        Parameters
        ----------
        words
            In byte order, as `settle` gives them.
        """
        known, self._maps = Dictionary.of(words), {}
        for pupil in self._all_pupils():
            numbers = known.numbers_of(pupil.dictionary.words())
            self._maps[pupil.number] = self._ledger.attach("fitting", numbers)
        ranks = np.append(np.arange(len(words), dtype=np.int32), np.int32(-1))
        for retired in self._retired.values():
            retired.forget_numbers()
            for bucket in range(NUM_BUCKETS):
                retired.add_numbers(known.numbers_of(retired.words.read(bucket, bucket + 1)))
            retired.settle(ranks)

    def _settle_retired(self, least: int) -> Words:
        """As `_settle_held`, a share of the words at a time, told apart by their hashes."""
        retired = [self._retired[number] for number in sorted(self._retired)]
        for each in retired:
            each.forget_numbers()
        parts, counts, given = [], [], 0
        sizes = np.sum([each.words.sizes for each in retired], axis=0)
        for first, stop in bucket_shares(sizes, max(1, self._memory // _MERGE_BYTES)):
            merged = Dictionary(self._ledger)
            ids = self._ledger.attach("fitting", np.empty(int(sizes[first:stop].sum()), np.int32))
            ends = np.cumsum([each.words.count(first, stop) for each in retired])
            own = np.split(ids, ends[:-1])
            for each, some in zip(retired, own, strict=True):
                merged.absorb(each.words.read(first, stop), ids=some)
            words = merged.words()
            kept = np.flatnonzero(words.counts >= least)
            numbers = np.full(words.counts.size + 1, -1, np.int32)
            numbers[kept] = np.arange(given, given + kept.size, dtype=np.int32)
            given += kept.size
            for each, some in zip(retired, own, strict=True):
                each.add_numbers(numbers[some])
            parts.append(words.take(kept).spelled())
            counts.append(words.counts[kept])
        spelled = pa.concat_arrays(parts)
        order = np.asarray(pc.array_sort_indices(spelled)).astype(np.int64)
        ranks = np.full(order.size + 1, -1, np.int32)
        ranks[order] = np.arange(order.size, dtype=np.int32)
        for each in retired:
            each.settle(ranks)
        return Words(spelled=spelled.take(pa.array(order)), counts=np.concatenate(counts)[order])
