"""The layers are tested on whatever backend is settled."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from backend_habits import forgive_copies  # noqa: E402


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    forgive_copies(items, HERE)
