"""Texts as streams of word numbers: read once, kept in memory while they fit, else in a temporary file.

Each thread teaches a lexicon of its own; one that has grown to its share of the memory is retired to the
temporary file and a new one begun. At the end all are merged, a share of the words at a time, into one list
of words in byte order, and each lexicon gets a table from its numbers to places of that list. So the result
depends neither on threads nor on chunks nor on the memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from queue import SimpleQueue

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stoker.kernels.characters import Characters
from stoker.ledger import Charge, Ledger
from stoker.prefetch import prefetch
from stoker.transforms.lexicon import Int32Array, Lexicon
from stoker.transforms.retired import Retired, retire
from stoker.transforms.spill import Extent, Spill
from stoker.transforms.texts import TextChunk
from stoker.types import IntArray

__all__ = ["Block", "Corpus", "Words"]

_FIRST_CAPACITY = 1 << 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Consecutive texts as a stream of word numbers.

    Attributes
    ----------
    stream
        int32 numbers of a lexicon.
    ends
        int64 of shape (n,): where each text ends in the stream.
    labels
        int64 of shape (n,), or empty.
    first_row
        Row of the first text.
    lexicon
        Which lexicon.
    """

    stream: Int32Array
    ends: IntArray
    labels: IntArray
    first_row: int
    lexicon: int


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
    lexicon: int
    spill: Spill
    extents: list[Extent]

    def load(self) -> Block:
        stream, ends, labels = (self.spill.read(extent) for extent in self.extents)
        return Block(stream=stream, ends=ends, labels=labels, first_row=self.first_row, lexicon=self.lexicon)


