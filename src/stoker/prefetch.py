"""Any callable over any iterator of tasks, in threads or the calling thread: ordered, bounded, closable.

One bounded deque of futures gives everything: results come in the order of their tasks, an exception arrives
in its place with its own type, and no more than ``in_flight`` tasks are started beyond what was taken.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Generic, TypeVar

from stoker.errors import OptionError, WorkerError

__all__ = ["Prefetched", "available_cores", "prefetch"]

Task = TypeVar("Task")
Result = TypeVar("Result")

_TELL_AFTER_SECONDS = 30.0
_log = logging.getLogger("stoker")


def available_cores() -> int:
    """Cores that this process may use; all of them where the platform does not say."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def prefetch(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    *,
    workers: int,
    in_flight: int,
    name: str,
    tell_after: float = _TELL_AFTER_SECONDS,
) -> Prefetched[Task, Result]:
    """Apply `function` to every task, ahead of the consumer and in order.

    Parameters
    ----------
    function
        Called in a worker thread, once a task.
    tasks
        Drawn one by one in the consuming thread, never further ahead than the bound. Where they come from
        another stage and have a method ``ready() -> bool``, none is drawn that would have to be waited for
        while a result is under way.
    workers
        Threads; 0 calls `function` in the consuming thread when its result is asked for.
    in_flight
        Results started and not yet taken, at most; at least 1.
    name
        What the stage does, for thread names and for the message about a long wait.
    tell_after
        Seconds of waiting after which, and after each doubling of which, a warning is logged.

    Returns
    -------
    An iterator and context manager; close it, or use it up.

    Raises
    ------
    OptionError
        If `workers` is negative or `in_flight` is below 1.

    Examples
    --------
    >>> with prefetch(abs, [-1, 2, -3], workers=2, in_flight=2, name="abs") as results:
    ...     list(results)
    [1, 2, 3]
    """
    if workers < 0:
        raise OptionError(f"workers must be 0 or more, got {workers}")
    if in_flight < 1:
        raise OptionError(f"in_flight must be at least 1, got {in_flight}")
    return Prefetched(function, iter(tasks), workers, in_flight, name, tell_after)


class Prefetched(Generic[Task, Result]):
    """Results of `prefetch`, in order. Not to be shared between consuming threads."""

    def __init__(
        self,
        function: Callable[[Task], Result],
        tasks: Iterator[Task],
        workers: int,
        in_flight: int,
        name: str,
        tell_after: float,
    ) -> None:
        self._function = function
        self._tasks = tasks
        self._in_flight = in_flight
        self._name = name
        self._tell_after = tell_after
        self._futures: deque[Future[Result]] = deque()
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix=f"stoker-{name}") if workers else None
        self._exhausted = False
        self._failed: BaseException | None = None
        self._closed = False

    def __iter__(self) -> Iterator[Result]:
        return self

    def __enter__(self) -> Prefetched[Task, Result]:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def start(self) -> None:
        """Start as many tasks as the bound allows, without waiting for any."""
        while len(self._futures) < self._in_flight and not self._exhausted and self._task_at_hand():
            self._start_one()

    def ready(self) -> bool:
        """Whether the next result, or the end, can be had without waiting."""
        if self._pool is None:
            return False
        self.start()
        return self._futures[0].done() if self._futures else self._exhausted

    def __next__(self) -> Result:
        if self._closed:
            raise StopIteration
        if self._pool is None:
            return self._call_here()
        self.start()
        if not self._futures and not self._exhausted:
            self._start_one()
        if not self._futures:
            failed = self._failed
            self.close()
            if failed is not None:
                raise failed
            raise StopIteration
        future = self._futures.popleft()
        try:
            result = self._wait(future)
        except BaseException:
            self.close()
            raise
        self.start()
        return result

    def _start_one(self) -> None:
        assert self._pool is not None
        try:
            task = next(self._tasks)
        except StopIteration:
            self._exhausted = True
        except BaseException as error:
            # The results before the failing task are still good, and come first.
            self._exhausted, self._failed = True, error
        else:
            self._futures.append(self._pool.submit(self._function, task))

    def _task_at_hand(self) -> bool:
        """Whether the next task can be drawn without waiting; tasks that cannot tell are trusted."""
        ready: Callable[[], bool] | None = getattr(self._tasks, "ready", None)
        return ready is None or ready()

    def _call_here(self) -> Result:
        try:
            return self._function(next(self._tasks))
        except BaseException:
            self.close()
            raise

    def _wait(self, future: Future[Result]) -> Result:
        patience, began = self._tell_after, time.monotonic()
        while True:
            try:
                return future.result(timeout=patience)
            except FutureTimeout:
                if future.done():  # the function itself raised a TimeoutError
                    return future.result()
            except StopIteration as error:
                # Let through, it would end the results as if there were no more.
                raise WorkerError(f"the stage {self._name!r} raised StopIteration for a task") from error
            waited = time.monotonic() - began
            alive = sum(thread.name.startswith(f"stoker-{self._name}") for thread in threading.enumerate())
            if not alive:
                raise WorkerError(f"every worker of the stage {self._name!r} has ended without a result")
            _log.warning("still waiting for %s after %.0f s (%d threads alive)", self._name, waited, alive)
            patience = waited

    def close(self) -> None:
        """Cancel what has not begun, wait for what runs, close the tasks; idempotent."""
        if getattr(self, "_closed", True):
            return
        self._closed = True
        for future in self._futures:
            future.cancel()
        self._futures.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        close = getattr(self._tasks, "close", None)
        if close is not None:
            close()
