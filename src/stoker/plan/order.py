"""The order of rows, resolved from sizes, batch size and declared memory."""

from __future__ import annotations

from stoker.errors import MemoryBudgetError, OptionError
from stoker.plan.facts import DataFacts, PlanOptions, Shuffle
from stoker.plan.memory import ORDER_BYTES, READ_BYTES, batch_bytes, share_bytes
from stoker.plurals import plural
from stoker.types import OrderKind, OrderSpec

__all__ = ["resolve_order", "rows_within"]

_VALUE_BYTES = 8
"""A number of the widest type: the order must not depend on the type that a format happens to hold."""
_WINDOW_SHARE = 6
"""A window takes at most this part of a feed's share: one is used up, one waits, one is read."""
_MOST_WINDOW_ROWS: dict[OrderKind, int] = {"sequential": 1 << 16, "exact": 1 << 12, "block": 1 << 16}
"""A window is worked out as a whole: more rows would make a seek take longer than some milliseconds."""
_BLOCKS_A_WINDOW = 64
_BLOCK_BYTES = 256 * 1024
_MOST_LANES = 16


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
    # Of feeds that share, others may keep rows in one half; in file order windows change nothing.
    room = share_bytes(options) // (2 if options.derived else 1)
    most = rows_within(room // _WINDOW_SHARE, row + ORDER_BYTES, data, _MOST_WINDOW_ROWS[kind])
    window = max(1, most // batch) * batch
    window = min(window, -(-data.num_rows // batch) * batch)
    # What training and validation each need at the least, with room for working ahead.
    texts = data.text_bytes(batch)
    needed = 5 * (batch * (row + ORDER_BYTES) + texts + 2 * batch_bytes(data, batch) + READ_BYTES)
    if needed > options.memory_bytes:
        raise MemoryBudgetError(
            f"memory is {options.memory_bytes:,} {plural(options.memory_bytes, 'byte')}, but one window of "
            f"{batch} {plural(batch, 'row')} of "
            f"{_contents(data)} and what goes with it need {needed:,}: raise memory= to "
            f"{-(-needed // 10**6)}MB or lower batch_size="
        )
    mean = row + data.all_text_bytes // max(1, data.num_slots)
    block = max(1, min(_BLOCK_BYTES // mean, window // _BLOCKS_A_WINDOW))
    return OrderSpec(
        kind=kind,
        seed=options.seed,
        batch_size=batch,
        num_rows=data.num_rows,
        block=block if kind == "block" else 1,
        window=window,
        lanes=_lanes(batch),
    )


def rows_within(room: int, row_bytes: int, data: DataFacts, limit: int) -> int:
    """The most rows, `limit` at most, that take no more than `room` bytes, whichever rows they are."""
    if not data.longest_text:
        return min(room // row_bytes, limit)
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        fits = middle * row_bytes + data.text_bytes(middle) <= room
        low, high = (middle, high) if fits else (low, middle - 1)
    return low


def _contents(data: DataFacts) -> str:
    if not data.longest_text:
        return f"{data.num_columns} {plural(data.num_columns, 'column')}"
    what = "values" if data.value_lengths else "text"
    return f"{what}, up to {data.longest_text:,} {plural(data.longest_text, 'byte')} each,"
