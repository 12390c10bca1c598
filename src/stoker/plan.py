"""Everything that decides a run, resolved before its first step: order, memory, cache, concurrency.

A pure function of the survey's figures and the options. The order depends on sizes, batch size and the
declared memory alone; workers, cache and the state of the machine decide only how fast the same rows arrive.
"""

from __future__ import annotations

import re
from typing import Literal, TypeAlias, get_args

import msgspec

from stoker.errors import MemoryBudgetError, OptionError
from stoker.types import OrderKind, OrderSpec, StreamLimits

__all__ = [
    "CacheOption",
    "DataFacts",
    "MachineFacts",
    "MemoryLine",
    "Plan",
    "PlanOptions",
    "Shuffle",
    "make_plan",
    "parse_bytes",
    "resolve_order",
]

Shuffle: TypeAlias = Literal["block", "exact"] | bool
CacheOption: TypeAlias = Literal["auto", "always", "never"]

MIB = 1 << 20
READ_BYTES = MIB  # what a read of a source holds besides its result
_VALUE_BYTES = (
    8  # a number of the widest type; the order must not depend on the type that a format happens to hold
)
_WINDOW_SHARE = (
    6  # a window takes at most this part of a feed's share: one is used up, one waits, one is read
)
_AHEAD_SHARE = 4  # batches made ahead take at most this part
_READ_SHARE = 8  # reads take at most this part
_GROUP_SHARE = 24  # batches made in one go take at most this part
_GROUP_BYTES = 4 * MIB
_ORDER_BYTES = 32  # a row's id, its place in the window and, in the exact order, its range
_MOST_WINDOW_ROWS: dict[OrderKind, int] = {"sequential": 1 << 16, "exact": 1 << 12, "block": 1 << 16}
"""A window is worked out as a whole: more rows would make a seek take longer than some milliseconds."""
_BLOCKS_A_WINDOW = 64
_BLOCK_BYTES = 256 * 1024
_MOST_LANES = 16
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}


class DataFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the survey found that the plan depends on.

    ``num_rows`` are the rows of the training view; ``num_slots`` and ``num_bytes`` those of its files;
    ``row_bytes`` is one parsed row in memory; ``survey_seconds`` what the survey took, 0 if it was stored.
    """

    num_rows: int
    num_slots: int
    num_bytes: int
    num_features: int
    num_columns: int
    row_bytes: int
    kept: bool = False
    survey_seconds: float = 0.0


class MachineFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the plan may know of the machine; none of it enters the order."""

    cores: int
    free_disk_bytes: int = 0


class PlanOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the user chose; `derived` for a feed that shares the memory with the training feed beside it."""

    batch_size: int = 256
    shuffle: Shuffle = True
    seed: int = 0
    memory_bytes: int = 10**9
    cache: CacheOption = "auto"
    epochs: int = 1
    workers: int | None = None
    derived: bool = False

    def __post_init__(self) -> None:
        if self.cache not in get_args(CacheOption):
            raise OptionError(f"cache must be one of {', '.join(get_args(CacheOption))}, got {self.cache!r}")
        if self.epochs < 1:
            raise OptionError(f"epochs must be at least 1, got {self.epochs}")
        if not 0 <= self.seed < 1 << 64:
            raise OptionError(f"seed must lie in [0, 2**64), got {self.seed}")


class MemoryLine(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of buffer: how many there are at most, and the bytes of all of them."""

    name: str
    count: int
    num_bytes: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A run as it will be: printed, written to run.json, and read from there when the run goes on."""

    order: OrderSpec
    memory_bytes: int
    memory: tuple[MemoryLine, ...]
    use_cache: bool
    cache_bytes: int
    cache_reason: str
    limits: StreamLimits
    seconds_survey: float
    seconds_cache: float
    seconds_epoch: float

    @property
    def memory_planned(self) -> int:
        """Bytes of all lines together."""
        return sum(line.num_bytes for line in self.memory)


def parse_bytes(text: str | int) -> int:
    """Read an amount of memory: ``64MB``, ``1.5 GiB``, ``800000``.

    Examples
    --------
    >>> parse_bytes("64MB"), parse_bytes("1.5 GiB"), parse_bytes(1000)
    (64000000, 1610612736, 1000)
    """
    if isinstance(text, int):
        amount: float = text
    else:
        match = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([A-Za-z]*)\s*", text)
        if match is None or match[2].upper() not in _UNITS:
            raise OptionError(f"memory must be a size such as 64MB, 1.5GiB or 800000 bytes, got {text!r}")
        amount = float(match[1]) * _UNITS[match[2].upper()]
    if amount < 1:
        raise OptionError(f"memory must be at least one byte, got {text!r}")
    return int(amount)


def _lanes(batch_size: int) -> int:
    lanes = 1
    while lanes < _MOST_LANES and batch_size % (2 * lanes) == 0:
        lanes *= 2
    return lanes


def _order_kind(shuffle: Shuffle) -> OrderKind:
    if shuffle is False:
        return "sequential"
    if shuffle is True:
        return "block"
    if shuffle not in ("block", "exact"):
        raise OptionError(f"shuffle must be True, False, 'block' or 'exact', got {shuffle!r}")
    return shuffle


def resolve_order(data: DataFacts, options: PlanOptions) -> OrderSpec:
    """Resolve the order of rows from sizes, batch size and declared memory.

    Raises
    ------
    OptionError
        If the batch size is below 1 or the shuffle unknown.
    MemoryBudgetError
        If a window of a single batch does not fit.
    """
    batch = options.batch_size
    if batch < 1:
        raise OptionError(f"batch_size must be at least 1, got {batch}")
    row = data.num_columns * _VALUE_BYTES
    kind = _order_kind(options.shuffle)
    most = min(_share(options) // (_WINDOW_SHARE * (row + _ORDER_BYTES)), _MOST_WINDOW_ROWS[kind])
    window = max(1, most // batch) * batch
    window = min(window, -(-data.num_rows // batch) * batch)
    # What training and validation each need at the least, with room for working ahead.
    needed = 5 * (batch * (row + _ORDER_BYTES) + 2 * _batch_bytes(data, batch) + READ_BYTES)
    if needed > options.memory_bytes:
        raise MemoryBudgetError(
            f"memory is {options.memory_bytes:,} bytes, but one window of {batch} rows of {data.num_columns} "
            f"columns and what goes with it need {needed:,}: raise memory= to {-(-needed // 10**6)}MB "
            "or lower batch_size="
        )
    block = max(1, min(_BLOCK_BYTES // row, window // _BLOCKS_A_WINDOW))
    return OrderSpec(
        kind=kind,
        seed=options.seed,
        batch_size=batch,
        num_rows=data.num_rows,
        block=block if kind == "block" else 1,
        window=window,
        lanes=_lanes(batch),
    )


def keep_bytes(options: PlanOptions) -> int:
    """Bytes of parsed rows that a survey may keep in memory instead of having them read again."""
    return 0 if options.cache == "always" else _share(options) // 2


def _share(options: PlanOptions) -> int:
    """What a feed may take of the memory: training two thirds, what is derived from it one."""
    return options.memory_bytes // 3 if options.derived else 2 * options.memory_bytes // 3


def _batch_bytes(data: DataFacts, batch_size: int) -> int:
    """Bytes of one batch: float32 inputs, and four bytes of target a row."""
    return batch_size * 4 * (data.num_features + 1)


def _decide_cache(data: DataFacts, machine: MachineFacts, options: PlanOptions) -> tuple[bool, str]:
    size = data.num_slots * data.row_bytes
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


def make_plan(data: DataFacts, machine: MachineFacts, options: PlanOptions) -> Plan:
    """Resolve a run from what the survey found, the machine and the options; pure.

    Raises
    ------
    OptionError
        If an option cannot be.
    MemoryBudgetError
        If not even one window fits into the memory.
    """
    order = resolve_order(data, options)
    use_cache, reason = _decide_cache(data, machine, options)
    in_storage = use_cache or data.kept
    limits, memory = _concurrency(data, machine, options, order, in_storage)
    return Plan(
        order=order,
        memory_bytes=options.memory_bytes,
        memory=tuple(line for line in memory if line.num_bytes),
        use_cache=use_cache,
        cache_bytes=data.num_slots * data.row_bytes if use_cache else 0,
        cache_reason=reason,
        limits=limits,
        seconds_survey=data.survey_seconds,
        seconds_cache=data.survey_seconds if use_cache else 0.0,
        seconds_epoch=0.0 if in_storage else data.survey_seconds,
    )


def _concurrency(
    data: DataFacts, machine: MachineFacts, options: PlanOptions, order: OrderSpec, in_storage: bool
) -> tuple[StreamLimits, tuple[MemoryLine, ...]]:
    """How far to work ahead within the memory, and what each kind of buffer takes of it."""
    budget = _share(options)
    workers = max(1, machine.cores) if options.workers is None else options.workers
    if workers < 0:
        raise OptionError(f"workers must be 0 or more, got {workers}")
    if not in_storage:
        workers = min(workers, max(1, budget // _READ_SHARE // READ_BYTES))
    reads = 0 if in_storage else max(1, workers) * READ_BYTES
    kept = data.num_slots * data.row_bytes if data.kept else 0
    window_bytes = order.window * (_ORDER_BYTES if in_storage else _ORDER_BYTES + data.row_bytes)
    # Two windows always: one is handed out, and the one before may still be in the making of batches.
    room = budget - kept - reads - 2 * window_bytes
    batch_bytes = _batch_bytes(data, order.batch_size)
    group = max(1, min(_GROUP_BYTES, budget // _GROUP_SHARE, room // 2) // batch_bytes)
    group = min(group, order.window // order.batch_size)
    groups = max(1, min(workers + 2, min(room, budget // _AHEAD_SHARE) // (group * batch_bytes) - 1))
    ahead = (groups + 1) * group * batch_bytes
    windows = max(0, min(2, (room - ahead) // window_bytes))
    limits = StreamLimits(
        workers=workers, windows_in_flight=windows, group_batches=group, groups_in_flight=groups
    )
    return limits, (
        MemoryLine(name="kept rows", count=1, num_bytes=kept),
        MemoryLine(name="windows", count=windows + 2, num_bytes=(windows + 2) * window_bytes),
        MemoryLine(name="batches", count=groups + 1, num_bytes=ahead),
        MemoryLine(name="reads", count=workers, num_bytes=reads),
    )
