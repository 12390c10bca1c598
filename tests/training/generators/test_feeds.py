from __future__ import annotations

import os
import signal
import time

import keras
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from memory_feed import make_feed
from numbered import Numbered, Numbers

import stoker
from stoker.errors import OptionError, RunError
from stoker.rundir import RunDirectory
from stoker.training.progress import Display

pytestmark = pytest.mark.timeout(60)


def fit(model, feed, **options):
    return stoker.fit(model, feed, **{"progress": "none", **options})


def test_fit_takes_a_generator_and_arrays_where_feeds_are(model, seen):
    history = fit(
        model,
        Numbers(),
        steps_per_epoch=3,
        epochs=2,
        callbacks=[seen],
        validation=(np.ones((5, 2)), np.ones((5, 1))),
    )
    assert seen.trained == list(range(6))
    assert history.history["val_mae"] == pytest.approx([1, 1])
    assert (history.report.steps, history.report.rows, history.report.num_rows) == (6, 24, None)


FRAME = pd.DataFrame({"x": [1.0, 2.0], "y": [0, 1]})


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            "table.csv",
            r"got the path 'table\.csv': .*stoker\.Feed\(stoker\.open\('table\.csv', label=…\), …\)",
        ),
        (FRAME, r"got one DataFrame \(2, 2\): .*stoker\.Feed\(stoker\.open\(frame, label=…\), …\)"),
        (pl.DataFrame(FRAME), r"got one DataFrame .*stoker\.open"),
        (pl.LazyFrame(FRAME), r"got one LazyFrame: .*stoker\.open"),
        (pa.Table.from_pandas(FRAME), r"got one Table .*stoker\.open"),
        (FRAME["x"], r"got one Series .*stoker\.open"),
        (stoker.open(FRAME, label="y"), r"got a Source: .*stoker\.Feed\(source, …\)"),
    ],
)
def test_rows_without_a_feed_are_refused_with_the_line_that_makes_one(rows, said, model):
    with pytest.raises(OptionError, match=said):
        fit(model, rows, epochs=1)
    with pytest.raises(OptionError, match=r"a model is made for a feed, got .*stoker\.Feed"):
        stoker.models.mlp(rows)


def test_fit_takes_a_sequence_with_its_own_workers_beside_another_for_validation(model, seen):
    sequence = Numbered(3)
    sequence.workers = 3
    fit(model, sequence, epochs=2, callbacks=[seen], validation=Numbered(4), validation_steps=2)
    assert sorted(seen.trained) == [0, 0, 1, 1, 2, 2]
    assert seen.tested == [0, 1, 0, 1]
    assert sequence.passes == 2


def test_a_generator_feed_says_how_its_batches_are_made(model, seen):
    feed = stoker.GeneratorFeed(Numbers(), steps_per_epoch=2, workers=0, class_weight=None)
    fit(model, feed, epochs=2, callbacks=[seen])
    fit(model, feed, callbacks=[seen])
    assert seen.trained == list(range(6))


def test_validation_within_epochs_and_early_stopping_work_on_a_generator(model):
    history = fit(
        model,
        Numbers(),
        steps_per_epoch=5,
        epochs=9,
        validation=Numbered(2),
        validate_every="2steps",
        early_stopping=3,
    )
    assert [each.step for each in history.report.validations] == [2, 4, 5, 6]
    assert history.report.ended == "early_stopping"


def test_a_time_limit_ends_a_fit_on_a_generator_within_an_epoch(model):
    history = fit(model, slowly(Numbers()), steps_per_epoch=10_000, max_time=0.1)
    assert history.report.ended == "max_time"
    assert 1 <= history.report.steps < 10_000


def slowly(batches):
    for batch in batches:
        time.sleep(0.01)
        yield batch


def test_progress_of_a_generator_has_an_eta_by_steps(model):
    seen: list[float | None] = []

    class Watch(Display):
        interval = 0.0

        def advanced(self, snapshot):
            seen.append(snapshot.eta_seconds)

    fit(model, Numbers(), steps_per_epoch=6, progress=Watch())
    assert len(seen) == 5
    assert all(eta is not None and eta > 0 for eta in seen)


def test_a_run_on_a_generator_records_what_is_known_and_keeps_its_models(model, tmp_path):
    path = tmp_path / "run"
    fit(model, Numbers(), steps_per_epoch=3, epochs=2, run=path, options={"note": "a"})
    record = RunDirectory(path).read()
    assert (record.generator.name, record.generator.steps_per_epoch) == ("Numbers", 3)
    assert (record.spec, record.plan, record.files) == (None, None, [])
    assert [epoch.rows for epoch in record.epochs] == [12, 12]
    assert record.outcome.status == "finished"
    assert keras.models.load_model(path / "model.keras").count_params() == 3
    with pytest.raises(RunError, match=r"trained on a generator.*keras.models.load_model"):
        stoker.load(path)
    with pytest.raises(RunError, match="already holds a run"):
        fit(model, Numbers(), steps_per_epoch=3, run=path)


def test_ctrl_c_in_a_run_on_a_generator_leaves_what_was_reached(model, tmp_path):
    path = tmp_path / "run"
    press = keras.callbacks.Callback()
    press.on_train_batch_end = lambda batch, logs=None: os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fit(model, Numbers(), steps_per_epoch=3, epochs=2, run=path, callbacks=[press])
    record = RunDirectory(path).read()
    assert (record.outcome.status, record.outcome.steps, record.outcome.rows) == ("interrupted", 1, 4)
    assert (path / "last.keras").exists()


@pytest.mark.parametrize(
    ("feed", "options", "message"),
    [
        (Numbers(), {}, "steps_per_epoch is needed"),
        (Numbers(), {"steps_per_epoch": 2, "validation": Numbers()}, "validation_steps is needed"),
        (Numbers(), {"steps_per_epoch": 2, "validation_steps": 2}, "validation_steps has an effect only"),
        (make_feed(), {"steps_per_epoch": 2}, "steps_per_epoch has no effect on a feed"),
        (stoker.GeneratorFeed(Numbered()), {"steps_per_epoch": 2}, "no effect on a feed"),
        ("rows.csv", {}, "expected a generator or a Sequence"),
        (Numbers(), {"steps_per_epoch": 2, "validation": "rows.csv"}, "expected a generator or a Sequence"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(feed, options, message, model):
    with pytest.raises(OptionError, match=message):
        fit(model, feed, **options)


def test_what_needs_random_access_is_refused_with_the_reason(model, tmp_path):
    (tmp_path / "rows.csv").write_text("a,b,label\n1,2,3\n4,5,6\n")
    rows = stoker.open(tmp_path / "rows.csv", label="label")
    with pytest.raises(OptionError, match="no transform that other rows could share: pass validation as"):
        fit(model, Numbers(), steps_per_epoch=2, validation=rows)
    feed = stoker.GeneratorFeed(Numbered())
    with pytest.raises(OptionError, match="no transform"):
        feed.derive("rows.csv")
    with pytest.raises(OptionError, match="no spec"):
        _ = feed.spec
    with pytest.raises(OptionError, match="no random access"):
        feed.epoch(0, start_batch=1)
