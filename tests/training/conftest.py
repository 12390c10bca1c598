"""Models that are compiled once a session and begin every test as they were made."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from memory_feed import make_feed

import stoker.training  # noqa: F401  # settles the backend before Keras is imported

import keras  # isort: skip
from backend_habits import forgive_copies  # isort: skip
from kept_models import Kept, value_of  # isort: skip

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    forgive_copies(items, HERE)


def build_small(task: str, *, dropout: bool = False) -> Any:
    units, activation, loss, metric = {
        "classes": (3, "softmax", "sparse_categorical_crossentropy", "accuracy"),
        "binary": (1, "sigmoid", "binary_crossentropy", "accuracy"),
        "regression": (1, None, "mean_squared_error", "mae"),
    }[task]
    layers = [keras.layers.Input((4,)), keras.layers.Dense(8, "relu", kernel_initializer=_start(1))]
    if dropout:
        layers.append(keras.layers.Dropout(0.5, seed=5))
    layers.append(keras.layers.Dense(units, activation, kernel_initializer=_start(2)))
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=[metric])
    return model


def _start(seed: int) -> Any:
    return keras.initializers.GlorotUniform(seed)


@pytest.fixture(scope="session")
def _kept_models() -> dict[Any, Kept]:
    return {}


@pytest.fixture
def small_model(_kept_models: dict[Any, Kept]) -> Callable[..., Any]:
    """``small_model(task, dropout=False)``: always the same object, with the weights it was made with."""
    from stoker.training.adapter import build_model

    def get(task: str = "classes", *, dropout: bool = False) -> Any:
        def made() -> Any:
            model = build_small(task, dropout=dropout)
            build_model(model, make_feed(task).spec, 8)
            return model

        key = (task, dropout)
        if key not in _kept_models:
            _kept_models[key] = Kept(made)
        return _kept_models[key].reset()

    return get


@pytest.fixture
def values_of() -> Callable[[Any], list[Any]]:
    return lambda model: [value_of(each) for each in model.weights]
