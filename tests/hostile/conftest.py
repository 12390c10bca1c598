"""Small files of every kind that stoker reads, and the user's cache directory away from the real one."""

from __future__ import annotations

from pathlib import Path

import pytest

import stoker.training  # noqa: F401  # settles the backend before Keras is imported


@pytest.fixture(autouse=True)
def user_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where surveys go whose data are read-only."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    return tmp_path / "user-cache"
