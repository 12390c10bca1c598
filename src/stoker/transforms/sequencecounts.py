"""What a SequenceVectorizer holds while it learns: words, and the texts that may be the longest."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import fields
from typing import Any, NamedTuple, TypeAlias

import pyarrow as pa

from stoker.errors import DataError
from stoker.ledger import Ledger
from stoker.prefetch import prefetch
from stoker.transforms.chunks import Passes, TextChunk
from stoker.transforms.cutting import Cutter
from stoker.transforms.longest import LongestTexts
from stoker.transforms.sequenceoptions import SequenceOptions
from stoker.transforms.textshards import TextShards
from stoker.transforms.vocabulary import Vocabulary, vocabulary_words
from stoker.transforms.wordcounts import WordCounts
from stoker.transforms.wordlists import WordList
from stoker.types import Progress

__all__ = ["Look", "SequenceCounts", "longest_known", "longest_of"]

Look: TypeAlias = Callable[[Vocabulary, int, int], int]
"""How many known words the longest of all texts has: at least, and at most, so many."""


class SentCounts(NamedTuple):
    """What was learned from some texts: how many, lists of different words, and the state of the longest."""

    num_texts: int
    words: list[WordList]
    longest: tuple[list[tuple[int, int, bytes]], int]


class SequenceCounts:
    """Words counted, and the longest texts.

    Parameters
    ----------
    cutter, memory, ledger
        See `WordCounts`.
    """

    def __init__(self, cutter: Cutter, *, memory: int, ledger: Ledger | None = None) -> None:
        self._words = WordCounts(cutter, memory=memory, ledger=ledger)
        self._longest = LongestTexts()

    def count(
        self,
        chunks: Iterator[TextChunk],
        *,
        workers: int,
        progress: Progress | None = None,
        num_rows: int = 0,
    ) -> None:
        """Learn from the texts that follow."""
        texts = (chunk.texts for chunk in chunks)
        for counted in self._words.count(texts, workers=workers, progress=progress, num_rows=num_rows):
            self._longest.add(counted)

    def merge(self, other: SequenceCounts) -> None:
        """Take in what another learned from the texts that follow."""
        self._longest.merge(other._longest, self._words.num_texts)
        self._words.merge(other._words)

    def sent(self) -> SentCounts:
        """What was learned, for another to take in as what follows."""
        return SentCounts(self._words.num_texts, list(self._words.lists()), self._longest.state())

    def read(
        self,
        shards: TextShards,
        options: SequenceOptions,
        progress: Progress | None = None,
        num_rows: int = 0,
    ) -> None:
        """Learn from the texts that follow, which others read."""
        for part in shards.each(_counts, (_plain(options), shards.memory)):
            self._longest.merge(LongestTexts.of(part.longest), self._words.num_texts)
            self._words.take_in(part.words, part.num_texts)
            if progress is not None:
                progress(self._words.num_texts, num_rows)

    def vocabulary(
        self,
        make: Callable[[WordList, int, int], Vocabulary],
        *,
        most: int | None,
        cap: int,
        look: Look | None,
    ) -> Vocabulary:
        """The words that are used, and how long the rows are.

        Parameters
        ----------
        make
            Makes a vocabulary of length 0 of these words; of how many words and texts in all.
        most
            Words that are used, at most.
        cap
            Length of a row, at most.
        look
            Looks at all texts anew; None where they are gone, and the length is then the longest possible.

        Raises
        ------
        DataError
            If there is no word.
        """
        words, total = self._words.most_frequent(most)
        if not total:
            raise DataError(
                f"there is no word in any of {self._words.num_texts:,} texts: see that the right column is "
                "read, and that filters and split leave something of it"
            )
        vocabulary = make(words, total, self._words.num_texts)
        least, most_words = self._longest.judge(vocabulary.lengths, cap)
        if least < most_words and look is not None:
            most_words = look(vocabulary, least, most_words)
        vocabulary.length = max(1, most_words)
        return vocabulary


def longest_known(passes: Passes, workers: int, vocabulary: Vocabulary, least: int, most: int) -> int:
    """See `Look`, of texts that are read here."""

    def longest(texts: pa.LargeStringArray) -> int:
        return int(vocabulary.lengths(texts).max(initial=0))

    tasks = (chunk.texts for chunk in passes())
    with prefetch(longest, tasks, workers=workers, in_flight=workers + 1, name="lengths") as lengths:
        return _greatest(lengths, least, most)


def longest_of(
    shards: TextShards, options: SequenceOptions, vocabulary: Vocabulary, least: int, most: int
) -> int:
    """See `Look`, of texts that others read."""
    with closing(_closable(shards.each(_longest, (_plain(options), vocabulary.state(), most)))) as lengths:
        return _greatest(lengths, least, most)


def _longest(common: tuple[dict[str, Any], dict[str, Any], int], chunks: Iterator[TextChunk]) -> int:
    options, state, most = common
    known = SequenceOptions(**options)
    words, rest = vocabulary_words(state, known.longest)
    vocabulary = known.vocabulary(words, **rest)
    return _greatest((int(vocabulary.lengths(chunk.texts).max(initial=0)) for chunk in chunks), 0, most)


def _greatest(lengths: Iterator[int], least: int, most: int) -> int:
    for length in lengths:
        least = max(least, length)
        if least >= most:
            break
    return min(least, most)


def _counts(common: tuple[dict[str, Any], int], chunks: Iterator[TextChunk]) -> SentCounts:
    options, memory = common
    counting = SequenceCounts(SequenceOptions(**options).cutter, memory=memory)
    counting.count(chunks, workers=0)
    return counting.sent()


def _plain(options: SequenceOptions) -> dict[str, Any]:
    return {part.name: getattr(options, part.name) for part in fields(options)}


def _closable(items: Iterator[int]) -> Generator[int]:
    yield from items
