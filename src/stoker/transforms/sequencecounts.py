"""What a SequenceVectorizer holds while it learns: words, and the texts that may be the longest."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa

from stoker.errors import DataError
from stoker.ledger import Ledger
from stoker.prefetch import prefetch
from stoker.transforms.chunks import Passes, TextChunk
from stoker.transforms.cutting import Cutter
from stoker.transforms.longest import LongestTexts
from stoker.transforms.vocabulary import Vocabulary
from stoker.transforms.wordcounts import WordCounts
from stoker.transforms.wordlists import WordList
from stoker.types import Progress

__all__ = ["SequenceCounts"]


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

    def vocabulary(
        self,
        make: Callable[[WordList, int, int], Vocabulary],
        *,
        most: int | None,
        cap: int,
        passes: Passes | None,
        workers: int,
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
        passes
            Gives all texts anew; None where they are gone, and the length is then the longest possible.

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
        if least < most_words and passes is not None:
            most_words = _longest_known(vocabulary, passes(), least, most_words, workers)
        vocabulary.length = max(1, most_words)
        return vocabulary


def _longest_known(
    vocabulary: Vocabulary, chunks: Iterator[TextChunk], least: int, most: int, workers: int
) -> int:
    """Known words of the longest text, at least `least`; it is looked for until one with `most` is found."""

    def longest(texts: pa.LargeStringArray) -> int:
        return int(vocabulary.lengths(texts).max(initial=0))

    tasks = (chunk.texts for chunk in chunks)
    with prefetch(longest, tasks, workers=workers, in_flight=workers + 1, name="lengths") as lengths:
        for length in lengths:
            least = max(least, length)
            if least >= most:
                break
    return min(least, most)
