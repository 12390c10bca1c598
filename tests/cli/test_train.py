"""`stoker train`, and what is done with the run that it leaves."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from itertools import groupby

import pytest
from points import last_json, write_table

from stoker.cli import main

TRAINING = shlex.split(
    "train points.csv --label kind --drop id --epochs 3 --batch-size 32 --learning-rate 0.01 --memory 8MB "
    "--run run --json --metric auc"
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run, and what was printed on standard output and standard error."""
    folder = tmp_path_factory.mktemp("trained")
    write_table(folder / "points.csv")
    write_table(folder / "test.csv", 90)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(TRAINING)
    assert code == 0, err.getvalue()
    return folder, out.getvalue(), err.getvalue()


def test_training_prints_progress_on_standard_error(trained):
    _, _, said = trained
    begins = [line.split()[0] for line in said.splitlines()]
    assert [word for word in ("survey", "epoch", "valid", "done", "next") if word not in begins] == []
    assert begins.count("epoch") >= 3


def test_training_prints_nothing_but_json_on_standard_output(trained):
    _, said, _ = trained
    record = json.loads(said)
    assert record["rows"] == 3 * 540
    assert record["steps"] == 3 * 17
    assert record["epochs"] == 3
    assert record["rows_per_second"] > 0
    assert record["wait_seconds"] >= 0
    assert 0 < record["ledger_peak_bytes"] < 8_000_000 < record["peak_rss_bytes"]
    assert record["metrics"]["val_accuracy"] > 0.9
    assert "val_auc" in record["metrics"]
    assert [set(digest) for digest in record["digests"]] == [{"epoch", "order", "members"}] * 3
    members = {digest["members"] for digest in record["digests"]}
    assert len(members) == 1
    assert len({digest["order"] for digest in record["digests"]}) == 3


@pytest.mark.slow
@pytest.mark.backends
def test_a_process_of_its_own_prints_the_same(trained, tmp_path):
    folder, out, err = trained
    shutil.copy(folder / "points.csv", tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "stoker", *TRAINING], cwd=tmp_path, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    found, expected = ([line.split()[0] for line in said.splitlines()] for said in (done.stderr, err))
    same = (word for word in found if word in expected)  # a backend may say something, too
    # How often an epoch is told of is a matter of time.
    assert [word for word, _ in groupby(same)] == [word for word, _ in groupby(expected)]
    found, expected = json.loads(done.stdout), json.loads(out)
    assert list(found) == list(expected)
    assert found["digests"] == expected["digests"]
    assert found["metrics"]["val_accuracy"] > 0.9


