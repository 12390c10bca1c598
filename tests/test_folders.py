"""What killed builders leave behind goes; what a live one builds stays, with locks or without."""

from __future__ import annotations

import os
import time

import pytest

from moments import moments
from stoker import filelocks, folders


def leftover(folder, age, content=b""):
    path = folder / f"{folders._PREFIX}index-1234"
    path.write_bytes(content)
    then = time.time() - age
    os.utime(path, (then, then))
    return path


def test_rows_in_the_users_cache_are_the_users_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    home, _ = folders.homes("postgresql://host/base")
    for _ in range(2):
        with folders.staged_file(home / "rows.arrow") as file:
            file.write(b"rows")
        assert home.stat().st_mode & 0o777 == 0o700
        home.chmod(0o755)  # as earlier versions made it
    beside, _ = folders.homes(tmp_path / "t.csv")
    with folders.staged_file(beside / "rows.arrow") as file:
        file.write(b"rows")
    assert beside.stat().st_mode & 0o777 == 0o777 & ~umask()


def umask():
    old = os.umask(0)
    os.umask(old)
    return old


@pytest.mark.parametrize(("age", "stays"), [(10, True), (120, False)])
def test_an_abandoned_file_is_removed_after_a_grace(tmp_path, age, stays):
    path = leftover(tmp_path, age)
    folders.clean(tmp_path)
    assert path.exists() is stays


def test_an_abandoned_file_that_was_begun_needs_no_grace(tmp_path):
    path = leftover(tmp_path, 0, b"half")
    folders.clean(tmp_path)
    assert not path.exists()


def test_only_leftovers_of_the_named_file_are_removed(tmp_path):
    names = [".building-out.csv-0123456789ab", ".building-out.csv-notes", ".building-about.csv-0123456789ab"]
    for name in names:
        (tmp_path / name).write_bytes(b"half")
    folders.clean(tmp_path, "out.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names[1:])


def test_a_file_that_is_being_built_stays_however_old_it_looks(tmp_path):
    with folders.staged_file(tmp_path / "index") as file:
        (path,) = tmp_path.iterdir()
        os.utime(path, (0, 0))
        folders.clean(tmp_path)
        assert path.exists()
        file.write(b"whole")
    assert (tmp_path / "index").read_bytes() == b"whole"


@pytest.mark.parametrize(("age", "stays"), [(3600, True), (25 * 3600, False)])
def test_without_locks_only_age_tells(tmp_path, monkeypatch, age, stays):
    monkeypatch.setattr(filelocks, "fcntl", None)
    path = leftover(tmp_path, age, b"half")
    folders.clean(tmp_path)
    assert path.exists() is stays
    with folders.staged_file(tmp_path / "index") as file:
        file.write(b"whole")
    assert (tmp_path / "index").read_bytes() == b"whole"


def test_a_failed_build_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="stop"), folders.staged_file(tmp_path / "index"):
        raise ValueError("stop")
    assert not list(tmp_path.iterdir())


def test_a_lock_is_held_by_one_at_a_time_and_outlives_nobody(tmp_path):
    path = tmp_path / "made" / "lock"
    with folders.alone(path) as first, folders.alone(path) as second:
        assert (first, second) == (True, False)
    with folders.alone(path) as free:
        assert free


def test_without_locks_everybody_is_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(filelocks, "fcntl", None)
    with folders.alone(tmp_path / "lock") as first, folders.alone(tmp_path / "lock") as second:
        assert first
        assert second


def test_a_held_file_is_removed_by_the_last_who_lets_go_of_it(tmp_path):
    path = tmp_path / "held"
    path.write_bytes(b"bytes")
    first, second = folders.hold(path), folders.hold(path)
    folders.remove_unheld(path)
    folders.let_go(first, path)
    folders.let_go(first, path)
    assert path.read_bytes() == b"bytes"
    folders.let_go(second, path)
    assert not path.exists()
    with pytest.raises(FileNotFoundError):
        folders.hold(path)
    folders.remove_unheld(path)


def test_letting_go_leaves_another_file_of_that_name(tmp_path):
    path = tmp_path / "held"
    path.write_bytes(b"one")
    held = folders.hold(path)
    (tmp_path / "new").write_bytes(b"other")
    os.replace(tmp_path / "new", path)
    folders.let_go(held, path)
    assert path.read_bytes() == b"other"
    folders.remove_unheld(path)
    assert not path.exists()


def test_a_folder_that_is_not_there_cannot_be_synced(tmp_path):
    folders.sync_folder(tmp_path)
    with pytest.raises(FileNotFoundError):
        folders.sync_folder(tmp_path / "gone")


def a_file(final):
    with folders.staged_file(final) as file:
        file.write(b"new")


def a_folder(final):
    with folders.staged_folder(final, on_disk=True) as folder:
        (folder / "rows").write_bytes(b"new")


def a_scratch_folder(final):
    with folders.scratch_folder(final.parent) as folder:
        (folder / "rows").write_bytes(b"new")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("build", [a_file, a_folder, a_scratch_folder])
def test_whenever_a_builder_is_interrupted_nothing_unfinished_is_left(build, tmp_path):
    parts = ("folders.py", "shutil.py", "contextlib.py")
    final = tmp_path / "final"
    place = 0

    def is_within(name: str) -> bool:
        return name.endswith(parts) or "pathlib" in name  # a file of that name or, since 3.13, a folder

    for place in moments(lambda: build(final), within=is_within):
        found = {path.name for path in tmp_path.iterdir()}
        assert found <= {"final"}, f"of a signal at moment {place}"
    assert place > 20


@pytest.mark.timeout(60)
def test_whenever_a_folder_takes_the_place_of_another_one_of_the_two_is_there(tmp_path):
    final = tmp_path / "final"
    a_folder(final)
    for place in moments(lambda: a_folder(final), within=lambda name: name.endswith("folders.py")):
        assert (final / "rows").read_bytes() == b"new", f"of a signal at moment {place}"
