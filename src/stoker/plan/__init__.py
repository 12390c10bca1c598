"""Everything that decides a run, resolved before its first step: order, memory, cache, concurrency.

A pure function of the survey's figures and the options. The order depends on sizes, batch size and the
declared memory alone; workers, cache and the state of the machine decide only how fast the same rows arrive.
"""

from stoker.plan.facts import CacheOption, DataFacts, MachineFacts, PlanOptions, Shuffle, parse_bytes
from stoker.plan.memory import READ_BYTES, MemoryLine, keep_bytes, share_bytes, work_within
from stoker.plan.order import resolve_order
from stoker.plan.resolve import Plan, make_plan

__all__ = [
    "READ_BYTES",
    "CacheOption",
    "DataFacts",
    "MachineFacts",
    "MemoryLine",
    "Plan",
    "PlanOptions",
    "Shuffle",
    "keep_bytes",
    "make_plan",
    "parse_bytes",
    "resolve_order",
    "share_bytes",
    "work_within",
]
