"""Run directories that are damaged, of another plan, or asked for what they cannot give."""

import json
import shutil
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stoker.cli import main
from stoker.runlock import running

KINDS = ("no", "yes")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two epochs' rows, beside its table."""
    folder = tmp_path_factory.mktemp("trained")
    table = folder / "t.csv"
    table.write_text("a,b,kind\n" + "".join(f"{row % 7},{row % 11},{KINDS[row % 2]}\n" for row in range(100)))
    flags = ("--label", "kind", "--epochs", "1", "--model", "linear", "--run", str(folder / "run"), "--quiet")
    assert main(("train", str(table), *flags)) == 0
    return folder


@pytest.fixture
def run(trained, here) -> str:
    """A copy of the run and its table in the current folder."""
    shutil.copytree(trained / "run", here / "run")
    shutil.copy(trained / "t.csv", here / "t.csv")
    return "run"


@contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """Inside, somebody trains in a run directory."""
    holds, over = threading.Event(), threading.Event()

    def train() -> None:
        with running(folder):
            holds.set()
            over.wait(30)

    other = threading.Thread(target=train)
    other.start()
    try:
        assert holds.wait(30)
        yield
    finally:
        over.set()
        other.join()


def _train(refused, *flags):
    return refused(
        "train", "t.csv", "--label", "kind", "--epochs", "1", "--model", "linear", "--quiet", *flags
    )


def test_a_run_of_the_same_plan_is_not_written_over(refused, run):
    assert _train(refused, "--run", run) == (
        "run already holds a run of what looks like the same plan; choose another folder, such as "
        "--run run-1, or go on with it by --resume auto"
    )


def test_a_column_that_was_left_out_of_itself_makes_no_other_plan(refused, run, here):
    lines = (here / "t.csv").read_text().splitlines()
    text = "\n".join(f"{f'u{place:04}x' if place else 'id'},{line}" for place, line in enumerate(lines))
    (here / "wide.csv").write_text(text + "\n")
    command = ("train", "wide.csv", "--label", "kind", "--run", "left-out")
    assert main([*command, "--epochs", "1"]) == 0
    assert refused(*command).startswith("left-out already holds a run of what looks like the same plan; ")
    assert "columns: 'b' there and not here" in refused(*command, "--drop", "b")
    assert main([*command, "--drop", "id", "--epochs", "2", "--resume", "auto"]) == 0


@pytest.mark.parametrize(
    ("flags", "difference"),
    [
        (("--seed", "5"), "order of rows, seed: 0 there, 5 here"),
        (("--drop", "b"), "columns: 'b' there and not here"),
        (("--batch-size", "32"), "order of rows, batch_size: 256 there, 32 here"),
        (
            ("--limit", "20"),
            "seed 0) there, head (count 20) then split (fraction 0.9, first part, seed 0) here",
        ),
    ],
)
def test_a_run_of_another_plan_is_refused_with_the_difference(refused, run, flags, difference):
    said = _train(refused, "--run", run, *flags)
    assert said.startswith("run already holds a run of another plan (")
    assert difference in said
    assert said.endswith("; choose another folder, such as --run run-1")


def test_a_taken_run_directory_is_refused_before_the_survey(refused, run, here, monkeypatch):
    from stoker.feed import Feed

    monkeypatch.setattr(Feed, "prepare", lambda *arguments: pytest.fail("it was surveyed"))
    (here / "run-1").mkdir()
    said = _train(refused, "--run", run, "--shuffle", "exact")
    assert said == (
        "run already holds a run of another plan (order of rows, kind: block there, exact here (--shuffle "
        "decides it)); choose another folder, such as --run run-2"
    )
    (here / "precious").mkdir()
    (here / "precious" / "model.keras").write_text("mine")
    assert "precious/model.keras is there already" in _train(refused, "--run", "precious")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--run", "run"), "run already holds a run of what looks like the same plan; choose another folder"),
        (("--run", "run", "--resume", "auto", "--seed", "5"), "run was made by another plan"),
        (("--max-bad-rows", "3"), "--max-bad-rows has no effect without --on-bad-row skip or quarantine"),
        (("--transform", "a=standardize", "--init", "run"), "--transform has no effect beside --init"),
    ],
)
def test_what_is_refused_without_hosts_is_refused_before_ray_is_asked_for(
    refused, run, monkeypatch, flags, words
):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert "pip install 'stoker[ray]'" in _train(refused, "--hosts", "2", "--run", "free")
    assert not Path("free").exists()

    assert _train(refused, "--hosts", "2", *flags) == _train(refused, *flags)
    assert _train(refused, "--hosts", "2", *flags).startswith(words)


