"""The passes over a Sequence: which index comes when, and what happens between two of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from stoker.samplers.base import epoch_key
from stoker.samplers.exact import permuted
from stoker.training.generators.items import Place
from stoker.training.generators.kinds import length_of, overrides

__all__ = ["Passes"]


class Passes(Iterator[Place]):
    """Tasks for `prefetch`, drawn and turned in the consuming thread.

    Within a pass the next task is at hand; the next pass begins only when every batch of this one was taken,
    so that ``on_epoch_end`` never meets a batch that is being computed.

    Parameters
    ----------
    sequence
        Anything with ``__getitem__`` and a length.
    seed
        Of the order of batches, None for the order of indices.
    wanted
        Tasks in all, None for no bound.
    number
        Of the first pass.
    quiet
        Call neither ``on_epoch_begin`` nor ``on_epoch_end``.
    changed
        Called before a pass of which the Sequence was told by a method of its own.

    Attributes
    ----------
    drawn, taken
        Tasks drawn so far; batches taken so far, set by the stream.
    begun
        Whether a pass is under way.
    """

    def __init__(
        self,
        sequence: Any,
        *,
        seed: int | None,
        wanted: int | None,
        number: int,
        quiet: bool,
        changed: Callable[[], None],
    ) -> None:
        self.drawn = self.taken = 0
        self.begun = False
        self._sequence, self._seed, self._wanted, self._number = sequence, seed, wanted, number
        self._tells_begin = not quiet and overrides(sequence, "on_epoch_begin")
        self._tells_end = not quiet and overrides(sequence, "on_epoch_end")
        self._changed, self._told = changed, False
        self._length: int | None = None
        self._order: list[int] | None = None
        self._place = 0

    def ready(self) -> bool:
        """Whether the pass under way has another task."""
        return self.begun and not self._used_up and not self._enough

    def __next__(self) -> Place:
        if self._enough:
            raise StopIteration
        if self.begun and self._used_up:
            self.end()
        if not self.begun:
            self.begin()
        index = self._place if self._order is None else self._order[self._place]
        place = Place(self._number, self._place, index)
        self._place += 1
        self.drawn += 1
        return place

    @property
    def _used_up(self) -> bool:
        return self._length is not None and self._place >= self._length

    @property
    def _enough(self) -> bool:
        return self._wanted is not None and self.drawn >= self._wanted

    @property
    def complete(self) -> bool:
        """Whether every batch of the pass under way was taken."""
        return self.begun and self._used_up and self.taken == self.drawn

    def length(self) -> int | None:
        """Batches in the pass under way, or in the next one."""
        return self._length if self.begun else length_of(self._sequence)

    def begin(self) -> None:
        """Ask the length and settle the order of the next pass."""
        self._length = length_of(self._sequence)
        if self._tells_begin:
            self._sequence.on_epoch_begin()
            self._told = True
        if self._told:
            self._told = False
            self._changed()
        self._order = None
        if self._seed is not None and self._length is not None:
            places = np.arange(self._length, dtype=np.int64)
            key = epoch_key(self._seed, self._number)
            self._order = permuted(places, self._length, key).tolist()
        self._place = 0
        self.begun = True

    def end(self) -> None:
        """Tell the Sequence that a pass over it is complete."""
        self.begun = False
        self._number += 1
        if self._tells_end:
            self._sequence.on_epoch_end()
            self._told = True

    def restart(self, wanted: int | None) -> None:
        """Forget the pass under way; that many tasks are wanted from the first index on."""
        self.begun = False
        self.drawn = self.taken = 0
        self._wanted = wanted
