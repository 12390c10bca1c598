"""Any callable over any iterator of tasks, in threads or the calling thread: ordered, bounded, closable.

One bounded deque of futures gives everything: results come in the order of their tasks, an exception arrives
in its place with its own type, and no more than ``in_flight`` tasks are started beyond what was taken.
"""

from __future__ import annotations

import reprlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import ExitStack
from functools import partial
from typing import Generic, TypeVar

from stoker.errors import OptionError, WorkerError
from stoker.prefetch.threads import Job, Threads
from stoker.waits import StageWait, look, watched

__all__ = ["Prefetched", "prefetch"]

Task = TypeVar("Task")
Result = TypeVar("Result")

_CLOSE_WITHIN_SECONDS = 5.0


def prefetch(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    *,
    workers: int,
    in_flight: int,
    name: str,
    tell_after: float | None = None,
    close_within: float = _CLOSE_WITHIN_SECONDS,
    helping: bool = False,
) -> Prefetched[Task, Result]:
    """Apply `function` to every task, ahead of the consumer and in order.

    Parameters
    ----------
    function
        Called in a worker thread, once a task. It may have methods, as `stoker.prefetch.Processes` has:
        ``at_work() -> str`` says in the message about a long wait what is being computed, ``stacks() -> str``
        where, and ``interrupt()`` is called where the results are closed while a task is computed, so that
        nobody waits for it.
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
        Seconds of waiting after which, and after each doubling of which, a warning is logged with what holds
        it up and the stacks of all threads; None for `stoker.waits.limit_seconds`.
    close_within
        Seconds that `close` waits for tasks that are being computed. Then a warning names them, and their
        threads, which do not keep the interpreter from exiting, are left behind.
    helping
        Whether the consuming thread is one of the workers: instead of waiting it computes what nobody has
        begun. For consumers that have much to do with each result, where one more thread than there are
        cores would only take turns with the others.

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
    threads = max(0, workers - helping)
    return Prefetched(function, iter(tasks), threads, in_flight, name, tell_after, close_within, helping)


class Prefetched(Generic[Task, Result]):
    """Results of `prefetch`, in order. Not to be shared between consuming threads."""

    def __init__(
        self,
        function: Callable[[Task], Result],
        tasks: Iterator[Task],
        workers: int,
        in_flight: int,
        name: str,
        tell_after: float | None,
        close_within: float,
        helping: bool,
    ) -> None:
        self._function = function
        self._helping = helping
        self._tasks = tasks
        self._in_flight = in_flight
        self._name = name
        self._tell_after = tell_after
        self._jobs: deque[Job[Result]] = deque()
        self._threads: Threads[Result] | None = None
        self._watch: ExitStack | None = None
        if workers:
            interrupt = getattr(function, "interrupt", None)
            self._threads = Threads(workers, name=name, within=close_within, interrupt=interrupt)
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
        while len(self._jobs) < self._in_flight and not self._exhausted and self._task_at_hand():
            self._start_one()

    def ready(self) -> bool:
        """Whether the next result, or the end, can be had without waiting."""
        if self._threads is None:
            return False
        self.start()
        return self._jobs[0].done() if self._jobs else self._exhausted

    def __next__(self) -> Result:
        if self._closed:
            raise StopIteration
        if self._threads is None:
            return self._call_here()
        self.start()
        if not self._jobs and not self._exhausted:
            self._start_one()
        if not self._jobs:
            failed = self._failed
            self.close()
            if failed is not None:
                raise failed
            raise StopIteration
        job = self._jobs.popleft()
        try:
            result = self._wait(job)
        except BaseException:
            self.close()
            raise
        self.start()
        return result

    def promise(self) -> Callable[[], Result]:
        """The next result as a call that waits for it, for a task of another stage to make in its own thread.

        The result no longer counts as in flight: who calls bounds how many are promised. Without workers the
        call computes the result, each time that it is made.

        Raises
        ------
        StopIteration
            If there are no more tasks.
        """
        if self._closed:
            raise StopIteration
        if self._threads is None:
            return partial(self._function, next(self._tasks))
        if not self._jobs and not self._exhausted:
            self._start_one()
        if not self._jobs:
            raise StopIteration if self._failed is None else self._failed
        job = self._jobs.popleft()
        self.start()
        return partial(self._wait, job)

    def _start_one(self) -> None:
        assert self._threads is not None
        try:
            task = next(self._tasks)
        except StopIteration:
            self._exhausted = True
        except BaseException as error:
            # The results before the failing task are still good, and come first.
            self._exhausted, self._failed = True, error
        else:
            self._jobs.append(self._threads.submit(self._function, task))

    def _task_at_hand(self) -> bool:
        """Whether the next task can be drawn without waiting; tasks that cannot tell are trusted."""
        ready: Callable[[], bool] | None = getattr(self._tasks, "ready", None)
        return ready is None or ready()

    def _call_here(self) -> Result:
        if self._watch is None:
            self._watch = ExitStack()
            self._watch.enter_context(watched())
        try:
            with self._waiting(lambda: "it is computed in the thread that waits"):
                task = next(self._tasks)
                try:
                    return self._function(task)
                except StopIteration as error:
                    raise self._stopped() from error
        except BaseException:
            self.close()
            raise

    def _waiting(self, why: Callable[[], str]) -> StageWait:
        stacks = getattr(self._function, "stacks", None)
        return StageWait(self._name, why=why, stacks=stacks, after=self._tell_after)

    def _wait(self, job: Job[Result]) -> Result:
        assert self._threads is not None
        if not job.done():
            with self._waiting(lambda: self._at_work(job)) as wait:
                while not job.done():
                    if self._helping and self._threads.help():
                        continue
                    look()
                    try:
                        job.exception(timeout=wait.pause())
                    except FutureTimeout:
                        self._require_thread(job)
        if isinstance(error := job.exception(), StopIteration):
            raise self._stopped() from error
        return job.result()

    def _require_thread(self, job: Job[Result]) -> None:
        assert self._threads is not None
        if self._threads.lost(job):
            raise WorkerError(
                f"the stage {self._name!r} lost the thread that was to compute {reprlib.repr(job.task)}"
            ) from None

    def _at_work(self, job: Job[Result]) -> str:
        assert self._threads is not None
        at_work: Callable[[], str] | None = getattr(self._function, "at_work", None)
        if at_work is not None:
            return at_work()
        alive = self._threads.alive()
        return (
            f"its task {reprlib.repr(job.task)} is not done yet, and {alive} "
            f"{'thread works' if alive == 1 else 'threads work'}; "
            "slow storage or a busy machine can take this long"
        )

    def _stopped(self) -> WorkerError:
        # Let through, it would end the results as if there were no more.
        return WorkerError(f"the stage {self._name!r} raised StopIteration for a task")

    def close(self) -> None:
        """Cancel what has not begun, wait a while for what runs, close the tasks; idempotent."""
        if getattr(self, "_closed", True):
            return
        self._closed = True
        for job in self._jobs:
            job.cancel()
        self._jobs.clear()
        try:
            if self._watch is not None:
                self._watch.close()
            if self._threads is not None:
                self._threads.close()
        finally:
            close = getattr(self._tasks, "close", None)
            if close is not None:
                close()
