"""A model that costs next to nothing and tells, by its metric, which batches it was given."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import keras  # isort: skip
from numbered import Seen  # isort: skip


@pytest.fixture(scope="session")
def _one_model() -> Any:
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(0.0), "mse", metrics=["mae"])
    return model


@pytest.fixture
def model(_one_model: Any) -> Any:
    """Predicts 0 and learns nothing: its ``mae`` on a batch is the number of the batch."""
    _one_model.stop_training = False
    return _one_model


@pytest.fixture
def seen() -> Seen:
    return Seen()