class _Pupil:
    """A lexicon and its number."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.lexicon = Lexicon(_FIRST_CAPACITY)
        self.charge: Charge | None = None


class Corpus:
    """All texts that were read, as numbers of words.

    Parameters
    ----------
    characters
        What each character becomes.
    memory
        Bytes that streams may take, and again that lexicons may take; what is beyond lies in `spill`.
    workers
        Threads.
    spill, ledger
        Where arrays go that do not fit; what is charged for those that are held.
    """

    def __init__(
        self, characters: Characters, *, memory: int, workers: int, spill: Spill, ledger: Ledger
    ) -> None:
        self._characters, self._memory, self._workers = characters, memory, workers
        self._spill, self._ledger = spill, ledger
        self._pupils: SimpleQueue[_Pupil] = SimpleQueue()
        self._num_pupils = 0
        self._num_lexicons = 0
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
        self._num_lexicons += 1
        return _Pupil(self._num_lexicons - 1)

    def _tasks(self, chunks: Iterable[TextChunk]) -> Iterator[tuple[int, TextChunk]]:
        for chunk in chunks:
            if len(chunk.texts):
                yield self.num_rows, chunk
                self.num_rows += len(chunk.texts)

    def _read(self, task: tuple[int, TextChunk]) -> tuple[Block, TextChunk]:
        first_row, chunk = task
        pupil = self._pupils.get()
        try:
            lexicon = pupil.lexicon
            stream, ends = lexicon.tokenize(chunk.texts, self._characters, first_row=first_row)
            number = pupil.number
            if pupil.charge is not None:
                pupil.charge.release()
            pupil.charge = self._ledger.charge("lexicons", lexicon.nbytes)
            if 4 * lexicon.nbytes > self._memory // max(1, self._workers):
                self._retire(pupil)
        finally:
            self._pupils.put(pupil)
        labels = np.zeros(0, np.int64) if chunk.labels is None else chunk.labels
        return Block(stream=stream, ends=ends, labels=labels, first_row=first_row, lexicon=number), chunk

    def _retire(self, pupil: _Pupil) -> None:
        self._retired[pupil.number] = retire(pupil.lexicon, self._spill)
        if pupil.charge is not None:
            pupil.charge.release()
        fresh = self._pupil()
        pupil.number, pupil.lexicon, pupil.charge = fresh.number, fresh.lexicon, None

    def _keep(self, block: Block) -> None:
        self.num_words += block.stream.size
        size = block.stream.nbytes + block.ends.nbytes + block.labels.nbytes
        if self._held + size > self._memory:
            extents = [self._spill.write(part) for part in (block.stream, block.ends, block.labels)]
            self._blocks.append(_Stored(block.first_row, block.lexicon, self._spill, extents))
            return
        self._held += size
        stream = self._ledger.attach("streams", block.stream.copy())
        self._blocks.append(replace(block, stream=stream, ends=self._ledger.attach("streams", block.ends)))

    def block(self, place: int) -> tuple[Block, Int32Array]:
        """The block at a place, and the table from its numbers to those of `Words`, -1 for words left out."""
        stored = self._blocks[place]
        block = stored.load() if isinstance(stored, _Stored) else stored
        table = self._maps.get(block.lexicon)
        return block, self._retired[block.lexicon].table() if table is None else table

    def take_in(self, other: Corpus) -> None:
        """Add another's texts, as those that follow; the other stays as it is."""
        first_row, first_lexicon = self.num_rows, self._num_lexicons
        for block in other._blocks:
            self._blocks.append(
                replace(block, first_row=block.first_row + first_row, lexicon=block.lexicon + first_lexicon)
            )
        for number, lexicon in other._retired.items():
            self._retired[number + first_lexicon] = lexicon.copy()
        for pupil in other._all_pupils():
            self._retired[pupil.number + first_lexicon] = retire(pupil.lexicon, self._spill)
        self._num_lexicons += other._num_lexicons
        self.num_rows += other.num_rows
        self.num_words += other.num_words

    def _all_pupils(self) -> list[_Pupil]:
        pupils = [self._pupils.get() for _ in range(self._num_pupils)]
        for pupil in pupils:
            self._pupils.put(pupil)
        return pupils

    def settle(self, least: int) -> Words:
        """Merge the lexicons into the words that at least so many texts hold."""
        pupils = self._all_pupils()
        self._maps = {}
        if not self._retired:
            return self._settle_held(pupils, least)
        for pupil in pupils:
            self._retire(pupil)
        return self._settle_retired(least)

    def _settle_held(self, pupils: list[_Pupil], least: int) -> Words:
        merged = Lexicon(max(pupil.lexicon.num_words for pupil in pupils))
        for pupil in pupils:
            merged.absorb(pupil.lexicon.letters, pupil.lexicon.counts)
        with self._ledger.charge("lexicons", merged.nbytes):
            counts = merged.counts
            kept = np.flatnonzero(counts >= least)
            spelled = merged.spelled(kept)
            ranks = np.full(counts.size + 1, -1, np.int32)  # the last for -1
            order = np.asarray(pc.array_sort_indices(spelled)).astype(np.int64)
            ranks[kept[order]] = np.arange(kept.size, dtype=np.int32)
            for pupil in pupils:
                own = pupil.lexicon
                self._maps[pupil.number] = ranks[merged.numbers_of(own.letters, own.num_words)]
        return Words(spelled=spelled.take(pa.array(order)), counts=counts[kept[order]])

    def _settle_retired(self, least: int) -> Words:
        """As `_settle_held`, a share of the words at a time, told apart by their hashes."""
        retired = [self._retired[number] for number in sorted(self._retired)]
        for lexicon in retired:
            lexicon.forget_numbers()
        room = max(1, self._memory // 96)
        sizes = np.sum([lexicon.bucket_sizes for lexicon in retired], axis=0)
        parts, counts, given = [], [], 0
        for first, stop in _shares(sizes, room):
            merged = Lexicon(_FIRST_CAPACITY)
            for lexicon in retired:
                merged.absorb(*lexicon.words(first, stop))
            held = merged.counts
            kept = np.flatnonzero(held >= least)
            numbers = np.full(held.size + 1, -1, np.int32)
            numbers[kept] = np.arange(given, given + kept.size, dtype=np.int32)
            given += kept.size
            for lexicon in retired:
                letters, count = lexicon.words(first, stop)
                lexicon.add_numbers(numbers[merged.numbers_of(letters, count.size)])
            parts.append(merged.spelled(kept))
            counts.append(held[kept])
        spelled = pa.concat_arrays(parts)
        order = np.asarray(pc.array_sort_indices(spelled)).astype(np.int64)
        ranks = np.full(order.size + 1, -1, np.int32)
        ranks[order] = np.arange(order.size, dtype=np.int32)
        for lexicon in retired:
            lexicon.ranks = ranks
        return Words(spelled=spelled.take(pa.array(order)), counts=np.concatenate(counts)[order])


def _shares(sizes: npt.NDArray[np.int64], room: int) -> Iterator[tuple[int, int]]:
    """Consecutive buckets that hold no more than `room` words together, unless a single one does."""
    first, held = 0, 0
    for bucket, size in enumerate(sizes.tolist()):
        if held and held + size > room:
            yield first, bucket
            first, held = bucket, 0
        held += size
    yield first, sizes.size
