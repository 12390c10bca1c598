"""What is known of a run between two steps or two epochs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stoker.checkpoints import Counters
from stoker.runrecords import EpochRecord
from stoker.training.owed import OwedModel
from stoker.training.report import Validation
from stoker.types import Position

__all__ = ["Captured"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """Where a run is, and what was seen so far.

    `ended` is why nothing is trained behind it, or None; `owed` the best model where its file is not written,
    `unrecorded` the finished epochs that run.json lacks.
    """

    position: Position
    digests: tuple[int, int]
    counters: Counters
    ended: str | None
    metrics: Mapping[str, float]
    validations: tuple[Validation, ...]
    owed: OwedModel | None = None
    unrecorded: tuple[EpochRecord, ...] = ()
