"""A label to regress on goes through a transform; whatever people see is in its own unit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import stoker
from stoker.cli import main
from stoker.errors import DataError, OptionError
from stoker.rundir import RunDirectory

pytestmark = pytest.mark.timeout(300)
ROWS = 200


def frame_of() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, ROWS))
    return pd.DataFrame({"a": a, "b": b, "price": np.round(2e5 * np.exp(a / 2 + b / 9), 2)})


@pytest.fixture
def table(here: Path) -> Path:
    frame_of().to_csv(here / "t.csv", index=False)
    return here / "t.csv"


@pytest.mark.parametrize("kind", [stoker.Standardize, stoker.MinMax, stoker.Robust, stoker.Log1p])
@pytest.mark.parametrize("stored", [False, True])
def test_labels_are_transformed_as_features_would_be(table: Path, kind, stored: bool):
    rows = stoker.open(table, label="price")
    if stored:
        stoker.Feed(rows).prepare()
    feed = stoker.Feed(rows, target=kind(), batch_size=ROWS, shuffle=False)
    y = next(feed.epoch(0)).y
    assert y.dtype == np.float32
    price = frame_of()["price"].to_numpy()
    own = np.log1p(price) if kind is stoker.Log1p else price
    low, middle, high = np.percentile(own, [25, 50, 75])
    expected = {
        "standardize": (own - own.mean()) / own.std(),
        "log1p": (own - own.mean()) / own.std(),
        "minmax": (own - own.min()) / np.ptp(own),
        "robust": (own - middle) / (high - low),
    }[kind.name]
    np.testing.assert_allclose(y, expected, atol=1e-5)
    np.testing.assert_allclose(feed.stage.target.inverse(y), price, rtol=1e-5)
    assert feed.spec.targets[0].transform == kind.name


def test_predictions_and_metrics_come_in_the_labels_own_unit(table: Path, here: Path):
    rows = stoker.open(table, label="price")
    feed = stoker.Feed(rows, target=stoker.Standardize(), batch_size=20, epochs=8)
    model = stoker.models.linear(feed, seed=1, learning_rate=0.05)
    history = stoker.fit(model, feed, validation=rows, epochs=8, run="run", progress="none")
    run = stoker.load("run", which="last")
    predicted = run.predict("t.csv")["prediction"].to_numpy()
    assert predicted.dtype == np.float64
    frame = frame_of()
    error = predicted - frame["price"]
    for found in (run.evaluate("t.csv"), run.evaluate(frame), run.evaluate(feed)):
        assert found.mae == pytest.approx(np.abs(error).mean(), rel=1e-4)
        assert found.rmse == pytest.approx(np.sqrt((error**2).mean()), rel=1e-4)
        assert found.metrics["mae"] == pytest.approx(found.mae, rel=1e-4)
        assert found.loss == pytest.approx(history.history["val_loss"][-1], rel=1e-4)
    assert found.r2 > 0.7
    assert history.history["val_mae"][-1] == pytest.approx(found.mae / frame["price"].std(ddof=0), rel=1e-4)
    assert RunDirectory("run").read().target["transform"]["name"] == "standardize"


def test_a_run_begun_with_another_takes_its_unit(table: Path, here: Path):
    feed = stoker.Feed(stoker.open(table, label="price"), target=stoker.Log1p())
    stoker.fit(stoker.models.linear(feed, seed=1), feed, run="old", progress="none")
    frame = frame_of().rename(columns={"price": "cost"})
    frame["cost"] *= 3
    frame.to_csv(here / "new.csv", index=False)
    rows = stoker.open("new.csv", label="cost")
    later = stoker.Feed(rows, init="old", batch_size=ROWS, shuffle=False)
    first = next(feed.derive(stoker.open(table, label="price")).epoch(0)).y[0]
    assert next(later.epoch(0)).y[0] > first
    assert later.spec.targets[0].transform == "log1p"
    with pytest.raises(OptionError, match=r"target has no effect beside init="):
        stoker.Feed(rows, init="old", target=stoker.Log1p()).prepare()


def test_what_no_target_can_go_through_is_refused(table: Path, here: Path):
    rows = stoker.open(table, label="price")
    for target, said in (
        (stoker.Category(), "which can be undone, got Category"),
        (stoker.Standardize(na="mean"), "nothing can take the place of a label"),
        (stoker.Standardize().fit(stoker.open(table, label="b").peek()), "that is not fitted"),
    ):
        with pytest.raises(OptionError, match=said):
            stoker.Feed(rows, target=target).prepare()
    with pytest.raises(OptionError, match="target is for regression, and task='classes'"):
        stoker.Feed(rows, target=stoker.Log1p(), task="classes").prepare()
    (here / "neg.csv").write_text("x,y\n1,3\n2,-7\n3,5.5\n")
    with pytest.raises(DataError, match=r"label column 'y' holds -7, and Log1p takes numbers above -1"):
        stoker.Feed(stoker.open("neg.csv", label="y"), target=stoker.Log1p()).prepare()
    (here / "text.csv").write_text("x,y\n1,a\n2,b\n3,a\n")
    with pytest.raises(OptionError, match="target"):
        stoker.Feed(stoker.open("text.csv", label="y"), target=stoker.Log1p()).prepare()


@pytest.mark.slow
def test_the_command_line_transforms_resumes_and_proves(table: Path, capsys: pytest.CaptureFixture[str]):
    flags = ["--label", "price", "--target", "log1p", "--model", "linear", "--batch-size", "32"]
    assert main(["plan", "t.csv", *flags[:4]]) == 0
    assert "target    price → log1p, undone in what is predicted" in capsys.readouterr().out
    assert main(["train", "t.csv", *flags, "--epochs", "1", "--run", "run", "--quiet"]) == 0
    assert main(["resume", "run", "--epochs", "2", "--quiet"]) == 0
    assert main(["train", "t.csv", *flags, "--epochs", "2", "--run", "whole", "--quiet"]) == 0
    resumed, whole = (RunDirectory(name).read().epochs[-1].metrics for name in ("run", "whole"))
    assert resumed == whole
    assert main(["verify", "run"]) == 0
    capsys.readouterr()
    assert main(["evaluate", "run", "t.csv", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["mae"] > 1_000
    assert main(["predict", "run", "t.csv", "-o", "out.csv", "--quiet"]) == 0
    assert float(Path("out.csv").read_text().split()[1]) > 1_000
