"""Training on several named inputs leaves a run that takes raw rows: files, frames, a source."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import stoker
from stoker.cli import main
from stoker.errors import ColumnError, DataError, OptionError, RunError
from stoker.rundir import RunDirectory
from test_columns_feed import make_columns, write_table

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("columns")
    rows = stoker.open(write_table(folder / "houses.csv"), label="sold")
    train, valid = rows.split(0.8, seed=1)
    feed = stoker.Feed(train, transform=make_columns(), batch_size=32, epochs=4)
    model = stoker.models.mlp(feed, layers=1, units=8, learning_rate=1e-2, seed=1)
    history = stoker.fit(model, feed, validation=valid, epochs=4, run=folder / "run", progress="none")
    return folder, feed, train, history


def test_numbers_categories_and_texts_train_one_model(trained):
    _, feed, _, history = trained
    assert history.history["val_accuracy"][-1] > 0.9
    assert history.report.rows == 4 * feed.num_rows


def test_files_and_frames_get_the_same_probabilities(trained):
    folder, *_ = trained
    run = stoker.load(folder / "run")
    by_file = run.predict(folder / "houses.csv")
    frame = pd.read_csv(folder / "houses.csv", dtype={"zip": str})
    by_frame = run.predict(frame)
    np.testing.assert_allclose(by_file["probability_1"], by_frame["probability_1"], atol=1e-6)
    assert run.evaluate(folder / "houses.csv").accuracy == run.evaluate(frame).accuracy > 0.9
    assert by_frame["prediction"].notna().all()


def test_new_files_need_the_columns_of_the_inputs_alone(trained):
    folder, *_ = trained
    run = stoker.load(folder / "run")
    assert [column.name for column in run.record.columns] == [*run.spec.features, "sold"]
    frame = pd.read_csv(folder / "houses.csv").drop(columns=["id", "zip", "sold"])
    frame.to_csv(folder / "fewer.csv", index=False)
    np.testing.assert_allclose(
        run.predict(folder / "fewer.csv")["probability_1"],
        run.predict(folder / "houses.csv")["probability_1"],
    )


def test_a_category_that_training_never_saw_has_an_answer(trained):
    folder, *_ = trained
    row = {"price": [9.5], "rooms": [2], "gaps": [None], "city": ["Atlantis"], "review": ["good house"]}
    assert stoker.load(folder / "run").predict(pd.DataFrame(row))["prediction"].notna().all()


def test_the_run_is_proved_by_its_files_and_by_the_source(trained):
    folder, _, train, _ = trained
    assert stoker.verify(folder / "run").agrees
    assert stoker.verify(folder / "run", train).agrees
    assert "house in" in stoker.replay(folder / "run", step=3).rows[0].text


def test_what_run_json_tells_of_the_inputs_must_be_the_transforms(trained, tmp_path: Path):
    folder, *_ = trained
    text = (folder / "run" / "run.json").read_text("utf-8")
    copy = tmp_path / "run"
    copy.mkdir()
    for name in ("transform.json", "model.keras"):
        (copy / name).write_bytes((folder / "run" / name).read_bytes())
    for old, new, said in (
        ('"name": "city"', '"name": "town"', "not those of its features"),
        ('"name": "city"', '"name": "gaps"', "an input twice"),
        ('"kind": "codes"', '"kind": "dense"', "has tokens, or none"),
    ):
        assert old in text
        (copy / "run.json").write_text(text.replace(old, new), "utf-8")
        with pytest.raises(RunError, match=said):
            stoker.load(copy)


@pytest.mark.slow
@pytest.mark.backends
def test_a_run_that_was_stopped_ends_with_the_bits_of_one_that_was_not(trained, tmp_path: Path):
    train = trained[2]

    def go(run: Path, epochs: int, **options):
        feed = stoker.Feed(train, transform=make_columns(), batch_size=32, epochs=2)
        model = stoker.models.mlp(feed, layers=1, units=8, seed=1)
        stoker.fit(model, feed, epochs=epochs, run=run, progress="none", **options)
        return [np.array(weight) for weight in model.get_weights()]

    whole = go(tmp_path / "whole", 2)
    go(tmp_path / "halves", 1)
    resumed = go(tmp_path / "halves", 2, resume="auto")
    for one, other in zip(whole, resumed, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_run_begins_with_the_transforms_and_weights_of_another(trained, tmp_path: Path):
    folder, _, train, _ = trained
    feed = stoker.Feed(train, init=folder / "run", batch_size=32)
    assert feed.prepare().transform.state() == stoker.load(folder / "run").transform.state()
    model = stoker.models.mlp(feed, layers=1, units=8, learning_rate=1e-9)
    history = stoker.fit(model, feed, epochs=1, init=folder / "run", run=tmp_path / "next", progress="none")
    assert history.history["accuracy"][-1] > 0.9
    assert RunDirectory(tmp_path / "next").read().spec == feed.spec


def test_models_of_one_input_say_that_several_are_given(trained):
    _, feed, *_ = trained
    for build in (stoker.models.linear, stoker.models.sepcnn):
        with pytest.raises(OptionError, match="several inputs by name: mlp takes those"):
            build(feed)


@pytest.fixture
def dated(tmp_path: Path) -> pd.DataFrame:
    """Rows to train on, t.csv, and later ones of which a transform makes nothing of three, u.csv."""
    frame = pd.DataFrame(
        {"when": ["2024-01-05", "2024-02-07"] * 20, "city": ["Ulm", "Bonn"] * 20, "y": [0, 1] * 20}
    )
    later = frame.copy()
    later.loc[[3, 9], "when"], later.loc[5, "city"] = "2024-02-30", "Rom"
    for name, table in (("t", frame), ("u", later)):
        table.to_csv(tmp_path / f"{name}.csv", index=False)
        table.to_json(tmp_path / f"{name}.jsonl", orient="records", lines=True)
        table.to_parquet(tmp_path / f"{name}.parquet", index=False)
    return later


def of_dates() -> stoker.Columns:
    return stoker.Columns({"when": stoker.Dates("day"), "city": stoker.Category(unknown="error")})


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("u.csv", r"u\.csv, line 5 \(row 3\)"),
        ("u.jsonl", r"u\.jsonl, line 4 \(row 3\)"),
        ("u.parquet", r"u\.parquet \(row 3\)"),
    ],
)
def test_values_of_which_a_transform_makes_nothing_are_told_before_a_batch_is_made(
    dated, tmp_path, name, where
):
    train = stoker.open(tmp_path / name.replace("u", "t", 1), label="y", types={"when": "text"})
    feed = stoker.Feed(train, transform=of_dates(), batch_size=8)
    said = rf"{where}: column 'when' holds '2024-02-30', a date that"
    for _ in range(2):  # a survey that was stored shows no rows
        with pytest.raises(DataError, match=said):
            feed.derive(tmp_path / name)
    with pytest.raises(DataError, match=said):
        stoker.Feed(stoker.open(tmp_path / name, label="y"), transform=of_dates(), batch_size=8).prepare()


def test_the_part_that_is_validated_on_is_judged_and_not_the_rest(dated, tmp_path):
    rows = stoker.open(tmp_path / "u.csv", label="y").where("when != '2024-02-30'")
    train, valid = rows.where("city != 'Rom'"), rows.where("city == 'Rom'")
    inputs = stoker.Columns({"when": stoker.Dates("day"), "city": stoker.Category(unknown="error")})
    feed = stoker.Feed(train, transform=inputs, batch_size=8)
    assert feed.derive(train).num_rows == 37
    with pytest.raises(DataError, match=r"u\.csv, line 7 \(row 5\): column 'city' holds 'Rom'"):
        feed.derive(valid)


def test_dates_in_a_frame_are_dates_and_numbers_no_codes(dated, tmp_path):
    feed = stoker.Feed(stoker.open(tmp_path / "t.csv", label="y"), transform=of_dates(), batch_size=8)
    stoker.fit(stoker.models.mlp(feed, layers=1, units=2), feed, run=tmp_path / "run", progress="none")
    run, frame = stoker.load(tmp_path / "run"), pd.read_csv(tmp_path / "t.csv")
    expected = run.predict(tmp_path / "t.csv")["probability_1"].to_pylist()
    moments = frame.assign(when=pd.to_datetime(frame["when"]))
    assert run.predict(moments)["probability_1"].tolist() == expected
    assert run.evaluate(moments).rows == 40
    assert run.predict(moments.assign(city=frame["city"].astype("category")))["prediction"].notna().all()
    with pytest.raises(ColumnError, match=r"'city' of pandas://frame holds int64, and training saw texts"):
        run.predict(frame.assign(city=range(40)))


def test_rows_of_which_a_transform_makes_nothing_have_no_answer(dated, tmp_path):
    feed = stoker.Feed(stoker.open(tmp_path / "t.csv", label="y"), transform=of_dates(), batch_size=8)
    stoker.fit(stoker.models.mlp(feed, layers=1, units=2), feed, run=tmp_path / "run", progress="none")
    run = stoker.load(tmp_path / "run")
    for rows in (dated, tmp_path / "u.csv"):
        answers = run.predict(rows)
        answers = answers if isinstance(answers, pd.DataFrame) else answers.to_pandas()
        assert np.flatnonzero(answers["prediction"].isna()).tolist() == [3, 5, 9]
        found = run.evaluate(rows)
        assert (found.rows, found.skipped_rows) == (37, 3)
        assert "column 'when' holds '2024-02-30', a date that" in found.first_skipped


def write_dates(folder, name, rows, spoilt):
    """A table of dates of which some are none."""
    days = [spoilt.get(row, f"2024-{1 + row % 12:02}-{1 + row % 28:02}") for row in range(rows)]
    frame = pd.DataFrame({"when": days, "x": np.arange(rows) % 7, "y": np.arange(rows) % 2})
    frame.to_csv(folder / name, index=False)
    return folder / name


@pytest.mark.parametrize("workers", [0, 2])
def test_dates_to_validate_on_that_count_as_blanks_are_counted_and_placed(tmp_path, workers):
    draw = np.random.default_rng(4)
    spoilt = {int(row): "2024-02-30" for row in draw.choice(np.arange(9_000, 20_000), 50, replace=False)}
    source = stoker.open(write_dates(tmp_path, "t.csv", 20_000, spoilt), label="y", types={"when": "text"})
    train, valid = source.split(0.6, seed=3)
    feed = stoker.Feed(train, transform="auto", memory="8MB", cache="never", workers=workers)
    derived = feed.derive(valid)
    held = derived.stage.view.contains(np.array(sorted(spoilt)))
    first = sorted(spoilt)[int(held.argmax())]
    assert derived.stage.unread == (
        f"column 'when': {held.sum()} values cannot be read and count as blanks, first "
        f"{tmp_path}/t.csv, line {first + 2:,} (row {first:,}): '2024-02-30', a date that is out of "
        "range",
    )
    assert feed.derive(valid, label=False).stage.unread == ()


def test_they_are_told_and_recorded_before_training_and_in_a_plan(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_dates(tmp_path, "t.csv", 60, {})
    write_dates(tmp_path, "v.csv", 20, {5: "20.13.2024", 9: "banana"})
    said = "'when': 2 values cannot be read and count as blanks, first v.csv, line 7 (row 5): '20.13.2024'"
    files = ["t.csv", "--valid", "v.csv", "--label", "y"]
    assert main(["plan", *files]) == 0
    assert said in " ".join(capsys.readouterr().out.split())
    assert main(["train", *files, "--epochs", "1", "--run", "run"]) == 0
    shown = " ".join(capsys.readouterr().err.split())
    assert said in shown
    assert shown.index(said) < shown.index("epoch 1/1")
    (warning,) = json.loads((tmp_path / "run" / "run.json").read_text())["warnings"]
    assert warning.startswith(f"column {said}")
    (tmp_path / "v.csv").write_text((tmp_path / "t.csv").read_text() + "2024-01-01,1,1\n")
    assert main(["train", *files, "--epochs", "1", "--run", "run-2"]) == 0
    assert "cannot be read" not in capsys.readouterr().err


def test_rows_to_validate_on_are_not_read_for_it_where_no_value_may_count_as_a_blank(tmp_path, monkeypatch):
    source = stoker.open(write_dates(tmp_path, "t.csv", 60, {}), label="y")
    monkeypatch.setattr("stoker.learning.Reading", lambda **_: pytest.fail("read again"))
    feed = stoker.Feed(source, transform=stoker.Columns({"x": stoker.Cast()}))
    assert feed.derive(source).stage.unread == ()


def test_dates_that_count_as_blanks_are_told_with_their_number_and_the_first_one(tmp_path, capsys):
    days = [f"2024-{1 + n % 12:02}-{1 + n % 28:02}" for n in range(60)]
    frame = pd.DataFrame({"when": days, "x": np.arange(60.0), "y": [0, 1] * 30})
    frame.to_csv(tmp_path / "t.csv", index=False)
    inputs = stoker.Columns({"when": stoker.Dates("day", na="zero", invalid="blank"), "x": stoker.Cast()})
    feed = stoker.Feed(stoker.open(tmp_path / "t.csv", label="y"), transform=inputs, batch_size=8)
    stoker.fit(stoker.models.mlp(feed, layers=1, units=2), feed, run=tmp_path / "run", progress="none")
    run = stoker.load(tmp_path / "run")
    assert not run.evaluate(frame).unread
    frame.loc[[4, 7], "when"], frame.loc[9, "when"] = "banana", "2024-02-30"
    frame.to_csv(tmp_path / "u.csv", index=False)
    said = "column 'when': 3 values cannot be read and count as blanks, first"
    first = "'banana', a date that is not written as 2024-01-05T10:00:00"
    for rows, place in ((frame, "pandas://frame, row 4"), (tmp_path / "u.csv", "u.csv, line 6")):
        with pytest.warns(UserWarning, match=said) as seen:
            assert len(run.predict(rows)) == 60
        (told,) = [each for each in seen if "cannot be read" in str(each.message)]
        assert str(told.message).endswith(f"{place}: {first}")
        assert told.filename == __file__
        with pytest.warns(UserWarning, match=said):
            assert len(run.evaluate(rows).unread) == 1
    with pytest.warns(UserWarning, match=said):
        report = run.predict(tmp_path / "u.csv", output=tmp_path / "out.csv")
    assert (report.rows, report.bad_rows, len(report.unread)) == (60, 0, 1)
    main(["evaluate", str(tmp_path / "run"), str(tmp_path / "u.csv")])
    assert "3 values cannot be read" in capsys.readouterr().err
