"""Words and pairs of words of many texts, counted a piece of them at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
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
        uint64 of shape (n,): of which words each n-gram is, of two words the first in the upper half.
    length
        Words in each: one or two.
    keys
        uint64 of shape (n,), ascending: a hash of each, the same in all texts. Among a hundred million
        different ones two share it once in some thousand corpora.
    counts
        int64 of shape (n,): how often each occurs.
    """

    words: WordList
    numbers: Uint64Array
    length: int
    keys: Uint64Array
    counts: IntArray

    def names(self, places: list[int]) -> list[str]:
        """The n-grams at these places, spelled."""
        packed = self.numbers[places]
        numbers = packed if self.length == 1 else np.stack([packed >> _HALF, packed & _LOW], axis=1)
        spelled: list[str] = self.words.take(numbers.reshape(-1).astype(np.int64)).spelled().to_pylist()
        return [" ".join(spelled[at : at + self.length]) for at in range(0, len(spelled), self.length)]


def count_grams(texts: pa.LargeStringArray, cutter: Cutter) -> tuple[Grams, Grams]:
    """Count the words, and the pairs of neighbouring words, of some texts.

    Parameters
    ----------
    texts
        As `stoker.transforms.chunks.as_texts` makes them.
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
    numbers = np.arange(digests.size, dtype=np.uint64)
    singles = _sorted(words, numbers, 1, digests, counts)
    found, times = _pairs(stream, ends)
    keys = _mixed(digests[found >> _HALF], digests[found & _LOW])
    return singles, _sorted(words, found, 2, keys, times)


def _pairs(stream: npt.NDArray[Any], ends: IntArray) -> tuple[Uint64Array, IntArray]:
    """The different pairs of neighbours within a text, and how often each occurs.

    They are made in place as far as can be: this is what looking at texts takes most memory for.
    """
    inside = np.ones(max(stream.size - 1, 0), np.bool_)
    last = ends[(ends > 0) & (ends < stream.size)] - 1
    inside[last] = False
    whole = stream[:-1].astype(np.uint64)
    whole <<= _HALF
    whole |= stream[1:].astype(np.uint32)
    pairs = whole[inside]
    del whole, inside
    pairs.sort()
    first = np.flatnonzero(np.append(pairs.size > 0, pairs[1:] != pairs[:-1]))
    return pairs[first], np.diff(np.append(first, pairs.size))


def take_in(grams: Grams, summary: Frequent) -> None:
    """Add n-grams to a summary."""
    summary.update(grams.keys, grams.counts, grams.names)


def _mixed(left: Uint64Array, right: Uint64Array) -> Uint64Array:
    mixed = (left * _LEFT) ^ (right + (left << np.uint64(6)) + (left >> np.uint64(2)))
    mixed = (mixed ^ (mixed >> _HALF)) * _RIGHT
    result: Uint64Array = mixed ^ (mixed >> np.uint64(29))
    return result


def _sorted(words: WordList, numbers: Uint64Array, length: int, keys: Uint64Array, counts: IntArray) -> Grams:
    order = np.argsort(keys)
    return Grams(
        words=words,
        numbers=numbers[order],
        length=length,
        keys=keys[order],
        counts=counts[order].astype(np.int64, copy=False),
    )
