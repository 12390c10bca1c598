"""A Sequence and a generator that worker processes import by name, where neither Keras nor Numba may be."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np


class Light:
    """A Sequence without Keras, whose numbers go on after each pass."""

    def __init__(self, length: int = 4) -> None:
        self.length, self.shift = length, 0

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        assert "keras" not in sys.modules, "a child imports no Keras"
        assert "numba" not in sys.modules
        return batch_of(index + self.shift)

    def on_epoch_end(self) -> None:
        self.shift += 10


class Begun(Light):
    """One whose numbers go on before each pass."""

    def on_epoch_begin(self) -> None:
        self.shift += 100


def batch_of(number: int) -> tuple[np.ndarray, np.ndarray]:
    return np.ones((4, 2), np.float32), np.full((4, 1), number, np.float32)


def numbers(first: int, *more: int, step: int = 1, **rest: int) -> Iterator[Any]:
    """Batches of `first`, and from then on as much more as the rest says."""
    number = first
    while True:
        yield batch_of(number)
        number += step + sum(more) + sum(rest.values())