def test_a_run_that_is_in_use_is_refused_before_ray_is_asked_for(refused, run, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with in_use(Path(run)):
        said = _train(refused, "--hosts", "2", "--run", run, "--resume", "auto")
    assert said.startswith("run is being trained in, by another thread of this process, ")


def test_a_run_among_one_s_own_files_is_refused_before_the_survey(refused, run, here, monkeypatch):
    from stoker.feed import Feed

    monkeypatch.setattr(Feed, "prepare", lambda *arguments: pytest.fail("it was surveyed"))
    before = sorted(path.name for path in here.iterdir())
    assert _train(refused, "--run", ".") == (
        ". holds data (t.csv), and a run's files would lie among them, where epochs.csv is a table like "
        "others: choose a folder of its own, such as --run runs/t-1"
    )
    assert sorted(path.name for path in here.iterdir()) == before


def test_a_run_on_other_data_is_refused_with_the_difference(refused, run, here):
    with (here / "t.csv").open("a") as file:
        file.write("1,2,no\n")
    assert "another plan (files: /" in (said := _train(refused, "--run", run))
    assert "t.csv there, t.csv here)" in said


@pytest.mark.parametrize("command", ["evaluate", "predict"])
@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("nowhere", "nowhere holds no run: there is no run.json in it"),
        (".", ". holds no run: there is no run.json in it"),
        (
            "t.csv",
            "t.csv is a file and no run directory: name the folder that the training wrote, which it names "
            "when it begins, such as runs/t-1",
        ),
    ],
)
def test_a_folder_that_is_no_run_is_named(refused, run, command, folder, words):
    output = ("-o", "out.csv") if command == "predict" else ()
    assert refused(command, folder, "t.csv", *output) == words


_WAY_OUT = (
    "; restore run.json from a copy, or begin a new run with --run run-1: the weights are in model.keras, "
    "which keras.models.load_model('run/model.keras') takes"
)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b"[1, 2]"])
@pytest.mark.parametrize("command", [("evaluate", "run", "t.csv"), ("resume", "run")])
def test_a_damaged_record_is_named_with_the_way_out(refused, run, here, command, content):
    (here / "run" / "run.json").write_bytes(content)
    said = refused(*command)
    assert said.startswith("run/run.json is damaged or not a run of stoker: ")
    assert said.endswith(_WAY_OUT)


def test_a_lost_record_is_named_with_the_way_out_and_nothing_is_written_over(refused, run, here):
    (here / "run" / "run.json").unlink()
    assert refused("resume", run) == f"run holds no run: there is no run.json in it{_WAY_OUT}"
    told = f"run holds what is left of a run whose run.json is gone{_WAY_OUT}"
    assert _train(refused, "--run", run, "--resume", "auto") == told
    for name in ("model.keras", "last.keras", "epochs.csv", "transform.json"):
        (here / "run" / name).unlink(missing_ok=True)
    (newest,) = [path.name for path in sorted((here / "run" / "checkpoints").iterdir())][-1:]
    lost = (
        f"; restore run.json from a copy, or begin a new run with --run run-1: checkpoints/{newest} is there"
    )
    assert lost in refused("resume", run)
    assert lost in _train(refused, "--run", run, "--resume", "auto")


def test_a_lost_transform_is_named_with_the_way_out(refused, here):
    table = here / "t.csv"
    table.write_text("a,city,y\n" + "".join(f"{row % 7},city {row % 3},{row % 2}\n" for row in range(60)))
    flags = ("--label", "y", "--epochs", "1", "--run", "run", "--quiet")
    assert main(("train", "t.csv", *flags)) == 0
    path = here / "run" / "transform.json"
    for content in (b"", b"garbage", None):
        path.unlink() if content is None else path.write_bytes(content)
        for command in (("evaluate", "run", "t.csv"), ("resume", "run")):
            said = refused(*command)
            assert said.startswith("run/transform.json ")
            assert said.endswith(_WAY_OUT.replace("run.json", "transform.json"))


