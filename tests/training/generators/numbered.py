"""Generators and Sequences whose every batch says which one it is, and a callback that notes which came."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np


class Numbers:
    """An iterator of batches (x, y) whose y is the number of the batch; `pulled` are those made so far."""

    def __init__(self, stop: int | None = None, rows: Callable[[int], int] = lambda number: 4) -> None:
        self.pulled: list[int] = []
        self.threads: set[int] = set()
        self._stop, self._rows = stop, rows

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        number = len(self.pulled)
        if number == self._stop:
            raise StopIteration
        self.pulled.append(number)
        self.threads.add(threading.get_ident())
        return batch_of(number, self._rows(number))


class Numbered(keras.utils.PyDataset):
    """A Sequence of such batches that notes what is asked of it."""

    def __init__(self, length: int = 4) -> None:
        super().__init__()
        self.length = length
        self.asked: list[int] = []
        self.events: list[str] = []
        self.under_way = 0

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        self.under_way += 1
        self.asked.append(index)
        self.events.append(f"item {index}")
        self.under_way -= 1
        return batch_of(index, 4)

    def on_epoch_end(self) -> None:
        assert not self.under_way
        self.events.append("end")

    @property
    def passes(self) -> int:
        return self.events.count("end")


class Seen(keras.callbacks.Callback):
    """Notes every hook, and from the running means which batches the model was given."""

    def __init__(self) -> None:
        super().__init__()
        self.hooks: list[str] = []
        self.logs: list[dict[str, Any]] = []
        self.trained: list[float] = []
        self.tested: list[float] = []
        self._rows = self._sum = 0.0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.hooks.append("train")
        self.logs.append(logs)
        self.trained.append(self._number(logs))

    def on_test_begin(self, logs: Any = None) -> None:
        self.hooks.append("test begin")

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self.hooks.append("test")
        self.tested.append(self._number(logs))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.hooks.append("epoch end")

    def _number(self, logs: dict[str, Any]) -> float:
        """The batch's own value, out of the mean over this and the batches before."""
        if logs["batch"] == 0:
            self._rows = self._sum = 0.0
        rows, total = self._rows + logs["size"], logs["mae"] * (self._rows + logs["size"])
        own = (total - self._sum) / logs["size"]
        self._rows, self._sum = rows, total
        return round(own, 2)


def batch_of(number: int, rows: int = 4) -> tuple[np.ndarray, np.ndarray]:
    return np.ones((rows, 2), np.float32), np.full((rows, 1), number, np.float32)
