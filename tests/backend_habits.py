"""What every folder of tests that trains models does about its backend, from its ``conftest.py``."""

from __future__ import annotations

from pathlib import Path

import pytest

import stoker.training  # noqa: F401  # settles the backend before Keras is imported

import keras  # isort: skip

BACKEND = keras.backend.backend()


def compile_once(config: pytest.Config, folders: pytest.TempPathFactory) -> None:
    """JAX compiles a program once, and not anew for every model object that needs the same one."""
    if BACKEND != "jax":
        return
    import jax

    cache = getattr(config, "cache", None)
    folder = folders.mktemp("jax") if cache is None else cache.mkdir("jax")
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)


def forgive_copies(items: list[pytest.Item], folder: Path) -> None:
    """On PyTorch, Keras's own ``convert_to_numpy`` meets its tensors' missing ``copy`` argument."""
    if BACKEND != "torch":
        return
    for item in items:
        if folder in item.path.parents:
            message = "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
            item.add_marker(pytest.mark.filterwarnings(message))
