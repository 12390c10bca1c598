"""A row that makes the loss no finite number is found: step, line, and the weights from before."""

from __future__ import annotations

import json
import shlex
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

import stoker
from stoker.checkpoints import CheckpointStore
from stoker.errors import DataError, NonFiniteLossError
from stoker.training.fit import fit

ROWS, BATCH, BAD = 120, 10, 77
STEP = BAD // BATCH + 1
"""In file order: the batch that holds the row, counted from 1."""


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Any:
    """A table of numbers with a header, in which one row's label cannot be squared; and that row's line."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(ROWS, 3)).round(3)
    labels = [f"{value:.3f}" for value in x @ [1.0, -2.0, 0.5]]
    labels[BAD] = "1e38"
    path = tmp_path_factory.mktemp("spoilt") / "spoilt.csv"
    lines = [",".join(map(str, row)) + f",{label}" for row, label in zip(x.tolist(), labels, strict=True)]
    path.write_text("a,b,c,y\n" + "\n".join(lines) + "\n")
    return SimpleNamespace(path=path, line=BAD + 2)


def make_feed(table, **options: Any) -> Any:
    source = stoker.open(table.path, label="y")
    return stoker.Feed(
        source, batch_size=BATCH, task="regression", **{"shuffle": False, "epochs": 3} | options
    )


def make_model(loss: Any = "mean_squared_error", **options: Any) -> Any:
    layers = [keras.layers.Input((3,)), keras.layers.Dropout(0.2, seed=1), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.SGD(0.01), loss, **options)
    return model


def finite(model: Any) -> bool:
    return all(np.isfinite(keras.ops.convert_to_numpy(each.value)).all() for each in model.weights)


def stopped(model: Any, feed: Any, run: Any, **options: Any) -> NonFiniteLossError:
    with pytest.raises(NonFiniteLossError) as caught:
        fit(model, feed, epochs=3, run=run, progress="none", **options)
    return caught.value


def steep(y: Any, outputs: Any) -> Any:
    """0 for every row; at the bad one by way of a root, whose slope at 0 is infinite."""
    zero = outputs - keras.ops.stop_gradient(outputs)
    return keras.ops.sqrt(keras.ops.where(y > 1e30, zero, 1.0)) - keras.ops.where(y > 1e30, 0.0, 1.0)


def test_step_and_line_are_found_and_model_and_run_are_left_as_they_were_before(table, tmp_path):
    model, run = make_model(), tmp_path / "a run"
    error = stopped(model, make_feed(table), run, checkpoint_every="3steps")
    assert (error.first_step, error.last_step, error.epoch, error.batch) == (STEP, STEP, 0, STEP - 1)
    assert error.row_ids == tuple(range(BATCH * (STEP - 1), BATCH * STEP))
    found = f"step {STEP} of epoch 1); look at {table.path} line {table.line}, where the label is 1e+38"
    assert found in str(error)
    assert f"`stoker replay {shlex.quote(str(run))} --step {STEP}` prints all its {BATCH} rows" in str(error)

    store = CheckpointStore(run)
    kept = [store.read(path) for path in store.paths()]
    assert all(each.step < STEP for each in kept)
    assert all(np.isfinite(array).all() for each in kept for array in each.arrays.values())
    assert f"the last good checkpoint is that of step {kept[0].step}, whose weights" in str(error)
    for record, weight in zip(kept[0].manifest.variables, model.trainable_variables, strict=False):
        np.testing.assert_array_equal(kept[0].array(record.array), keras.ops.convert_to_numpy(weight.value))
    assert not (run / "last.keras").exists()
    outcome = json.loads((run / "run.json").read_text())["outcome"]
    assert outcome["status"] == "failed"
    assert f"line {table.line}" in outcome["error"]


def test_it_is_found_before_the_first_checkpoint_too_and_within_an_execution_of_several_steps(
    table, tmp_path
):
    several = {} if keras.backend.backend() == "torch" else {"steps_per_execution": 5}
    feed = make_feed(table, shuffle="exact", seed=5)
    (truth,) = [step for step, batch in enumerate(feed.epoch(0), start=1) if BAD in batch.ids.tolist()]
    error = stopped(make_model(**several), feed, tmp_path / "run", checkpoint_every="1epoch")
    assert error.first_step == error.last_step == truth
    assert BAD in error.row_ids
    assert f"line {table.line}, where the label is 1e+38" in str(error)


def test_weights_that_a_finite_loss_spoils_are_never_written_and_their_step_is_found(table, tmp_path):
    model, run = make_model(steep), tmp_path / "run"
    error = stopped(model, make_feed(table), run, checkpoint_every="1steps")
    assert error.first_step == error.last_step == STEP
    assert "the weights became no finite numbers" in str(error)
    assert CheckpointStore(run).newest().step < STEP
    assert finite(model)


def test_a_label_that_spoils_every_step_is_named_though_the_first_step_has_it_not(tmp_path):
    """A ready model is brought into the label's unit, which one label alone has made infinite."""
    path = tmp_path / "t.csv"
    path.write_text(
        "a,y\n" + "".join(f"{row % 9},{'1e38' if row == 150 else row % 50 + 0.5}\n" for row in range(200))
    )
    feed = stoker.Feed(stoker.open(path, label="y"), batch_size=16, shuffle=False, workers=0, cache="never")
    with pytest.raises(NonFiniteLossError) as stopped:
        stoker.fit(stoker.models.linear(feed, seed=1), feed, run=tmp_path / "run", progress="none")
    feed.close()
    assert stopped.value.first_step == 1
    said = str(stopped.value)
    assert "not in these rows, but all steps may be spoilt by it: column 'y': 1 value that overflows" in said
    assert f"{path}, line 152 (row 150), '1e+38': correct it, or leave its row out of the file" in said


