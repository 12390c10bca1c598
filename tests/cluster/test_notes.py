"""Files of a cluster of our own lie in a folder that goes with it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stoker.cluster import notes
from stoker.cluster.notes import own_notes


@pytest.fixture
def home(monkeypatch) -> Iterator[Path]:
    """A folder in whose name there is room for those of sockets."""
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp") as made:
        monkeypatch.setenv("RAY_TMPDIR", made)
        yield Path(made)


def made(home: Path) -> list[Path]:
    return list(home.iterdir())


def test_the_folder_is_gone_behind_the_block_with_all_that_is_in_it(home):
    with own_notes() as told:
        assert [Path(told["_temp_dir"])] == made(home)
        (Path(told["_temp_dir"]) / "logs").mkdir()
        (Path(told["_temp_dir"]) / "logs/raylet.out").touch()
    assert not made(home)

    with pytest.raises(KeyboardInterrupt), own_notes():
        raise KeyboardInterrupt
    assert not made(home)


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_nobody_else_looks_into_it(home):
    with own_notes() as told:
        assert Path(told["_temp_dir"]).stat().st_mode & 0o777 == 0o700


def test_what_comes_while_it_is_removed_goes_too(home, monkeypatch):
    remove, late = notes.shutil.rmtree, ["worker.out"]

    def removes(path, **options):
        remove(path, **options)
        if late:
            path.mkdir()
            (path / late.pop()).touch()

    monkeypatch.setattr(notes.shutil, "rmtree", removes)
    with own_notes():
        pass

    assert not late
    assert not made(home)


def test_what_a_killed_program_left_goes_with_the_next_and_what_a_live_one_has_stays(home):
    left = home / ".building-ray-0123456789ab"
    left.mkdir()
    (left / "lock").touch()
    with own_notes() as told:
        alive = Path(told["_temp_dir"])
        for each in made(home):
            os.utime(each, (1, 1))

        with own_notes():
            assert alive.exists()
            assert not left.exists()


def test_where_names_of_sockets_would_be_too_long_ray_has_its_own_folder(home, monkeypatch):
    far = home / "long-enough"
    far.mkdir()
    monkeypatch.setenv("RAY_TMPDIR", str(far))
    with own_notes() as told:
        assert told == {}
    monkeypatch.setenv("RAY_TMPDIR", str(home / "gone"))
    with own_notes() as told:
        assert told == {}
    assert len(str(home)) + len(notes._WITHIN) <= notes._SOCKET_BYTES
