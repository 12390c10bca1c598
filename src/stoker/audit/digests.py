"""An epoch's two digests, computed anew from the order and the rows: hashes of ids, no row is read."""

from __future__ import annotations

from collections.abc import Iterator

from stoker.audit.rows import ids_between
from stoker.kernels.mixing import add_digests
from stoker.prefetch import available_cores, prefetch
from stoker.sources import BoundView
from stoker.types import OrderSpec, Progress

__all__ = ["epoch_digests"]

_MODULUS = 1 << 128
_MOST_ROWS = 1 << 18


def epoch_digests(
    order: OrderSpec,
    view: BoundView,
    epoch: int,
    rows: int,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> tuple[int, int]:
    """Order and membership digest of the first `rows` places of an epoch, modulo 2**128.

    Parameters
    ----------
    order, view
        The run's order, and its rows by position.
    epoch
        Counted from 0.
    rows
        How many the model took.
    workers
        Threads; None for one a core.
    progress
        Called with rows done and rows in all.

    Examples
    --------
    >>> from stoker.sources.views import View
    >>> spec = OrderSpec(kind="exact", seed=7, batch_size=2, num_rows=5, block=1, window=4, lanes=2)
    >>> one, two = (epoch_digests(spec, View().bind(5), epoch, 5, workers=0) for epoch in (0, 1))
    >>> one[0] == two[0], one[1] == two[1]
    (False, True)
    """
    threads = available_cores() if workers is None else workers

    def of_places(task: tuple[int, int]) -> tuple[int, list[int]]:
        start, stop = task
        words = add_digests(epoch, start, ids_between(order, view, epoch, start, stop))
        return stop, words.tolist()

    ordered = members = 0
    with prefetch(
        of_places, _tasks(order, rows), workers=threads, in_flight=threads + 1, name="digests"
    ) as sums:
        for done, (order_low, order_high, member_low, member_high) in sums:
            ordered += order_low | order_high << 64
            members += member_low | member_high << 64
            if progress is not None:
                progress(done, rows)
    return ordered % _MODULUS, members % _MODULUS


def _tasks(order: OrderSpec, rows: int) -> Iterator[tuple[int, int]]:
    """Whole windows, several where they are small."""
    step = max(1, _MOST_ROWS // order.window) * order.window
    for start in range(0, rows, step):
        yield start, min(start + step, rows)
