"""The work of a worker: advance an iterator by one, or compute one item of a Sequence.

Light on purpose: worker processes import this, and neither Keras nor Numba.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

from stoker.errors import DataError
from stoker.training.generators.batches import BatchMaker
from stoker.types import Batch, Position

__all__ = ["Advance", "Item", "Place"]


class Place(NamedTuple):
    """One task: which pass, the place in it, and the index that comes there."""

    number: int
    place: int
    key: int


@dataclass(slots=True)
class Advance:
    """Advances an iterator by one; picklable if the iterator is."""

    iterator: Any
    make: BatchMaker
    asked: str
    lock: Any

    def __call__(self, number: int) -> Batch:
        """Batch `number`, counted from 0 in this call."""
        with self.lock or nullcontext():
            item = self._item(number)
        return self.make(item, f"batch {number}", Position(epoch=0, batches=number + 1))

    def _item(self, number: int) -> Any:
        try:
            return next(self.iterator)
        except StopIteration:
            raise DataError(
                f"the generator ended after {number} batch{'' if number == 1 else 'es'}, {self.asked}: "
                "let it go on for ever (while True), or ask for fewer steps"
            ) from None


@dataclass(slots=True)
class Item:
    """Computes one item of a Sequence; picklable if the Sequence is."""

    sequence: Any
    make: BatchMaker

    def __call__(self, place: Place) -> Batch:
        """The batch that comes there."""
        name = type(self.sequence).__name__
        position = Position(epoch=place.number, batches=place.place + 1)
        return self.make(self.sequence[place.key], f"{name}[{place.key}]", position)
