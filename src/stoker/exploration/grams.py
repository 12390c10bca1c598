"""Words and pairs of words of many texts, counted a piece of them at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from stoker.exploration.frequent import Frequent
from stoker.transforms.cutting import Cutter
from stoker.transforms.numbering import learn_stream
from stoker.transforms.wordlists import Dictionary, WordList
from stoker.types import IntArray, Uint64Array

__all__ = ["Grams", "count_grams", "take_in"]

_LEFT = np.uint64(0x9E3779B97F4A7C15)
_RIGHT = np.uint64(0xD6E8FEB86659FD93)
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grams:
    """N-grams of some texts.

    Attributes
    ----------
    words
        The words by number.
    numbers
        int64 of shape (n, length): of which words each n-gram is.
    keys
        uint64 of shape (n,), ascending: a hash of each, the same in all texts. Among a hundred million
        different ones two share it once in some thousand corpora.
    counts
        int64 of shape (n,): how often each occurs.
    """

    words: WordList
    numbers: IntArray
    keys: Uint64Array
    counts: IntArray

    def names(self, places: list[int]) -> list[str]:
        """The n-grams at these places, spelled."""
        numbers = self.numbers[places]
        spelled: list[str] = self.words.take(numbers.reshape(-1)).spelled().to_pylist()
        length = numbers.shape[1]
        return [" ".join(spelled[at : at + length]) for at in range(0, len(spelled), length)]


def count_grams(texts: pa.LargeStringArray, cutter: Cutter) -> tuple[Grams, Grams]:
    """Count the words, and the pairs of neighbouring words, of some texts.

    Parameters
    ----------
    texts
        As `stoker.transforms.texts.as_texts` makes them.
    cutter
        Where words end, as for `stoker.NgramVectorizer`.

    Examples
    --------
    >>> from stoker.transforms.cutting import word_cutter
    >>> texts = pa.array(["To be or not to be", "be"], pa.large_string())
    >>> words, pairs = count_grams(texts, word_cutter(lowercase=True, strip_accents=True))
    >>> dict(sorted(zip(pairs.names(list(range(4))), pairs.counts.tolist())))
    {'be or': 1, 'not to': 1, 'or not': 1, 'to be': 2}
    """
    dictionary = Dictionary()
    stream, ends = learn_stream(texts, cutter, dictionary, first_row=0)
    words = dictionary.words()
    digests = words.digests()
    counts = np.bincount(stream, minlength=digests.size)
    singles = _sorted(words, np.arange(digests.size)[:, None], digests, counts)
    inside = np.ones(max(stream.size - 1, 0), np.bool_)
    last = ends[(ends > 0) & (ends < stream.size)] - 1
    inside[last] = False
    pairs = (stream[:-1].astype(np.uint64) << _HALF) | stream[1:].astype(np.uint64)
    found, times = np.unique(pairs[inside], return_counts=True)
    numbers = np.stack([found >> _HALF, found & _LOW], axis=1).astype(np.int64)
    keys = _mixed(digests[numbers[:, 0]], digests[numbers[:, 1]])
    return singles, _sorted(words, numbers, keys, times)


def take_in(grams: Grams, summary: Frequent) -> None:
    """Add n-grams to a summary."""
    summary.update(grams.keys, grams.counts, grams.names)


def _mixed(left: Uint64Array, right: Uint64Array) -> Uint64Array:
    mixed = (left * _LEFT) ^ (right + (left << np.uint64(6)) + (left >> np.uint64(2)))
    mixed = (mixed ^ (mixed >> _HALF)) * _RIGHT
    result: Uint64Array = mixed ^ (mixed >> np.uint64(29))
    return result


def _sorted(words: WordList, numbers: IntArray, keys: Uint64Array, counts: IntArray) -> Grams:
    order = np.argsort(keys)
    return Grams(words=words, numbers=numbers[order], keys=keys[order], counts=counts[order].astype(np.int64))
