"""A command on hosts whose processes are not in the folder where it was started."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from commands import EPOCHS, ROWS, TRAIN

from stoker.cli.hosts import _train, held_to
from stoker.cli.options import DataOptions, ModelOptions, OrderOptions, TextOptions, TrainFlags, TrainOptions
from stoker.cli.train import recorded_flags
from stoker.cluster import Place
from stoker.distributed import Host

HERE = "/shared/rows"


def flags_of(*files: str, **training: Any) -> TrainFlags:
    return TrainFlags(data=DataOptions(files=list(files), label=["label"]), training=TrainOptions(**training))


def test_flags_name_the_same_files_wherever_the_process_is():
    given = TrainFlags(
        data=DataOptions(
            files=["a.csv", "b/*.csv", "/c.csv", "~/d.csv"], valid=["../e.csv"], quarantine="f.csv"
        ),
        model=ModelOptions(embeddings="glove.txt"),
        training=TrainOptions(run="runs/a", init="runs/b"),
    )

    held = held_to(HERE, given)

    assert held.data.files == [f"{HERE}/a.csv", f"{HERE}/b/*.csv", "/c.csv", "~/d.csv"]
    assert held.data.valid == ["/shared/e.csv"]  # which needs no folder rows
    assert held.data.quarantine == f"{HERE}/f.csv"
    assert held.model.embeddings == f"{HERE}/glove.txt"
    assert (held.training.run, held.training.init) == (f"{HERE}/runs/a", f"{HERE}/runs/b")


def test_addresses_and_what_was_not_given_stay_as_they_are():
    given = flags_of("s3://bucket/train-*.parquet", "@ag_news", "postgresql://h/b", run="s3://bucket/runs/a")

    assert held_to(HERE, given) == given


def test_a_database_in_a_file_is_the_one_of_the_folder():
    given = flags_of("sqlite://rows.db", "duckdb://../rows.duckdb", "sqlite:///c.db")

    held = held_to(HERE, given)

    assert held.data.files == [f"sqlite://{HERE}/rows.db", "duckdb:///shared/rows.duckdb", "sqlite:///c.db"]


@pytest.mark.slow
def test_a_process_elsewhere_trains_on_the_files_of_the_command(tmp_path, monkeypatch):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    (here / "rows.csv").write_text("a,label\n" + "".join(f"{row % 7},{row % 2}\n" for row in range(400)))
    monkeypatch.chdir(here)
    flags = TrainFlags(
        data=DataOptions(files=["rows.csv"], label=["label"]),
        order=OrderOptions(epochs=1),
        text=TextOptions(model="linear"),
        training=TrainOptions(run="runs/a"),
    )
    recorded = recorded_flags(flags)
    monkeypatch.chdir(there)

    trained = _train(Host(rank=0, count=1, folder=str(here)), flags=flags, recorded=recorded)

    assert trained.run == str(here / "runs/a")
    assert not list(there.iterdir())
    options = json.loads((here / "runs/a/run.json").read_bytes())["options"]
    assert (options["flags"]["files"], options["folder"]) == (["rows.csv"], str(here))


@pytest.mark.ray
@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore")  # Ray warns of its own settings
def test_hosts_without_the_folder_come_to_what_one_process_comes_to(
    folder, alone, tmp_path, monkeypatch, capsys
):
    from stoker.__main__ import main

    class Gone(Place):
        def settle_in(self) -> bool:
            os.chdir(tmp_path)
            return False

    monkeypatch.chdir(folder)
    here = Place.here("jax")
    gone = Gone(folder=here.folder, arguments=here.arguments, modules=here.modules, backend="jax")
    monkeypatch.setattr("stoker.distributed.running.Place.here", lambda backend: gone)

    assert main([*TRAIN, "--run", "elsewhere", "--hosts", "2"]) == 0

    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    options = json.loads((folder / "elsewhere/run.json").read_bytes())["options"]
    assert (found["run"], found["rows"]) == (str(folder / "elsewhere"), EPOCHS * ROWS)
    assert found["digests"] == alone["digests"]
    assert options["flags"]["files"] == ["train.csv"]
    assert not list(tmp_path.iterdir())