def _spoil(here, key, value):
    path = here / "run" / "run.json"
    record = json.loads(path.read_bytes())
    assert key in record
    path.write_text(json.dumps(record | {key: value}))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("format", 99, "run/run.json has format 99, this stoker reads up to 1: pip install -U stoker"),
        ("transform", {"name": "evil"}, "the stored transform is a 'evil'; this version knows "),
        ("reading", {}, "run.json does not say how its files were written"),
        ("columns", [], "run.json does not say how its files were written"),
    ],
)
def test_a_record_that_was_tampered_with_is_told(refused, run, here, key, value, words):
    _spoil(here, key, value)
    assert words in refused("evaluate", run, "t.csv")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"classes": ["no", "yes", "maybe"]}, "names 3 classes, and its task 'binary' has 2: "),
        ({"classes": ["no"]}, "names 1 classes, and its task 'binary' has 2: "),
        (
            {"classes": ["no", "yes", "maybe"], "task": "classes", "num_outputs": 3},
            "names 3 classes, and its label encoder knows 2: ",
        ),
        (
            {"task": "classes", "num_outputs": 2},
            "names 2 classes, and run/model.keras gives 1: ",
        ),
        ({"features": ["a"]}, "names 1 features, and run/model.keras takes 2: "),
    ],
)
@pytest.mark.parametrize("command", [("evaluate",), ("predict", "-o", "out.csv")])
def test_a_record_that_does_not_fit_its_model_is_told_with_both_numbers(
    refused, run, here, command, spec, words
):
    record = json.loads((here / "run" / "run.json").read_bytes())
    target = {name: value for name, value in spec.items() if name != "features"}
    targets = [record["spec"]["targets"][0] | target]
    _spoil(here, "spec", record["spec"] | spec | {"targets": targets})
    said = refused(command[0], run, "t.csv", *command[1:])
    assert said == f"run/run.json {words}one was changed, or they are of different runs"


def test_a_module_that_the_record_names_is_not_imported(accepted, run, here):
    record = json.loads((here / "run" / "run.json").read_bytes())
    _spoil(here, "options", record["options"] | {"model": "module_of_others:build"})
    (here / "module_of_others.py").write_text("raise SystemExit('imported')\n")
    assert "accuracy" in accepted("evaluate", run, "t.csv")


def test_a_damaged_model_is_named(refused, run, here):
    (here / "run" / "model.keras").write_bytes(b"junk")
    said = refused("evaluate", run, "t.csv")
    assert said.startswith("run/model.keras cannot be loaded: ")
    assert "restore it from a copy; in Python stoker.load('run', which='last') takes its last model" in said


def test_a_model_with_a_flipped_byte_or_without_its_parts_is_named(refused, run, here):
    path = here / "run" / "model.keras"
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    path.write_bytes(whole)
    assert refused("evaluate", run, "t.csv").startswith("run/model.keras cannot be loaded: Bad CRC-32")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other", "")
    assert refused("evaluate", run, "t.csv").startswith("run/model.keras cannot be loaded: ")


def test_a_missing_model_is_named(refused, run, here):
    (here / "run" / "model.keras").unlink()
    assert refused("evaluate", run, "t.csv") == (
        "run/model.keras does not exist: the run is finished, so that it was there: restore it from a copy; "
        "in Python stoker.load('run', which='last') takes its last model"
    )


def test_a_model_that_a_stopped_run_has_not_yet_is_had_by_resuming(refused, run, here):
    (here / "run" / "model.keras").unlink()
    record = json.loads((here / "run" / "run.json").read_bytes())
    _spoil(here, "outcome", record["outcome"] | {"status": "interrupted"})
    assert refused("evaluate", run, "t.csv") == (
        "run/model.keras does not exist: the run is interrupted; `stoker resume run` goes on with it; "
        "in Python stoker.load('run', which='last') takes its last model"
    )


