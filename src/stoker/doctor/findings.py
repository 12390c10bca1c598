"""What an examination can find: what was seen and where first, what it does, what helps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

__all__ = ["Finding", "Place", "Severity", "Stream"]

Severity: TypeAlias = Literal["problem", "remark"]
Stream: TypeAlias = Literal["training", "validation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something was seen, counted from 1 as Keras shows epochs; 0 where no batch or row can be named.

    For a Sequence the batches are those of a pass by their numbers: batch 1 is ``sequence[0]``.

    Examples
    --------
    >>> print(Place(epoch=2, batch=17, row=3))
    epoch 2, batch 17, row 3
    """

    epoch: int
    batch: int = 0
    row: int = 0

    def __str__(self) -> str:
        named = (("epoch", self.epoch), ("batch", self.batch), ("row", self.row))
        return ", ".join(f"{name} {number}" for name, number in named if number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong with a generator, or worth a look.

    Attributes
    ----------
    name
        Its name, the same as in docs/doctor.md: ``"not-shuffled"``, ``"target-shapes"``, …
    severity
        ``"problem"``: the model learns something else than its owner means, or its figures mean something
        else. ``"remark"``: slower than it need be, or perhaps as it was meant.
    stream
        Which generator: ``"training"`` or ``"validation"``.
    seen
        What was seen, with figures.
    place
        The first place of it, None where it has none.
    effect
        What it does to training.
    remedy
        What helps.

    Examples
    --------
    >>> finding = Finding(name="ends-early", severity="problem", stream="training", seen="It ended.",
    ...                   effect="Training stops.", remedy="Loop for ever.", place=Place(epoch=1, batch=4))
    >>> finding.to_dict()["place"]
    {'epoch': 1, 'batch': 4, 'row': 0}
    """

    name: str
    severity: Severity
    stream: Stream
    seen: str
    effect: str
    remedy: str
    place: Place | None = None

    def to_dict(self) -> dict[str, Any]:
        """The finding as plain data."""
        place = self.place
        return {
            "name": self.name,
            "severity": self.severity,
            "stream": self.stream,
            "seen": self.seen,
            "place": None
            if place is None
            else {"epoch": place.epoch, "batch": place.batch, "row": place.row},
            "effect": self.effect,
            "remedy": self.remedy,
        }