def test_blanks_that_were_filled_are_not_blamed(tmp_path):
    path = tmp_path / "t.csv"
    lines = [
        f"{'' if row % 3 else row % 9},{10**30 + row},{'1e38' if row == 150 else row % 50 + 0.5}"
        for row in range(200)
    ]
    path.write_text("a,id,y\n" + "\n".join(lines) + "\n")
    source = stoker.open(path, label="y", types={"id": "float"})
    whole = stoker.Feed(
        source, batch_size=16, shuffle=False, transform=stoker.Columns({"a": stoker.Standardize(na="mean")})
    )
    with pytest.raises(NonFiniteLossError) as stopped:
        stoker.fit(stoker.models.mlp(whole, seed=1), whole, run=tmp_path / "run", progress="none")
    said = str(stopped.value)
    assert "is nan" not in said
    assert "column 'id'" not in said
    assert f"; its rows are {path} line 2, {path} line 3" in said
    assert "may be spoilt by it: column 'y': 1 value that overflows" in said
    assert f"{path}, line 152 (row 150), '1e+38'" in said


def test_without_a_run_the_steps_among_which_it_is_are_named(table):
    model = make_model()
    with pytest.raises(NonFiniteLossError, match=r"one of the steps 1 to 12; from a checkpoint, as run= has"):
        fit(model, make_feed(table), progress="none")


def test_where_training_goes_on_no_spoilt_checkpoint_takes_the_place_of_a_good_one(table, tmp_path, capsys):
    options = {"epochs": 2, "checkpoint_every": "1steps", "on_nan": "continue", "progress": "plain"}
    report = fit(make_model(steep), make_feed(table), run=tmp_path / "run", **options).report
    assert (report.ended, report.steps) == ("finished", 2 * ROWS // BATCH)
    assert CheckpointStore(tmp_path / "run").newest().step < STEP
    said = capsys.readouterr().err
    assert said.count("training goes on") == said.count("the last good one is kept") == 1


@pytest.mark.parametrize(
    ("failure", "raised", "told"),
    [
        (
            DataError("a.csv is gone"),
            NonFiniteLossError,
            "could not be searched for: a.csv is gone; the last",
        ),
        (RuntimeError("a bug"), RuntimeError, "the loss is "),
    ],
)
def test_where_the_search_fails_the_run_has_ended_all_the_same(
    failure, raised, told, table, tmp_path, monkeypatch
):
    def fail(*_: Any, **__: Any) -> Any:
        raise failure

    monkeypatch.setattr("stoker.training.locating.find_culprit", fail)
    with pytest.raises(raised):
        fit(make_model(), make_feed(table), run=tmp_path / "run", progress="none")
    outcome = json.loads((tmp_path / "run" / "run.json").read_text())["outcome"]
    assert outcome["status"] == "failed"
    assert told in outcome["error"]
