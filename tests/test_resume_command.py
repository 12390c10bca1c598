"""`stoker resume DIR` and `stoker train … --resume auto` go on with what was begun."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from stoker.checkpoints import CheckpointStore
from stoker.cli import main, resuming

pytestmark = pytest.mark.timeout(120)

FLAGS = ("--label", "y", "--batch-size", "16", "--cache", "never", "--checkpoint-every", "3steps", "--quiet")


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(4).normal(size=(200, 3)).round(3)
    rows = [f"{a},{b},{c},{int(a > b)}" for a, b, c in x.tolist()]
    Path("rows.csv").write_text("a,b,c,y\n" + "\n".join(rows) + "\n")
    return "rows.csv"


def weights(run):
    import keras

    model = keras.models.load_model(Path(run) / "last.keras")
    return [np.array(keras.ops.convert_to_numpy(variable.value)) for variable in model.weights]


def history(run):
    epochs = json.loads((Path(run) / "run.json").read_text())["epochs"]
    return [(epoch["metrics"], epoch["order_digest"]) for epoch in epochs]


def refused(capsys, *arguments):
    assert main(arguments) == 2
    return capsys.readouterr().err


def forget_the_end(run, step):
    """As if the process had been killed behind the checkpoint of a step."""
    for path in CheckpointStore(Path(run)).paths():
        if int(path.name[5:]) > step:
            (path / "manifest.json").unlink()


@pytest.mark.slow
def test_a_run_is_resumed_by_its_name_and_by_the_same_command_again(table, capsys):
    assert main(["train", table, *FLAGS, "--epochs", "3", "--run", "whole"]) == 0
    begin = ["train", table, *FLAGS, "--epochs", "2", "--run", "part", "--resume", "auto"]
    assert main(begin) == 0
    forget_the_end("part", 21)
    assert main(["resume", "part", "--epochs", "3", "--json", "--quiet"]) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (said["steps"], said["epochs"], said["ended"]) == (36, 3, "finished")
    assert all(np.array_equal(*pair) for pair in zip(weights("part"), weights("whole"), strict=True))
    assert history("part") == history("whole")
    assert main([*begin[:-6], "--epochs", "3", *begin[-4:]]) == 0
    assert history("part") == history("whole")


@pytest.mark.slow
def test_without_a_name_the_run_of_the_same_command_is_meant(table):
    command = ["train", table, *FLAGS, "--epochs", "1", "--resume", "auto"]
    assert main(command) == 0
    assert main(command) == 0
    assert [path.name for path in Path("runs").iterdir()] == ["rows-1"]
    assert main([*command, "--seed", "5"]) == 0
    assert sorted(path.name for path in Path("runs").iterdir()) == ["rows-1", "rows-2"]


@pytest.mark.slow
def test_without_a_name_the_run_is_found_behind_those_of_other_commands_and_ones_without_a_record(table):
    command = ["train", table, *FLAGS, "--resume", "auto"]
    assert main([*command, "--epochs", "1"]) == 0
    assert main([*command, "--epochs", "1", "--seed", "5"]) == 0
    Path("runs/rows-2").rename("runs/rows-4")
    Path("runs/rows-5").mkdir()
    (Path("runs/rows-5") / ".lock").write_text("of a killed survey")
    Path("runs/rows-5x").mkdir()
    assert main([*command, "--epochs", "2"]) == 0
    assert [len(history(f"runs/rows-{number}")) for number in (1, 4)] == [2, 1]
    assert not Path("runs/rows-2").exists()


@pytest.mark.slow
def test_of_several_runs_of_the_same_command_the_youngest_is_found_whatever_its_number(table):
    command = ["train", table, *FLAGS, "--epochs", "1"]
    assert main(command) == 0
    Path("runs/rows-1").rename("runs/rows-10")
    record = Path("runs/rows-10/run.json")
    created = json.loads(record.read_text())["created"]
    record.write_text(record.read_text().replace(created, "2001-01-01T00:00:00+00:00"))
    assert main(command) == 0
    assert main([*command[:-1], "2", "--resume", "auto"]) == 0
    assert [len(history(f"runs/rows-{number}")) for number in (1, 10)] == [2, 1]


@pytest.mark.parametrize(
    ("recorded", "said", "same"),
    [
        ("y", ["y"], True),
        ("a,b", ['"a,b"'], True),
        ("a,b", ["a,b"], False),
        (["a", "b"], ["a,b"], True),
        ("y", ["z"], False),
    ],
)
def test_a_run_that_was_recorded_with_one_label_by_its_name_is_found(
    tmp_path, monkeypatch, recorded, said, same
):
    monkeypatch.chdir(tmp_path)
    record = SimpleNamespace(options={"flags": {"label": recorded, "seed": 1, "epochs": 1}})
    monkeypatch.setattr(resuming, "_runs_beside", lambda free: [("runs/rows-7", record)])
    found = resuming.run_meant("rows.csv", {"label": said, "seed": 1, "epochs": 2, "where": None})
    assert (found == "runs/rows-7") == same


def test_another_plan_is_refused_in_the_words_of_the_command_line(table, capsys):
    command = ["train", table, *FLAGS, "--epochs", "1", "--run", "run"]
    assert main(command) == 0
    said = refused(capsys, *command, "--resume", "auto", "--seed", "3")
    assert "order of rows, seed: 0 there, 3 here" in said
    assert "choose another --run" in said
    assert "already holds a run" in refused(capsys, *command)


def test_a_changed_file_and_too_few_epochs_are_refused_before_the_survey(table, capsys, monkeypatch):
    from stoker.feed import Feed

    assert main(["train", table, *FLAGS, "--epochs", "2", "--run", "run"]) == 0
    monkeypatch.setattr(Feed, "prepare", lambda *arguments: pytest.fail("it was surveyed"))
    assert "is in epoch 2 already, and --epochs 1 is less" in refused(
        capsys, "resume", "run", "--epochs", "1"
    )
    with Path(table).open("a") as file:
        file.write("1,2,3,1\n")
    said = refused(capsys, "resume", "run")
    assert "rows.csv is not what was trained on: " in said
    assert "begin another run with its weights, by --init run" in said


@pytest.mark.slow
def test_a_run_goes_on_with_as_many_hosts_as_trained_last(table, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["train", table, *FLAGS, "--epochs", "1", "--run", "run"]) == 0
    record = json.loads(Path("run/run.json").read_bytes())
    record["options"]["flags"]["hosts"] = record["training"]["hosts"] = 2  # as if two had trained
    Path("run/run.json").write_text(json.dumps(record))

    assert "pip install 'stoker[ray]'" in refused(capsys, "resume", "run", "--epochs", "2")
    assert main(["resume", "run", "--epochs", "2", "--hosts", "1"]) == 0
    assert main(["resume", "run", "--epochs", "3"]) == 0

    record = json.loads(Path("run/run.json").read_bytes())
    assert len(record["epochs"]) == 3
    assert "hosts" not in record["training"]


def test_a_model_of_ones_own_is_named_again(table, tmp_path, capsys):
    Path("mine.py").write_text(
        "import keras\n\n\ndef build(spec):\n"
        "    layers = [keras.layers.Input(spec.input_shape), keras.layers.Dense(1, 'sigmoid')]\n"
        "    model = keras.Sequential(layers)\n"
        "    model.compile('sgd', 'binary_crossentropy')\n"
        "    return model\n"
    )
    command = ["train", table, *FLAGS, "--epochs", "1", "--run", "run", "--model", "mine:build"]
    assert main(command) == 0
    assert "--model mine:build" in refused(capsys, "resume", "run", "--epochs", "2")
    assert "--model names os:system" in refused(capsys, "resume", "run", "--model", "os:system")
    assert main(["resume", "run", "--epochs", "2", "--model", "mine:build", "--quiet"]) == 0
    assert len(history("run")) == 2


@pytest.mark.slow
def test_texts_are_not_learned_again(table, monkeypatch):
    words = ("good film", "bad plot", "good good plot", "never again")
    Path("texts.csv").write_text("text,y\n" + "".join(f"{words[n % 4]},{n % 2}\n" for n in range(80)))
    command = ["train", "texts.csv", "--label", "y", "--text", "text", "--run", "run", "--quiet"]
    assert main([*command, "--epochs", "1"]) == 0
    monkeypatch.setattr("stoker.learning.fit_texts", None)
    assert main([*command, "--epochs", "2", "--resume", "auto"]) == 0
    assert main(["resume", "run", "--epochs", "3", "--quiet"]) == 0
    assert len(history("run")) == 3


def test_what_is_no_run_of_a_command_is_told(table, tmp_path, capsys):
    assert "holds no run" in refused(capsys, "resume", "nowhere")
    assert main(["train", table, *FLAGS, "--epochs", "1", "--run", "run"]) == 0
    file = Path("run/run.json")
    record = json.loads(file.read_text())
    record["options"]["flags"]["batch_size"] = "many"
    file.write_text(json.dumps(record))
    assert "its flags are none of stoker's" in refused(capsys, "resume", "run")
    del record["options"]["flags"]
    file.write_text(json.dumps(record))
    assert "stoker.resume('run', model=, feed=)" in refused(capsys, "resume", "run")


def test_what_may_be_another_is_as_it_was_last_said():
    begun = {
        "files": ["rows.csv"],
        "label": ["y"],
        "epochs": 2,
        "max_time": None,
        "on_nan": "stop",
        "batch_size": 16,
    }
    last = {"epochs": 5, "max_time": 90.5, "on_nan": "continue", "monitor": "loss"}
    record = SimpleNamespace(options={"flags": begun}, training=last, generator=None)
    flags = resuming.flags_of("run", record)
    assert (flags.order.epochs, flags.training.max_time, flags.training.on_nan) == (5, "90.5s", "continue")
    assert (flags.order.batch_size, flags.training.monitor) == (16, None)


def test_files_that_lie_elsewhere_are_sought_where_the_run_was_begun(table, tmp_path, capsys, monkeypatch):
    assert main(["train", table, *FLAGS, "--epochs", "1", "--run", "run"]) == 0
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert f"was begun in {tmp_path}: resume it from there" in refused(capsys, "resume", "../run")
    (tmp_path / table).rename("elsewhere.csv")
    monkeypatch.chdir(tmp_path)
    said = refused(capsys, "resume", "run")
    assert "if the files lie elsewhere now, name them behind the run directory" in said
    assert "stoker resume run FILE" in said


@pytest.mark.slow
def test_files_that_were_moved_are_named_once_behind_the_directory(table, tmp_path, capsys):
    Path("valid.csv").write_text("".join(Path(table).read_text().splitlines(keepends=True)[:60]))
    assert main(["train", table, "--valid", "valid.csv", *FLAGS, "--epochs", "1", "--run", "run"]) == 0
    for name in (table, "valid.csv"):
        Path(name).rename(f"moved-{name}")
    assert "no such file" in refused(capsys, "resume", "run", f"moved-{table}", "--epochs", "2")
    assert "trained on 1 files, and 3 are" in refused(
        capsys, "resume", "run", f"moved-{table}", "moved-valid.csv", "run/run.json"
    )
    moved = (f"moved-{table}", "moved-valid.csv")
    assert "moved-valid.csv is not what was trained on" in refused(capsys, "resume", "run", *reversed(moved))
    assert main(["resume", "run", *moved, "--epochs", "2", "--quiet"]) == 0
    assert main(["resume", "run", "--epochs", "3", "--quiet"]) == 0
    assert len(history("run")) == 3
    record = json.loads(Path("run/run.json").read_text())
    assert [file["path"] for file in (*record["files"], *record["validation_files"])] == list(moved)
    assert main(["verify", "run"]) == 0


def test_an_interval_that_is_none_is_refused_at_once(table, capsys):
    assert "--checkpoint-every" in refused(
        capsys, "train", table, "--label", "y", "--checkpoint-every", "often"
    )
