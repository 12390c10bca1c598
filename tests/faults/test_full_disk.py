"""A disk that is full, a real one: what can go on goes on, what cannot says how much room it wants."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from faulty import feed_of

import stoker
from stoker.errors import DataError, MemoryBudgetError
from stoker.survey import survey
from stoker.transforms.spill import Spill

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def full(mounted: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A disk that others have filled unseen: it says that there is room."""
    plenty = shutil.disk_usage(mounted)._replace(free=1 << 40)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: plenty)
    monkeypatch.setenv("XDG_CACHE_HOME", str(mounted / "user-cache"))
    return mounted


def leave(folder: Path, num_bytes: int) -> None:
    """Have no more room on a disk than that."""
    status = os.statvfs(folder)
    size = (status.f_blocks - status.f_bfree) * status.f_frsize + num_bytes
    subprocess.run(["mount", "-o", f"remount,size={size}", folder], check=True)


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name != ".gitignore")


def test_a_survey_that_cannot_be_stored_is_made_all_the_same_and_leaves_nothing(full, table):
    path = shutil.copy(table, full)
    leave(full, 8_192)
    found = survey(stoker.open(path, label="y"))
    assert found.num_rows == 10_000
    assert "could not be stored and is made anew next time" in found.notes[0]
    assert "no space left" in found.notes[0].lower()
    assert files_in(full) == ["t.csv"]


def test_words_that_spill_say_which_disk_is_full_and_give_back_what_they_took(full, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(full))
    leave(full, 1 << 20)
    spill = Spill()
    kept = spill.write(np.arange(1 << 16))
    with pytest.raises(
        MemoryBudgetError, match=f"{full} is full with what does not fit the memory: set TMPDIR"
    ):
        spill.write(np.arange(1 << 17))
    assert spill.read(kept, 10, 12).tolist() == [10, 11]
    spill.close()
    assert files_in(full) == []
    (full / "again").write_bytes(b"\0" * (1 << 20))


def test_a_cache_on_a_full_disk_leaves_nothing_and_training_goes_on_without(full, table):
    path = Path(shutil.copy(table, full))
    feed = feed_of(path, cache="always")
    leave(full, 1 << 18)
    with pytest.raises(DataError, match=r"the cache of .* could not be written .*No space left"):
        feed.build_cache()
    assert not [name for name in files_in(full) if "arrow" in name]
    assert not list(full.rglob(".building-*"))
    assert sum(batch.size for batch in feed_of(path).epoch()) == 10_000
