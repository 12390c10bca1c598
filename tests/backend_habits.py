"""What every folder of tests that trains models does about its backend, from its ``conftest.py``."""

from __future__ import annotations

from pathlib import Path

import pytest

import stoker.training  # noqa: F401  # settles the backend before Keras is imported

import keras  # isort: skip

BACKEND = keras.backend.backend()


def forgive_copies(items: list[pytest.Item], folder: Path) -> None:
    """On PyTorch, Keras's own ``convert_to_numpy`` meets its tensors' missing ``copy`` argument."""
    if BACKEND != "torch":
        return
    for item in items:
        if folder in item.path.parents:
            message = "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
            item.add_marker(pytest.mark.filterwarnings(message))
