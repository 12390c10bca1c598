"""The plan of a run: what is resolved before its first step."""

from __future__ import annotations

import msgspec

from stoker.plan.facts import DataFacts, MachineFacts, PlanOptions
from stoker.plan.memory import MemoryLine, held_lines, share_bytes, work_within
from stoker.plan.order import resolve_order
from stoker.stored import Count, Seconds
from stoker.types import OrderSpec, StreamLimits

__all__ = ["Plan", "make_plan"]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A run as it will be: printed, written to run.json, and read from there when the run goes on."""

    order: OrderSpec
    memory_bytes: Count
    memory: tuple[MemoryLine, ...]
    use_cache: bool
    cache_bytes: Count
    cache_reason: str
    limits: StreamLimits
    seconds_survey: Seconds
    seconds_cache: Seconds
    seconds_epoch: Seconds

    @property
    def stream_bytes(self) -> int:
        """Bytes that an open epoch takes, beside what the feed holds all the time."""
        return sum(line.num_bytes for line in self.memory if line.name in ("windows", "batches", "reads"))

    @property
    def memory_planned(self) -> int:
        """Bytes of all lines together."""
        return sum(line.num_bytes for line in self.memory)


def make_plan(
    data: DataFacts, machine: MachineFacts, options: PlanOptions, *, claimed_bytes: int = 0
) -> Plan:
    """Resolve a run from what the survey found, the machine and the options; pure.

    Parameters
    ----------
    data, machine, options
        What the plan depends on.
    claimed_bytes
        What other feeds hold of the share.

    Raises
    ------
    OptionError
        If an option cannot be.
    MemoryBudgetError
        If what must be held at once does not fit into the memory.
    """
    order = resolve_order(data, options)
    use_cache, reason = _decide_cache(data, machine, options)
    in_storage = use_cache or data.kept
    held = held_lines(data)
    budget = share_bytes(options) - claimed_bytes - sum(line.num_bytes for line in held)
    limits, buffers = work_within(budget, data, machine, options, order, in_storage=in_storage)
    return Plan(
        order=order,
        memory_bytes=options.memory_bytes,
        memory=tuple(line for line in (*held, *buffers) if line.num_bytes),
        use_cache=use_cache,
        cache_bytes=_cache_bytes(data) if use_cache else 0,
        cache_reason=reason,
        limits=limits,
        seconds_survey=data.survey_seconds,
        seconds_cache=data.survey_seconds if use_cache else 0.0,
        seconds_epoch=0.0 if in_storage else data.survey_seconds,
    )


def _decide_cache(data: DataFacts, machine: MachineFacts, options: PlanOptions) -> tuple[bool, str]:
    size = _cache_bytes(data)
    if options.cache == "never":
        return False, "not asked for"
    if options.cache == "always":
        return True, "asked for"
    if data.kept:
        return False, "the rows fit into memory"
    if options.epochs < 2:
        return False, "a single epoch reads each row once"
    if machine.free_disk_bytes < 2 * size:
        return False, f"it needs {size:,} bytes and twice that free, the disk has {machine.free_disk_bytes:,}"
    return True, f"{options.epochs} epochs are planned and the disk has twice the room"


def _cache_bytes(data: DataFacts) -> int:
    return data.num_slots * data.row_bytes + data.all_text_bytes
