"""The plan of a run: what is resolved before its first step."""

from __future__ import annotations

import msgspec

from stoker.errors import MemoryBudgetError
from stoker.plan.facts import DataFacts, MachineFacts, PlanOptions
from stoker.plan.memory import MemoryLine, held_lines, share_bytes, work_within
from stoker.plan.order import resolve_order
from stoker.stored import Count, Seconds
from stoker.types import OrderSpec, StreamLimits

__all__ = ["Plan", "make_plan"]

_OF_STREAMS = ("windows", "batches", "reads", "working")
"""Lines of memory that an open epoch takes."""


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

    def __repr__(self) -> str:
        order, limits = self.order, self.limits
        steps = f"{order.num_batches:,} step{'s' * (order.num_batches != 1)} of {order.batch_size:,} rows"
        cache = f"a cache of {self.cache_bytes:,} bytes" if self.use_cache else "no cache"
        memory = f"{self.memory_planned:,} of {self.memory_bytes:,} bytes of memory"
        return (
            f"<Plan: {order.kind} order of {order.num_rows:,} rows, seed {order.seed}, {steps} an epoch; "
            f"{memory}; {cache}: {self.cache_reason}; {limits.workers} threads a stage>"
        )

    @property
    def stream_bytes(self) -> int:
        """Bytes that an open epoch takes, beside what the feed holds all the time."""
        return sum(line.num_bytes for line in self.memory if line.name in _OF_STREAMS)

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
    use_cache, reason = _decide_cache(data, machine, options, order)
    in_storage = use_cache or data.kept
    _require_order(data, order, in_storage=in_storage)
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
        seconds_epoch=0.0 if in_storage else data.survey_seconds * _decodings(data, order),
    )


def _decide_cache(
    data: DataFacts, machine: MachineFacts, options: PlanOptions, order: OrderSpec
) -> tuple[bool, str]:
    size, times = _cache_bytes(data), _decodings(data, order)
    again = (
        "" if times < 2 else f"{data.unit_rows:,} rows are decoded at a time, about {times:,} times an epoch"
    )
    if options.cache == "never":
        return False, f"not asked for, and {again}" if again and not data.kept else "not asked for"
    if options.cache == "always":
        return True, "asked for"
    if data.kept:
        return False, "the rows fit into memory"
    if options.epochs < 2 and not again:
        return False, "a single epoch reads each row once"
    if machine.free_disk_bytes < 2 * size:
        few = f"it needs {size:,} bytes and twice that free, the disk has {machine.free_disk_bytes:,}"
        return False, f"{few}; without it {again}" if again else few
    if options.epochs < 2:
        return True, f"without it {again}"
    return True, f"{options.epochs} epochs are planned and the disk has twice the room"


def _decodings(data: DataFacts, order: OrderSpec) -> int:
    """How often a row is decoded in an epoch, about, where rows are decoded in units; 1 where they are not.

    Of each block of a window a whole unit is decoded, but of no window more than all rows.
    """
    if data.access == "rows" or order.kind == "sequential":
        return 1
    unit = data.num_slots if data.access == "stream" else data.unit_rows
    blocks = -(-order.window // order.block)
    windows = -(-data.num_rows // order.window)
    return max(1, min(windows * blocks * unit // max(1, data.num_slots), windows))


def _require_order(data: DataFacts, order: OrderSpec, *, in_storage: bool) -> None:
    """Refuse to shuffle rows that only come one after the other and are kept nowhere.

    Raises
    ------
    MemoryBudgetError
        They would have to be.
    """
    if data.access == "stream" and order.kind != "sequential" and not in_storage:
        raise MemoryBudgetError(
            "these rows come one after the other, so that shuffling takes them from memory or from the "
            f"cache; they do not fit into memory, and the cache, of {_cache_bytes(data):,} bytes, is not "
            "used (cache='never', or too little room on the disk): raise memory=, leave out cache='never', "
            "make room, or say shuffle=False"
        )


def _cache_bytes(data: DataFacts) -> int:
    return data.num_slots * data.row_bytes + data.all_text_bytes
