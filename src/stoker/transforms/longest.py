"""The texts with the most words: enough to tell how long the longest is without its unknown words."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa

from stoker.transforms.chunks import text_buffers
from stoker.transforms.wordcounts import Counted
from stoker.types import IntArray

__all__ = ["Longest", "LongestTexts"]

_MOST_TEXTS = 256
_MOST_BYTES = 1 << 14


class Longest(NamedTuple):
    """How many known words the longest text has: at least `least`, at most `most`."""

    least: int
    most: int


class LongestTexts:
    """At most 256 texts of up to 16 KiB each, of longer ones the beginning: those with the most words.

    The same for any chunks: of texts with equally many words the first are held.
    """

    def __init__(self) -> None:
        self._held: list[tuple[int, int, bytes]] = []
        self._others = 0

    def state(self) -> tuple[list[tuple[int, int, bytes]], int]:
        """What is held, as plain data: words, row and text of each, and the most words of any other text."""
        return self._held, self._others

    @classmethod
    def of(cls, state: tuple[list[tuple[int, int, bytes]], int]) -> Self:
        """The texts that `state` gave."""
        made = cls()
        made._held, made._others = state
        return made

    def add(self, counted: Counted) -> None:
        """Look at texts that follow those looked at before."""
        data, offsets = text_buffers(counted.texts)
        least = self._held[0][0] if len(self._held) == _MOST_TEXTS else 0
        self._others = max(self._others, int(counted.lengths.clip(max=least).max(initial=0)) if least else 0)
        candidates = np.flatnonzero(counted.lengths > least)
        if candidates.size > _MOST_TEXTS:
            ranked = np.lexsort((candidates, -counted.lengths[candidates]))
            self._others = max(self._others, int(counted.lengths[candidates[ranked[_MOST_TEXTS]]]))
            candidates = np.sort(candidates[ranked[:_MOST_TEXTS]])
        for place in candidates.tolist():
            start, stop = offsets[place : place + 2].tolist()
            text = data[start : min(stop, start + _MOST_BYTES + 1)].tobytes()
            self._push((int(counted.lengths[place]), -(counted.row + place), text))

    def merge(self, other: LongestTexts, shift: int) -> None:
        """Take in the texts that follow, `shift` rows further on."""
        self._others = max(self._others, other._others)
        for words, row, text in other._held:
            self._push((words, row - shift, text))

    def judge(self, lengths_of: Callable[[pa.LargeStringArray], IntArray], cap: int) -> Longest:
        """How many known words the longest of all texts has, of which no more than `cap` matter.

        Parameters
        ----------
        lengths_of
            Known words of each of some texts, int64.
        """
        if not self._held:
            return Longest(0, 0)
        whole = np.array([len(text) <= _MOST_BYTES for _, _, text in self._held])
        texts = pa.array([text[:_MOST_BYTES] for _, _, text in self._held], pa.large_binary())
        known = lengths_of(texts.cast(pa.large_string(), safe=False))
        # The last word of a text that was cut may be another word, and a known one.
        least = int(np.where(whole, known, known - 1).max())
        unsure = [words for (words, _, _), sure in zip(self._held, whole, strict=True) if not sure]
        most = max(least, self._others, *unsure, 0)
        return Longest(min(least, cap), min(most, cap))

    def _push(self, text: tuple[int, int, bytes]) -> None:
        if len(self._held) < _MOST_TEXTS:
            heapq.heappush(self._held, text)
        else:
            out = heapq.heappushpop(self._held, text)
            self._others = max(self._others, out[0])
