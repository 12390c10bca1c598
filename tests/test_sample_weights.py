"""A column of sample weights: no feature, but in every batch, in the loss, in metrics, in what is kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import stoker
from stoker.cli import main
from stoker.errors import BadRowError, ColumnError, DataError, OptionError
from stoker.rundir import RunDirectory

pytestmark = pytest.mark.timeout(300)
ROWS = 200


def frame_of(rows: int = ROWS) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, rows))
    return pd.DataFrame({"a": a, "y": np.where(a + b > 0.6, "yes", "no"), "b": b, "w": np.arange(rows) % 4})


@pytest.fixture
def table(here: Path) -> Path:
    frame_of().to_csv(here / "t.csv", index=False)
    return here / "t.csv"


def test_weights_come_with_every_batch_and_are_no_feature(table: Path):
    rows = stoker.open(table, label="y", sample_weight="w")
    assert (rows.features, rows.labels, rows.sample_weight) == (("a", "b"), ("y",), "w")
    feed = stoker.Feed(rows, batch_size=64, shuffle=False, cache="never")
    batches = list(feed.epoch(0))
    weights = np.concatenate([batch.sample_weight for batch in batches])
    assert weights.dtype == np.float32
    np.testing.assert_array_equal(weights, frame_of()["w"])
    assert [expected[2].shape for expected in feed.expected_batches()] == [(64,), (8,)]
    assert feed.spec.sample_weight == "w"
    valid = feed.derive(rows)
    assert next(valid.epoch(0)).sample_weight[3] == 3
    assert next(feed.derive(rows, label=False).epoch(0)).sample_weight is None


def test_class_weights_multiply_what_rows_weigh(table: Path):
    rows = stoker.open(table, label="y", sample_weight="w")
    by_class = {"no": 0.5, "yes": 3.0}
    feed = stoker.Feed(rows, batch_size=ROWS, shuffle=False, class_weight=by_class)
    frame = frame_of()
    expected = frame["w"] * frame["y"].map(by_class)
    np.testing.assert_allclose(next(feed.epoch(0)).sample_weight, expected, rtol=1e-6)
    assert next(feed.derive(rows).epoch(0)).sample_weight.tolist() == frame["w"].tolist()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("-0.5", r"1 negative weight, first at .*, line 3 \(row 1\), '-0\.5'"),
        ("", r"1 blank value, first at .*, line 3"),
        ("nan", r"1 blank value, first at .*, line 3"),
        ("inf", r"1 value that is not finite, first at .*, line 3"),
        ("1e39", r"1 value that is not finite, first at .*, line 3 \(row 1\), '1e39'"),
        ("heavy", r"1 value that is no number, first at .*, line 3 \(row 1\), 'heavy'"),
    ],
)
def test_what_no_row_can_weigh_is_refused_with_its_line(here: Path, value: str, said: str):
    (here / "t.csv").write_text(f"a,y,w\n1,x,1\n2,z,{value}\n3,x,2\n4,z,2\n")
    with pytest.raises((ColumnError, DataError), match=said):
        stoker.Feed(stoker.open("t.csv", label="y", sample_weight="w")).prepare()
    skipped = stoker.Feed(
        stoker.open("t.csv", label="y", sample_weight="w"), shuffle=False, on_bad_row="skip"
    )
    assert next(skipped.epoch(0)).sample_weight.tolist() == [1, 2, 2]


def test_formats_of_columns_and_lines_refuse_negative_weights_too(here: Path):
    frame = pa.table({"a": [1, 2, 3, 4], "y": [0, 1, 0, 1], "w": [1.0, 2.0, -3.5, 1.0]})
    pq.write_table(frame, here / "t.parquet")
    (here / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in frame.to_pylist()))
    for name in ("t.parquet", "t.jsonl"):
        with pytest.raises(DataError, match=r"1 negative weight, first at .*row 2\), '-3\.5'"):
            stoker.Feed(stoker.open(name, label="y", sample_weight="w")).prepare()
    with pytest.raises(DataError, match="negative"):
        stoker.Feed(stoker.open(frame, label="y", sample_weight="w")).prepare()


def test_a_weight_that_cannot_be_one_is_refused_at_once(table: Path):
    with pytest.raises(ColumnError, match="the sample-weight column 'v' is absent"):
        stoker.open(table, label="y", sample_weight="v")
    for options in ({"label": "w"}, {"drop": ["w"]}, {"columns": ["a", "w"]}, {"text": ["w"]}):
        with pytest.raises(OptionError, match="'w'"):
            stoker.open(table, **{"label": "y", "sample_weight": "w", **options})
    with pytest.raises(OptionError, match="nothing can take its place"):
        stoker.Feed(stoker.open(table, label="y", sample_weight="w"), na={"w": "mean"}).prepare()


def test_a_run_weighs_as_keras_weighs(table: Path, here: Path):
    rows = stoker.open(table, label="y", sample_weight="w")
    feed = stoker.Feed(rows, batch_size=50, epochs=2)
    model = stoker.models.linear(feed, seed=1)
    history = stoker.fit(model, feed, validation=rows, epochs=2, run="run", progress="none")
    frame = frame_of()
    x = feed.transform.apply(feed.survey.reader().read(np.arange(ROWS)), np.arange(ROWS))
    loss, accuracy = model.evaluate(x, (frame["y"] == "yes").astype(int), sample_weight=frame["w"], verbose=0)
    assert history.history["val_loss"][-1] == pytest.approx(loss, rel=1e-5)
    assert history.history["val_accuracy"][-1] == pytest.approx(accuracy, rel=1e-5)
    run = stoker.load("run", which="last")
    for found in (run.evaluate("t.csv"), run.evaluate(frame), run.evaluate(feed.derive(rows))):
        assert found.loss == pytest.approx(loss, rel=1e-5)
        assert found.metrics["accuracy"] == pytest.approx(accuracy, rel=1e-5)
        assert (found.rows, found.support.sum(), found.sample_weight) == (ROWS, ROWS, "w")
        assert found.weighted.accuracy == pytest.approx(accuracy, rel=1e-6)
        assert found.weighted.support.sum() == pytest.approx(frame["w"].sum())
        assert found.weighted.accuracy != pytest.approx(found.accuracy, rel=1e-3)
        assert found.to_dict()["weighted"]["auc"] == pytest.approx(found.weighted.auc)
    negative = frame.assign(w=[1, 1, -1] + [1] * (ROWS - 3))
    with pytest.raises(BadRowError, match=r"pandas://frame, row 2: column 'w' holds '-1', which is negative"):
        run.evaluate(negative, on_bad_row="error")
    assert run.evaluate(negative).skipped_rows == 1
    assert run.predict(frame.drop(columns=["w", "y"])).shape == (ROWS, 3)


def test_weights_of_classes_do_not_count_in_an_evaluation_of_the_feed_trained_on(table: Path, here: Path):
    rows = stoker.open(table, label="y", sample_weight="w")
    feed = stoker.Feed(rows, batch_size=50, class_weight={"no": 1.0, "yes": 50.0})
    stoker.fit(stoker.models.linear(feed, seed=1), feed, run="run", progress="none")
    run = stoker.load("run")
    found, expected = run.evaluate(feed).to_dict(), run.evaluate("t.csv").to_dict()
    assert found["weighted"]["support"] == pytest.approx(expected["weighted"]["support"])
    assert (found["loss"], found["accuracy"]) == pytest.approx(
        (expected["loss"], expected["accuracy"]), rel=1e-5
    )


@pytest.mark.slow
def test_the_command_line_trains_proves_and_resumes_with_weights(
    table: Path, capsys: pytest.CaptureFixture[str]
):
    flags = ["--label", "y", "--weight-column", "w", "--model", "linear", "--batch-size", "32"]
    assert main(["plan", "t.csv", *flags[:4]]) == 0
    assert "label y · weighed by w" in capsys.readouterr().out
    assert main(["train", "t.csv", *flags, "--epochs", "1", "--run", "run", "--quiet"]) == 0
    assert RunDirectory("run").read().spec.sample_weight == "w"
    assert main(["verify", "run"]) == 0
    assert main(["resume", "run", "--epochs", "2", "--quiet"]) == 0
    assert main(["train", "t.csv", *flags, "--epochs", "2", "--run", "whole", "--quiet"]) == 0
    resumed, whole = (RunDirectory(name).read().epochs[-1].metrics for name in ("run", "whole"))
    assert resumed == whole
    capsys.readouterr()
    assert main(["evaluate", "run", "t.csv"]) == 0
    said = capsys.readouterr().out
    assert "accuracy, weighted" in said
    assert "weighted by w\nclass" in said
    assert main(["predict", "run", "t.csv", "-o", "out.csv", "--quiet"]) == 0
