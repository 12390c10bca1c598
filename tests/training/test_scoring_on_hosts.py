"""Rows scored by several processes come to what one process comes to; without Ray."""

from __future__ import annotations

import itertools
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stoker
from property_examples import examples
from stoker.cluster.spreading import spread
from stoker.errors import BadRowError, DataError, OptionError
from stoker.training.evaluation import evaluate_answers
from stoker.training.on_hosts import shipped, unshipped

ROWS = 3_000
BAD = (0, 317, 2_850)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run, and two files of its columns with rows that cannot be scored."""
    folder = tmp_path_factory.mktemp("run")
    rng = np.random.default_rng(4)
    x = rng.normal(size=(ROWS, 3)).round(4)
    kinds = np.array(["no", "yes"])[(x.sum(axis=1) + rng.normal(size=ROWS) > 0).astype(int)]
    weights = rng.uniform(0.5, 2, ROWS).round(2)
    lines = [f"{row:04},{a},{b},{c},{w},{kind}" for row, ((a, b, c), w, kind) in
             enumerate(zip(x.tolist(), weights.tolist(), kinds.tolist(), strict=True))]  # fmt: skip
    header = "id,a,b,c,weight,kind"
    (folder / "train.csv").write_text("\n".join([header, *lines]) + "\n")
    for row in BAD:
        lines[row] = lines[row].replace(lines[row].split(",")[1], "?", 1)
    (folder / "new-1.csv").write_text("\n".join([header, *lines[:2_500]]) + "\n")
    (folder / "new-2.csv").write_text("\n".join([header, *lines[2_500:]]) + "\n")
    rows = stoker.open(folder / "train.csv", label="kind", sample_weight="weight", drop=["id"])
    feed = stoker.Feed(rows, batch_size=100, memory="32MB", cache="never")
    model = stoker.models.linear(feed, seed=1)
    stoker.fit(model, feed, epochs=1, run=folder / "run", progress="none")
    return SimpleNamespace(
        folder=folder, run=stoker.load(folder / "run"), new=[folder / "new-1.csv", folder / "new-2.csv"]
    )


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr("stoker.training.file_pieces.CHUNK_BYTES", 1 << 10)
    monkeypatch.setattr("stoker.training.on_hosts.CHUNK_BYTES", 1 << 10)


def test_when_answers_are_taken_no_longer_the_hosts_end_before_the_error_is_told(
    trained, monkeypatch, in_turn
):
    def followed(*given, **how):
        try:
            yield from spread(*given, **how)
        finally:
            ended.append(True)

    def interrupted(_, __, answers, ___):
        next(answers)
        raise KeyboardInterrupt

    ended: list[bool] = []
    monkeypatch.setattr("stoker.training.on_hosts.spread", followed)
    monkeypatch.setattr("stoker.training.run.evaluate_answers", interrupted)
    monkeypatch.setattr(
        "stoker.training.run.write_predictions", lambda answers, *_, **__: interrupted(0, 0, answers, 0)
    )
    for times, ask in enumerate((trained.run.evaluate, partial(trained.run.predict, output="out.csv")), 1):
        with pytest.raises(KeyboardInterrupt) as caught:  # holds the frames, as the end of a program does
            ask(trained.new, hosts=2)
        assert (len(ended), len(caught.traceback) > 1) == (times, True)


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl.gz", "out.parquet", "out.arrow"])
def test_predictions_are_the_bytes_of_one_process(name, trained, tmp_path, in_turn):
    told: list[tuple[int, int]] = []
    one = trained.run.predict(trained.new, output=tmp_path / f"one-{name}", keep=["id"])
    found = trained.run.predict(
        trained.new, output=tmp_path / name, keep=["id"], hosts=3, progress=lambda *done: told.append(done)
    )

    assert (tmp_path / name).read_bytes() == (tmp_path / f"one-{name}").read_bytes()
    assert (found.rows, found.bad_rows, found.first_bad) == (one.rows, len(BAD), one.first_bad)
    assert "new-1.csv, line 2: " in found.first_bad
    total = sum(path.stat().st_size for path in trained.new)
    assert len(told) > 5
    assert told[-1][1] == total
    assert sorted(told) == told


def test_predictions_without_a_file_are_a_table(trained, in_turn):
    assert trained.run.predict(trained.new, hosts=2).equals(trained.run.predict(trained.new))


def test_what_cannot_be_scored_is_quarantined_alike(trained, tmp_path, in_turn):
    for name, hosts in (("one", 1), ("two", 2)):
        trained.run.predict(
            trained.new,
            output=tmp_path / f"{name}.csv",
            on_bad_row="quarantine",
            quarantine=tmp_path / f"{name}.jsonl",
            hosts=hosts,
        )

    assert (tmp_path / "two.jsonl").read_bytes() == (tmp_path / "one.jsonl").read_bytes()


def test_the_first_bad_row_is_the_error_with_file_and_line_and_nothing_is_left(trained, tmp_path, in_turn):
    with pytest.raises(BadRowError) as alone:
        trained.run.predict(trained.new, on_bad_row="error")
    with pytest.raises(BadRowError, match=r"new-1.csv, line 2: ") as there:
        trained.run.predict(trained.new, on_bad_row="error", output=tmp_path / "out.csv", hosts=2)

    assert str(there.value) == str(alone.value)
    assert not list(tmp_path.iterdir())


def test_an_evaluation_is_that_of_one_process(trained, in_turn):
    one, found = trained.run.evaluate(trained.new), trained.run.evaluate(trained.new, hosts=3)

    assert found.rows == one.rows == ROWS - len(BAD)
    for ours, theirs in ((found, one), (found.weighted, one.weighted)):
        np.testing.assert_array_equal(ours.support, theirs.support)
        np.testing.assert_array_equal(ours.confusion, theirs.confusion)
        assert ours.auc == pytest.approx(theirs.auc, abs=1e-6)
    assert found.loss == pytest.approx(one.loss, rel=1e-6)
    assert found.metrics == pytest.approx(one.metrics, rel=1e-6)
    assert (found.skipped_rows, found.first_skipped) == (one.skipped_rows, one.first_skipped)


@settings(max_examples=examples(20))
@given(cuts=st.lists(st.integers(0, 500), max_size=12))
def test_it_does_not_matter_where_the_outputs_are_cut(trained, cuts):
    rng = np.random.default_rng(7)
    raw = rng.random((500, 1)).astype(np.float32)
    y, weights = rng.integers(0, 2, 500).astype(np.float32), rng.random(500).astype(np.float32)
    model, spec = trained.run.model, trained.run.spec
    whole = evaluate_answers(model, spec, [(raw, y, weights)], trained.run.target)

    bounds = [0, *sorted(cuts), 500]
    parts = [(raw[i:j], y[i:j], weights[i:j]) for i, j in itertools.pairwise(bounds)]
    found = evaluate_answers(model, spec, parts, trained.run.target)

    assert found.to_dict() == whole.to_dict()


def test_labels_that_training_never_saw_are_told_by_file_and_line(trained, tmp_path, in_turn):
    text = trained.new[1].read_text().replace("no\n", "never\n", 1)
    (tmp_path / "odd.csv").write_text(text)
    with pytest.raises(DataError) as alone:
        trained.run.evaluate(tmp_path / "odd.csv")
    with pytest.raises(DataError) as there:
        trained.run.evaluate(tmp_path / "odd.csv", hosts=2)

    assert str(there.value) == str(alone.value)


def test_rows_that_are_no_files_are_refused(trained):
    frame = {"a": [1.0], "b": [2.0], "c": [3.0]}
    table = stoker.open(trained.run.predict(trained.new, keep=["a", "b", "c"]).select(["a", "b", "c"]))
    for rows in (frame, table):
        with pytest.raises(OptionError, match="hosts= is for rows of files"):
            trained.run.predict(rows, hosts=2)
    with pytest.raises(OptionError, match="hosts= is for rows of files"):
        trained.run.evaluate(frame | {"kind": ["no"], "weight": [1.0]}, hosts=2)


def test_a_model_travels_with_what_keras_was_told_of():
    import keras

    @keras.saving.register_keras_serializable("travelling")
    class Twice(keras.layers.Layer):
        def call(self, x):
            return 2 * x

    model = keras.Sequential([keras.layers.Input((2,)), Twice(), keras.layers.Dense(1)])
    data = shipped(model)
    known = keras.saving.get_custom_objects()
    name = next(each for each in known if each.startswith("travelling>"))
    known.pop(name)

    found = unshipped(data)

    x = np.ones((3, 2), np.float32)
    np.testing.assert_array_equal(found.predict_on_batch(x), model.predict_on_batch(x))
    known.pop(name)
