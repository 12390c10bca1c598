"""A block that cannot be read, a file that is cut off: told with file and byte; what was trained is kept."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faulty import BLOCK, feed_of

import stoker
from stoker.checkpoints import CheckpointStore
from stoker.errors import ChangedDataError
from stoker.ledger import Ledger
from stoker.survey import survey

pytestmark = pytest.mark.timeout(120)

LOST = 1_000_000
"""A byte in the middle of the table."""
AT = LOST // BLOCK * BLOCK
EPOCHS = 2


def said(path: Path) -> str:
    return rf"{path}: reading \d+ bytes at byte {AT} failed \(Input/output error\); the disk or share"


def cut_off(path: Path) -> None:
    os.truncate(path, LOST)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_survey_names_file_and_byte_and_leaves_nothing(workers, table, disk):
    disk.lose(LOST)
    with pytest.raises(ChangedDataError, match=said(table)):
        survey(stoker.open(table, label="y"), workers=workers)
    left = [path.name for path in table.parent.rglob("*") if path.is_file() and path.name != ".gitignore"]
    assert left == ["t.csv"]
    disk.mend()
    assert survey(stoker.open(table, label="y")).num_rows == 10_000


def test_a_file_that_shrinks_while_it_is_surveyed_is_told_with_the_byte(table, disk):
    size = table.stat().st_size

    def shrink(path: str, start: int, size: int) -> int:
        if path == str(table) and start > LOST // 2:
            cut_off(table)
        return size

    disk.before = shrink
    words = f"t.csv shrank while it was read: it had {size} bytes when it was opened and ends at byte {LOST}"
    with pytest.raises(ChangedDataError, match=words):
        survey(stoker.open(table, label="y"), workers=0, ledger=Ledger(8_000_000))


def test_a_cache_is_not_made_of_half_a_file(table, disk):
    feed_of(table).prepare()
    feed = feed_of(table, cache="always")
    feed.prepare()  # finds the survey, which could have made the cache
    disk.lose(LOST)
    with pytest.raises(ChangedDataError, match=said(table)):
        feed.build_cache()
    assert not list(table.parent.rglob("*.arrow*"))
    assert not list(table.parent.rglob(".building-*"))


def weights_of(model: Any) -> list[np.ndarray]:
    return [np.array(value) for value in model.get_weights()]


class Training:
    """Runs over the table, into which something may come."""

    def __init__(self, folder: Path, model: Callable[[Any], Any]) -> None:
        self.folder, self.make_model = folder, model

    def run(self, name: str, *, cache: str = "never", **options: Any) -> list[np.ndarray]:
        """Train, and give the weights."""
        feed = feed_of(self.folder / "t.csv", cache=cache)
        valid = feed.derive(self.folder / "valid.csv")
        model = self.make_model(feed)
        stoker.fit(
            model, feed, validation=valid, epochs=EPOCHS, run=self.folder / name, progress="none", **options
        )
        return [np.array(value) for value in model.get_weights()]


@pytest.fixture
def training(table: Path, model: Callable[[Any], Any]) -> Training:
    shutil.copy(table, table.parent / "valid.csv")
    return Training(table.parent, model)


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("is unreadable", "t.csv"),
        pytest.param("is cut off", "valid.csv", marks=pytest.mark.slow),
        pytest.param("is unreadable", "valid.csv", marks=pytest.mark.slow),
        pytest.param("is cut off", "t.csv", marks=pytest.mark.slow),
    ],
)
def test_a_training_keeps_what_it_has_and_is_resumed_to_the_same_bits(what, name, training, disk, after_step):
    undisturbed = training.run("undisturbed")
    path = training.folder / name
    whole = path.read_bytes()

    def unreadable(read: str, start: int, size: int) -> int:
        if read == str(path):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return size

    def happens() -> None:
        if what == "is unreadable":
            disk.before = unreadable
        else:
            cut_off(path)

    # Before a validation nothing is saved out of turn.
    options = {} if name == "t.csv" else {"checkpoint_every": "10steps"}
    after_step(5, happens)
    words = {"is unreadable": r": reading \d+ bytes at byte \d+ failed", "is cut off": " shrank since it was"}
    with pytest.raises(ChangedDataError, match=f"{path}{words[what]}"):
        training.run("disturbed", **options)
    saved = CheckpointStore(training.folder / "disturbed").newest()
    assert saved is not None
    assert saved.step >= 5
    disk.mend()
    path.write_bytes(whole)
    resumed = training.run("disturbed", resume="auto", **options)
    assert all(np.array_equal(*pair) for pair in zip(resumed, undisturbed, strict=True))


@pytest.mark.slow
def test_a_training_whose_cache_is_cut_off_keeps_what_it_has_and_makes_the_cache_anew(training, after_step):
    undisturbed = training.run("undisturbed")

    def cut_off_the_end() -> None:
        """A byte that no row has: rows that are in a window already can be read."""
        (path,) = training.folder.rglob("rows-*.arrow")
        os.truncate(path, path.stat().st_size - 1)

    after_step(5, cut_off_the_end)
    with pytest.raises(
        ChangedDataError, match=r"rows-.*\.arrow was cut off while its rows were used: it had"
    ):
        training.run("disturbed", cache="always")
    saved = CheckpointStore(training.folder / "disturbed").newest()
    assert saved is not None
    assert saved.step >= 5
    resumed = training.run("disturbed", cache="always", resume="auto")
    assert all(np.array_equal(*pair) for pair in zip(resumed, undisturbed, strict=True))
