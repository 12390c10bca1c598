"""Everything that decides a run, resolved before its first step: order, memory, cache, concurrency.

A pure function of the survey's figures and the options. The order depends on sizes, batch size and the
declared memory alone; workers, cache and the state of the machine decide only how fast the same rows arrive.
"""

from stoker.plan.cluster import DISK, NETWORK, Cluster, RankPlan, parse_speed, plan_ranks
from stoker.plan.facts import CacheOption, DataFacts, MachineFacts, PlanOptions, Shuffle, parse_bytes
from stoker.plan.memory import MemoryLine, keep_bytes, read_bytes, share_bytes, work_within
from stoker.plan.order import resolve_order, rows_within
from stoker.plan.ranks import rank_order, touched_lanes
from stoker.plan.resolve import Plan, make_plan

__all__ = [
    "DISK",
    "NETWORK",
    "CacheOption",
    "Cluster",
    "DataFacts",
    "MachineFacts",
    "MemoryLine",
    "Plan",
    "PlanOptions",
    "RankPlan",
    "Shuffle",
    "keep_bytes",
    "make_plan",
    "parse_bytes",
    "parse_speed",
    "plan_ranks",
    "rank_order",
    "read_bytes",
    "resolve_order",
    "rows_within",
    "share_bytes",
    "touched_lanes",
    "work_within",
]
