"""A new run's files lie among no others."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stoker
from stoker.errors import RunError
from stoker.training.own_folder import refuse_shared_folder


@pytest.fixture
def feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("data/rows").write_text("a,y\n1,0\n2,1\n")
    return stoker.Feed(stoker.open("data/rows", label="y", format="csv"))


@pytest.mark.parametrize("folder", ["data", "./data/", "data/../data"])
def test_a_folder_of_the_files_that_are_trained_on_is_refused_whatever_they_are_called(feed, folder):
    with pytest.raises(RunError, match=r"data.* holds data \(rows\), .* choose .* run='runs/rows-1'"):
        refuse_shared_folder(Path(folder), feed)


@pytest.mark.parametrize("name", ["other.csv", "other.TSV.gz", "x.npy", "part.parquet"])
def test_so_is_one_of_other_data(feed, name):
    Path("more").mkdir()
    Path("more", name).touch()
    with pytest.raises(RunError, match=rf"more holds data \({name}\)"):
        refuse_shared_folder(Path("more"), feed)


def test_at_most_three_names_are_told(feed):
    Path("more").mkdir()
    for number in range(5):
        Path(f"more/{number}.csv").touch()
    with pytest.raises(RunError, match=r"\(0\.csv, 1\.csv, 2\.csv and 2 more\)"):
        refuse_shared_folder(Path("more"), feed)


@pytest.mark.parametrize("folder", [".", "..", "../.."])
def test_the_folder_that_is_worked_in_and_those_above_it_are_refused(feed, folder, tmp_path, monkeypatch):
    (tmp_path / "project" / "part").mkdir(parents=True)
    (tmp_path / "project" / "part" / "program.py").touch()
    monkeypatch.chdir(tmp_path / "project" / "part")
    with pytest.raises(RunError, match=r"is the folder that is worked in, or one above it, and holds other"):
        refuse_shared_folder(Path(folder), feed)


@pytest.mark.parametrize("names", [[], ["job.log", "slurm-1.out", "job.err", ".lock", ".stoker"]])
def test_an_empty_one_or_one_of_logs_is_taken_even_there(feed, names, tmp_path, monkeypatch):
    (tmp_path / "job").mkdir()
    for name in names:
        (tmp_path / "job" / name).touch()
    monkeypatch.chdir(tmp_path / "job")
    refuse_shared_folder(Path("."), feed)


def test_what_belongs_to_a_run_may_lie_in_its_folder_before(feed):
    Path("runs/a/logs").mkdir(parents=True)
    for name in (
        "settings.json",
        "notes.txt",
        "model.png",
        "job.sh",
        "run.toml",
        "quarantine.csv",
        "epochs.csv",
    ):
        Path("runs/a", name).touch()
    refuse_shared_folder(Path("runs/a"), feed)
    refuse_shared_folder(Path("runs/b"), feed)


def test_a_run_in_a_folder_of_images_would_be_a_class_the_next_time(tmp_path, monkeypatch):
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    for kind in ("cat", "dog"):
        Path("photos", kind).mkdir(parents=True)
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(Path("photos", kind, "1.png"))
    feed = stoker.Feed(stoker.open("photos"))
    for folder, said in [("photos", "photos is"), ("photos/run", "photos/run lies in .*photos, which is")]:
        with pytest.raises(RunError, match=rf"^{said} trained on, and .* run='runs/photos-1'"):
            refuse_shared_folder(Path(folder), feed)


def test_where_all_that_is_worked_in_is_trained_on_no_folder_in_it_is_offered(tmp_path, monkeypatch):
    for kind in ("cat", "dog"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "1.txt").write_text(kind)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match=r"^runs/a lies in \., which is .*: choose a folder outside of \.$"):
        refuse_shared_folder(Path("runs/a"), stoker.Feed(stoker.open(".")))


def test_a_generator_has_no_files_and_is_refused_the_working_folder_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("program.py").touch()
    refuse_shared_folder(Path("run"), iter(()))
    with pytest.raises(RunError, match=r"such as run='runs/run-1'"):
        refuse_shared_folder(Path("."), iter(()))


def test_one_that_may_not_be_listed_is_refused_with_the_way_out(feed, monkeypatch):
    Path("closed").mkdir()
    iterdir = Path.iterdir

    def listed(path: Path) -> Any:  # whoever is root may list all
        if path.name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", listed)
    with pytest.raises(
        RunError, match=r"closed cannot be listed \(Permission denied\), .* run='runs/rows-1'"
    ):
        refuse_shared_folder(Path("closed"), feed)
