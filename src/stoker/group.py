"""The processes that train together: which of them this one is, and how they come to agree.

Each process knows one group, the current one; a process that trains by itself is a group of one, and then
nothing here costs anything. Who sets a group up gives it a way to exchange frames of bytes; what is asked of
others goes by that, at the same points of the program in all of them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

__all__ = ["ALONE", "Exchange", "Group", "current", "joined"]

T = TypeVar("T")

Frame = npt.NDArray[np.uint8]
Exchange = Callable[[Frame], Frame]
"""Gives what every process gave: from uint8 (size,), the same size in all, to uint8 (processes, size)."""

_SHORT = 248
_LENGTH = struct.Struct("<Q")
_WORD = 1 << 64


class Group:
    """Processes that train together, as one of them knows them.

    Duties of all: each calls the same methods in the same order, from one thread, as often as the others do;
    a call returns when all have come to it.

    Parameters
    ----------
    rank, count
        Which of them this is, counted from 0, and how many there are.
    exchange
        How frames of bytes go around; a group of one needs none.
    asked
        The number of the signal by which somebody outside asks training to stop, 0 while nobody does.

    Examples
    --------
    >>> ALONE.gather(b"alone"), ALONE.told(lambda: {"next": 7})
    ([b'alone'], {'next': 7})
    """

    def __init__(
        self,
        rank: int = 0,
        count: int = 1,
        exchange: Exchange = lambda frame: frame[np.newaxis],
        asked: Callable[[], int] = lambda: 0,
    ) -> None:
        if not 0 <= rank < count:
            raise ValueError(f"rank must lie in [0, {count}), got {rank}")
        self.rank, self.count, self.asked = rank, count, asked
        self._exchange = exchange

    @property
    def is_alone(self) -> bool:
        """Whether this process trains by itself."""
        return self.count == 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that decides, writes and shows."""
        return self.rank == 0

    def gather(self, message: bytes) -> list[bytes]:
        """What each process says here, in order of rank; any length, one that may differ."""
        if self.is_alone:
            return [message]
        frames = self._exchange(_framed(message[:_SHORT], len(message), _SHORT))
        lengths = [_LENGTH.unpack_from(frame)[0] for frame in frames]
        longest = max(lengths)
        if longest > _SHORT:
            frames = self._exchange(_framed(message, len(message), longest))
        return [
            frame[_LENGTH.size :][:length].tobytes() for frame, length in zip(frames, lengths, strict=True)
        ]

    def told(self, ask: Callable[[], T]) -> T:
        """The first process's answer, in all of them; the others are not asked.

        Parameters
        ----------
        ask
            Gives plain data. What it raises is raised in the first process alone, which leaves the group.
        """
        if self.is_alone:
            return ask()
        answer = msgspec.json.encode(ask()) if self.is_first else b""
        found: Any = msgspec.json.decode(self.gather(answer)[0])
        return found  # type: ignore[no-any-return]

    def words(self, values: Sequence[int]) -> list[tuple[int, ...]]:
        """What each process has of the same few numbers, each from 0 on and below 2**64."""
        if self.is_alone:
            return [tuple(values)]
        form = struct.Struct(f"<{len(values)}Q")
        return [
            form.unpack(message) for message in self.gather(form.pack(*(value % _WORD for value in values)))
        ]


def _framed(message: bytes, length: int, room: int) -> Frame:
    frame = np.zeros(_LENGTH.size + room, np.uint8)
    frame[: _LENGTH.size] = np.frombuffer(_LENGTH.pack(length), np.uint8)
    frame[_LENGTH.size :][: len(message)] = np.frombuffer(message, np.uint8)
    return frame


ALONE = Group()
"""The group of a process that trains by itself."""

_current = ALONE


def current() -> Group:
    """The group of this process.

    Examples
    --------
    >>> current().is_alone
    True
    """
    return _current


@contextmanager
def joined(group: Group) -> Iterator[Group]:
    """Inside, a group is the current one.

    Examples
    --------
    >>> with joined(Group(1, 2)):
    ...     current().rank
    1
    """
    global _current
    before, _current = _current, group
    try:
        yield group
    finally:
        _current = before