def test_a_run_that_somebody_trains_in_is_resumed_when_that_ends(refused, run, here):
    with in_use(here / "run"):
        said = refused("resume", run)
    assert said.startswith("run is being trained in, by another thread of this process, ")
    assert said.endswith(": wait until that ends, and resume it then")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (None, "v.csv: no such file (looked from "),
        ("a,b\n1,2\n", "v.csv: the label column 'kind' is absent; its columns are 'a', 'b'"),
        ("b,kind\n1,no\n", "v.csv: the feature column 'a' is absent; its columns are 'b', 'kind'"),
        ("a,b,kind\n", "v.csv: there is a header (a, b, kind) and no row below it"),
        ("a,b,kind\n1,2,no\n1,x,no\n", "v.csv, line 3: column 'b' holds 'x', which is not a number"),
        ("a,b,kind\n1,2,no\n1,,no\n", "v.csv, line 3: column 'b' holds '', which is blank"),
        ("a,b,kind\n1,2,no\n1,2\n", "v.csv, line 3: "),
        ("a,b,kind\n1,2,no\n1,2,maybe\n", "v.csv, line 3: label column 'kind' holds 'maybe'"),
    ],
)
def test_files_that_cannot_be_evaluated_are_named(refused, run, here, table, words):
    if table is not None:
        (here / "v.csv").write_text(table)
    assert words in refused("evaluate", run, "v.csv", "--on-bad-row", "error")


ROWS = {
    "1,x,no": "column 'b' holds 'x', which is not a number",
    "1,,no": "column 'b' holds '', which is blank",
    "1,2": "the record has 2 fields instead of 3: '1,2'",
    "1,1e400,no": "column 'b' holds '1e400', which is not finite",
}


@pytest.mark.parametrize(("row", "trouble"), ROWS.items())
def test_evaluate_and_predict_treat_rows_that_cannot_be_scored_alike(
    accepted, refused, run, here, row, trouble, capsys
):
    (here / "v.csv").write_text(f"a,b,kind\n1,2,no\n{row}\n3,4,yes\n")
    strict = f"v.csv, line 3: {trouble}; --on-bad-row skip leaves such rows without an answer"
    for command in (("evaluate", run, "v.csv"), ("predict", run, "v.csv", "-o", "out.csv")):
        assert refused(*command, "--on-bad-row", "error") == strict
        assert not (here / "out.csv").exists()
        assert main(command) == 0
        said = capsys.readouterr()
        assert f"1 row cannot be scored and has no answer, first v.csv, line 3: {trouble}" in said.err
    assert "\n,,\n" in (here / "out.csv").read_text()
    assert "rows      2, 1 left out" in accepted("evaluate", run, "v.csv", "--on-bad-row", "skip")


def test_a_row_without_a_label_is_left_out_of_the_evaluation(accepted, refused, run, here):
    (here / "v.csv").write_text("a,b,kind\n1,2,no\n1,2,\n3,4,yes\n")
    assert "rows      2, 1 left out" in accepted("evaluate", run, "v.csv")
    assert "line 3: column 'kind' holds '', which is blank" in refused(
        "evaluate", run, "v.csv", "--on-bad-row", "error"
    )


def test_rows_none_of_which_can_be_scored_are_told(refused, run, here):
    (here / "v.csv").write_text("a,b,kind\n1,,no\n1,x,no\n")
    assert refused("evaluate", run, "v.csv") == (
        "there are no rows to evaluate: 2 cannot be scored, the first is v.csv, line 2: column 'b' holds '', "
        "which is blank"
    )


def test_predictions_never_take_the_place_of_their_input(refused, run, here):
    before = (here / "t.csv").read_bytes()
    (here / "link.csv").symlink_to("t.csv")
    for output in ("t.csv", "./t.csv", str(here / "t.csv"), "link.csv"):
        said = refused("predict", run, "t.csv", "-o", output)
        assert f"{output} is one of the files to predict on" in said
        assert "name another output" in said
    assert (here / "t.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("", "missing option '-o' / '--output'"),
        ("-o out.xlsx", "predictions are written to .csv, .jsonl, .parquet or .arrow, got 'out.xlsx'"),
        ("-o out", "predictions are written to .csv, .jsonl, .parquet or .arrow, got 'out'"),
        ("-o folder.csv", "folder.csv is a folder: name a file in it, such as folder.csv/rows.parquet"),
        ("-o t.csv/out.csv", "t.csv/out.csv cannot be written: "),
        ("-o /proc/nowhere/out.csv", "/proc/nowhere/out.csv cannot be written: "),
        ("-o out.csv --keep nope", "t.csv: --keep: column 'nope' is absent; its columns are 'a', 'b'"),
        ("-o out.csv --keep=", "--keep got '', which names nothing"),
    ],
)
def test_predictions_that_cannot_be_written_are_told(refused, run, here, flags, words):
    (here / "folder.csv").mkdir()
    assert words in refused("predict", run, "t.csv", *flags.split())
    assert not (here / "out.csv").exists()


