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
import time
from itertools import groupby
from pathlib import Path

import pytest

from stoker.cli import main
from stoker.cli.commands import build_command
from stoker.cli.words import missing_values, names, settings
from stoker.errors import OptionError

ROOT = Path(__file__).parents[1]


def _write_table(path, rows=600, *, bad=""):
    """Two clouds of points, one a class: learned within an epoch or two."""
    lines = ["id,a,b,kind"]
    for row in range(rows):
        side = row * 7919 % 2
        lines.append(f"{row},{side * 4 + row * 31 % 17 / 10},{row * 13 % 11},{'yes' if side else 'no'}")
    path.write_text("\n".join(lines) + "\n" + bad)
    return str(path)


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return _write_table(tmp_path / "points.csv")


def _last_json(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


class TestWords:
    def test_names_may_be_repeated_and_take_commas(self):
        assert names(["a, b", "c"]) == ["a", "b", "c"]

    def test_a_quoted_name_may_hold_a_comma(self):
        assert names(['"a, b",c']) == ["a, b", "c"]

    def test_a_column_may_hold_an_equals_sign(self):
        assert settings("--types", ["x=y=int"], ("int", "text")) == {"x=y": "int"}

    def test_a_pair_without_an_equals_sign_is_explained(self):
        with pytest.raises(OptionError, match=r"--types takes COLUMN=int\|text, got 'zip'"):
            settings("--types", ["zip"], ("int", "text"))

    def test_a_wrong_choice_gets_the_nearest_one(self):
        with pytest.raises(OptionError, match="did you mean text"):
            settings("--types", ["zip=txt"], ("int", "text"))

    def test_missing_values_have_one_rule_for_all(self):
        assert missing_values(None, ["a"]) == "error"
        assert missing_values(["mean"], ["a"]) == "mean"

    def test_missing_values_have_a_rule_for_some_columns(self):
        assert missing_values(["b=zero"], ["a", "b"]) == {"b": "zero"}
        assert missing_values(["mean,b=zero"], ["a", "b"]) == {"a": "mean", "b": "zero"}

    def test_two_rules_for_all_columns_contradict_one_another(self):
        with pytest.raises(OptionError, match="one rule for all columns, got mean and zero"):
            missing_values(["mean", "zero"], ["a"])


class TestMistakes:
    def _sentence(self, capsys, *arguments):
        assert main(arguments) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert "Traceback" not in said.err
        return said.err

    def test_an_unknown_option_gets_the_nearest_one(self, capsys):
        said = self._sentence(capsys, "train", "x.csv", "--epoch", "3")
        assert (
            said
            == "stoker: there is no option --epoch; did you mean --epochs? (stoker train --help lists them)\n"
        )

    def test_an_unknown_command_gets_the_nearest_one(self, capsys):
        assert "Did you mean 'train'?" in self._sentence(capsys, "trian")

    def test_a_number_that_is_none_is_named(self, capsys):
        assert "--epochs" in self._sentence(capsys, "train", "x.csv", "--epochs", "many")

    def test_a_missing_file_is_named(self, capsys, tmp_path):
        assert "nowhere.csv" in self._sentence(capsys, "plan", str(tmp_path / "nowhere.csv"), "--label", "y")

    def test_without_a_label_the_columns_are_listed(self, capsys, table):
        assert "Say --label COLUMN; the columns are id, a, b, kind" in self._sentence(capsys, "plan", table)

    def test_columns_that_other_flags_leave_out_are_listed_for_the_label_too(self, capsys, table):
        said = self._sentence(capsys, "train", table, "--text", "kind")
        assert "Say --label COLUMN; the columns are id, a, b, kind" in said
        said = self._sentence(capsys, "plan", table, "--columns", "a")
        assert "Say --label COLUMN; the columns are id, a, b, kind" in said

    def test_an_absent_label_gets_the_nearest_name(self, capsys, table):
        assert "'kind'" in self._sentence(capsys, "plan", table, "--label", "kinds")

    def test_a_bound_on_bad_rows_without_skipping_has_no_effect(self, capsys, table):
        said = self._sentence(capsys, "plan", table, "--label", "kind", "--max-bad-rows", "3")
        assert "no effect without --on-bad-row skip" in said

    def test_a_file_for_bad_rows_without_quarantine_has_no_effect(self, capsys, table):
        said = self._sentence(capsys, "plan", table, "--label", "kind", "--quarantine", "bad.csv")
        assert "no effect without --on-bad-row quarantine" in said
        assert "say skip" in self._sentence(capsys, "inspect", table, "--on-bad-row", "quarantine")

    def test_a_plan_writes_bad_rows_where_a_file_is_named(self, capsys, tmp_path):
        path = _write_table(tmp_path / "table.csv", bad="600,x,1,yes\n")
        flags = ["--label", "kind", "--on-bad-row", "quarantine"]
        bad = tmp_path / "bad.jsonl"
        assert main(["plan", path, *flags]) == 0
        assert "1 row with bad or missing values\n" in capsys.readouterr().out
        assert main(["plan", path, *flags, "--quarantine", str(bad)]) == 0
        assert f"bad ones in {bad}" in capsys.readouterr().out
        assert json.loads(bad.read_text())["text"] == "600,x,1,yes"

    def test_patience_must_be_a_number_or_off(self, capsys, table):
        said = self._sentence(capsys, "train", table, "--label", "kind", "--early-stopping", "soon")
        assert "got 'soon'" in said

    def test_a_directory_that_is_no_run_is_named(self, capsys, tmp_path, table):
        assert str(tmp_path) in self._sentence(capsys, "evaluate", str(tmp_path), table)

    def test_every_problem_of_the_data_is_listed_with_its_flag(self, capsys, tmp_path):
        path = _write_table(tmp_path / "bad.csv", bad="600,,1,yes\n601,1,2,no\n602,3\n")
        said = self._sentence(capsys, "plan", path, "--label", "kind", "--na", "error")
        assert "--na a=mean" in said
        assert "--on-bad-row skip" in said


def test_without_arguments_the_help_is_printed(capsys):
    assert main([]) == 0
    assert "Usage: stoker" in capsys.readouterr().out


def test_the_version_is_printed(capsys):
    assert main(["--version"]) == 0
    assert re.fullmatch(r"stoker \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_every_flag_is_in_the_documentation_and_no_other():
    documented = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", (ROOT / "docs" / "cli.md").read_text("utf-8")))
    commands = build_command().commands.values()
    flags = {
        flag
        for command in commands
        for parameter in command.params
        for flag in (*parameter.opts, *parameter.secondary_opts)
        if flag.startswith("--")
    }
    assert flags - {"--output"} | {"--help"} == documented


def test_a_bug_is_told_apart_from_a_mistake(capsys, monkeypatch, table):
    def broken(*arguments):
        raise KeyError("inside")

    monkeypatch.setattr("stoker.cli.plan.open_parts", broken)
    assert main(["plan", table, "--label", "kind"]) == 1
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert said.endswith("stoker: this is a bug in stoker; please report it with the lines above\n")


def test_ctrl_c_ends_with_130(capsys, monkeypatch, table):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("stoker.cli.plan.open_parts", interrupted)
    assert main(["plan", table, "--label", "kind"]) == 130
    assert capsys.readouterr().err == "stoker: stopped by Ctrl-C\n"


def test_a_ctrl_c_that_a_callback_swallows_comes_again(capsys, monkeypatch, table):
    class Swallowing:
        def __del__(self):
            raise KeyboardInterrupt

    def callback(*arguments):
        Swallowing()
        time.sleep(20)

    monkeypatch.setattr("stoker.cli.plan.open_parts", callback)
    assert main(["plan", table, "--label", "kind"]) == 130


SIZE, TIME = r"[\d.]+ (kB|MB)", r"(\d+\.\d|\d+) (s|min)"
PLAN = rf"""
data      points\.csv · {SIZE} · 600 rows
columns   2 int and 1 float · label kind · held as float64
note      column 'id': 540 rows, each with another value, first at points\.csv, line 2 \(row 0\): --drop id
task      binary: the label has two values \(--task overrides\)
classes   no, yes
rows      540 to train on, 60 to validate on \(held out, 10 %\)
order     block: blocks of 12 rows, shuffled in windows of 768 · 3 steps of 256 rows an epoch · seed 0
memory    {SIZE} of 8 MB: row places {SIZE}, windows {SIZE}, batches {SIZE}
disk      cache of {SIZE}: asked for
workers   \d+ threads? a stage, \d windows and \d+ groups of batches ahead
time      survey {TIME} · cache about {TIME} · reading an epoch about {TIME}, 3 at most
"""


def test_the_plan_says_what_is_there_and_what_would_be_done(capsys, table):
    flags = ["--label", "kind", "--epochs", "3", "--memory", "8MB", "--cache", "always"]
    assert main(["plan", os.path.basename(table), *flags]) == 0
    said = capsys.readouterr().out.splitlines()
    for found, expected in zip(said, PLAN.strip().splitlines(), strict=True):
        assert re.fullmatch(expected, found), found


def test_the_plan_warns_of_a_label_that_is_nearly_always_the_same(capsys, tmp_path):
    path = tmp_path / "rare.csv"
    path.write_text("a,y\n" + "".join(f"{row},{int(row % 40 == 0)}\n" for row in range(400)))
    assert main(["plan", str(path), "--label", "y"]) == 0
    assert "always answering 0 scores 97" in capsys.readouterr().out


def test_the_plan_as_json_is_one_line(capsys, table):
    assert main(["plan", table, "--label", "kind", "--json"]) == 0
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert json.loads(said)["plan"]["order"]["num_rows"] == 540


def test_the_plan_trains_nothing_and_writes_no_run(table, tmp_path):
    assert main(["plan", table, "--label", "kind", "--cache", "always", "--quiet"]) == 0
    assert not (tmp_path / "runs").exists()
    assert not list(tmp_path.glob(".stoker/*.arrow"))


def test_a_limit_beyond_the_end_takes_all_rows(capsys, table):
    assert main(["plan", table, "--label", "kind", "--limit", "5000", "--json"]) == 0
    assert _last_json(capsys)["rows"] == 540


def test_a_limit_takes_the_first_rows(capsys, table):
    assert main(["plan", table, "--label", "kind", "--limit", "100", "--json"]) == 0
    record = _last_json(capsys)
    assert record["rows"] + record["validation_rows"] == 100


TRAINING = shlex.split(
    "train points.csv --label kind --drop id --epochs 3 --batch-size 32 --learning-rate 0.01 --memory 8MB "
    "--run run --json --metric auc"
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run, and what was printed on standard output and standard error."""
    folder = tmp_path_factory.mktemp("trained")
    _write_table(folder / "points.csv")
    _write_table(folder / "test.csv", 90)
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
        "def build(spec):\n"
        "    layers = [keras.Input(spec.input_shape), keras.layers.Dense(1, 'sigmoid')]\n"
        "    model = keras.Sequential(layers)\n"
        "    model.compile('adam', 'binary_crossentropy')\n"
        "    return model\n"
    )
    command = ["train", "points.csv", "--label", "kind", "--epochs", "1", "--quiet"]
    capsys.readouterr()
    assert main([*command, "--model", "own_model:build", "--run", "own"]) == 0
    quiet = capsys.readouterr()
    assert quiet.out == ""
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
    record = _last_json(capsys)
    assert record["rows"] == 90
    assert record["accuracy"] > 0.9
    assert sum(map(sum, record["confusion"])) == 90


def test_predicting_keeps_the_order_and_the_columns_asked_for(trained, capsys, monkeypatch):
    folder, *_ = trained
    monkeypatch.chdir(folder)
    lines = (folder / "test.csv").read_text().splitlines()
    (folder / "new.csv").write_text("\n".join(line.rpartition(",")[0] for line in lines) + "\n")
    assert main(["predict", "run", "new.csv", "-o", "out.csv", "--keep", "id", "--json"]) == 0
    assert _last_json(capsys)["rows"] == 90
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
    rows = _last_json(capsys)["rows"]
    lines = (trained[0] / "points.csv").read_text().splitlines()
    assert [lines[row["line"] - 1] for row in rows] == [row["text"] for row in rows]


@pytest.mark.slow
def test_a_run_begins_with_another(trained, capsys, monkeypatch):
    monkeypatch.chdir(trained[0])
    flags = ["--label", "kind", "--drop", "id", "--epochs", "1", "--learning-rate", "0.000001"]
    assert main(["train", "points.csv", *flags, "--init", "run", "--run", "second", "--json"]) == 0
    first = json.loads((trained[0] / "run" / "run.json").read_text())["outcome"]["best_value"]
    assert _last_json(capsys)["metrics"]["val_loss"] == pytest.approx(first, rel=0.01)
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


DEMO = r"""
 +rows +rows/s +waited for data +accuracy on originals
digits +200 000 +\S+ +\S+ s +(?P<accuracy>\d\d\.\d) %

file +\d\d MB
stoker +(?P<stoker>[\d.]+) MB at most, of --memory 8MB
process +[\d.]+ [MG]B at most, [\d.]+ [MG]B of them model and framework, before this file

next
  .+ (?P<plan>plan \S*demo/.+)
  .+ (?P<evaluate>evaluate \S*demo/.+)
  .+ (?P<predict>predict \S*demo/.+)
"""


@pytest.mark.slow
@pytest.mark.timeout(330)
def test_the_demo_learns_the_digits_within_its_memory_and_says_what_to_try_next(
    tmp_path, monkeypatch, capsys
):
    done = subprocess.run(
        [sys.executable, "-m", "stoker", "demo"], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    shown = re.fullmatch(DEMO.strip("\n"), done.stdout.strip("\n"))
    assert shown is not None, done.stdout
    assert float(shown["accuracy"]) >= 97
    assert float(shown["stoker"]) <= 8
    assert (tmp_path / "demo" / "digits.csv").stat().st_size > 3 * 8_000_000
    monkeypatch.chdir(tmp_path)
    for command in ("plan", "evaluate", "predict"):
        assert main(shlex.split(shown[command])) == 0, shown[command]
    assert f"accuracy  0.{shown['accuracy'].replace('.', '')}" in capsys.readouterr().out
    assert (tmp_path / "predictions.csv").read_text().count("\n") == 361


def test_training_tells_what_became_of_blanks_and_that_it_validates_on_what_it_learns(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    _write_table(tmp_path / "t.csv", bad=",1,2,yes\n5,,2,yes\n")
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
