"""Several labels: one output where all are 0 or 1, or all are numbers; else one output each."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import stoker
from stoker.cli import main
from stoker.errors import DataError, OptionError, RunError
from stoker.rundir import RunDirectory

pytestmark = pytest.mark.timeout(300)
ROWS = 160
BINARY, NUMBERS, MIXED = ("rain", "wind"), ("low", "high"), ("sky", "high", "rain")


def frame_of() -> pd.DataFrame:
    a, b = np.random.default_rng(0).normal(size=(2, ROWS))
    return pd.DataFrame(
        {
            "a": a,
            "b": b,
            "rain": (a > 0).astype(int),
            "wind": (a + b > 0.3).astype(int),
            "low": 10 + a,
            "high": 1e4 * (3 + b),
            "sky": np.where(b > 0.4, "clear", np.where(b < -0.4, "dark", "grey")),
        }
    )


@pytest.fixture
def table(here: Path) -> Path:
    frame_of().to_csv(here / "t.csv", index=False)
    return here / "t.csv"


def opened(path: Path | str, labels: tuple[str, ...]):
    return stoker.open(path, label=labels, columns=["a", "b"])


def test_labels_of_0_and_1_are_one_output_of_as_many_units(table: Path):
    feed = stoker.Feed(opened(table, BINARY), batch_size=ROWS, shuffle=False)
    y = next(feed.epoch(0)).y
    assert (y.shape, y.dtype) == ((ROWS, 2), np.int32)
    np.testing.assert_array_equal(y, frame_of()[list(BINARY)])
    (target,) = feed.spec.targets
    assert (target.task, target.columns, target.num_outputs, target.classes) == ("labels", BINARY, 2, (0, 1))
    assert feed.expected_batches()[0][1].shape == (ROWS, 2)
    model = stoker.models.linear(feed)
    assert (model.output_shape, model.loss) == ((None, 2), "binary_crossentropy")


def test_numbers_are_one_output_too_and_each_has_its_own_unit(table: Path):
    feed = stoker.Feed(opened(table, NUMBERS), batch_size=ROWS, shuffle=False, target="auto")
    y = next(feed.epoch(0)).y
    own = frame_of()[list(NUMBERS)].to_numpy()
    np.testing.assert_allclose(y, (own - own.mean(0)) / own.std(0), atol=1e-5)
    np.testing.assert_allclose(feed.stage.target.inverse(y), own, rtol=1e-5)
    plain = stoker.Feed(opened(table, NUMBERS), batch_size=ROWS, shuffle=False)
    np.testing.assert_allclose(next(plain.epoch(0)).y, own, rtol=1e-6)
    units = stoker.models.linear(plain).get_layer("label_units")
    assert np.shape(units.scale) == (2,)


def test_labels_of_several_kinds_are_an_output_each(table: Path):
    feed = stoker.Feed(opened(table, MIXED), batch_size=ROWS, shuffle=False, target=stoker.Standardize())
    y = next(feed.epoch(0)).y
    assert {name: (part.shape, part.dtype.name) for name, part in y.items()} == {
        "sky": ((ROWS,), "int32"),
        "high": ((ROWS,), "float32"),
        "rain": ((ROWS,), "int32"),
    }
    assert [target.task for target in feed.spec.targets] == ["classes", "regression", "binary"]
    assert feed.spec.labels == MIXED
    model = stoker.models.mlp(feed, layers=1, units=4, loss_weights={"high": 0.5}, metrics=["auc", "mae"])
    assert {name: part.shape[-1] for name, part in model.output.items()} == {"sky": 3, "high": 1, "rain": 1}
    assert model.loss["sky"] == "sparse_categorical_crossentropy"
    for wrong in ({"cold": 1.0}, {"high": -1.0}):
        with pytest.raises(OptionError, match="loss_weights"):
            stoker.models.mlp(feed, loss_weights=wrong)


@pytest.mark.parametrize(
    "labels",
    [pytest.param(BINARY, marks=pytest.mark.slow), pytest.param(NUMBERS, marks=pytest.mark.slow), MIXED],
)
def test_a_run_scores_each_label_as_its_predictions_say(table: Path, here: Path, labels: tuple[str, ...]):
    rows = opened(table, labels)
    feed = stoker.Feed(rows, batch_size=32, epochs=3, target="auto")
    model = stoker.models.mlp(feed, layers=1, units=8, learning_rate=0.05, seed=1)
    history = stoker.fit(model, feed, validation=rows, epochs=3, run="run", progress="none")
    run = stoker.load("run", which="last")
    frame = frame_of()
    predicted = run.predict("t.csv", keep=["a"]).to_pandas()
    assert len(run.predict(frame)) == ROWS
    for found in (run.evaluate("t.csv"), run.evaluate(frame), run.evaluate(feed.derive(rows))):
        assert found.loss == pytest.approx(history.history["val_loss"][-1], rel=1e-4)
        assert tuple(found.labels) == labels
        for name, scores in found.labels.items():
            answers = predicted[f"prediction_{name}"]
            if scores.task == "regression":
                assert scores.mae == pytest.approx(np.abs(answers - frame[name]).mean(), rel=1e-4)
            else:
                assert scores.accuracy == pytest.approx((answers == frame[name]).mean())
                assert scores.support.sum() == ROWS
        assert found.to_dict()["labels"].keys() == set(labels)
    shares = [name for name in predicted if name.startswith("probability_")]
    assert (
        shares
        == {
            BINARY: ["probability_rain", "probability_wind"],
            NUMBERS: [],
            MIXED: [
                *(f"probability_sky_{each}" for each in ("clear", "dark", "grey")),
                *("probability_rain_0", "probability_rain_1"),
            ],
        }[labels]
    )


def build(spec):
    """A user's own model, which reads of the spec what to answer."""
    import keras

    x = keras.Input(spec.input_shape)
    outputs = {target.columns[0]: keras.layers.Dense(target.num_outputs)(x) for target in spec.targets}
    losses = {
        "sky": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "high": "mse",
        "rain": keras.losses.BinaryCrossentropy(from_logits=True),
    }
    model = keras.Model(x, outputs)
    model.compile("adam", losses)
    return model


