"""A job as a stream of Ray Data: scheduling, placement and retries are Ray's.

Blocks have one row, a packed item or result. Ray's bound of what is in flight is a soft one (of 96 MB it let
284 pass where results were taken slowly), so reading waits by itself until results are taken.
"""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import pyarrow as pa

from stoker.cluster.connection import LOSSES, beside_us, heard
from stoker.cluster.outcomes import Outcome
from stoker.cluster.shipping import packed
from stoker.cluster.spreading import Job
from stoker.errors import WorkerError

__all__ = ["streamed"]

_log = logging.getLogger(LOSSES)
_COLUMN = "packed"
_READ, _WORK = "read", "work"
"""What processes do."""
_MOST_LOST = 3
"""How often each process is begun again, on average."""
_IN_FLIGHT = 2
"""Items that a process has, the one under way among them; two more are read, or wait for their turn."""
_LOOK_SECONDS = 0.02
"""Between two looks at whether results were taken."""
_ITEM_BYTES = 16 << 20
"""An item and what is made of it, at most as a rule."""
_END_SECONDS = 60
"""Within these Ray Data's threads end when nobody takes results any more."""
_EXECUTING, _TAKING_OVER = "ray.data._internal.execution.", "ray.data._internal.block_batching."
"""Modules whose threads have work done, and take over what was done."""
_STUCK_SECONDS = 1800
"""Within these something must come or go between the processes."""


def streamed(job: Job, hosts: int) -> Generator[bytes]:
    """The outcomes of a job in order.

    Raises
    ------
    WorkerError
        Processes are lost too often, or none can be had.
    """
    import ray
    from ray.data import ActorPoolStrategy, TaskPoolStrategy

    heard(ray.remote(num_cpus=1)(_nothing).remote())  # else Ray waits for a free processor for ever
    given = {"job": ray.put(job), "begun": beside_us(_Begun)}
    taken = beside_us(_Taken)
    ahead = {"taken": taken, "room": _room(hosts)}
    try:
        with _context(hosts):
            items = ray.data.from_items([0]).map_batches(
                _read, fn_kwargs=given | ahead, batch_size=1, num_cpus=0, compute=TaskPoolStrategy(size=1)
            )
            results = items.map_batches(
                _Worker,
                fn_constructor_kwargs=given | {"most": hosts * (1 + _MOST_LOST)},
                batch_size=1,
                batch_format="pyarrow",
                zero_copy_batch=True,
                compute=ActorPoolStrategy(size=hosts, max_tasks_in_flight_per_actor=_IN_FLIGHT),
                num_cpus=1,
                num_gpus=1 if ray.cluster_resources().get("GPU", 0) >= hosts else 0,
            )
            tables = results.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)
            with _executors_ended(), closing(iter(tables)) as found:
                losses = _Losses(given["begun"], hosts)
                for table in found:
                    for value in table[_COLUMN]:
                        taken.add.remote()
                        losses.look()
                        yield value.as_buffer()
                losses.look(waits=True)
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "ray":
            raise
        first = next(iter(str(error).strip().splitlines()), "")
        raise WorkerError(f"the hosts failed: {type(error).__name__}: {first}") from error


def _room(hosts: int) -> int:
    """Items that are read, worked on or waiting for their turn."""
    return _IN_FLIGHT * (hosts + 1)


def _nothing() -> None:
    """Be there."""


class _Taken:
    """How many outcomes the program has taken."""

    def __init__(self) -> None:
        self._count = 0

    def add(self) -> None:
        """One more."""
        self._count += 1

    def count(self) -> int:
        """How many."""
        return self._count


