"""Generators and Sequences whose batches tell their own number, importable by worker processes.

Keras is not imported here: what a worker process needs must start without it.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

SIZE = 2


def batch(number: float, size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """A batch of ``size`` rows, x and y of shape (size, 1), that hold its number everywhere."""
    return np.full((size, 1), number, np.float32), np.full((size, 1), number, np.float32)


def endless(length: int) -> Iterator[Any]:
    """0, 1, ... ``length - 1`` and again from 0, for ever."""
    for number in itertools.count():
        yield batch(number % length)


def finite(length: int) -> Iterator[Any]:
    """0, 1, ... ``length - 1``, and then the end."""
    for number in range(length):
        yield batch(number)


def failing(at: int, action: Callable[[], None]) -> Iterator[Any]:
    """As `endless`, but what ``action`` does happens in the place of batch ``at``."""
    for number in itertools.count():
        if number == at:
            action()
        yield batch(number)


class Counted:
    """An iterator that notes when and where each of its items was pulled."""

    def __init__(self, items: Iterator[Any]) -> None:
        self.items = items
        self.pulled = 0
        self.threads: set[int] = set()

    def __iter__(self) -> Counted:
        return self

    def __next__(self) -> Any:
        self.threads.add(threading.get_ident())
        item = next(self.items)
        self.pulled += 1
        return item


class Numbers:
    """A Sequence as thousands of scripts have it: ``__len__``, ``__getitem__`` and nothing of Keras's."""

    def __init__(self, length: int, *, pause: float = 0.0) -> None:
        self.length = length
        self.pause = pause

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        if self.pause:
            time.sleep(self.pause)
        return batch(index)


class Watched(Numbers):
    """Notes each call, and whether ``on_epoch_end`` came while a batch was being computed."""

    def __init__(self, length: int, *, pause: float = 0.0) -> None:
        super().__init__(length, pause=pause)
        self.lock = threading.Lock()
        self.threads: set[int] = set()
        self.started: list[int] = []
        self.computing = 0
        self.ends: list[tuple[int, int]] = []

    def __getitem__(self, index: int) -> Any:
        with self.lock:
            self.threads.add(threading.get_ident())
            self.started.append(index)
            self.computing += 1
        try:
            return super().__getitem__(index)
        finally:
            with self.lock:
                self.computing -= 1

    def on_epoch_end(self) -> None:
        with self.lock:
            self.ends.append((self.computing, len(self.started)))


class Changing(Numbers):
    """Has another length, and other numbers, after each pass."""

    def __init__(self, *lengths: int) -> None:
        super().__init__(lengths[0])
        self.lengths = list(lengths)
        self.passes = 0

    def __getitem__(self, index: int) -> Any:
        return batch(10 * self.passes + index)

    def on_epoch_end(self) -> None:
        self.passes += 1
        self.length = self.lengths[min(self.passes, len(self.lengths) - 1)]


class Shrinking(Numbers):
    """Says that it has more batches than it has."""

    def __init__(self, said: int, there: int) -> None:
        super().__init__(said)
        self.there = there

    def __getitem__(self, index: int) -> Any:
        if index >= self.there:
            raise IndexError(index)
        return super().__getitem__(index)


class Failing(Numbers):
    """Does ``action`` when batch ``at`` is asked for; the batches before it are slower than it."""

    def __init__(self, length: int, *, at: int, action: Callable[[], None], pause: float = 0.0) -> None:
        super().__init__(length, pause=pause)
        self.at, self.action = at, action

    def __getitem__(self, index: int) -> Any:
        if index == self.at:
            self.action()
        return super().__getitem__(index)


class Rows(Numbers):
    """Arrays, or sparse matrices, in batches of 8 rows."""

    def __init__(self, *arrays: Any) -> None:
        super().__init__(arrays[0].shape[0] // 8)
        self.arrays = arrays

    def __getitem__(self, index: int) -> Any:
        return tuple(array[index * 8 : index * 8 + 8] for array in self.arrays)


class OwnError(Exception):
    """An error of the user's own module, with something to say."""

    def __init__(self, row: int) -> None:
        super().__init__(row)
        self.row = row


def raise_own_error() -> None:
    raise OwnError(31)


def raise_unsayable() -> None:
    """An error that no other process can be sent."""

    class UnsayableError(Exception):
        def __reduce__(self) -> Any:
            raise TypeError("no")

    raise UnsayableError("unsayable")


@dataclass(frozen=True)
class InWorker:
    """Something that must not happen to the process of the tests itself."""

    what: str
    parent: int

    def __call__(self) -> None:
        if os.getpid() == self.parent:
            raise AssertionError("this was to happen in a worker process")
        if self.what == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.what == "exit":
            sys.exit(3)


def in_worker(what: str) -> InWorker:
    """``"kill"`` or ``"exit"``, in whichever process computes the batch."""
    return InWorker(what, os.getpid())
