"""How the memory is shared out: what a feed holds, and how far its streams work ahead within the rest."""

from __future__ import annotations

import msgspec

from stoker.errors import MemoryBudgetError, OptionError
from stoker.plan.facts import DataFacts, MachineFacts, PlanOptions
from stoker.plurals import plural
from stoker.stored import Count
from stoker.types import OrderSpec, StreamLimits

__all__ = [
    "ORDER_BYTES",
    "READ_BYTES",
    "MemoryLine",
    "batch_bytes",
    "held_lines",
    "keep_bytes",
    "read_bytes",
    "share_bytes",
    "work_within",
]

MIB = 1 << 20
READ_BYTES = MIB
"""What a read of a source holds besides its result."""
ORDER_BYTES = 32
"""A row's id, its place in the window and, in the exact order, its range."""
_TARGET_BYTES = 24
"""A row's target, weight and id in a batch, and its label while it becomes a target."""
_DIGEST_BYTES = 32
_AHEAD_SHARE = 4
"""Batches made ahead take at most this part."""
_READ_SHARE = 8
"""Reads take at most this part."""
_WORKING_SHARE = 2
"""What threads hold while they make batches takes at most this part, unless it is a single thread's."""
_GROUP_SHARE = 24
"""Batches made in one go take at most this part."""
_GROUP_BYTES = 16 * MIB
"""More in one go is handed over less often: of 4, 8 and 16 MiB a shuffled epoch took 350, 290 and 245 ms."""


class MemoryLine(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of buffer: how many there are at most, and the bytes of all of them."""

    name: str
    count: Count
    num_bytes: Count


def share_bytes(options: PlanOptions) -> int:
    """What may be taken of the memory: training two thirds, all that is derived from it one."""
    return options.memory_bytes // 3 if options.derived else 2 * options.memory_bytes // 3


def keep_bytes(options: PlanOptions, kept_bytes: int = 0) -> int:
    """Bytes of parsed rows that a survey may keep in memory instead of having them read again.

    Parameters
    ----------
    options
        What the user chose.
    kept_bytes
        Bytes of rows that are kept of the same share.
    """
    return 0 if options.cache == "always" else max(0, share_bytes(options) // 2 - kept_bytes)


def batch_bytes(data: DataFacts, batch_size: int) -> int:
    """Bytes of one batch: each row's inputs, target, weight, id and what comes along; texts; the digests."""
    inputs = data.feature_bytes * data.num_features
    return (
        batch_size * (inputs + _TARGET_BYTES + data.carried_bytes)
        + data.text_bytes(batch_size)
        + _DIGEST_BYTES
    )


def read_bytes(data: DataFacts, order: OrderSpec) -> int:
    """What a read of a window holds besides its result: texts come in parts that are then joined."""
    return READ_BYTES + (2 * data.longest_text + data.text_bytes(order.window) if data.longest_text else 0)


def held_lines(data: DataFacts) -> tuple[MemoryLine, ...]:
    """What a feed holds for as long as it lives, whether it is streaming or not."""
    return (
        MemoryLine(name="kept rows", count=1, num_bytes=data.kept_bytes),
        MemoryLine(name="row places", count=1, num_bytes=data.places_bytes),
        MemoryLine(name="transform", count=1, num_bytes=data.transform_bytes),
    )


def work_within(
    budget: int,
    data: DataFacts,
    machine: MachineFacts,
    options: PlanOptions,
    order: OrderSpec,
    *,
    in_storage: bool,
) -> tuple[StreamLimits, tuple[MemoryLine, ...]]:
    """How far a stream works ahead within a budget, and what each kind of its buffers takes.

    Parameters
    ----------
    budget
        Bytes that nobody else takes.
    data, machine, options, order
        What is streamed.
    in_storage
        Whether rows are mapped or in memory, so that reading takes nothing.

    Raises
    ------
    OptionError
        If the number of workers is negative.
    MemoryBudgetError
        If not even two windows and two batches fit.
    """
    workers = max(1, machine.cores) if options.workers is None else options.workers
    if workers < 0:
        raise OptionError(f"workers must be 0 or more, got {workers}")
    if data.working_bytes:
        workers = min(workers, max(1, budget // _WORKING_SHARE // data.working_bytes))
    working = max(1, workers) * data.working_bytes
    budget -= working
    window = order.window * (ORDER_BYTES if in_storage else ORDER_BYTES + data.row_bytes)
    # Numbers are used where they are mapped, texts are taken from there.
    window += 0 if data.kept else data.text_bytes(order.window)
    read = read_bytes(data, order)
    batch = batch_bytes(data, order.batch_size)
    held = 0 if in_storage else data.reading_bytes
    if not in_storage:
        budget -= held
        for_reads = min(budget // _READ_SHARE, budget - 2 * (window + batch))
        workers = min(workers, max(1, for_reads // read))
    reads = 0 if in_storage else max(1, workers) * read
    # Two windows always: one is handed out, and the one before may still be in the making of batches.
    room = budget - reads - 2 * window
    group = max(1, min(_GROUP_BYTES, budget // _GROUP_SHARE, room // 2) // batch)
    size = order.window // order.batch_size
    group = _even(min(group, size), size)
    groups = max(1, min(workers + 2, min(room, budget // _AHEAD_SHARE) // (group * batch) - 1))
    while groups > 1 and (groups + 1) * group * batch + _more_windows(groups * group, size) * window > room:
        groups -= 1
    ahead, more = (groups + 1) * group * batch, _more_windows(groups * group, size)
    windows = max(0, min(max(2, workers), (room - ahead) // window - more))
    if ahead > room:
        least = working + held + (0 if in_storage else read) + 2 * (window + batch)
        raise MemoryBudgetError(_too_little(budget + held + working, least, data, options))
    limits = StreamLimits(
        workers=workers, windows_in_flight=windows, group_batches=group, groups_in_flight=groups
    )
    return limits, (
        MemoryLine(name="windows", count=windows + 2 + more, num_bytes=(windows + 2 + more) * window),
        MemoryLine(name="batches", count=groups + 1, num_bytes=ahead),
        MemoryLine(name="reads", count=workers, num_bytes=reads + held),
        MemoryLine(name="working", count=workers, num_bytes=working),
    )


def _even(group: int, size: int) -> int:
    """Batches of a group that share a window of so many out evenly, at most `group`, in as few groups."""
    return -(-size // -(-size // group))


def _more_windows(num_batches: int, window_batches: int) -> int:
    """How many more windows than two so many consecutive batches may come from."""
    return (num_batches - 1) // window_batches


def _too_little(budget: int, least: int, data: DataFacts, options: PlanOptions) -> str:
    who = "feeds derived from it, such as validation," if options.derived else "training"
    share, held = share_bytes(options), sum(line.num_bytes for line in held_lines(data))
    # Windows grow with the memory, so that what they need does too.
    growing = share - least if share > least else share
    taken = share - budget + (0 if share > least else least)
    wanted = -(-taken * options.memory_bytes // growing) // 10**6 + 1
    return (
        f"memory is {options.memory_bytes:,} {plural(options.memory_bytes, 'byte')}, of which "
        f"{who} may take {share:,}: {max(0, budget):,} of them are left for windows and batches, which need "
        f"{least:,}; finding and keeping the rows takes {held:,}, and what else is open the rest: raise "
        f"memory= to {wanted}MB, lower batch_size=, or close other epochs and forget other feeds"
    )
