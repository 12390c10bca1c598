"""Sums that several threads add to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue

import numpy as np

from stoker.ledger import Ledger
from stoker.types import IntArray

__all__ = ["Lanes"]


class Lanes:
    """Sums that so many threads add to, each to its own.

    Parameters
    ----------
    ledger
        Charged for them.
    lanes
        How many.
    shape
        Of each; int64, 0 at first.
    """

    def __init__(self, ledger: Ledger, lanes: int, shape: tuple[int, int]) -> None:
        self._free: SimpleQueue[IntArray] = SimpleQueue()
        for _ in range(lanes):
            self._free.put(ledger.attach("scores", np.zeros(shape, np.int64)))

    @contextmanager
    def one(self) -> Iterator[IntArray]:
        """Sums that nobody else adds to."""
        sums = self._free.get()
        try:
            yield sums
        finally:
            self._free.put(sums)

    def total(self) -> IntArray:
        """All together; nothing may be added any more."""
        total = self._free.get()
        while not self._free.empty():
            total += self._free.get()
        return total
