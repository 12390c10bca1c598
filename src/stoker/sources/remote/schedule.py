"""In which order a format's decoder will want an object's blocks, and which of them one request asks for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from stoker.sources.remote.ahead import Run
from stoker.sources.remote.names import AHEAD_BYTES, BLOCK_BYTES, RUN_BLOCKS

__all__ = ["MOST_HELD", "Schedule", "Span", "holding_bytes", "schedule_of"]

Span: TypeAlias = tuple[int, int]
"""Bytes from one to before another that are read from the first to the last."""
MOST_HELD = 64
"""Blocks that a reader holds while it goes through several spans at once, at most."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What will be wanted.

    Attributes
    ----------
    runs
        Runs of blocks, in the order in which they will be.
    held
        How many blocks are in use at a time.
    """

    runs: Sequence[Run]
    held: int


def schedule_of(units: Iterable[Sequence[Span]]) -> Schedule:
    """What is wanted of units that are decoded one after the other, all spans of a unit side by side.

    Examples
    --------
    >>> schedule_of([[(0, 100), (5 << 20, 9 << 20)], [(9 << 20, 10 << 20)]])
    Schedule(runs=[(0, 1), (5, 9), (9, 10)], held=9)
    """
    order: list[int] = []
    seen: set[int] = set()
    held = 0
    for spans in units:
        steps = _steps(spans)
        held = max([held, *(len(step) for step in steps)])
        for step in steps:
            order += [number for number in step if number not in seen]
            seen.update(step)
    return Schedule(_merged(order), min(MOST_HELD, held + RUN_BLOCKS))


def holding_bytes(spans: int) -> int:
    """Memory that a reader takes that goes through so many spans at once, at most."""
    return AHEAD_BYTES + min(MOST_HELD, max(spans, RUN_BLOCKS) + RUN_BLOCKS) * BLOCK_BYTES


def _steps(spans: Sequence[Span]) -> list[list[int]]:
    """Blocks that are wanted at about the same time, step by step."""
    wanted: dict[int, int] = {}
    width = max(1, min(RUN_BLOCKS, 4 * RUN_BLOCKS // max(1, len(spans))))
    for start, stop in spans:
        for place, number in enumerate(range(start // BLOCK_BYTES, -(-stop // BLOCK_BYTES))):
            wanted[number] = min(place // width, wanted.get(number, place))
    steps: list[list[int]] = [[] for _ in range(max(wanted.values(), default=-1) + 1)]
    for number in sorted(wanted):
        steps[wanted[number]].append(number)
    return steps


def _merged(order: Sequence[int]) -> list[Run]:
    runs: list[Run] = []
    for number in order:
        if runs and runs[-1][1] == number and number - runs[-1][0] < RUN_BLOCKS:
            runs[-1] = (runs[-1][0], number + 1)
        else:
            runs.append((number, number + 1))
    return runs
