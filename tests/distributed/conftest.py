"""What tests on a Ray cluster share: files, and what one process comes to."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from commands import ROWS, TRAIN, answered, started
from member import write_data


@pytest.fixture(autouse=True)
def _ray_can_start(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("ray") and not os.access("/dev/shm", os.W_OK):
        pytest.skip("Ray keeps objects in /dev/shm, which cannot be written here")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("ray")
    write_data(made, rows=ROWS)
    return made


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    """Where Ray makes its own folder, with a name so short that there is room for those of sockets."""
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp", ignore_cleanup_errors=True) as made:
        yield Path(made)


@pytest.fixture(scope="session")
def alone(folder: Path) -> dict[str, Any]:
    """What one process comes to."""
    with started(folder, *TRAIN, "--run", "alone") as process:
        return answered(process)