def test_training_validates_watches_and_weighs_as_it_is_told(table, tmp_path, capsys):
    data = f"train {table} --label kind --drop id --epochs 1 --batch-size 32 --memory 8MB --run run"
    told = "--validate-every 9steps --monitor max:val_auc --metric auc --class-weight balanced"
    assert main(shlex.split(f"{data} {told}")) == 0
    said = capsys.readouterr().err
    assert re.findall(r"^valid +step (\d+) ", said, re.M) == ["9", "17"]
    assert re.search(r"^done .* val_auc [\d.]+ ", said, re.M)
    training = json.loads((tmp_path / "run" / "run.json").read_text())["training"]
    assert training["monitor"] == "max:val_auc"
    assert training["class_weight"] is not None


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("--metric acuracy", "stoker: there is no metric 'acuracy' in Keras; did you mean 'accuracy'?"),
        (
            "--metric binary_crossentropy",
            "'binary_crossentropy' does not fit the task 'binary', whose labels",
        ),
        ("--metric auc --task classes", "metric 'auc' is for two classes, the task is 'classes'"),
        ("--metric MeanIoU", "'MeanIoU' cannot be made by its name alone: missing 1 required"),
        ("--monitor val_acuracy", "what --metric names, and each of them with val_ in front; did you mean"),
        ("--monitor best:val_loss", "stoker: monitor must be a name, 'min:name' or 'max:name'"),
    ],
)
def test_what_cannot_be_measured_or_watched_is_refused_before_the_survey(
    flags, said, table, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("stoker.feed.training_stage", lambda *_, **__: pytest.fail("surveyed"))
    assert main(shlex.split(f"train {table} --label kind --run run {flags}")) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_what_the_survey_alone_tells_of_a_metric_is_refused_right_behind_it(tmp_path, capsys, monkeypatch):
    path = tmp_path / "t.csv"
    path.write_text("a,kind\n" + "".join(f"{row / 7},{row % 3}\n" for row in range(90)))
    monkeypatch.setattr("stoker.feed.Feed.build_cache", lambda *_: pytest.fail("went on"))
    for metric in ("auc", "mse", "binary_accuracy"):
        assert (
            main(["train", str(path), "--label", "kind", "--run", str(tmp_path / "run"), "--metric", metric])
            == 2
        )
        assert "the task is 'classes'" in (said := capsys.readouterr().err) or "the task 'classes'" in said


def test_training_leaves_a_run_directory(trained):
    folder, *_ = trained
    written = {path.name for path in (folder / "run").iterdir()}
    assert {"run.json", "model.keras", "last.keras", "epochs.csv"} <= written


def test_a_run_directory_is_not_written_over(trained, capsys, monkeypatch):
    folder, *_ = trained
    monkeypatch.chdir(folder)
    assert main(["train", "points.csv", "--label", "kind", "--drop", "id", "--run", "run", "--quiet"]) == 2
    assert "run already holds a run" in capsys.readouterr().err


def test_a_run_imports_no_code_but_what_the_user_names(trained, capsys, monkeypatch):
    folder, *_ = trained
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (folder / "own_layers.py").write_text(
        "import keras\n"
        "@keras.saving.register_keras_serializable('own')\n"
        "class Doubled(keras.layers.Layer):\n"
        "    def call(self, inputs):\n"
        "        return inputs * 2\n"
        "def build(spec):\n"
        "    layers = [keras.Input(spec.input_shape), Doubled(), keras.layers.Dense(1, 'sigmoid')]\n"
        "    model = keras.Sequential(layers)\n"
        "    model.compile('adam', 'binary_crossentropy')\n"
        "    return model\n"
    )
    command = ["train", "points.csv", "--label", "kind", "--epochs", "1", "--quiet", "--run", "layers"]
    assert main([*command, "--model", "own_layers:build"]) == 0

    import keras

    del sys.modules["own_layers"]
    del keras.saving.get_custom_objects()["own>Doubled"]
    assert main(["evaluate", "layers", "test.csv", "--quiet"]) == 2
    assert "--import own_layers" in capsys.readouterr().err
    assert "own_layers" not in sys.modules
    assert main(["evaluate", "layers", "test.csv", "--quiet", "--import", "nowhere"]) == 2
    assert "there is no module 'nowhere'" in capsys.readouterr().err
    assert main(["evaluate", "layers", "test.csv", "--quiet", "--import", "own_layers"]) == 0


def test_a_model_of_ones_own_may_lie_in_the_current_folder(trained, capsys, monkeypatch):
    folder, *_ = trained
    monkeypatch.chdir(folder)
    # As the installed program finds it: the current folder is not on it.
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in ("", str(folder))])
    (folder / "own_model.py").write_text(
        "import keras\n"
        "print('as it is imported')\n"
        "def build(spec):\n"
        "    print('as it builds')\n"
        "    layers = [keras.Input(spec.input_shape), keras.layers.Dense(1, 'sigmoid')]\n"
        "    model = keras.Sequential(layers)\n"
        "    model.compile('adam', 'binary_crossentropy')\n"
        "    return model\n"
    )
    command = ["train", "points.csv", "--label", "kind", "--epochs", "1", "--quiet"]
    capsys.readouterr()
    assert main([*command, "--model", "own_model:build", "--run", "own"]) == 0
    quiet = capsys.readouterr()
    assert quiet.out == ""  # what is printed there is an answer, as of --json
    assert {"as it is imported", "as it builds"} <= set(quiet.err.splitlines())
    assert not re.search("^(survey|epoch|valid|done|next) ", quiet.err, re.M)  # a backend may say something
    assert main([*command, "--model", "own_model:build", "--learning-rate", "0.1", "--run", "other"]) == 2
    assert "learning_rate has no effect on a model of your own" in capsys.readouterr().err


