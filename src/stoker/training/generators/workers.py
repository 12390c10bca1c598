"""Who computes batches: the calling thread, threads, or processes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from stoker.errors import OptionError
from stoker.training.generators.batches import BatchMaker
from stoker.training.generators.items import Advance, Item
from stoker.training.generators.kinds import kind_of
from stoker.training.generators.shipping import StandIn, packed, parts

__all__ = ["Workers", "check_sendable", "remote"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """How many, what kind, and how far ahead.

    Attributes
    ----------
    count
        0 computes in the calling thread.
    in_processes
        Processes instead of threads.
    queue
        Batches made ahead beside those under way.
    name
        Of the threads.
    """

    count: int = 1
    in_processes: bool = False
    queue: int = 10
    name: str = "generator"

    @property
    def in_flight(self) -> int:
        """Batches begun and not yet taken: with the one that the model takes, queue and workers' own."""
        return max(1, self.queue + self.count - 1)

    @property
    def one(self) -> Workers:
        """The same with one worker at most."""
        return replace(self, count=min(self.count, 1))


_ATTEMPTS = 3
"""How many processes a batch may cost: one that kills each of them is an error."""


def remote(
    function: Any, workers: Workers, name: str, *, repeatable: bool
) -> tuple[Callable[[Any], Any], Callable[[], None]]:
    """The function itself, or one that computes it in child processes; and what ends these.

    Parameters
    ----------
    repeatable
        Whether a task may be computed again, in a new process, where a signal has killed the one at it.

    Raises
    ------
    OptionError
        If the function cannot be sent to a process.
    """
    if not workers.in_processes or not workers.count:
        return function, lambda: None
    from stoker.prefetch import Processes

    shipped = packed(function)
    with _with_way_out():
        children = Processes(
            shipped,
            workers=workers.count,
            name=name,
            stand_ins=_stand_ins(),
            parts=parts,
            attempts=_ATTEMPTS if repeatable else 1,
        )
    return children, children.close


def check_sendable(source: Any) -> None:
    """Refuse a generator or Sequence that `remote` would refuse; it is neither advanced nor asked.

    Raises
    ------
    OptionError
        If it cannot be sent to a process.
    """
    from stoker.prefetch import sendable

    function: Any
    if kind_of(source) == "sequence":
        name, function = "sequence", Item(source, BatchMaker())
    else:
        iterator = source if hasattr(source, "__next__") else iter(source)
        name, function = "generator", Advance(iterator, BatchMaker(), "", None)
    shipped = packed(function)
    with _with_way_out():
        sendable(shipped, name=name, stand_ins=_stand_ins(), parts=parts(shipped))


@contextmanager
def _with_way_out() -> Iterator[None]:
    try:
        yield
    except OptionError as error:
        raise OptionError(f"use_multiprocessing=True: {error} (use_multiprocessing=False)") from error


def _stand_ins() -> dict[Any, Any]:
    """A Sequence of the user's reaches the child without Keras."""
    keras = sys.modules.get("keras")
    return {} if keras is None else {keras.utils.PyDataset: StandIn}
