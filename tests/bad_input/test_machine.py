"""What the machine refuses: memory, a full disk, no permission; and files that change under a run."""

import os
import resource
import shutil
import subprocess
from pathlib import Path

import pytest

from privileges import ordinary
from stoker.cli import train as train_command
from stoker.cli.train import build_model
from stoker.sources import Source

NUM_ROWS, NUM_COLUMNS = 10_000, 40
TIGHT = ("--label", "y", "--memory", "8MB", "--epochs", "1", "--model", "linear")
"""Too little memory for the rows of `large`, which must be read again or cached."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table whose rows take 3.3 MB."""
    path = tmp_path_factory.mktemp("large") / "t.csv"
    values = [f"{number % 1_000}.5" for number in range(NUM_ROWS + NUM_COLUMNS)]
    header = ",".join(f"x{place}" for place in range(NUM_COLUMNS))
    rows = (f"{','.join(values[row : row + NUM_COLUMNS])},{row % 2}\n" for row in range(NUM_ROWS))
    path.write_text(f"{header},y\n{''.join(rows)}")
    return path


def _remount(folder: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", folder], check=True)


def test_memory_for_less_than_a_window_is_refused_with_what_would_do(refused, accepted, write):
    plan = ("plan", write("t.csv"), "--label", "kind", "--memory")
    said = refused(*plan, "1kB")
    assert said.startswith(
        "memory is 1,000 bytes, but one window of 256 rows of 3 columns and what goes with it"
    )
    way_out = "raise --memory to "
    enough = said[said.index(way_out) + len(way_out) :].split()[0]
    assert said.endswith("or lower --batch-size")
    assert "100 rows" in accepted(*plan, enough)


def _change(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"3.5", b"7.5"))


def _shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 3)


@pytest.mark.parametrize(
    ("happens", "words"),
    [
        (_change, "t.csv changed since it was surveyed: bytes "),
        (_shrink, "t.csv shrank since it was surveyed, from "),
        (
            os.unlink,
            "t.csv was there when it was surveyed and cannot be opened now (No such file or directory)",
        ),
    ],
    ids=["changes", "shrinks", "vanishes"],
)
def test_a_file_that_is_another_after_its_survey_stops_the_training(
    refused, here, large, monkeypatch, happens, words
):
    shutil.copy(large, here / "t.csv")

    def meanwhile(*arguments):
        happens(here / "t.csv")
        return build_model(*arguments)

    monkeypatch.setattr(train_command, "build_model", meanwhile)
    said = refused("train", "t.csv", *TIGHT, "--cache", "never", "--run", "run", "--quiet")
    assert said.startswith(words)
    assert "survey" in said.rpartition(";")[2]
    assert not (here / "run" / "model.keras").exists()


def test_a_file_that_changes_while_it_is_surveyed_is_told(refused, here, write, monkeypatch):
    path, chunks = here / write("t.csv"), Source.chunks

    def meanwhile(source, target_bytes):
        yield from chunks(source, target_bytes)
        with path.open("a") as file:
            file.write("1,2,no\n")

    monkeypatch.setattr(Source, "chunks", meanwhile)
    assert refused("plan", "t.csv", "--label", "kind") == (
        "t.csv changed while it was surveyed: survey it when nobody writes to it"
    )


def _caching_is_refused(refused, path: Path) -> str:
    said = refused("train", str(path), *TIGHT, "--cache", "always", "--run", "run", "--quiet")
    assert said.startswith(f"the cache of {path} could not be written (")
    assert "free that much, or go without it (--cache never); the data are unchanged" in said
    assert not list(path.parent.rglob("*.arrow*"))
    return said


def test_a_disk_that_is_full_while_caching_is_told(refused, mounted, large, monkeypatch):
    shutil.copy(large, mounted / "t.csv")
    monkeypatch.setenv("XDG_CACHE_HOME", str(mounted / "user-cache"))
    _remount(mounted, "size=2500k")
    assert "bytes are free" in _caching_is_refused(refused, mounted / "t.csv")


