"""Who computes batches: the calling thread, threads, or processes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from stoker.errors import OptionError
from stoker.training.generators.shipping import StandIn, packed, parts

__all__ = ["Workers", "remote"]


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


def remote(function: Any, workers: Workers, name: str) -> tuple[Callable[[Any], Any], Callable[[], None]]:
    """The function itself, or one that computes it in child processes; and what ends these.

    Raises
    ------
    OptionError
        If the function cannot be sent to a process.
    """
    if not workers.in_processes or not workers.count:
        return function, lambda: None
    from stoker.prefetch import Processes

    shipped = packed(function)
    try:
        children = Processes(shipped, workers=workers.count, name=name, stand_ins=_stand_ins(), parts=parts)
    except OptionError as error:
        raise OptionError(f"use_multiprocessing=True: {error} (use_multiprocessing=False)") from error
    return children, children.close


def _stand_ins() -> dict[Any, Any]:
    """A Sequence of the user's reaches the child without Keras."""
    keras = sys.modules.get("keras")
    return {} if keras is None else {keras.utils.PyDataset: StandIn}
