"""Who helps this process to survey and to fit: nobody, unless a cluster's tasks were engaged.

Whoever engages helpers gives a way to have tasks done elsewhere; surveys and fits go by that where their rows
can be read by anybody, and come to the same bits as by themselves.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

__all__ = ["Crew", "current", "engaged"]

C = TypeVar("C")
R = TypeVar("R")
T = TypeVar("T")


class Crew(ABC):
    """Others who do tasks.

    Duties: functions, tasks, what is common to them, and results can be pickled; a function may be called
    again where who called it is lost; a limited number of tasks is in flight, and of results held.

    Attributes
    ----------
    size
        Tasks that are done at once.
    tasks_a_host
        Of these on one machine, at most: they share its memory.
    """

    size: int
    tasks_a_host: int

    @abstractmethod
    def each(self, function: Callable[[C, T], R], tasks: Iterable[T], common: C) -> Iterator[R]:
        """What a function makes of what is common and of each task, in their order.

        Raises
        ------
        StokerError
            What the function raised, of the first task of which it did; `WorkerError` for anything else.
        """

    def told(self, about: str, ask: Callable[[], R]) -> R:
        """The answer of the process that leads, in all that train together; only that one asks.

        What it raises is raised in all of them.

        Parameters
        ----------
        about
            What it is about, by which others know it; they ask the same as often, in the same order.
        ask
            Gives the answer.
        """
        return ask()


_current: Crew | None = None


def current() -> Crew | None:
    """Who helps this process; None where nobody does.

    Examples
    --------
    >>> current() is None
    True
    """
    return _current


@contextmanager
def engaged(crew: Crew) -> Iterator[Any]:
    """Inside, surveys and fits of this process have a crew's help."""
    global _current
    before, _current = _current, crew
    try:
        yield crew
    finally:
        _current = before
