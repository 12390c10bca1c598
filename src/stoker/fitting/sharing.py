"""Learning from rows that others read, where there are others: part by part, merged in the rows' order.

Parts begin where leaves of sums do, and integers add up in any order, so that what is learned has the bits of
one that reads all rows. Where nobody helps, or rows cannot be read elsewhere, it is that one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from stoker.crew import Crew, current
from stoker.fitting.learner import RowLearner
from stoker.fitting.reading import Reading, Texts
from stoker.ledger import Ledger
from stoker.plan import DataFacts
from stoker.sources.parts import can_be_parted
from stoker.survey import Survey
from stoker.transforms import from_state
from stoker.transforms.chunks import TextChunk
from stoker.transforms.kinds import KINDS
from stoker.transforms.statistics import LEAF_ROWS
from stoker.transforms.texts import TextTransform
from stoker.types import Progress

__all__ = ["learn_texts", "learn_together"]

_PART_BYTES = 64 << 20
"""Of rows in memory that are a part, about: it is done within seconds."""
_PARTS_A_TASK = 4
"""So many parts for each task that is done at once, if there are enough rows: the last end about together."""
_ALONE_BYTES = 256 << 20
_ALONE_TEXT_BYTES = 32 << 20
"""From fewer it is learned sooner than others have begun: rows in memory, and texts, which take longer."""
_LEAST_MEMORY = 16 << 20

Bounds = tuple[int, int]
C = TypeVar("C")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Elsewhere:
    """How others read the rows."""

    found: Survey
    facts: DataFacts
    memory_bytes: int

    @classmethod
    def of(cls, reading: Reading, crew: Crew) -> _Elsewhere:
        memory = max(_LEAST_MEMORY, reading.memory_bytes // crew.tasks_a_host)
        return cls(found=replace(reading.found, kept=None), facts=reading.facts, memory_bytes=memory)

    @property
    def reading(self) -> Reading:
        return Reading(
            found=self.found,
            facts=self.facts,
            memory_bytes=self.memory_bytes,
            workers=0,
            ledger=Ledger(self.memory_bytes),
        )


def learn_together(learner: RowLearner, reading: Reading, progress: Progress | None) -> None:
    """Have transforms learn from all rows; in processes that train together all know it then."""
    crew = current()
    if crew is None or not learner.can_be_told:
        _learn(learner, reading, progress)
        return

    def learned() -> list[dict[str, Any]]:
        parts = _parts(reading, crew, _ALONE_BYTES)
        if len(parts) < 2 or not learner.learns_in_parts:
            _learn(learner, reading, progress)
        else:
            _learn_parts(learner, reading, crew, parts, progress)
        return learner.states()

    learner.adopt(crew.told(f"rows of {reading.found.source_key}", learned))


def _learn(learner: RowLearner, reading: Reading, progress: Progress | None) -> None:
    for rows in reading.chunks(lambda rows: rows):
        learner(rows)
        if progress is not None:
            progress(learner.num_rows, reading.found.num_rows)


def _learn_parts(
    learner: RowLearner, reading: Reading, crew: Crew, parts: list[Bounds], progress: Progress | None
) -> None:
    common = _Elsewhere.of(reading, crew), learner
    for (_, stop), states in zip(parts, crew.each(_learn_part, parts, common), strict=True):
        learner.merge(states)
        if progress is not None:
            progress(stop, reading.found.num_rows)


def _learn_part(common: tuple[_Elsewhere, RowLearner], bounds: Bounds) -> list[dict[str, Any]]:
    elsewhere, learner = common
    learner.begin_part(bounds[0])
    for rows in elsewhere.reading.chunks(lambda rows: rows, *bounds):
        learner(rows)
    return learner.states()


def learn_texts(
    transform: TextTransform,
    reading: Reading,
    texts: Texts,
    **resources: Any,
) -> None:
    """Have a transform learn from the texts of all rows; in processes that train together all know it then.

    Parameters
    ----------
    transform, reading, texts
        What learns, from what.
    **resources
        As `TextTransform.fit_passes` takes them.
    """
    ledger, crew = reading.ledger, current()

    def learn() -> None:
        transform.fit_passes(lambda: reading.chunks(lambda rows: texts.of(rows, ledger)), **resources)

    if crew is None or type(transform) is not KINDS.get(transform.name):
        learn()
        return

    def learned() -> dict[str, Any]:
        parts = _parts(reading, crew, _ALONE_TEXT_BYTES)
        if len(parts) < 2 or not transform.learns_in_parts:
            learn()
        else:
            transform.fit_shards(_Shards(crew, reading, texts, parts), **resources)
        return transform.state()

    transform.adopt(from_state(crew.told(f"texts of {reading.found.source_key}", learned)))


class _Shards:
    """The texts of all rows in parts; see `stoker.transforms.textshards.TextShards`."""

    def __init__(self, crew: Crew, reading: Reading, texts: Texts, parts: list[Bounds]) -> None:
        self._crew, self._texts, self._parts = crew, texts, parts
        self._elsewhere = _Elsewhere.of(reading, crew)
        self.memory = self._elsewhere.memory_bytes

    def each(self, function: Callable[[C, Iterator[TextChunk]], R], common: C) -> Iterator[R]:
        """What a function makes of the texts of each part."""
        return self._crew.each(_read_texts, self._parts, (self._elsewhere, self._texts, function, common))


def _read_texts(
    common: tuple[_Elsewhere, Texts, Callable[[C, Iterator[TextChunk]], R], C], bounds: Bounds
) -> R:
    elsewhere, texts, function, known = common
    reading = elsewhere.reading
    return function(known, reading.chunks(lambda rows: texts.of(rows, reading.ledger), *bounds))


def _parts(reading: Reading, crew: Crew, least_bytes: int) -> list[Bounds]:
    """Positions of the view where parts begin and end; a single part where nobody else is of use."""
    found = reading.found
    row_bytes = reading.facts.row_bytes + found.text_bytes // max(1, found.num_slots)
    if not can_be_parted(found.source) or row_bytes * found.num_rows < least_bytes:
        return [(0, found.num_rows)]
    most = max(1, _PART_BYTES // (max(1, row_bytes) * LEAF_ROWS))
    leaves = -(-found.num_rows // LEAF_ROWS)
    step = min(most, max(1, leaves // (_PARTS_A_TASK * crew.size))) * LEAF_ROWS
    return [(first, min(first + step, found.num_rows)) for first in range(0, found.num_rows, step)]
