"""A stored survey serves while the files hold what they held, and never stands in the way."""

from __future__ import annotations

import errno
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stoker
from property_examples import examples
from stoker import folders
from stoker.errors import ColumnError
from stoker.sources.columnar import batch_parse
from stoker.survey import Survey, recording, records, store, survey
from stoker.survey.records import VERSION


@pytest.fixture(autouse=True)
def user_cache(tmp_path: Path, monkeypatch) -> Path:
    """The user's cache directory, away from the real one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    return tmp_path / "user-cache"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    rows = "".join(f"{row % 2},{row % 300},{row % 7}\n" for row in range(3_000))
    (folder / "t.csv").write_text("y,a,b\n" + rows)
    return folder / "t.csv"


def look(path: Path, **options) -> Survey:
    return survey(stoker.open(path, label="y"), **options)


def stored_folder(path: Path) -> Path:
    (folder,) = kept_beside(path)
    return folder


def kept_beside(path: Path) -> list[Path]:
    return [kept for kept in (path.parent / ".stoker").iterdir() if kept.name != ".gitignore"]


def assert_equal(one: Survey, other: Survey) -> None:
    assert one.statistics.state() == other.statistics.state()
    assert (one.labels, one.view_labels) == (other.labels, other.view_labels)
    assert (one.dtype, one.num_slots, one.problems) == (other.dtype, other.num_slots, other.problems)
    assert one.data_digest == other.data_digest
    np.testing.assert_array_equal(one.excluded, other.excluded)
    np.testing.assert_array_equal(one.index.checksums, other.index.checksums)


def test_it_is_found_again_beside_the_data(path):
    first, second = look(path), look(path)
    assert first.seconds > 0
    assert second.seconds == 0
    assert second.notes == ()
    assert_equal(first, second)
    rows = second.reader().read(np.array([5, 2_999]))
    assert rows.matrix.values.tolist() == [5, 5, 299, 3]


def test_rows_are_kept_again(path):
    first, second = look(path, keep_bytes=100_000), look(path, keep_bytes=100_000)
    assert second.seconds == 0
    assert second.kept.num_bytes == first.kept.num_bytes
    ids = np.arange(3_000)
    one, other = first.kept.read(ids), second.kept.read(ids)
    np.testing.assert_array_equal(one.matrix.values, other.matrix.values)
    np.testing.assert_array_equal(one.columns["y"], other.columns["y"])
    assert look(path, keep_bytes=1_000).kept is None


def test_excluded_rows_are_found_again(path):
    with open(path, "a") as file:
        file.write("1,2\n0,3,\n")
    options = {"on_bad_row": "skip", "na": "drop-row"}
    first, second = look(path, **options), look(path, **options)
    assert second.seconds == 0
    assert second.excluded.tolist() == [3_000, 3_001]
    assert_equal(first, second)


@pytest.mark.parametrize(
    "other",
    [
        lambda path: survey(stoker.open(path, label="a")),
        lambda path: survey(stoker.open(path, label="y", drop=["b"])),
        lambda path: survey(stoker.open(path, label="y").split(0.5)[0]),
        lambda path: survey(stoker.open(path, label="y"), na="mean"),
        lambda path: survey(stoker.open(path, label="y"), on_bad_row="skip"),
    ],
)
def test_another_question_is_another_survey(path, other):
    look(path)
    assert other(path).seconds > 0
    assert look(path).seconds == 0


def test_the_same_bytes_with_another_time_are_hashed_and_recognised(path):
    first = look(path)
    os.utime(path, ns=(1, 1))
    again = look(path)
    assert again.seconds == 0
    assert_equal(first, again)
    record = msgspec.json.decode((stored_folder(path) / "survey.json").read_bytes())
    assert record["files"][0]["mtime_ns"] == 1


def test_a_copy_with_its_survey_is_recognised(path, tmp_path):
    look(path)
    shutil.copytree(path.parent, tmp_path / "copy")
    assert look(tmp_path / "copy" / "t.csv").seconds == 0


def test_other_bytes_of_the_same_size_are_surveyed_anew(path):
    look(path)
    path.write_bytes(path.read_bytes().replace(b"0,298,", b"0,297,", 1))
    again = look(path)
    assert again.seconds > 0
    assert "changed" in again.notes[0]
    assert look(path).seconds == 0


def test_other_bytes_under_the_old_time_are_surveyed_anew(path):
    look(path)
    before = os.stat(path)
    path.write_bytes(path.read_bytes().replace(b"0,298,", b"0,297,", 1))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = os.stat(path)
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (
        before.st_size,
        before.st_mtime_ns,
        before.st_ino,
    )
    assert "changed" in look(path).notes[0]


def test_a_longer_file_is_surveyed_anew(path):
    look(path)
    with open(path, "a") as file:
        file.write("1,2,3\n")
    again = look(path)
    assert again.num_slots == 3_001
    assert again.seconds > 0


def test_a_survey_of_before_dates_beyond_the_calendar_were_bad_is_made_anew(tmp_path, monkeypatch):
    path = tmp_path / "t.parquet"
    moments = pa.array([0, 253_402_300_800_000_000, 1_000_000], pa.timestamp("us"))  # one in the year 10000
    pq.write_table(pa.table({"when": moments, "y": [0, 1, 1]}), path)
    with monkeypatch.context() as before:
        before.setattr(batch_parse, "beyond_calendar", lambda values: None)
        for module in (records, recording, store):
            before.setattr(module, "VERSION", VERSION - 1, raising=False)
        old = look(path, on_bad_row="skip", texts="chosen")
        assert old.problems == ()
    found = look(path, on_bad_row="skip", texts="chosen")
    assert (found.excluded.tolist(), [problem.kind for problem in found.problems]) == ([1], ["out_of_range"])


def spoil_json(folder: Path) -> None:
    (folder / "survey.json").write_text("{")


def spoil_version(folder: Path) -> None:
    text = (folder / "survey.json").read_text()
    (folder / "survey.json").write_text(text.replace(f'"version": {VERSION}', '"version": 99'))


def spoil_statistics(folder: Path) -> None:
    record = msgspec.json.decode((folder / "survey.json").read_bytes())
    record["statistics"]["mean"] = ["x"]
    (folder / "survey.json").write_bytes(msgspec.json.encode(record))


def spoil_foreign(folder: Path) -> None:
    record = msgspec.json.decode((folder / "survey.json").read_bytes())
    record["source"]["label"] = ["z", "int"]
    (folder / "survey.json").write_bytes(msgspec.json.encode(record))


def spoil_array(folder: Path) -> None:
    data = bytearray((folder / "checksums.npy").read_bytes())
    data[-1] ^= 1
    (folder / "checksums.npy").write_bytes(data)


def spoil_missing(folder: Path) -> None:
    (folder / "anchor_rows.npy").unlink()


def spoil_torn(folder: Path) -> None:
    os.truncate(folder / "excluded.npy", 0)


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_json,
        spoil_version,
        spoil_statistics,
        spoil_foreign,
        spoil_array,
        spoil_missing,
        spoil_torn,
    ],
)
def test_a_damaged_survey_is_made_anew_with_a_note(path, spoil):
    first = look(path)
    spoil(stored_folder(path))
    again = look(path)
    assert again.seconds > 0
    assert "could not be used and is made anew" in again.notes[0]
    assert_equal(first, again)
    assert look(path).seconds == 0


def test_a_refused_survey_is_refused_again_without_a_pass(path, monkeypatch):
    with open(path, "a") as file:
        file.write("1,2,\n")
    with pytest.raises(ColumnError, match="1 blank value") as first:
        look(path)
    monkeypatch.setattr("stoker.survey.run.one_pass", None)
    with pytest.raises(ColumnError) as second:
        look(path)
    assert str(first.value) == str(second.value)


def test_where_the_folder_cannot_be_written_the_users_cache_serves(path, user_cache):
    (path.parent / ".stoker").write_text("a file is in the way")
    first, second = look(path), look(path)
    assert (first.notes, second.seconds) == ((), 0)
    assert list(user_cache.rglob("survey.json"))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_survey_that_cannot_be_stored_is_noted_and_serves(path, monkeypatch, number):
    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(store.np, "save", refuse)
    found = look(path)
    assert found.num_rows == 3_000
    assert "could not be stored" in found.notes[0]
    assert os.strerror(number) in found.notes[0]
    assert kept_beside(path) == []


def test_what_a_killed_builder_left_is_removed(path):
    left = path.parent / ".stoker" / ".building-abc-0123"
    left.mkdir(parents=True)
    (left / "checksums.npy").write_bytes(b"half")
    os.utime(left, (1, 1))
    look(path)
    assert not left.exists()


@pytest.mark.parametrize(("num_bytes", "all_of_them"), [(1, True), (1 << 30, False)])
def test_a_survey_that_took_long_is_on_the_disk_before_it_has_its_name(
    path, monkeypatch, num_bytes, all_of_them
):
    synchronised = set()
    monkeypatch.setattr(store, "_LASTING_BYTES", num_bytes)
    monkeypatch.setattr(folders.os, "fsync", lambda handle: synchronised.add(os.fstat(handle).st_ino))
    look(path)
    stored = {file.stat().st_ino for file in stored_folder(path).iterdir()}
    assert synchronised == (stored if all_of_them else set())


def test_git_is_told_to_leave_out_what_is_kept_beside_the_data(path):
    look(path)
    assert (path.parent / ".stoker" / ".gitignore").read_text() == "*\n"


def test_what_a_live_builder_holds_is_left_alone(tmp_path):
    with folders.staged_folder(tmp_path / "final") as growing:
        os.utime(growing, (1, 1))
        folders.clean(tmp_path)
        assert growing.is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["final"]


def test_a_folder_takes_the_place_of_another(tmp_path):
    for text in ("old", "new"):
        with folders.staged_folder(tmp_path / "final") as folder:
            (folder / "x").write_text(text)
    assert (tmp_path / "final" / "x").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["final"]


def test_of_many_builders_at_once_one_wins_whole(tmp_path):
    def build(number: int) -> None:
        with folders.staged_folder(tmp_path / "final") as folder:
            for name in "ab":
                (folder / name).write_text(str(number))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(build, range(40)))
    assert (tmp_path / "final" / "a").read_text() == (tmp_path / "final" / "b").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["final"]


def test_a_failed_builder_leaves_what_was_there(tmp_path):
    def build(text: bytes) -> None:
        with folders.staged_file(tmp_path / "final") as file:
            file.write(text)
            if text == b"new":
                raise RuntimeError("killed")

    build(b"old")
    with pytest.raises(RuntimeError, match="killed"):
        build(b"new")
    assert (tmp_path / "final").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_to_a_stored_survey_is_a_crash_or_goes_unnoticed(path, data):
    first = look(path)
    file = data.draw(st.sampled_from(sorted(stored_folder(path).iterdir())))
    content = bytearray(file.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255))
    # A new file takes its place: to shorten a mapped one would kill this very process.
    damaged = file.with_suffix(".damaged")
    damaged.write_bytes(content[: data.draw(st.sampled_from([len(content), place]))])
    damaged.replace(file)
    again = look(path)
    assert_equal(first, again)
