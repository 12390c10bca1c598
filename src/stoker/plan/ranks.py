"""What one of several ranks takes of an order: sizes, lanes, and bytes read."""

from __future__ import annotations

from dataclasses import replace
from math import gcd

from stoker.types import OrderSpec, Rank

__all__ = ["epoch_read_bytes", "rank_order", "rank_rows", "touched_lanes"]


def rank_order(order: OrderSpec, num_ranks: int) -> OrderSpec:
    """What a rank's memory is reckoned by: windows and batches of as many rows as any rank takes of them.

    It tells sizes, and no order of rows, which does not depend on the number of ranks.

    Examples
    --------
    >>> order = OrderSpec(
    ...     kind="block", seed=7, batch_size=256, num_rows=10**6, block=64, window=8192, lanes=16
    ... )
    >>> own = rank_order(order, 3)
    >>> own.batch_size, own.window
    (86, 2752)
    """
    batch = -(-order.batch_size // num_ranks)
    return replace(
        order,
        batch_size=batch,
        window=order.window // order.batch_size * batch,
        lanes=gcd(order.lanes, batch),
    )


def rank_rows(order: OrderSpec, rank: Rank) -> int:
    """Rows that a rank takes in an epoch.

    Examples
    --------
    >>> order = OrderSpec(
    ...     kind="exact", seed=7, batch_size=4, num_rows=10, block=1, window=8, lanes=4
    ... )
    >>> [rank_rows(order, Rank(index, 2)) for index in range(2)]
    [6, 4]
    """
    return _rows_of(order.num_rows, order.batch_size, rank)


def _rows_of(num_rows: int, batch_size: int, rank: Rank) -> int:
    low, high = rank.places(batch_size)
    full, rest = divmod(num_rows, batch_size)
    return full * (high - low) + min(max(rest - low, 0), high - low)


def touched_lanes(order: OrderSpec, rank: Rank) -> tuple[int, int]:
    """The first lane of a full window that a rank has a place in, and the one behind its last.

    Where the number of ranks divides that of the lanes, these are all its own: it reads whole lanes, which
    are one stretch of the stream of blocks. Where it does not, or there are more ranks than lanes, others
    take rows of some of them, too, so that the pieces of a file that these rows are in are read by each.

    Examples
    --------
    >>> order = OrderSpec(
    ...     kind="block", seed=7, batch_size=256, num_rows=10**6, block=64, window=8192, lanes=16
    ... )
    >>> [touched_lanes(order, Rank(1, count)) for count in (2, 7, 64)]
    [(8, 16), (2, 5), (0, 1)]
    """
    share = order.batch_size // order.lanes
    low, high = rank.places(order.batch_size)
    return low // share, -(-high // share)


def epoch_read_bytes(order: OrderSpec, rank: Rank, *, row_bytes: float, piece_bytes: float) -> float:
    """Bytes that a rank reads in an epoch, about, and at most.

    Parameters
    ----------
    order, rank
        Who reads what.
    row_bytes
        What a row takes where it is stored.
    piece_bytes
        What is read at the least for a row: a stretch of consecutive rows begins and ends within such pieces.

    Examples
    --------
    >>> order = OrderSpec(
    ...     kind="block", seed=7, batch_size=256, num_rows=8192 * 100, block=64, window=8192, lanes=16
    ... )
    >>> for count in (1, 16, 256):
    ...     print(round(epoch_read_bytes(order, Rank(0, count), row_bytes=100, piece_bytes=4096)) // 10**6)
    134
    8
    8
    """
    windows, rest = divmod(order.num_rows, order.window)
    own = _rows_of(rest, order.batch_size, rank)
    of_window = _window_read_bytes(order, rank, row_bytes, piece_bytes)
    of_the_last = _lane_read_bytes(order, rest, own, row_bytes, piece_bytes)
    # No window takes a piece twice, and so not more than all rows.
    whole = order.num_rows * row_bytes
    return windows * min(of_window, whole) + min(of_the_last, whole)


def _window_read_bytes(order: OrderSpec, rank: Rank, row: float, piece: float) -> float:
    """Of a full window."""
    low, high = rank.places(order.batch_size)
    batches = order.window // order.batch_size
    if order.kind != "block":
        return _lane_read_bytes(order, order.window, batches * (high - low), row, piece)
    share, lane = order.batch_size // order.lanes, order.window // order.lanes
    # The places of each touched lane that are the rank's; lanes that are so altogether are one stretch.
    first, behind = touched_lanes(order, rank)
    taken = [min(high, (n + 1) * share) - max(low, n * share) for n in range(first, behind)]
    whole = taken.count(share) * lane
    partly = [batches * places for places in taken if places < share]
    scattered = sum(_lane_read_bytes(order, lane, rows, row, piece) for rows in partly)
    return scattered + _lane_read_bytes(order, whole, whole, row, piece)


def _lane_read_bytes(order: OrderSpec, num_rows: int, own: int, row: float, piece: float) -> float:
    """Of so many rows, some of which are the rank's: all of them, or those where that is less."""
    one_by_one = own * (row + piece)
    if order.kind == "exact":
        return one_by_one
    if order.kind == "sequential":
        batches = -(-num_rows // order.batch_size) if own < num_rows else 1
        one_by_one = own * row + min(own, batches) * piece
        return min(num_rows * row + piece, one_by_one)
    blocks = num_rows / order.block + 1
    return min(num_rows * row + blocks * piece, one_by_one)