class _Begun:
    """How often processes were begun: Ray does so without end."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def again(self, what: str) -> int:
        """Count a process of some kind, and tell how many there were."""
        self._counts[what] = self._counts.get(what, 0) + 1
        return self._counts[what]

    def lost(self, wanted: Mapping[str, int]) -> int:
        """How many were begun in the place of another; so many of each kind are wanted."""
        return sum(max(0, count - wanted[what]) for what, count in self._counts.items())


class _Losses:
    """Says when processes were lost, whose work Ray has others do again.

    Parameters
    ----------
    begun
        The actor that counts.
    hosts
        How many processes work.
    """

    def __init__(self, begun: Any, hosts: int) -> None:
        self._ask: Callable[[], Any] = lambda: begun.lost.remote({_READ: 1, _WORK: hosts})
        self._answer = self._ask()
        self._told = 0

    def look(self, *, waits: bool = False) -> None:
        """Say what is known by now, or, where it waits, what is known at all."""
        import ray

        if waits:
            self._answer = self._ask()
        elif not ray.wait([self._answer], timeout=0)[0]:
            return
        lost, self._answer = heard(self._answer), self._ask()
        if (more := lost - self._told) > 0:
            self._told = lost
            told = "a process was lost: its" if more == 1 else f"{more} processes were lost: their"
            _log.warning("%s work is done again", told)


def _lost(begun: Any, what: str, most: int) -> bytes | None:
    """The outcome where processes of a kind were lost too often; None where they were not."""
    if heard(begun.again.remote(what)) <= most:
        return None
    told = (
        f"processes that {what} were lost {_MOST_LOST} times and more; often a machine has no memory to "
        "spare, of which fewer hosts need less. `ray status` and Ray's logs tell why, on a cluster that was "
        "there before, as by `ray start --head`"
    )
    return packed(Outcome(error=(WorkerError, told)))


@contextmanager
def _context(hosts: int) -> Iterator[None]:
    """Inside, Ray Data keeps the order and its silence, and holds no more than a few items a process."""
    from ray.data import DataContext, ExecutionResources

    context = DataContext.get_current().copy()
    context.execution_options.preserve_order = True
    context.execution_options.resource_limits = ExecutionResources.for_limits(
        object_store_memory=_ITEM_BYTES * _room(hosts)
    )
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.target_max_block_size = 1
    context.execution_no_progress_timeout_s = _STUCK_SECONDS
    log = logging.getLogger("ray.data")
    handlers, log.handlers = log.handlers, [each for each in log.handlers if not _is_console(each)]
    try:
        with DataContext.current(context), warnings.catch_warnings():
            # Of few rows there may be fewer items than processes.
            warnings.filterwarnings("ignore", "The minimum number of concurrent actors", UserWarning)
            yield
    finally:
        log.handlers = handlers


@contextmanager
def _executors_ended() -> Iterator[None]:
    """Behind the block no thread runs that Ray Data began inside to have work done.

    It waits for them two seconds by itself, or not at all, and where the connection ends before one of them
    does, Ray ends the process. One that fetches blocks ahead waits for orders until it is collected, and does
    no harm.
    """
    before = set(threading.enumerate())
    try:
        yield
    finally:
        limit = time.monotonic() + _END_SECONDS
        for thread in threading.enumerate():
            if thread not in before and _executes(thread):
                thread.join(max(0.0, limit - time.monotonic()))
                if thread.is_alive():
                    warnings.warn(f"Ray Data's {thread.name} has not ended for a minute", stacklevel=2)


def _executes(thread: threading.Thread) -> bool:
    code = type(thread) if type(thread) is not threading.Thread else getattr(thread, "_target", None)
    module = getattr(code, "__module__", None) or ""
    fetches_ahead = hasattr(code, "__self__")  # a method; what takes results over is a function
    return module.startswith(_EXECUTING) or (module.startswith(_TAKING_OVER) and not fetches_ahead)


def _is_console(handler: logging.Handler) -> bool:
    return isinstance(handler, logging.StreamHandler)


def _block(data: bytes) -> pa.Table:
    return pa.table({_COLUMN: pa.array([data], pa.large_binary())})


def _read(one: Any, job: Any, begun: Any, taken: Any, room: int) -> Iterator[pa.Table]:
    """The items, in one task, no more of them than there is room for ahead of what is taken."""
    lost = _lost(begun, _READ, 1 + _MOST_LOST)
    seen = 0
    for number, item in enumerate(heard(job).items() if lost is None else [lost]):
        while number - seen >= room:
            time.sleep(_LOOK_SECONDS)
            seen = heard(taken.count.remote())
        yield _block(item)


class _Worker:
    """A process that works."""

    def __init__(self, job: Any, begun: Any, most: int) -> None:
        lost = _lost(begun, _WORK, most)
        self._work: Callable[[Any], bytes] = heard(job).worker() if lost is None else lambda item: lost

    def __call__(self, batch: pa.Table) -> Iterator[pa.Table]:
        """The outcomes of items."""
        for item in batch[_COLUMN]:
            yield _block(self._work(item.as_buffer()))
