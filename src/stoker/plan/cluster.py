"""A run on several hosts that is only planned: what each would take, read and hold, and how long."""

from __future__ import annotations

import re

import msgspec

from stoker.errors import OptionError
from stoker.plan.facts import DataFacts, MachineFacts, PlanOptions
from stoker.plan.memory import MemoryLine, held_lines, share_bytes, work_within
from stoker.plan.ranks import epoch_read_bytes, rank_order, rank_rows
from stoker.plan.resolve import Plan
from stoker.sources import SEGMENT_BYTES
from stoker.types import Rank

__all__ = ["DISK", "NETWORK", "Cluster", "RankPlan", "parse_speed", "plan_ranks"]

NETWORK = "10Gbit/s"
"""What a host's network carries unless told: that of a common cloud machine."""
DISK = "500MB/s"
"""What a host's disk gives unless told: a solid-state disk on SATA, or a cloud's block storage."""
_PARAMETER_BYTES = 4
_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """Hosts that would train together, a rank each.

    Attributes
    ----------
    hosts
        How many.
    network, disk
        Bytes a second of each host's.
    rows_per_second
        What one host alone trains; None where that is not known.
    parameters
        Numbers of the model that are trained, float32; None where that is not known.
    """

    hosts: int
    network: int
    disk: int
    rows_per_second: float | None = None
    parameters: int | None = None


class RankPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a rank would do; figures are those of the rank that has most.

    Attributes
    ----------
    hosts, batch_rows, rows, steps
        Ranks; a rank's rows of a full batch, of an epoch; steps of an epoch, which are the same for all.
    read_bytes
        What it reads in an epoch, about.
    excess
        By how much that exceeds its part of what one host reads: 0.5 is half as much again.
    memory
        The buffers, as in `Plan`.
    seconds
        What takes how long in an epoch, as far as it is known: reading, parsing, training, exchanging.
    seconds_epoch, limit
        Of the whole, and what decides it: reading, parsing and steps go on side by side, and a step trains,
        then exchanges. None where nothing is known that takes time.
    """

    hosts: int
    batch_rows: int
    rows: int
    steps: int
    read_bytes: int
    excess: float
    memory: tuple[MemoryLine, ...]
    seconds: dict[str, float]
    seconds_epoch: float | None
    limit: str | None

    @property
    def memory_planned(self) -> int:
        """Bytes of all lines together."""
        return sum(line.num_bytes for line in self.memory)


def parse_speed(name: str, text: str) -> int:
    """Bytes a second: ``10Gbit/s``, ``500MB/s``, the ``/s`` may be left out.

    Raises
    ------
    OptionError
        If it is no speed.

    Examples
    --------
    >>> parse_speed("network", "10Gbit/s"), parse_speed("disk", "500MB")
    (1250000000, 500000000)
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([kMGT]?)(bit|B)(?:/s)?\s*", text)
    speed = 0 if match is None else float(match[1]) * _UNITS[match[2]] / (8 if match[3] == "bit" else 1)
    if speed < 1:
        raise OptionError(f"{name} must be a speed such as 10Gbit/s or 500MB/s, got {text!r}")
    return int(speed)


def plan_ranks(
    plan: Plan, data: DataFacts, machine: MachineFacts, options: PlanOptions, cluster: Cluster
) -> RankPlan:
    """What each host of a cluster would do of a plan; pure.

    Parameters
    ----------
    plan
        That of one host.
    data, machine, options
        What it was made of; every host is taken to be such a machine.
    cluster
        How many there are, and how fast.

    Raises
    ------
    OptionError
        If a batch has fewer rows than there are hosts.
    """
    order, count = plan.order, cluster.hosts
    if not 1 <= count <= order.batch_size:
        raise OptionError(
            f"{count} hosts cannot share batches of {order.batch_size} rows, each needs one at the least: "
            f"raise batch_size= to {count}, or lower hosts="
        )
    in_storage = plan.use_cache or data.kept
    own = rank_order(order, count)
    held = held_lines(data)
    budget = share_bytes(options) - sum(line.num_bytes for line in held)
    _, buffers = work_within(budget, data, machine, options, own, in_storage=in_storage)
    ranks = [Rank(index, count) for index in range(count)]
    rows = max(rank_rows(order, rank) for rank in ranks)
    alone = _read_bytes(plan, data, Rank(0, 1))
    most = max(_read_bytes(plan, data, rank) for rank in ranks)
    share = rows / order.num_rows if data.access == "rows" or not alone else most / alone
    parsing = None if not (in_storage or plan.seconds_epoch) else plan.seconds_epoch * share
    seconds = _seconds(plan, cluster, rows=rows, parsing=parsing, read_bytes=most)
    seconds_epoch, limit = max((spent, name) for name, spent in _stages(seconds).items())
    return RankPlan(
        hosts=count,
        batch_rows=own.batch_size,
        rows=rows,
        steps=order.num_batches,
        read_bytes=round(most),
        excess=most * count / alone - 1 if alone else 0.0,
        memory=tuple(line for line in (*held, *buffers) if line.num_bytes),
        seconds=seconds,
        seconds_epoch=seconds_epoch or None,
        limit=limit if seconds_epoch else None,
    )


def _read_bytes(plan: Plan, data: DataFacts, rank: Rank) -> float:
    """Bytes that a rank reads in an epoch from the files, or from the cache; none of rows in memory."""
    if data.kept:
        return 0.0
    stored = plan.cache_bytes if plan.use_cache else data.num_bytes
    piece: float = SEGMENT_BYTES
    if not plan.use_cache and data.access != "rows":
        unit = data.num_slots if data.access == "stream" else data.unit_rows
        piece = max(piece, unit * stored / data.num_slots)
    # Rows between two of the view are read with them.
    row = stored / data.num_rows
    return epoch_read_bytes(plan.order, rank, row_bytes=row, piece_bytes=piece)


def _seconds(
    plan: Plan, cluster: Cluster, *, rows: int, parsing: float | None, read_bytes: float
) -> dict[str, float]:
    """What takes how long in an epoch, as far as it is known."""
    seconds = {"reading": read_bytes / min(cluster.network, cluster.disk)}
    if parsing is not None:
        seconds["parsing"] = parsing
    if cluster.rows_per_second:
        seconds["training"] = rows / cluster.rows_per_second
    if cluster.parameters or cluster.hosts == 1:
        # A ring: each host sends, and receives, nearly all numbers twice; one alone none.
        sent = 2 * (cluster.hosts - 1) / cluster.hosts * _PARAMETER_BYTES * (cluster.parameters or 0)
        seconds["exchanging"] = plan.order.num_batches * sent / cluster.network
    return seconds


def _stages(seconds: dict[str, float]) -> dict[str, float]:
    """Seconds of what goes on side by side; the steps are called after what takes most of them."""
    training, exchanging = seconds.get("training", 0.0), seconds.get("exchanging", 0.0)
    step = "exchanging" if exchanging > training else "training"
    return {
        "reading": seconds["reading"],
        "parsing": seconds.get("parsing", 0.0),
        step: training + exchanging,
    }
