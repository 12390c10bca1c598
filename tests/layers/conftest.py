"""The layers are tested on whatever backend is settled."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from backend_habits import compile_once, forgive_copies  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def _compiled_once(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> None:
    compile_once(pytestconfig, tmp_path_factory)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    forgive_copies(items, HERE)
