"""A run directory is data: written whole, read by type, never overwritten by another run."""

from __future__ import annotations

import msgspec
import pytest

from stoker.errors import RunError
from stoker.plan import DataFacts, MachineFacts, PlanOptions, make_plan
from stoker.rundir import RunDirectory, next_run_path
from stoker.runrecords import EpochRecord, FileRecord, RunRecord
from stoker.types import ColumnSpec, FeedSpec


def record_of(seed=7, digest="aa", classes=(0, 1, 2)):
    facts = DataFacts(
        num_rows=900, num_slots=1000, num_bytes=9000, num_features=2, num_columns=3, row_bytes=24
    )
    return RunRecord(
        versions={"stoker": "0.1.0"},
        created="2026-01-01T00:00:00Z",
        backend="jax",
        options={"epochs": 3},
        files=[FileRecord(path="a.csv", num_bytes=9000, num_rows=1000, digest=digest)],
        columns=[ColumnSpec(name="x", kind="int"), ColumnSpec(name="y", kind="int")],
        spec=FeedSpec(
            input_shape=(2,),
            input_dtype="float32",
            features=("x", "z"),
            task="classes",
            classes=classes,
            num_outputs=len(classes),
            label="y",
        ),
        transform={"kind": "standardize"},
        target={"kind": "labels"},
        plan=make_plan(facts, MachineFacts(cores=2), PlanOptions(batch_size=32, seed=seed)),
    )


def epoch_of(number, **metrics):
    return EpochRecord(
        epoch=number,
        metrics=metrics,
        rows=900,
        seconds=1.5,
        wait_seconds=0.25,
        order_digest="0f",
        member_digest="f0",
    )


@pytest.mark.parametrize("classes", [(0, 1, 2), ("a", "b"), (0.5, 1.5)])
def test_a_record_comes_back_as_it_was_written(tmp_path, classes):
    run, record = RunDirectory(tmp_path / "runs" / "a"), record_of(classes=classes)
    run.create(record)
    assert run.read() == record


def test_epochs_are_a_table_with_every_metric(tmp_path):
    run, record = RunDirectory(tmp_path / "a"), record_of()
    record.epochs = [epoch_of(0, loss=0.5), epoch_of(1, loss=0.25, val_loss=0.3)]
    run.write(record)
    assert (tmp_path / "a" / "epochs.csv").read_text().splitlines() == [
        "epoch,rows,seconds,wait_seconds,loss,val_loss",
        "0,900,1.500,0.250,0.5,",
        "1,900,1.500,0.250,0.25,0.3",
    ]


def test_a_directory_of_another_plan_is_refused_with_the_difference(tmp_path):
    RunDirectory(tmp_path / "a").create(record_of())
    with pytest.raises(RunError, match=r"another plan \(files: .*; order of rows, seed: 7 there, 8 here\)"):
        RunDirectory(tmp_path / "a").create(record_of(seed=8, digest="bb"))
    with pytest.raises(RunError, match=r"of the same plan; choose another folder, such as run='.*/a-1'"):
        RunDirectory(tmp_path / "a").create(record_of())


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(RunError, match="is a file"):
        RunDirectory(tmp_path / "a").create(record_of())


@pytest.mark.parametrize("name", ["model.keras", "last.keras", "epochs.csv", "contents.json"])
def test_a_file_that_no_run_wrote_is_never_replaced(tmp_path, name):
    (tmp_path / name).write_text("precious")
    with pytest.raises(RunError, match=f"{name} is there already"):
        RunDirectory(tmp_path).create(record_of())
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "blocked").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        RunDirectory(tmp_path / "blocked" / "a").create(record_of())


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"format": "x"}', b"\xff\xfe", b'{"format": 1}'])
def test_damaged_records_are_refused_by_name(tmp_path, text):
    (tmp_path / "run.json").write_bytes(text)
    with pytest.raises(RunError, match="damaged or not a run"):
        RunDirectory(tmp_path).read()


def test_a_record_of_a_newer_stoker_asks_for_an_upgrade(tmp_path):
    (tmp_path / "run.json").write_text('{"format": 99, "fields": "of another layout"}')
    with pytest.raises(RunError, match=r"format 99.*pip install -U stoker"):
        RunDirectory(tmp_path).read()


def test_a_folder_without_a_run_says_so(tmp_path):
    with pytest.raises(RunError, match="holds no run"):
        RunDirectory(tmp_path).read()


def test_the_next_run_takes_the_first_free_number(tmp_path):
    assert next_run_path("data/my clicks.csv.gz", root=str(tmp_path)).endswith("my-clicks-1")
    (tmp_path / "my-clicks-1").mkdir()
    assert next_run_path("data/my clicks.csv.gz", root=str(tmp_path)).endswith("my-clicks-2")


def test_records_are_validated_by_type(tmp_path):
    raw = msgspec.to_builtins(record_of())
    raw["plan"]["order"]["batch_size"] = "many"
    (tmp_path / "run.json").write_bytes(msgspec.json.encode(raw))
    with pytest.raises(RunError, match="damaged"):
        RunDirectory(tmp_path).read()
