"""The most frequent of very many things, in memory that does not grow with them.

The summary is that of Misra and Gries ("Finding repeated elements", 1982) in the form that takes many things
at once (Agarwal and others, "Mergeable summaries", PODS 2012): exact counts while the different things fit;
where they do not, the count of the first that does not fit is taken off all counts, and what falls to
nothing is forgotten. So no count is ever too high, none is lower than the truth by more than `error`, which
is at most all things divided by the room, and nothing is missing that occurs more often than that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stoker.types import IntArray, Uint64Array

__all__ = ["Frequent", "Ranked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """The most frequent things.

    Attributes
    ----------
    names, counts
        The most frequent first.
    total
        Of all things, repeated ones as often as they are.
    distinct
        Different things, where all of them fitted; else None.
    error
        By how much a count may be too low; 0 where all are exact.
    """

    names: tuple[str, ...]
    counts: tuple[int, ...]
    total: int
    distinct: int | None
    error: int


class Frequent:
    """Counts things by 64-bit keys and remembers what the most frequent are called.

    Parameters
    ----------
    room
        Different things that are counted at once.
    shown
        How many of the most frequent can be named in the end.

    Examples
    --------
    >>> seen = Frequent(room=100, shown=2)
    >>> words = {1: "a", 2: "b", 3: "c"}
    >>> for first, counts in ((1, [5, 1]), (2, [3, 1])):
    ...     keys = np.arange(first, first + 2, dtype=np.uint64)
    ...     seen.update(keys, np.array(counts), lambda places: [words[int(keys[place])] for place in places])
    >>> seen.ranked().names, seen.ranked().counts
    (('a', 'b'), (5, 4))
    """

    def __init__(self, *, room: int, shown: int) -> None:
        self.room, self.shown = room, shown
        self.total = 0
        self.error = 0
        self._keys: Uint64Array = np.empty(0, np.uint64)
        self._counts: IntArray = np.empty(0, np.int64)
        self._names: dict[int, str] = {}

    def update(self, keys: Uint64Array, counts: IntArray, name: Callable[[list[int]], list[str]]) -> None:
        """Take in things.

        Parameters
        ----------
        keys
            uint64 of shape (n,), ascending, each once.
        counts
            int64 of shape (n,): how often each occurs.
        name
            Called with places of `keys`; says what those things are called.
        """
        self.total += int(counts.sum())
        self._add(keys, counts)
        self._prune()
        self._name(keys, name)

    def _add(self, keys: Uint64Array, counts: IntArray) -> None:
        both = np.concatenate([self._keys, keys])
        order = np.argsort(both)
        both = both[order]
        first = np.flatnonzero(np.append(True, both[1:] != both[:-1])) if both.size else order[:0]
        self._counts = (
            np.add.reduceat(np.concatenate([self._counts, counts])[order], first) if both.size else counts
        )
        self._keys = both[first]

    def _prune(self) -> None:
        excess = self._keys.size - self.room
        if excess <= 0:
            return
        taken = int(np.partition(self._counts, excess - 1)[excess - 1])
        kept = self._counts > taken
        self._keys, self._counts = self._keys[kept], self._counts[kept] - taken
        self.error += taken

    def _name(self, keys: Uint64Array, name: Callable[[list[int]], list[str]]) -> None:
        """Name what is among the most frequent, while its name is at hand.

        Whatever is among them in the end was so when it occurred last: since then its rank only fell.
        """
        leading = self._leading()
        wanted = [key for key in leading if key not in self._names]
        places = np.searchsorted(keys, np.array(wanted, np.uint64))
        here = [
            (key, place)
            for key, place in zip(wanted, places.tolist(), strict=True)
            if place < keys.size and int(keys[place]) == key
        ]
        names = name([place for _, place in here]) if here else []
        for (key, _), spelled in zip(here, names, strict=True):
            self._names[key] = spelled
        self._names = {key: self._names[key] for key in leading if key in self._names}

    def _leading(self) -> list[int]:
        """Keys of the most frequent, all of those that tie with the last included up to twice as many."""
        if self._keys.size <= 2 * self.shown:
            return [int(key) for key in self._keys]
        last = self._counts.size - self.shown
        least = int(np.partition(self._counts, last)[last])
        places = np.flatnonzero(self._counts >= least)
        order = np.lexsort((self._keys[places], -self._counts[places]))
        return [int(key) for key in self._keys[places[order[: 2 * self.shown]]]]

    def ranked(self) -> Ranked:
        """The most frequent so far; those of equal counts by name."""
        counts = dict(zip(self._keys.tolist(), self._counts.tolist(), strict=True)) if self._names else {}
        known = sorted((-counts[key], name) for key, name in self._names.items())[: self.shown]
        return Ranked(
            names=tuple(name for _, name in known),
            counts=tuple(-count for count, _ in known),
            total=self.total,
            distinct=None if self.error else int(self._keys.size),
            error=self.error,
        )
