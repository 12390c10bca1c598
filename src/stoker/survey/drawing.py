"""Chunks of a source, each drawn by the worker that goes on with it.

What is read is then still in the cache of the core that parses it, and the thread that puts the results
together does not read for everybody.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from typing import Generic, TypeVar

from stoker.waits import look

__all__ = ["CHUNK_BYTES", "Drawing", "chunk_bytes"]

CHUNK_BYTES = 4 << 20
"""Bytes that are drawn at a time at most."""
_LEAST_CHUNK_BYTES = 1 << 16
_HELD_PER_BYTE = {"int": 3, "float": 5}
"""Memory in flight for a byte of text: itself, and a matrix of four or eight bytes for two of text."""
_TELL_WITHIN_SECONDS = 1.0
_LOOK_EVERY_SECONDS = 1.0

Item = TypeVar("Item")
Result = TypeVar("Result")


def chunk_bytes(limit: int, in_flight: int, *, has_floats: bool) -> int:
    """How much to read at a time, so that what is in flight takes at most three eighths of the memory.

    Parameters
    ----------
    limit
        The memory in bytes.
    in_flight
        Chunks that are read and not yet counted.
    has_floats
        Whether a matrix of float64 is to be expected.
    """
    held = _HELD_PER_BYTE["float" if has_floats else "int"] * (in_flight + 1)
    return max(_LEAST_CHUNK_BYTES, min(CHUNK_BYTES, 3 * limit // (8 * held)))


class Drawing(Generic[Item, Result]):
    """A function of turns 0, 1, 2, …: draws the item of that number and works on it; None behind the last.

    Safe to call from several threads, once a turn; a turn waits until those before it have drawn. Where
    drawing fails the error is that of the turn, and the later ones get None.

    Parameters
    ----------
    items
        Drawn by one thread at a time, in order.
    work
        Called with each item, by several threads at a time.

    Examples
    --------
    >>> squares = Drawing((number for number in (2, 3)), lambda number: number**2)
    >>> [squares(turn) for turn in range(3)]
    [4, 9, None]
    """

    def __init__(self, items: Generator[Item] | Iterator[Item], work: Callable[[Item], Result]) -> None:
        self._items = items
        self._work = work
        self._moved = threading.Condition()
        self._turn = 0
        self._is_over = False

    def __call__(self, turn: int) -> Result | None:
        """Draw the item of a turn, when it is that one's, and give what `work` makes of it."""
        with self._moved:
            while not self._moved.wait_for(
                lambda: self._turn == turn or self._is_over, timeout=_LOOK_EVERY_SECONDS
            ):
                look()
            if self._is_over:
                return None
            try:
                item = next(self._items)
            except BaseException as error:
                self._end()
                if isinstance(error, StopIteration):
                    return None
                raise
            self._turn += 1
            self._moved.notify_all()
        return self._work(item)

    def interrupt(self) -> None:
        """Let nobody wait for a turn that may never come: see `stoker.prefetch.prefetch`."""
        self._is_over = True
        # Who draws for longer than that tells the others when it is done.
        if self._moved.acquire(timeout=_TELL_WITHIN_SECONDS):
            self._moved.notify_all()
            self._moved.release()

    def close(self) -> None:
        """Close the items, unless a thread that was left behind is still drawing; idempotent."""
        if not self._moved.acquire(blocking=False):
            return
        try:
            self._end()
            if isinstance(self._items, Generator):
                self._items.close()
        finally:
            self._moved.release()

    def _end(self) -> None:
        self._is_over = True
        self._moved.notify_all()
