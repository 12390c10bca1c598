"""A few daemon threads that take jobs in turn.

`concurrent.futures.ThreadPoolExecutor` joins its threads when the interpreter exits: a function of a user's
that sleeps for ever would hang the exit. These threads are waited for a few seconds, then named and left.
"""

from __future__ import annotations

import logging
import os
import reprlib
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from stoker.waits import At

__all__ = ["Job", "Threads", "available_cores"]

Result = TypeVar("Result")

_log = logging.getLogger("stoker")


def available_cores() -> int:
    """Cores that this process may use; all of them where the platform does not say."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Job(Future[Result]):
    """One call of a function, and the thread that makes it."""

    def __init__(self, function: Callable[[Any], Result], task: Any) -> None:
        super().__init__()
        self.function = function
        self.task = task
        self.thread: threading.Thread | None = None


class Threads(Generic[Result]):
    """At most `count` daemon threads, started as jobs come.

    They end at `close`, when this object is collected, and at the interpreter's exit, each time waited for
    `within` seconds at most; what computes longer is named in a warning and left behind.

    Parameters
    ----------
    count
        At least 1.
    name
        Of the stage; the threads are called ``stoker-<name>-<number>``.
    within
        Seconds that the end may take.
    interrupt
        Called at the end where a job is being computed then.

    Examples
    --------
    >>> threads = Threads(2, name="abs", within=5.0)
    >>> threads.submit(abs, -3).result()
    3
    >>> threads.close()
    """

    def __init__(
        self, count: int, *, name: str, within: float, interrupt: Callable[[], None] | None = None
    ) -> None:
        self._count, self._name = count, name
        self._inbox: SimpleQueue[Job[Any] | None] = SimpleQueue()
        self._workers: list[_Worker] = []
        self._end = weakref.finalize(self, _end, self._inbox, self._workers, name, within, interrupt)

    def submit(self, function: Callable[[Any], Result], task: Any) -> Job[Result]:
        """Have `function` called with `task` by the next free thread."""
        job = Job(function, task)
        self._inbox.put(job)
        if len(self._workers) < self._count:
            worker = _Worker(self._inbox, f"stoker-{self._name}-{len(self._workers)}")
            self._workers.append(worker)
            worker.start()
        return job

    def help(self) -> bool:
        """Do the oldest job that no thread has begun, in the calling thread; whether there was one.

        An interrupt of the calling thread is raised here, and not where the job's result is asked for.
        """
        try:
            job = self._inbox.get_nowait()
        except Empty:
            return False
        _run(job)
        error = None if job is None or job.cancelled() else job.exception()
        if error is not None and not isinstance(error, Exception):
            raise error
        return True

    def alive(self) -> int:
        """Threads that still take jobs."""
        return sum(worker.is_alive() for worker in self._workers)

    def lost(self, job: Job[Any]) -> bool:
        """Whether the job will never be done, because the thread that had it or every thread has ended.

        No exception of the job's own does that. An exception that somebody injects into a thread can.
        """
        thread = job.thread
        ended = not self.alive() if thread is None else not thread.is_alive()
        return ended and not job.done()

    def close(self) -> None:
        """Cancel what has not begun and end the threads; idempotent."""
        self._end()


class _Worker(threading.Thread):
    def __init__(self, inbox: SimpleQueue[Job[Any] | None], name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._inbox = inbox
        self.job: Job[Any] | None = None

    def run(self) -> None:
        while True:
            self.job = self._inbox.get()
            if self.job is None:
                return
            _run(self.job)
            # A thread that waits must not keep the last result alive.
            self.job = None


def _run(job: Job[Any] | None) -> None:
    assert job is not None
    job.thread = threading.current_thread()
    if not job.set_running_or_notify_cancel():
        return
    try:
        with At("computes {}", job.task):
            result = job.function(job.task)
    except BaseException as error:
        job.set_exception(error)
        # The exception's traceback refers to this frame, which must not refer to the exception.
        job = None
    else:
        job.set_result(result)


def _end(
    inbox: SimpleQueue[Job[Any] | None],
    workers: list[_Worker],
    name: str,
    within: float,
    interrupt: Callable[[], None] | None,
) -> None:
    while True:
        try:
            job = inbox.get_nowait()
        except Empty:
            break
        if job is not None:
            job.cancel()
    for _ in workers:
        inbox.put(None)
    if interrupt is not None and any((job := worker.job) and not job.done() for worker in workers):
        interrupt()
    deadline = time.monotonic() + within
    others = [worker for worker in workers if worker is not threading.current_thread()]
    for worker in others:
        # One whose start was interrupted ends when it begins, if it does: it may not be waited for till then.
        with suppress(RuntimeError):
            worker.join(max(0.0, deadline - time.monotonic()))
    left = [worker for worker in others if worker.is_alive()]
    if left:
        tasks = ", ".join(reprlib.repr(job.task) for worker in left if (job := worker.job) is not None)
        _log.warning(
            "the stage %r was closed, but %d of its threads did not end within %.0f s and are left behind; "
            "they compute %s",
            name,
            len(left),
            within,
            tasks,
        )
