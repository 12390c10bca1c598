"""Models that are compiled once and begin every test as they were made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import stoker.training  # noqa: F401  # settles the backend before Keras is imported

import keras  # isort: skip

__all__ = ["Kept", "value_of"]


class Kept:
    """A model that begins every test as it was made, without being compiled anew.

    Its variables are put back as they were, those of its optimizer and of its metrics too, if it is made with
    them: none that comes later is.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._model = model = make()
        variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
        self._first = [(each, value_of(each)) for each in variables]

    def reset(self) -> Any:
        for variable, value in self._first:
            variable.assign(value)
        self._model.stop_training = False
        return self._model


def value_of(variable: Any) -> np.ndarray:
    return np.array(keras.ops.convert_to_numpy(variable.value))
