"""A function computed by child processes: spawned, never forked; they answer through shared memory."""

from __future__ import annotations

import logging
import os
import reprlib
import socket
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Generic, TypeVar, cast

from stoker.errors import OptionError, WorkerError
from stoker.prefetch.pickling import culprit, pack
from stoker.prefetch.spawned import KilledError, Parcel, Spawned
from stoker.prefetch.wire import Buffer

__all__ = ["Processes"]

Task = TypeVar("Task")
Result = TypeVar("Result")

_log = logging.getLogger("stoker")

_MOST_SLOTS = 128
"""Regions of shared memory of all children together; each takes two descriptors."""


class Processes(Generic[Task, Result]):
    """A callable whose calls are computed in child processes; made for `prefetch`, one thread a child.

    Children start in fresh interpreters, all at once, and never import the script again, so that none needs
    ``if __name__ == "__main__"``: its functions and classes travel by value. They find modules where this
    process does. A child that dies is noticed at once, and none outlives this process, however that ends.

    Results belong to the receiver: their arrays lie in shared memory that is written again only when
    nothing refers to them any more.

    Parameters
    ----------
    function
        Called in a child with one task.
    workers
        Children, at least 1. With one, all calls meet the same state, in the order of the calls.
    name
        What they compute, for messages.
    stand_ins
        Importable classes that take the place of others when `function` is sent, for classes whose module a
        child had better not import.
    parts
        Given `function`, the parts of it that a user knows, by the names to tell them by if one cannot be
        pickled.
    start_within
        Seconds that a child's interpreter may take to start.
    attempts
        How often a task is computed where a signal kills the child that is at it, each time by a new child
        in its place, which has the function as it was sent. Only for functions that give the same again.

    Raises
    ------
    OptionError
        If `function` cannot be pickled, naming the part of it that cannot; if `workers` is below 1; on a
        system without Unix sockets.
    WorkerError
        When called: if the child dies, or if all have died or were shut down. An exception of the function
        comes with its own type and attributes, and the child's traceback as a note.

    Examples
    --------
    >>> from stoker.prefetch import prefetch
    >>> with Processes(abs, workers=1, name="abs") as remote:
    ...     with prefetch(remote, [-1, 2], workers=1, in_flight=2, name="abs") as results:
    ...         print(*results)
    1 2
    """

    def __init__(
        self,
        function: Callable[[Task], Result],
        *,
        workers: int,
        name: str,
        stand_ins: Mapping[type, type] | None = None,
        parts: Callable[[Any], Mapping[str, Any]] | None = None,
        start_within: float = 60.0,
        attempts: int = 1,
    ) -> None:
        if workers < 1:
            raise OptionError(f"workers must be 1 or more for processes, got {workers}")
        if not (hasattr(socket, "AF_UNIX") and hasattr(socket, "send_fds")):
            raise OptionError("worker processes need Unix sockets, which this system lacks; use threads")
        self._name, self._stand_ins, self._parts = name, dict(stand_ins or {}), parts
        self._attempts = attempts
        self._parcel = self._packed(function)
        self._children: list[Spawned] = []
        self._idle: list[Spawned] = []
        self._turn = threading.Condition()
        self._end = weakref.finalize(self, _end, self._children, self._idle, self._turn, os.getpid())
        most_slots = max(4, _MOST_SLOTS // workers)
        self._start = partial(Spawned, name, most_slots=most_slots, start_within=start_within)
        try:
            for _ in range(workers):
                self._children.append(self._start())
        except BaseException:
            self.close()
            raise
        self._idle += reversed(self._children)

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the children that live."""
        return tuple(child.pid for child in self._children if not child.dead)

    def __enter__(self) -> Processes[Task, Result]:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __call__(self, task: Task) -> Result:
        """Have the next free child compute `task`, and wait for it."""
        with self._turn:
            self._turn.wait_for(lambda: self._idle or all(child.dead for child in self._children))
            if not self._idle:
                raise WorkerError(f"no process of {self._name!r} is left: each was shut down or has died")
            child = self._idle.pop()
            parcel = self._parcel
        try:
            for attempt in range(1, self._attempts + 1):
                try:
                    return cast(Result, child.compute(parcel, task))
                except KilledError as error:
                    child = self._successor(child, error, attempt)
            raise AssertionError  # the last attempt returns or raises
        finally:
            with self._turn:
                if not child.dead:
                    self._idle.append(child)
                self._turn.notify_all()

    def _successor(self, child: Spawned, error: KilledError, attempt: int) -> Spawned:
        """A new child in the place of one that was killed; raises the error if there shall be none."""
        if attempt == self._attempts:
            if attempt == 1:
                raise error
            raise WorkerError(
                f"{attempt} processes died of the same task, the last one so: {error}"
            ) from error
        with self._turn:
            if not self._end.alive:
                raise error
            successor = self._start()
            self._children[self._children.index(child)] = successor
        child.stop()
        _log.warning("%s; a new process takes its place and computes it again", error)
        return successor

    def replace(self, function: Callable[[Task], Result]) -> None:
        """Have every child use another function from its next task on.

        Raises
        ------
        OptionError
            As for the first one.
        """
        self._parcel = self._packed(function)

    def at_work(self) -> str:
        """What each child computes, and since when."""
        now = time.monotonic()
        parts = [
            f"process {child.pid} computes {reprlib.repr(child.task)} since {now - since:.0f} s"
            for child in self._children
            if (since := child.since) is not None
        ]
        return ", ".join(parts) or "no process computes anything"

    def stacks(self) -> str:
        """Where the threads of each child stand that computes."""
        parts = [
            f"process {child.pid}:\n{said}"
            for child in self._children
            if child.since is not None and (said := child.stacks())
        ]
        return "\n".join(parts)

    def interrupt(self) -> None:
        """Kill the children that are computing; calls that wait for one raise `WorkerError`."""
        for child in self._children:
            if child.since is not None:
                child.stop()

    def close(self) -> None:
        """Kill all children, whatever they do, and wait until they are gone; idempotent."""
        self._end()
        self._parcel.close()

    def _packed(self, function: Callable[[Task], Result]) -> Parcel:
        named = None if self._parts is None else self._parts(function)
        return Parcel(sendable(function, name=self._name, stand_ins=self._stand_ins, parts=named))


def sendable(
    function: Any, *, name: str, stand_ins: Mapping[type, type], parts: Mapping[str, Any] | None = None
) -> list[Buffer]:
    """A function as it is sent to another process.

    Raises
    ------
    OptionError
        If it cannot be pickled, naming the part of it that cannot; see `Processes`.
    """
    try:
        return pack(function, stand_ins=stand_ins)
    except MemoryError:
        raise
    except Exception as error:
        where, why = culprit(function, "function", stand_ins=stand_ins, named=parts)
        raise OptionError(
            f"{name!r} cannot be computed in another process: {where}, cannot be pickled ({why}); "
            "make or open it where a task is computed, or use threads instead of processes"
        ) from error


def _end(children: list[Spawned], idle: list[Spawned], turn: threading.Condition, pid: int) -> None:
    if os.getpid() != pid:  # in a fork of the parent, whose children these are not
        return
    with turn:  # whoever replaces one does it before or not at all
        living = list(children)
    for child in living:
        child.stop()
    with turn:
        idle.clear()
        turn.notify_all()