def test_a_model_of_ones_own_reads_its_outputs_from_the_spec(table: Path, here: Path):
    feed = stoker.Feed(opened(table, MIXED), batch_size=32, target="auto")
    model = build(feed.spec)
    stoker.fit(model, feed, run="run", progress="none")
    run = stoker.load("run")
    table_of = run.predict("t.csv").to_pandas()
    assert table_of[[f"probability_sky_{each}" for each in ("clear", "dark", "grey")]].sum(
        axis=1
    ).to_numpy() == pytest.approx(1.0, abs=1e-5)
    assert run.evaluate("t.csv").labels["rain"].auc is not None
    record = (here / "run" / "run.json").read_text()
    (here / "run" / "run.json").write_text(record.replace('"rain"', '"reign"'))
    with pytest.raises((RunError, OptionError)):
        stoker.load("run").predict("t.csv")


def test_labels_that_cannot_be_together_are_refused(table: Path, here: Path):
    with pytest.raises(OptionError, match="'rain' is named twice"):
        opened(table, ("rain", "rain"))
    with pytest.raises(OptionError, match="class_weight is for one label, and there are 2"):
        stoker.Feed(opened(table, BINARY), class_weight="balanced").prepare()
    frame_of().assign(wind=[2] + [0, 1] * (ROWS // 2 - 1) + [0]).to_csv(here / "new.csv", index=False)
    feed = stoker.Feed(opened(table, BINARY))
    feed.prepare()
    with pytest.raises(DataError, match=r"new\.csv, line 2: the label column 'wind' holds 2"):
        feed.derive("new.csv")
    with pytest.raises(OptionError, match=r"target is for numbers .* and no label is one"):
        stoker.Feed(opened(table, BINARY), target=stoker.Log1p()).prepare()
    lines = (here / "t.csv").read_text().splitlines()
    lines[3] = lines[3].rsplit(",", 5)[0] + ",1,,0,0,grey"
    (here / "gap.csv").write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"'wind': 1 blank value, first at gap\.csv, line 4"):
        stoker.Feed(opened("gap.csv", BINARY)).prepare()


def test_a_run_begun_with_another_takes_over_all_its_outputs(table: Path, here: Path):
    feed = stoker.Feed(opened(table, MIXED), target="auto")
    old = stoker.models.mlp(feed, layers=1, units=4, seed=1)
    stoker.fit(old, feed, run="old", progress="none")
    later = stoker.Feed(opened(table, MIXED), init="old", epochs=1)
    assert later.spec.targets == feed.spec.targets
    model = stoker.models.mlp(later, layers=1, units=4, seed=2)
    stoker.fit(model, later, init="old", run="new", progress="none")
    with pytest.raises(OptionError, match="of several labels all must be the same"):
        stoker.Feed(opened(table, BINARY), init="old").prepare()


@pytest.mark.slow
def test_the_command_line_trains_resumes_proves_and_answers(table: Path, capsys: pytest.CaptureFixture[str]):
    flags = ["--label", ",".join(MIXED), "--columns", "a,b", "--batch-size", "32", "--loss-weights", "sky=2"]
    assert main(["inspect", "t.csv", "--label", "rain,wind", "--columns", "a,b"]) == 0
    assert "rows by wind" in capsys.readouterr().out
    assert main(["plan", "t.csv", *flags[:4]]) == 0
    said = capsys.readouterr().out
    assert "label sky, high, rain" in said
    assert "target    high → standardize, undone in what is predicted" in said
    assert "task      several: an output each: sky classes" in said
    assert main(["train", "t.csv", *flags, "--epochs", "1", "--run", "run", "--quiet"]) == 0
    assert main(["resume", "run", "--epochs", "2", "--quiet"]) == 0
    assert main(["train", "t.csv", *flags, "--epochs", "2", "--run", "whole", "--quiet"]) == 0
    resumed, whole = (RunDirectory(name).read().epochs[-1].metrics for name in ("run", "whole"))
    assert resumed == whole
    assert main(["verify", "run"]) == 0
    capsys.readouterr()
    assert main(["replay", "run", "--step", "1", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)["rows"][0]["label"]) == set(MIXED)
    assert main(["evaluate", "run", "t.csv", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)["labels"]) == set(MIXED)
    assert main(["evaluate", "run", "t.csv"]) == 0
    said = capsys.readouterr().out
    assert "sky_accuracy 0." in said
    assert "label        task" in said
    assert main(["predict", "run", "t.csv", "-o", "out.csv", "--quiet"]) == 0
    assert Path("out.csv").read_text().startswith("prediction_sky,probability_sky_clear,")
