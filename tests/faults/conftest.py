"""A folder of its own for each test, with a table, a model, and a disk that does what it is told."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from faulty import Disk, write_table

from backend_habits import forgive_copies

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    forgive_copies(items, HERE)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(here: Path) -> None:
    """Every test of this room."""


@pytest.fixture(scope="session")
def _table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_table(tmp_path_factory.mktemp("table") / "t.csv")


@pytest.fixture
def table(here: Path, _table: Path) -> Path:
    """A table whose rows do not fit the memory of a feed of 8 MB."""
    return Path(shutil.copy(_table, here))


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """The disk behind `os.preadv`."""
    made, preadv = Disk(), os.preadv

    def read(descriptor: int, buffers: list[memoryview], offset: int, *flags: int) -> int:
        if made.before is not None:
            (buffer,) = buffers
            path = os.readlink(f"/proc/self/fd/{descriptor}")
            buffers = [buffer[: made.before(path, offset, len(buffer))]]
        return preadv(descriptor, buffers, offset, *flags)

    monkeypatch.setattr(os, "preadv", read)
    return made


@pytest.fixture
def after_step(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[], None]], None]:
    """Have something happen as soon as so many steps were taken."""

    def at(step: int, happens: Callable[[], None]) -> None:
        from stoker.training.handover import Handover

        finish, taken = Handover.finish, itertools.count(1)

        def counted(handover: Handover, count: int) -> int:
            if next(taken) == step:
                happens()
            return finish(handover, count)

        monkeypatch.setattr(Handover, "finish", counted)

    return at


@pytest.fixture
def model() -> Callable[[Any], Any]:
    """Makes a small model for a feed."""

    def build(feed: Any) -> Any:
        from stoker import models

        return models.build("linear", feed, seed=1)

    return build