def test_a_disk_that_others_fill_while_caching_is_told(refused, mounted, large, monkeypatch):
    shutil.copy(large, mounted / "t.csv")
    monkeypatch.setenv("XDG_CACHE_HOME", str(mounted / "user-cache"))
    plenty = shutil.disk_usage(mounted)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: plenty)
    _remount(mounted, "size=2500k")
    assert "No space left on device" in _caching_is_refused(refused, mounted / "t.csv")


def test_a_file_that_may_not_grow_while_caching_is_told(refused, here, large):
    shutil.copy(large, here / "t.csv")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        said = _caching_is_refused(refused, here / "t.csv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "File too large" in said


@pytest.mark.parametrize("run", ["t.csv/run", "/proc/nowhere/run"])
def test_a_run_directory_that_cannot_be_made_is_named(refused, write, run):
    write("t.csv")
    said = refused(
        "train", "t.csv", "--label", "kind", "--epochs", "1", "--model", "linear", "--run", run, "--quiet"
    )
    assert said.startswith(f"the run directory {run} cannot be written (")
    assert said.endswith("): choose another --run")


def test_a_run_directory_on_a_read_only_disk_is_named(refused, write, mounted):
    write("t.csv")
    _remount(mounted, "ro")
    run = str(mounted / "run")
    said = refused(
        "train", "t.csv", "--label", "kind", "--epochs", "1", "--model", "linear", "--run", run, "--quiet"
    )
    assert said.startswith(f"the run directory {run} cannot be written (Read-only file system)")


MAY_NOT_READ = ": cannot be read (Permission denied); check its permissions and those of its folders"


def test_data_that_may_not_be_read_are_named(refused, write, here):
    write("t.csv")
    (here / "t.csv").chmod(0)
    with ordinary():
        said = refused("plan", "t.csv", "--label", "kind")
    assert said == f"t.csv{MAY_NOT_READ}"


def test_a_folder_that_may_not_be_searched_is_told_from_a_missing_file(refused, write, here):
    (here / "locked").mkdir()
    write("locked/t.csv")
    (here / "locked").chmod(0)
    with ordinary():
        said = refused("plan", "locked/t.csv", "--label", "kind")
    assert said == f"locked/t.csv{MAY_NOT_READ}"


LINEAR = ("--label", "kind", "--epochs", "1", "--model", "linear", "--quiet")


def test_without_write_permission_the_run_directory_is_named(refused, write, here):
    write("t.csv")
    (here / "locked").mkdir(mode=0o555)
    with ordinary():
        said = refused("train", "t.csv", *LINEAR, "--run", "locked/run")
    assert said == "the run directory locked/run cannot be written (Permission denied): choose another --run"


def test_beside_data_without_write_permission_runs_train_and_keep_everything_elsewhere(
    accepted, write, here, tmp_path
):
    (here / "locked").mkdir()
    table = write("locked/t.csv")
    (here / "locked").chmod(0o555)
    with ordinary():
        accepted("train", table, *LINEAR, "--run", "run", "--cache", "always")
        assert "survey stored" in accepted("plan", table, "--label", "kind")
    assert (here / "run" / "model.keras").exists()
    assert list((tmp_path / "user-cache").rglob("*.arrow"))
    assert os.listdir(here / "locked") == ["t.csv"]


def test_a_survey_that_can_be_stored_nowhere_is_made_again(accepted, mounted, large, monkeypatch):
    shutil.copy(large, mounted / "t.csv")
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    _remount(mounted, "ro")
    for _ in range(2):
        assert "survey stored" not in accepted("plan", str(mounted / "t.csv"), "--label", "y")


def test_read_only_data_are_surveyed_into_the_users_cache_directory(accepted, mounted, large, tmp_path):
    shutil.copy(large, mounted / "t.csv")
    _remount(mounted, "ro")
    accepted("plan", str(mounted / "t.csv"), "--label", "y")
    assert "survey stored" in accepted("plan", str(mounted / "t.csv"), "--label", "y")
    assert list((tmp_path / "user-cache").rglob("survey.json"))
    assert sorted(os.listdir(mounted)) == ["t.csv"]
