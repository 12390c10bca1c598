"""`--hosts`: what the command itself tells, without Ray."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import replace
from pathlib import Path

import keras
import pytest

from amazon_server import bucket, s3  # noqa: F401 - fixtures
from stoker.cli import main
from stoker.distributed import Host
from stoker.signals import raise_for

COMMAND = ["train", "points.csv", "--label", "y", "--run", "run", "--epochs", "1"]

pytestmark = pytest.mark.timeout(60)

of_jax = pytest.mark.skipif(keras.backend.backend() != "jax", reason="hosts train with JAX alone")


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr("stoker.backends.choose", lambda: "jax")
    monkeypatch.setitem(sys.modules, "ray", None)
    (tmp_path / "points.csv").write_text("a,y\n" + "".join(f"{row},{row % 2}\n" for row in range(200)))


def on_hosts(monkeypatch, run):
    monkeypatch.setattr("stoker.distributed.run", run)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_hosts_that_are_stopped_before_training_leave_a_word(number, table, monkeypatch, capsys):
    on_hosts(monkeypatch, lambda *given, **options: raise_for(number))
    assert main([*COMMAND, "--hosts", "2", "--json"]) == 128 + number
    found = capsys.readouterr()
    assert found.out == ""
    assert "before training began: nothing is saved" in " ".join(found.err.split())


@of_jax
def test_hosts_that_are_left_at_once_leave_what_resumes_the_run(table, monkeypatch, capsys):
    assert main([*COMMAND, "--quiet"]) == 0
    record = (Path("run/run.json")).read_text()
    Path("run/run.json").write_text(record.replace('"finished"', '"running"'))
    on_hosts(monkeypatch, lambda *given, **options: raise_for(signal.SIGINT))
    assert main(["resume", "run", "--hosts", "2", "--epochs", "2"]) == 130
    said = " ".join(capsys.readouterr().err.split())
    assert said.count("resume stoker resume run") == 1
    assert "next stoker evaluate run FILE" in said


def test_hosts_that_stopped_behind_a_step_answer_with_what_they_came_to(table, monkeypatch, capsys):
    """The first of them returns it, and the command tells the way on."""

    def stopped(task, *, hosts, progress, anywhere):
        trained = task(Host(rank=0, count=1, display=progress))
        return replace(trained, signal=int(signal.SIGTERM))

    on_hosts(monkeypatch, stopped)
    assert main([*COMMAND, "--hosts", "2", "--json"]) == 143
    found = capsys.readouterr()
    assert json.loads(found.out)["steps"] == 1
    assert "stoker evaluate run FILE" in " ".join(found.err.split())


@of_jax
def test_a_run_that_is_over_is_told_as_that_without_ray(table, capsys):
    assert main([*COMMAND, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    record = Path("run/run.json").read_bytes()
    assert main(["resume", "run", "--hosts", "2", "--json"]) == 0
    found = capsys.readouterr()
    assert json.loads(found.out) == answer
    said = " ".join(found.err.split())
    assert "resume run · had finished its 1 epoch: nothing is left to train" in said
    assert "next stoker evaluate run FILE" in said
    assert Path("run/run.json").read_bytes() == record
    assert main(["resume", "run", "--hosts", "2", "--epochs", "2"]) == 2
    assert "several hosts need Ray" in capsys.readouterr().err


@of_jax
def test_a_run_that_has_used_its_time_needs_hosts_for_more_alone(table, capsys):
    assert main([*COMMAND[:-1], "99", "--max-time", "0.001s", "--quiet"]) == 0
    assert main(["resume", "run", "--hosts", "2", "--json"]) == 0
    found = capsys.readouterr()
    assert json.loads(found.out)["ended"] == "max_time"
    assert "has used its time: nothing is trained before --max-time gives it more" in " ".join(
        found.err.split()
    )
    assert main(["resume", "run", "--hosts", "2", "--max-time", "2h"]) == 2
    assert "several hosts need Ray" in capsys.readouterr().err


@of_jax
def test_a_run_whose_end_is_in_no_checkpoint_is_left_to_the_hosts(table, capsys):
    assert main([*COMMAND, "--quiet"]) == 0
    for manifest in Path("run/checkpoints").glob("*/manifest.json"):
        manifest.unlink()
    assert main(["resume", "run", "--hosts", "2"]) == 2
    assert "several hosts need Ray" in capsys.readouterr().err


@pytest.mark.slow
def test_of_a_run_on_s3_the_command_fetches_no_models_to_say_that_it_is_over(
    table,
    bucket,  # noqa: F811 - the fixture
    monkeypatch,
    tmp_path,
    capsys,
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    address = "s3://bucket/runs/over"
    assert main(["train", "points.csv", "--label", "y", "--run", address, "--epochs", "1", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another host"))
    assert main(["resume", address, "--hosts", "2", "--json"]) == 0
    found = capsys.readouterr()
    assert json.loads(found.out) == answer
    said = " ".join(found.err.split())
    assert f"resume {address} · had finished its 1 epoch: nothing is left to train" in said
    assert f"next stoker evaluate {address} FILE" in said
    assert not list((tmp_path / "another host").rglob("*.keras"))
    on_hosts(monkeypatch, lambda *given, **options: raise_for(signal.SIGINT))
    assert main(["resume", address, "--hosts", "2", "--epochs", "2"]) == 130
    said = " ".join(capsys.readouterr().err.split())
    assert f"stoker resume {address} --epochs 2 goes on with it" in said
    assert f"next stoker evaluate {address} FILE" in said