def test_a_kept_column_may_not_have_a_predictions_name(refused, run, here):
    (here / "v.csv").write_text("a,b,prediction\n1,2,3\n")
    said = refused("predict", run, "v.csv", "-o", "out.csv", "--keep", "prediction")
    assert said.startswith("column 'prediction' cannot be kept: a prediction has that name")


def test_predictions_replace_a_file_only_when_told_to(accepted, refused, run, here):
    (here / "out.csv").write_text("precious")
    assert refused("predict", run, "t.csv", "-o", "out.csv") == (
        "out.csv is there already: name another output, or say --overwrite to replace it"
    )
    assert (here / "out.csv").read_text() == "precious"
    accepted("predict", run, "t.csv", "-o", "out.csv", "--overwrite")
    assert (here / "out.csv").read_text().startswith("prediction,")


def test_what_a_killed_prediction_left_is_cleared_by_the_next(accepted, run, here):
    (here / ".building-out.csv-0123456789ab").write_text("half")
    accepted("predict", run, "t.csv", "-o", "out.csv")
    assert sorted(path.name for path in here.iterdir()) == ["out.csv", "run", "t.csv"]


def test_a_failed_prediction_leaves_what_was_there(refused, run, here):
    (here / "out.csv").write_text("precious")
    (here / "v.csv").write_text("a\n1\n")
    assert "v.csv: the feature column 'b' is absent" in refused(
        "predict", run, "v.csv", "-o", "out.csv", "--overwrite"
    )
    assert (here / "out.csv").read_text() == "precious"
    assert sorted(path.name for path in here.iterdir()) == ["out.csv", "run", "t.csv", "v.csv"]


def test_bad_rows_are_predicted_as_empty_and_counted(accepted, run, here):
    (here / "v.csv").write_text("a,b\n1,2\nx,2\n3\n5,6\n")
    record = json.loads(accepted("predict", run, "v.csv", "-o", "out.csv", "--json"))
    assert (record["rows"], record["bad_rows"]) == (4, 2)
    lines = (here / "out.csv").read_text().splitlines()
    assert [set(line) <= {","} for line in lines] == [False, False, True, True, False]


def test_a_run_that_failed_for_its_loss_says_so_and_what_helps(refused, run, here):
    (here / "run" / "model.keras").unlink()
    record = json.loads((here / "run" / "run.json").read_bytes())
    for error, said in [
        (
            "NonFiniteLossError: the loss became nan in step 2; its rows are many",
            "for the loss became nan in step 2; begin a new run with a lower --learning-rate, or "
            "on mended data",
        ),
        (
            "OSError: [Errno 5] t.csv",
            "(OSError: [Errno 5] t.csv); `stoker resume run` goes on with it; in Python",
        ),
    ]:
        _spoil(here, "outcome", record["outcome"] | {"status": "failed", "error": error})
        assert "run/model.keras does not exist: the run failed" in (
            found := refused("evaluate", run, "t.csv")
        )
        assert said in found


def test_a_training_that_diverged_leaves_a_run_that_can_be_read(accepted, refused, here, write, capsys):
    flags = ("--label", "a", "--drop", "kind", "--task", "regression", "--model", "linear", "--epochs", "1")
    assert (
        main(
            (
                "train",
                write("t.csv"),
                *flags,
                "--learning-rate",
                "1e38",
                "--batch-size",
                "5",
                "--run",
                "run",
                "--on-nan",
                "continue",
            )
        )
        == 0
    )
    said = capsys.readouterr().err
    assert "val_loss was never a number, so there is no best model" in said
    assert "stoker evaluate" not in said
    assert "next      begin a new run with a lower --learning-rate, or on mended data" in said
    for command in (("evaluate", "run", "t.csv"), ("predict", "run", "t.csv", "-o", "out.csv")):
        assert refused(*command) == (
            "run/model.keras does not exist: in 1 epoch val_loss was never a number, so no model was the "
            "best; begin a new run with a lower --learning-rate, or on mended data"
        )
    assert json.loads((here / "run" / "run.json").read_bytes())["epochs"][0]["metrics"]["loss"] is None
