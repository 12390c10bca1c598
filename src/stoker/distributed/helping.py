"""Tasks of a Ray cluster that help to survey and to fit."""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from stoker.cluster import Outcome, Place, failed, heard
from stoker.cluster.shipping import packed, unpacked
from stoker.crew import Crew
from stoker.distributed.board import Boards
from stoker.errors import WorkerError

__all__ = ["RayCrew"]

_RETRIES = 3
"""How often a task is done again whose process, or node, was lost."""
_LOOK_SECONDS = 1.0
_MOST_SECONDS = 1800.0
"""For one task, which takes seconds: it waits for a processor of a cluster that is busy, at most so long."""

C = TypeVar("C")
R = TypeVar("R")
T = TypeVar("T")


class RayCrew(Crew):
    """Has tasks done on a cluster that this process is connected to.

    Parameters
    ----------
    num_cpus
        What each task asks for: one processor, or none where those that help are waiting otherwise.
    boards
        Of processes that train together; None for one that is by itself.
    """

    def __init__(self, *, num_cpus: int, boards: Boards | None = None) -> None:
        import ray

        waiting = 0 if boards is None else boards.count
        self.size = max(1, waiting + round(ray.available_resources().get("CPU", 0)))
        self.tasks_a_host = -(-self.size // max(1, sum(node["Alive"] for node in ray.nodes())))
        self._num_cpus, self._boards = num_cpus, boards

    def told(self, about: str, ask: Callable[[], R]) -> R:
        """See `Crew.told`."""
        return ask() if self._boards is None else self._boards.told(about, ask)

    def each(self, function: Callable[[C, T], R], tasks: Iterable[T], common: C) -> Iterator[R]:
        """See `Crew.each`: tasks whose process is lost are done again, and others go on meanwhile."""
        import ray

        held = [ray.put(packed((Place.here(), function, common)))]  # in a list it stays a reference
        task_of = ray.remote(num_cpus=self._num_cpus, max_retries=_RETRIES, scheduling_strategy="SPREAD")(_do)
        waiting: deque[Any] = deque()
        try:
            for task in tasks:
                waiting.append(task_of.remote(held, packed(task)))
                if len(waiting) > self.size:
                    yield _taken(waiting.popleft())
            while waiting:
                yield _taken(waiting.popleft())
        finally:
            for left in waiting:
                ray.cancel(left, force=True)


def _taken(reference: Any) -> Any:
    """What came of a task."""
    import ray

    until = time.monotonic() + _MOST_SECONDS
    try:
        # A little at a time, so that Ctrl-C is heard.
        while not ray.wait([reference], timeout=_LOOK_SECONDS)[0]:
            if time.monotonic() >= until:
                raise WorkerError(
                    f"a task has not ended within {_MOST_SECONDS / 60:.0f} minutes: `ray status` tells "
                    "whether the cluster has processors to spare"
                )
        outcome: Outcome = unpacked(heard(reference))
    except ray.exceptions.RayError as error:
        raise WorkerError(
            f"a task of the Ray cluster failed {_RETRIES + 1} times: {str(error).splitlines()[0]}"
        ) from error
    return outcome.taken()


_common: tuple[str, Any] = ("", None)
"""What the tasks before this one in this process had in common, and where the program runs."""


def _do(held: list[Any], task: bytes) -> bytes:
    """A task, in a process of Ray's; what goes wrong is an answer too."""
    global _common
    lacks = ""
    try:
        name = held[0].hex()
        if _common[0] != name:
            _common = ("", None)
            _common = name, unpacked(heard(held[0]))
            _common[1][0].settle_in()
        place, function, common = _common[1]
        lacks = place.lacking()
        return packed(Outcome(value=function(common, unpacked(task))))
    except Exception as error:
        return packed(failed(error, socket.gethostname(), lacks))
