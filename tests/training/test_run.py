from __future__ import annotations

import csv
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest

import stoker
from stoker.errors import BadRowError, ColumnError, DataError, OptionError, RunError
from stoker.rowfiles import RowFile
from stoker.rundir import RunDirectory
from stoker.sources import Source
from stoker.training import recording
from stoker.training.progress import Display

NAMES = ["label", "id", "a", "b", "c"]


def make_frame(rows: int = 90, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 100, (rows, 3))
    frame = pd.DataFrame(values, columns=["a", "b", "c"])
    frame.insert(0, "id", [f"{place:04}" for place in range(rows)])
    frame.insert(0, "label", np.array(["ant", "bee", "cat"])[values.argmax(1)])
    return frame


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One run on disk, trained on nine tenths of a file."""
    folder = tmp_path_factory.mktemp("run")
    make_frame().to_csv(folder / "train.csv", index=False)
    rows = stoker.open(folder / "train.csv", label="label", drop=["id"])
    train, valid = rows.split(0.9, seed=3)
    feed = stoker.Feed(train, batch_size=27, memory="32MB", cache="never")
    model = stoker.models.linear(feed, seed=1)
    history = stoker.fit(
        model,
        feed,
        validation=valid,
        epochs=3,
        run=folder / "run",
        options={"note": "first", "files": ["mine.csv"]},
        progress="none",
    )
    return SimpleNamespace(
        folder=folder, feed=feed, valid=valid, history=history, model=model, run=stoker.load(folder / "run")
    )


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_the_record_tells_the_whole_run(trained):
    record = trained.run.record
    assert record.outcome.status == "finished"
    assert record.outcome.steps == trained.history.report.steps == 9
    assert record.outcome.rows == 3 * 81
    assert record.options["note"] == "first"
    assert record.spec.classes == ("ant", "bee", "cat")
    assert [epoch.epoch for epoch in record.epochs] == [0, 1, 2]
    assert record.epochs[2].metrics == pytest.approx({k: v[2] for k, v in trained.history.history.items()})
    assert len({epoch.member_digest for epoch in record.epochs}) == 1
    assert len({epoch.order_digest for epoch in record.epochs}) == 3
    assert record.files[0].num_rows == 90
    assert record.backend == keras.backend.backend()


def test_options_are_kept_as_they_were_given(trained):
    assert trained.run.record.options == {"note": "first", "files": ["mine.csv"]}


def test_the_digests_are_those_of_the_feeds_batches(trained):
    batches = list(trained.feed.epoch(1))
    order = sum(batch.order_digest for batch in batches) % 2**128
    assert trained.run.record.epochs[1].order_digest == f"{order:032x}"


def test_peak_memory_is_told_where_the_system_has_no_resource_module(monkeypatch):
    monkeypatch.setattr(recording, "_resource", None)
    assert recording.peak_process_bytes() > 10_000_000


def test_epochs_are_a_table(trained):
    with (trained.folder / "run" / "epochs.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [float(row["val_loss"]) for row in table] == pytest.approx(trained.history.history["val_loss"])


def test_best_and_last_model_are_whole_files_and_nothing_is_left_over(trained):
    names = sorted(path.name for path in (trained.folder / "run").iterdir())
    assert names == ["checkpoints", "contents.json", "epochs.csv", "last.keras", "model.keras", "run.json"]


def test_a_loaded_run_evaluates_as_the_training_did(trained):
    found = trained.run.evaluate(trained.feed.derive(trained.valid))
    assert found.rows == 9
    assert found.loss == pytest.approx(min(trained.history.history["val_loss"]), rel=1e-4)


def test_a_file_a_source_and_a_frame_evaluate_alike(trained):
    path = trained.folder / "train.csv"
    by_path = trained.run.evaluate(path)
    assert by_path.rows == 90
    for rows in (stoker.open(path, label="label", drop=["id"]), pd.read_csv(path)):
        assert np.array_equal(trained.run.evaluate(rows).confusion, by_path.confusion)
    held = stoker.open(pd.read_csv(path), label="label")
    assert np.array_equal(trained.run.evaluate(held).confusion, by_path.confusion)
    assert len(trained.run.predict(held)) == 90


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
def test_predictions_keep_rows_and_columns_in_every_format(suffix, trained):
    path = trained.folder / f"out.{suffix}"
    frame = make_frame(7, seed=5).drop(columns="label")
    frame.to_csv(trained.folder / "new.csv", index=False)
    report = trained.run.predict(trained.folder / "new.csv", output=path, keep=["id"])
    assert (report.rows, report.bad_rows, report.path) == (7, 0, str(path))
    if suffix == "csv":
        found = pd.read_csv(path, dtype={"id": str})
    elif suffix == "parquet":
        found = pa.parquet.read_table(path).to_pandas()
    else:
        found = pd.DataFrame([json.loads(line) for line in path.read_text().splitlines()])
    expected = trained.run.predict(frame, keep=["id"])
    names = ["id", "prediction", "probability_ant", "probability_bee", "probability_cat"]
    assert list(found.columns) == list(expected.columns) == names
    assert found["id"].tolist() == frame["id"].tolist()
    assert found["prediction"].tolist() == expected["prediction"].tolist()
    assert np.allclose(found[names[2:]].to_numpy(float), expected[names[2:]].to_numpy(float), atol=1e-6)


def test_predictions_are_written_while_the_file_is_still_read(trained, monkeypatch):
    path = trained.folder / "long.csv"
    make_frame(20_000).drop(columns="label").to_csv(path, index=False)
    read, ahead = [], []
    chunks, add = Source.chunks, RowFile.add

    def small_chunks(source, target_bytes):
        for chunk in chunks(source, 1 << 14):
            read.append(chunk.num_records)
            yield chunk

    def noted(file, rows):
        ahead.append(len(read) - len(ahead))
        add(file, rows)

    monkeypatch.setattr(Source, "chunks", small_chunks)
    monkeypatch.setattr(RowFile, "add", noted)
    assert trained.run.predict(path, output=trained.folder / "long-out.csv").rows == 20_000
    assert len(read) == len(ahead) > 14
    assert max(ahead) < 8


def test_bad_rows_stay_in_their_place_and_are_empty(trained):
    path = write(trained.folder, "bad.csv", "id,a,b,c\n1,5,6,7\n2,x,6,7\n3,5,6\n4,5,,7\n5,8,9,1\n")
    report = trained.run.predict(path, output=trained.folder / "bad-out.csv", keep=["id"])
    assert (report.rows, report.bad_rows) == (5, 3)
    lines = (trained.folder / "bad-out.csv").read_text().splitlines()
    assert [line.split(",")[1] == "" for line in lines[1:]] == [False, True, True, True, False]
    assert [line.split(",")[0] for line in lines[1:]][1::2] == ["2", "4"]


def test_blank_numbers_in_a_frame_give_empty_predictions(trained):
    found = trained.run.predict({"a": [1.0, np.nan], "b": [2, 3], "c": [4, 5]})
    assert found.column("prediction").null_count == 1
    assert found.column("prediction")[1].as_py() is None


@pytest.mark.parametrize(
    ("value", "words"), [(np.nan, "'', which is blank"), (np.inf, "'inf', which is not finite")]
)
def test_a_frame_is_as_strict_as_asked(value, words, trained):
    frame = {"a": [1.0, 2.0], "b": [2, value], "c": [4, 5], "label": ["ant", "bee"]}
    for method in (trained.run.predict, trained.run.evaluate):
        with pytest.raises(BadRowError, match=f"arrow://table, row 1: column 'b' holds {words}"):
            method(frame, on_bad_row="error")
    assert trained.run.evaluate(frame).skipped_rows == 1


def test_columns_are_found_by_name_in_any_order_and_others_ignored(trained):
    frame = make_frame(5, seed=6)
    mixed = frame[["c", "id", "b", "label", "a"]]
    assert trained.run.predict(mixed).equals(trained.run.predict(frame))
    table = pa.table(frame.to_dict("list"))
    assert (
        trained.run.predict(table)["prediction"].to_pylist()
        == trained.run.predict(frame)["prediction"].tolist()
    )
    array = frame[["a", "b", "c"]].to_numpy()
    assert (
        trained.run.predict(array)["prediction"].to_pylist()
        == trained.run.predict(frame)["prediction"].tolist()
    )


def test_rows_of_every_library_are_read_as_they_are_opened(trained):
    frame = make_frame(6, seed=6)
    expected = trained.run.predict(frame)["prediction"].tolist()
    table = pa.table(frame.to_dict("list"))
    for rows in (
        pl.from_pandas(frame),
        table.to_reader(),
        frame.to_dict("records"),
        frame.astype({"b": "Int64", "c": "category"}),
        table.set_column(3, "b", table["b"].cast(pa.decimal128(30, 2))),
    ):
        found = trained.run.predict(rows)["prediction"]
        assert (found.to_pylist() if isinstance(found, pa.ChunkedArray) else found.tolist()) == expected
    assert trained.run.evaluate(pl.from_pandas(frame)).rows == 6


def test_what_other_columns_hold_does_not_matter(trained):
    frame = make_frame(4).assign(other=[1, "a", None, object()])
    assert trained.run.predict(frame)["prediction"].notna().all()
    assert trained.run.predict({**make_frame(4), "other": [1, "a", None, object()]}).num_rows == 4


def test_columns_that_come_along_are_those_of_the_frame(trained):
    frame = make_frame(3).assign(when=pd.date_range("2024-01-05", periods=3), count=[7, 8, 9])
    found = trained.run.predict(frame, keep=["count", "when"])
    assert found["count"].tolist() == [7, 8, 9]
    assert found["when"].tolist() == frame["when"].tolist()


@pytest.mark.parametrize("kind", ["Int64", "float64", "bool"])
def test_a_label_is_read_as_in_a_file_and_rows_without_one_are_counted(kind, tmp_path):
    rows = "".join(f"{row},{row % 2}\n" for row in range(60))
    feed = stoker.Feed(stoker.open(write(tmp_path, "t.csv", f"a,y\n{rows}"), label="y"), batch_size=16)
    stoker.fit(stoker.models.linear(feed, seed=1), feed, run=tmp_path / "run", progress="none")
    frame = pd.DataFrame({"a": [1.0, 2, 3, 4], "y": pd.array([0, 1, 1, 0], "Int64")})
    if kind != "bool":
        frame.loc[2, "y"] = pd.NA
    found = stoker.load(tmp_path / "run").evaluate(frame.astype({"y": kind}))
    left = 0 if kind == "bool" else 1
    assert (found.rows, found.skipped_rows, found.support.sum()) == (4 - left, left, 4 - left)


def test_predictions_of_a_frame_have_its_index(trained):
    frame = make_frame(6, seed=6).iloc[[4, 1, 3]]
    found = trained.run.predict(frame)
    assert found.index.tolist() == [4, 1, 3]
    assert (
        found["prediction"].tolist()
        == trained.run.predict(make_frame(6, seed=6))["prediction"][[4, 1, 3]].tolist()
    )


def test_a_blank_label_is_never_scored_whatever_becomes_of_blank_features(tmp_path):
    path = write(
        tmp_path, "t.csv", "a,b,y\n" + "".join(f"{i if i % 9 else ''},{i},{i % 2}\n" for i in range(90))
    )
    feed = stoker.Feed(stoker.open(path, label="y"), na="mean", batch_size=16)
    stoker.fit(stoker.models.linear(feed, seed=1), feed, run=tmp_path / "run", progress="none")
    run = stoker.load(tmp_path / "run")
    blank = write(tmp_path, "v.csv", "a,b,y\n1,2,1\n,2,1\n1,2,\n")
    with pytest.raises(BadRowError, match=r"v.csv, line 4: column 'y' holds '', which is blank"):
        run.evaluate(blank, on_bad_row="error")
    found = run.evaluate(blank)
    assert (found.rows, found.skipped_rows, found.support.tolist()) == (2, 1, [0, 2])


def test_an_empty_frame_gives_an_empty_table_with_the_same_columns(trained):
    empty = trained.run.predict(make_frame(0), keep=["id"])
    assert list(empty.columns) == list(trained.run.predict(make_frame(2), keep=["id"]).columns)
    assert len(empty) == 0
    for suffix, read in (("csv", pd.read_csv), ("parquet", pd.read_parquet)):
        output = trained.folder / f"empty.{suffix}"
        assert trained.run.predict(make_frame(0), keep=["id"], output=output).rows == 0
        assert list(read(output).columns) == list(empty.columns)


@pytest.mark.parametrize(
    ("rows", "keep", "message"),
    [
        (make_frame(2).drop(columns="b"), (), "pandas://frame: the feature column 'b' is absent"),
        (
            make_frame(2).assign(b="text"),
            (),
            "column 'b' of pandas://frame holds no numbers.* row 0 holds 'text'",
        ),
        (make_frame(2).assign(b=pd.Timestamp("2024-01-05")), (), "'b' of pandas://frame holds no numbers"),
        (make_frame(2).assign(b=[[1], [2]]), (), "column 'b' holds list<.*>, and no int can be made of it"),
        (make_frame(2), ("idd",), "keep=: column 'idd' is absent; its columns are"),
        (np.zeros((2, 5)), (), r"expected an array of shape \(n, 3\), got \(2, 5\)"),
    ],
)
def test_a_frame_that_cannot_be_scored_is_refused(rows, keep, message, trained):
    with pytest.raises(ColumnError, match=message):
        trained.run.predict(rows, keep=keep)


@pytest.mark.parametrize("short", ["c", "id", "label"])
def test_columns_of_different_lengths_are_refused_with_both(short, trained):
    columns = {name: column.to_numpy() for name, column in make_frame(5).items()}
    columns[short] = columns[short][:3]
    expected = f"column '{short}' has 3 rows and column 'a' has 5: give columns of equal length"
    with pytest.raises(DataError, match=expected):
        trained.run.evaluate(columns) if short == "label" else trained.run.predict(columns, keep=["id"])


def test_what_is_no_rows_is_refused(trained):
    with pytest.raises(OptionError, match=r"expected a path or several, a pandas or Polars frame.* got int"):
        trained.run.predict(3)
    with pytest.raises(OptionError, match="a view of a source cannot be scored here"):
        trained.run.predict(trained.valid)


def test_a_file_without_a_feature_is_refused_by_name(trained):
    path = write(trained.folder, "short.csv", "a,c\n1,2\n")
    with pytest.raises(ColumnError, match="'b' is absent"):
        trained.run.predict(path)


def test_another_suffix_is_refused_and_nothing_is_written(trained):
    with pytest.raises(OptionError, match=r"written to .csv, .jsonl, .parquet or .arrow, got 'out.xls'"):
        trained.run.predict(make_frame(2), output=trained.folder / "out.xls")
    assert not (trained.folder / "out.xls").exists()


def test_a_kept_column_with_the_name_of_a_prediction_is_refused(trained):
    frame = make_frame(2).assign(prediction="old")
    with pytest.raises(OptionError, match="'prediction' cannot be kept"):
        trained.run.predict(frame, output=trained.folder / "clash.csv", keep=["prediction"])
    assert not (trained.folder / "clash.csv").exists()


def test_texts_with_delimiters_and_quotes_survive_the_csv(trained):
    frame = make_frame(3)
    frame["id"] = ["a,b", 'say "x"', "two\nlines"]
    trained.run.predict(frame, output=trained.folder / "quoted.csv", keep=["id"])
    assert pd.read_csv(trained.folder / "quoted.csv")["id"].tolist() == frame["id"].tolist()


def test_the_run_is_proved_by_its_files(trained):
    assert stoker.verify(trained.folder / "run").agrees
    assert len(stoker.replay(trained.folder / "run", step=9).rows) == 27


def test_bad_rows_are_quarantined_in_the_run_directory(tmp_path):
    make_frame(40).to_csv(tmp_path / "train.csv", index=False)
    with (tmp_path / "train.csv").open("a") as file:
        file.write("ant,0040,x,2,3\n")
    rows = stoker.open(tmp_path / "train.csv", label="label", drop=["id"])
    feed = stoker.Feed(rows, batch_size=40, memory="32MB", on_bad_row="quarantine")
    stoker.fit(stoker.models.linear(feed, seed=1), feed, epochs=1, run=tmp_path / "run", progress="none")
    with (tmp_path / "run" / "quarantine.csv").open() as file:
        assert [row["line"] for row in csv.DictReader(file)] == ["42"]
    assert stoker.verify(tmp_path / "run").agrees


def test_rows_that_cannot_be_scored_are_written_where_one_asks_for_it(trained, tmp_path):
    path = write(tmp_path, "rows.csv", "label,a,b,c\nant,1,2,3\nbee,x,2,3\ncat,1,,3\n,1,2,3\n")
    bad = tmp_path / "bad.csv"
    options = {"on_bad_row": "quarantine", "quarantine": bad}
    assert trained.run.evaluate(path, **options).skipped_rows == 3
    with bad.open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["line"], row["column"], row["text"]) for row in rows] == [
        ("3", "a", "bee,x,2,3"),
        ("4", "b", "cat,1,,3"),
        ("5", "label", ",1,2,3"),
    ]
    assert trained.run.predict(path, **options).num_rows == 4
    assert [line.split(",")[1] for line in bad.read_text().splitlines()[1:]] == ["3", "4"]
    with pytest.raises(OptionError, match="needs a file"):
        trained.run.predict(path, on_bad_row="quarantine")
    with pytest.raises(OptionError, match="has no effect"):
        trained.run.evaluate(path, quarantine=bad)
    with pytest.raises(OptionError, match="rows of files"):
        trained.run.predict(make_frame(3), **options)


def test_evaluating_a_bad_row_names_file_and_line_unless_it_is_skipped(trained):
    path = write(trained.folder, "bad-label.csv", "label,a,b,c\nant,5,6,7\nbee,x,6,7\n")
    with pytest.raises(BadRowError, match=r"bad-label.csv, line 3: column 'a' holds 'x'"):
        trained.run.evaluate(path, on_bad_row="error")
    found = trained.run.evaluate(path)
    assert (found.rows, found.skipped_rows) == (1, 1)
    assert found.first_skipped == f"{path}, line 3: column 'a' holds 'x', which is not a number"
    with pytest.raises(OptionError, match="on_bad_row must be"):
        trained.run.evaluate(path, on_bad_row="ignore")


def test_a_label_that_training_never_saw_is_an_error(trained):
    path = write(trained.folder, "unknown.csv", "label,a,b,c\ndog,5,6,7\n")
    with pytest.raises(DataError, match="dog"):
        trained.run.evaluate(path)


def test_progress_counts_bytes_up_to_the_whole(trained):
    seen: list[tuple[int, int]] = []
    path = trained.folder / "train.csv"
    trained.run.evaluate(path, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][1] == path.stat().st_size
    assert 0 < seen[-1][0] <= seen[-1][1]


def test_a_directory_that_holds_a_run_is_not_written_again(trained):
    before = (trained.folder / "run" / "run.json").read_bytes()
    with pytest.raises(RunError, match=r"already holds a run.*choose another folder, such as run='.*/run-1'"):
        stoker.fit(trained.model, trained.feed, run=trained.folder / "run", progress="none")
    assert (trained.folder / "run" / "run.json").read_bytes() == before


def test_ctrl_c_leaves_a_run_that_says_so_with_its_last_model(trained, tmp_path):
    class Press(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stoker.fit(trained.model, trained.feed, run=tmp_path / "run", callbacks=[Press()], progress="none")
    assert RunDirectory(tmp_path / "run").read().outcome.status == "interrupted"
    assert (tmp_path / "run" / "last.keras").exists()
    with pytest.raises(RunError, match=r"model.keras does not exist: the run is interrupted; .*which='last'"):
        stoker.load(tmp_path / "run")
    assert stoker.load(tmp_path / "run", which="last").predict(make_frame(1)).shape == (1, 4)


def test_a_failed_run_says_what_failed(trained, tmp_path):
    class Fail(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise ZeroDivisionError("on purpose")

    with pytest.raises(ZeroDivisionError):
        stoker.fit(trained.model, trained.feed, run=tmp_path / "run", callbacks=[Fail()], progress="none")
    outcome = RunDirectory(tmp_path / "run").read().outcome
    assert (outcome.status, outcome.error) == ("failed", "ZeroDivisionError: on purpose")


def test_loading_what_is_no_run_or_no_choice_is_refused(trained, tmp_path):
    with pytest.raises(RunError, match="holds no run"):
        stoker.load(tmp_path)
    with pytest.raises(OptionError, match="which must be best or last"):
        stoker.load(trained.folder / "run", which="first")


def test_files_without_header_are_read_as_the_training_ones(tmp_path):
    frame = make_frame(40)[["label", "a", "b", "c"]]
    frame.to_csv(tmp_path / "train.csv", index=False, header=False)
    feed = stoker.Feed(
        stoker.open(tmp_path / "train.csv", label="#0", header=False),
        batch_size=8,
        memory="32MB",
        cache="never",
    )
    stoker.fit(stoker.models.linear(feed, seed=1), feed, run=tmp_path / "run", progress="none")
    run = stoker.load(tmp_path / "run")
    frame.drop(columns="label").to_csv(tmp_path / "new.csv", index=False, header=False)
    without_label = run.predict(tmp_path / "new.csv")
    assert without_label.equals(run.predict(tmp_path / "train.csv"))
    assert run.evaluate(tmp_path / "train.csv").rows == 40


def test_validation_on_the_training_file_is_pointed_out_and_recorded(tmp_path):
    make_frame(40).to_csv(tmp_path / "train.csv", index=False)
    make_frame(40).to_csv(tmp_path / "copy.csv", index=False)
    rows = stoker.open(tmp_path / "train.csv", label="label", drop=["id"])

    def warnings(train: Any, validation: Any, run: str) -> list[str]:
        noted: list[str] = []

        class Noted(Display):
            def note(self, name: str, text: str) -> None:
                noted.extend([text] if name == "warning" else [])

        feed = stoker.Feed(train, batch_size=16)
        model = stoker.models.linear(feed, seed=1)
        stoker.fit(model, feed, validation=validation, run=tmp_path / run, progress=Noted())
        assert RunDirectory(tmp_path / run).read().warnings == noted
        return noted

    copy = stoker.open(tmp_path / "copy.csv", label="label", drop=["id"])
    (said,) = warnings(rows, copy, "a")
    assert said.startswith(
        f"{tmp_path / 'copy.csv'} holds the very bytes of {tmp_path / 'train.csv'}, which is"
    )
    assert warnings(*rows.split(0.9), "b") == []
    assert warnings(rows.split(0.9)[0], copy.split(0.9)[1], "c") == []
