"""Models that tell what they were trained on, and callbacks that listen."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import stoker.training  # noqa: F401  # settles the backend before Keras is imported

import keras  # isort: skip
from kept_models import value_of  # isort: skip

BACKEND = keras.backend.backend()


@dataclass(frozen=True)
class Way:
    """How batches are computed, as a script says it."""

    workers: int
    use_multiprocessing: bool = False

    def __str__(self) -> str:
        return f"{self.workers}-{'processes' if self.use_multiprocessing else 'threads'}"

    @property
    def arguments(self) -> dict[str, Any]:
        return {"workers": self.workers, "use_multiprocessing": self.use_multiprocessing}

    def warned(self, kind: str) -> AbstractContextManager[Any]:
        """Only several processes for one generator deserve a warning."""
        if kind == "generator" and self.use_multiprocessing and self.workers > 1:
            return pytest.warns(UserWarning, match="Sequence")
        return nullcontext()


THREADS = [Way(0), Way(1), Way(4)]
PROCESSES = [Way(1, True), Way(4, True)]
WAYS = [*THREADS, *PROCESSES]


class Seen(keras.callbacks.Callback):
    """The numbers of the batches that the model computed, epoch by epoch, as its losses tell them.

    ``on_train_batch_end`` gets the mean of the losses of the epoch so far; all batches are of one size.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trained: list[list[int]] = []
        self.tested: list[list[int]] = []
        self.tested_in: list[int] = []
        self._trained_total = self._tested_total = 0.0
        self._epoch = -1

    @property
    def all_trained(self) -> list[int]:
        """The numbers of all epochs."""
        return [number for epoch in self.trained for number in epoch]

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch, self._trained_total = epoch, 0.0
        self.trained.append([])

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._trained_total = _note(self.trained[-1], self._trained_total, logs)

    def on_test_begin(self, logs: Any = None) -> None:
        self.tested_in.append(self._epoch)
        self._tested_total = 0.0
        self.tested.append([])

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self._tested_total = _note(self.tested[-1], self._tested_total, logs)


def _note(numbers: list[int], total_before: float, logs: Any) -> float:
    total = float(logs["loss"]) * (len(numbers) + 1)
    numbers.append(round(total - total_before))
    return total


def told(y_true: Any, y_pred: Any) -> Any:
    """A loss that is the batch's number, whatever the model says."""
    return keras.ops.mean(y_true + 0.0 * y_pred, axis=-1)


def make_teller(*, built: bool = True) -> Any:
    """A model whose loss on a batch is the batch's number, and whose prediction is its input."""
    inputs = [keras.layers.Input((1,))] if built else []
    model = keras.Sequential([*inputs, keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile(keras.optimizers.SGD(0.01), told)
    if built:
        model.optimizer.build(model.trainable_variables)
    return model


def make_learner(*, built: bool = True) -> Any:
    """Four numbers in, three classes out; always with the same first weights."""
    start = keras.initializers.GlorotUniform
    model = keras.Sequential(
        [
            *([keras.layers.Input((4,))] if built else []),
            keras.layers.Dense(8, "relu", kernel_initializer=start(1)),
            keras.layers.Dense(3, "softmax", kernel_initializer=start(2)),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    if built:
        model.optimizer.build(model.trainable_variables)
    return model


def values_of(model: Any) -> list[np.ndarray]:
    """Copies of the weights."""
    return [value_of(each) for each in model.weights]


def steps_of(model: Any) -> int:
    """The steps that the optimizer took since the model was made."""
    return int(value_of(model.optimizer.iterations))


def sliced(*arrays: np.ndarray, size: int = 8) -> list[tuple[np.ndarray, ...]]:
    """The arrays' rows as consecutive batches."""
    return [tuple(each[i : i + size] for each in arrays) for i in range(0, len(arrays[0]), size)]
