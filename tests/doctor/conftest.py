"""JAX compiles a model's step once, and not anew for every test that measures it."""

from __future__ import annotations

import pytest

import stoker.training  # noqa: F401  # settles the backend before Keras is imported

import keras  # isort: skip


@pytest.fixture(scope="session", autouse=True)
def _compiled_once(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> None:
    if keras.backend.backend() != "jax":
        return
    import jax

    cache = getattr(pytestconfig, "cache", None)
    folder = tmp_path_factory.mktemp("jax") if cache is None else cache.mkdir("jax")
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
