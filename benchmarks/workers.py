"""Workers at the level of prefetch: large batches out of processes, burning and sleeping tasks in several.

The peer is Keras 2's way with ``use_multiprocessing=True``: a `multiprocessing.Pool` of two forked processes
that pickles each batch through a pipe. Both deliver the same slices of the same array, in order, and the
consumer reads a value of each page. A task that burns is a fixed loop of pure Python; a task that sleeps
waits.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.common import Contestant, Figure, Report, Settings, alone, interleave

BATCH_BYTES = 64_000_000
NUM_BATCHES = 16
NUM_TASKS = 200
SECONDS = 0.010
LOOPS = 170_000
PAGE = 4_096


class Slices:
    """Batch after batch of an array in memory; neighbours overlap, so that the array stays small."""

    def __init__(self) -> None:
        import numpy as np

        self.array = np.arange(BATCH_BYTES + NUM_BATCHES * PAGE, dtype=np.uint32).view(np.uint8)

    def __call__(self, index: int) -> Any:
        """One slice of 64 MB."""
        start = index * PAGE
        return self.array[start : start + BATCH_BYTES]


def burn(_: int) -> int:
    total = 0
    for number in range(LOOPS):
        total += number
    return total


def sleep(_: int) -> None:
    time.sleep(SECONDS)


def consume(batches: Iterable[Any]) -> dict[str, Any]:
    """Read every page of every batch."""
    start, checksum, done = time.perf_counter(), 0, 0
    for batch in batches:
        checksum += int(batch[::PAGE].sum())
        done += batch.nbytes
        del batch
    seconds = time.perf_counter() - start
    return {"milliseconds": 1e3 * seconds / NUM_BATCHES, "rate": done / seconds / 1e9, "checksum": checksum}


def stoker_batches(workers: int) -> Callable[[], dict[str, Any]]:
    from stoker.prefetch import Processes, prefetch

    remote = Processes(Slices(), workers=workers, name="batches")

    def turn() -> dict[str, Any]:
        tasks = range(NUM_BATCHES)
        with prefetch(remote, tasks, workers=workers, in_flight=workers + 1, name="batches") as batches:
            return consume(batches)

    return turn


_slices: Slices | None = None


def _slice(index: int) -> Any:
    assert _slices is not None
    return _slices(index)


def pool_batches(workers: int) -> Callable[[], dict[str, Any]]:
    global _slices
    _slices = Slices()
    pool = multiprocessing.get_context("fork").Pool(workers)
    return lambda: consume(pool.imap(_slice, range(NUM_BATCHES)))


def tasks(kind: str, workers: int, processes: bool) -> Callable[[], dict[str, Any]]:
    from stoker.prefetch import Processes, prefetch

    function: Callable[[int], Any] = {"burn": burn, "sleep": sleep}[kind]
    if processes:
        function = Processes(function, workers=workers, name=kind)

    def turn() -> dict[str, Any]:
        start = time.perf_counter()
        with prefetch(function, range(NUM_TASKS), workers=workers, in_flight=10 + workers, name=kind) as done:
            for _ in done:
                pass
        return {"milliseconds": 1e3 * (time.perf_counter() - start) / NUM_TASKS}

    return turn


def contestants() -> list[Contestant]:
    """Pairs: two for the batches, two for each kind of task."""

    def one(name: str, function: str, **options: Any) -> Contestant:
        return Contestant(name=name, target=f"benchmarks.workers:{function}", options=options)

    return [
        one("64 MB, stoker, 2 processes", "stoker_batches", workers=2),
        one("64 MB, Pool.imap, 2 processes", "pool_batches", workers=2),
        one("10 ms of pure Python, 1 process", "tasks", kind="burn", workers=1, processes=True),
        one("10 ms of pure Python, 2 processes", "tasks", kind="burn", workers=2, processes=True),
        one("10 ms of sleep, 1 thread", "tasks", kind="sleep", workers=1, processes=False),
        one("10 ms of sleep, 4 threads", "tasks", kind="sleep", workers=4, processes=False),
    ]


def run(settings: Settings) -> Report:
    """Measure batches and tasks."""
    everyone = contestants()
    results = {}
    for first in range(0, len(everyone), 2):  # each pair by itself: the others would take its cores
        results.update(interleave(everyone[first : first + 2], settings))
    spreads = [results[contestant.name]["milliseconds"] for contestant in everyone]
    speedups = [spreads[1].median / spreads[0].median] + [
        spreads[first].median / spreads[first + 1].median for first in (2, 4)
    ]
    names = (
        ("64 MB batches through 2 processes: Pool.imap ÷ stoker", 5.0),
        ("10 ms of pure Python: 1 process ÷ 2", 1.7),
        ("10 ms of sleep: 1 thread ÷ 4", 3.6),
    )
    return Report(
        title="Workers: batches out of processes, tasks in several",
        header=("who", "ms each min", "median", "max", "first turn", "GB/s"),
        rows=tuple(
            (
                contestant.name,
                *spread.cells("{:.2f}".format),
                f"{spread.first:.2f}",
                f"{rate.median:.2f}" if (rate := results[contestant.name].get("rate")) else "",
            )
            for contestant, spread in zip(everyone, spreads, strict=True)
        ),
        figures=tuple(
            Figure(what=what, bound=bound, measured=measured, at_least=True)
            for (what, bound), measured in zip(names, speedups, strict=True)
        ),
        notes=("both pass on slices of an array that they hold; making a batch costs the same either way",),
    )


if __name__ == "__main__":
    alone(run, __doc__ or "")