@pytest.mark.parametrize(("step", "left_behind"), [(2, False), (25, True)])
def test_after_ctrl_c_the_next_line_says_what_to_do_with_the_model_there_is(
    table, capsys, monkeypatch, step, left_behind
):
    import keras

    import stoker.training.fit as fitting

    class Press(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.optimizer.iterations >= step:
                os.kill(os.getpid(), signal.SIGINT)

    fit = fitting.fit
    monkeypatch.setattr(fitting, "fit", lambda *given, **named: fit(*given, callbacks=[Press()], **named))
    command = ["train", table, "--label", "kind", "--drop", "id", "--batch-size", "32", "--run", "cut"]
    assert main([*command, "--valid", table]) == 130
    said = capsys.readouterr().err
    assert (f"next      stoker evaluate cut {table}" in said) is left_behind
    assert said.endswith("stoker: stopped by Ctrl-C\n")
    if left_behind:
        assert main(["evaluate", "cut", table, "--json"]) == 0


def test_evaluating_prints_measures_and_a_confusion_matrix(trained, capsys, monkeypatch):
    folder, *_ = trained
    monkeypatch.chdir(folder)
    assert main(["evaluate", "run", "test.csv", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["evaluate", "run", "test.csv"]) == 0
    said = capsys.readouterr().out
    for word in ("rows      90", "loss", "accuracy", "auc", "precision", "recall", "rows: true class"):
        assert word in said


def test_evaluating_as_json_gives_plain_numbers(trained, capsys, monkeypatch):
    folder, *_ = trained
    monkeypatch.chdir(folder)
    assert main(["evaluate", "run", "test.csv", "--json"]) == 0
    record = last_json(capsys)
    assert record["rows"] == 90
    assert record["accuracy"] > 0.9
    assert sum(map(sum, record["confusion"])) == 90


def test_predicting_keeps_the_order_and_the_columns_asked_for(trained, capsys, monkeypatch):
    folder, *_ = trained
    monkeypatch.chdir(folder)
    lines = (folder / "test.csv").read_text().splitlines()
    (folder / "new.csv").write_text("\n".join(line.rpartition(",")[0] for line in lines) + "\n")
    assert main(["predict", "run", "new.csv", "-o", "out.csv", "--keep", "id", "--json"]) == 0
    assert last_json(capsys)["rows"] == 90
    header, *rows = (folder / "out.csv").read_text().splitlines()
    assert header.replace('"', "").split(",")[:2] == ["id", "prediction"]
    assert [int(row.split(",")[0].strip('"')) for row in rows] == list(range(90))
    right = [
        row.split(",")[1].strip('"') == line.split(",")[-1] for row, line in zip(rows, lines[1:], strict=True)
    ]
    assert sum(right) > 80


def test_a_run_is_proved_and_its_steps_are_shown(trained, capsys, monkeypatch):
    monkeypatch.chdir(trained[0])
    assert main(["verify", "run"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("yes")
    assert main(["replay", "run", "--step", "1", "--json"]) == 0
    rows = last_json(capsys)["rows"]
    lines = (trained[0] / "points.csv").read_text().splitlines()
    assert [lines[row["line"] - 1] for row in rows] == [row["text"] for row in rows]


@pytest.mark.slow
def test_a_run_begins_with_another(trained, capsys, monkeypatch):
    monkeypatch.chdir(trained[0])
    flags = ["--label", "kind", "--drop", "id", "--epochs", "1", "--learning-rate", "0.000001"]
    assert main(["train", "points.csv", *flags, "--init", "run", "--run", "second", "--json"]) == 0
    first = json.loads((trained[0] / "run" / "run.json").read_text())["outcome"]["best_value"]
    assert last_json(capsys)["metrics"]["val_loss"] == pytest.approx(first, rel=0.01)
    os.rename("run", "elsewhere")
    try:
        assert main(["resume", "second", "--epochs", "2"]) == 0
    finally:
        os.rename("elsewhere", "run")
    assert main(["verify", "second"]) == 0
    assert "1 to 2: 540 rows each, every row once" in capsys.readouterr().out
    assert main(["train", "points.csv", *flags, "--init", "run", "--embeddings", "x.txt"]) == 2
    assert "no effect beside --init" in capsys.readouterr().err


def test_one_row_is_told_in_the_singular(trained, capsys, monkeypatch):
    folder, *_ = trained
    monkeypatch.chdir(folder)
    lines = (folder / "test.csv").read_text().splitlines()
    (folder / "one.csv").write_text("\n".join(lines[:2]) + "\n")
    assert main(["predict", "run", "one.csv", "-o", "one-out.csv"]) == 0
    assert "done      1 row in " in capsys.readouterr().err


def test_predicting_to_an_unknown_format_is_a_mistake(trained, capsys, monkeypatch):
    folder, *_ = trained
    monkeypatch.chdir(folder)
    assert main(["predict", "run", "test.csv", "-o", "out.xlsx"]) == 2
    assert ".parquet" in capsys.readouterr().err


def test_training_tells_what_became_of_blanks_and_that_it_validates_on_what_it_learns(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "t.csv", bad=",1,2,yes\n5,,2,yes\n")
    flags = ["--label", "kind", "--na", "a=mean,id=drop-row", "--valid", "t.csv"]
    assert main(["train", "t.csv", *flags, "--epochs", "1", "--model", "linear"]) == 0
    said = capsys.readouterr().err
    assert "left out  1 row with bad or missing values" in said
    assert re.search(
        r"note +column 'a': 1 blank value, first at t.csv, line 603 .*: the mean takes their place", said
    )
    assert "warning   t.csv holds the very bytes of t.csv, which is trained on: validation then tells" in said
    assert main(["plan", "t.csv", *flags]) == 0
    assert "warning   t.csv holds the very bytes of t.csv, which is trained on" in capsys.readouterr().out


def test_more_hosts_than_rows_of_a_batch_are_refused_before_any_begins(trained, capsys, monkeypatch):
    monkeypatch.chdir(trained[0])
    for flags, rows in (((), 256), (("--batch-size", "300"), 300)):
        assert main(["train", "points.csv", "--label", "kind", "--hosts", "301", *flags]) == 2
        assert f"301 hosts cannot share batches of {rows}, each needs a row" in capsys.readouterr().err
