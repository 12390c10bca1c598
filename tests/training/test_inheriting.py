"""A run begins with another's weights and transforms: columns and classes by name, by stated rules."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import stoker
from stoker.errors import ColumnError, DataError, OptionError, RunError
from stoker.rundir import RunDirectory
from stoker.training import adapter
from stoker.training.artifacts import ModelFiles
from stoker.training.inheriting import begin_with, taken_over
from stoker.training.recording import RunRecorder

pytestmark = pytest.mark.timeout(120)
COLUMNS = ("a", "b", "c")


def write_rows(path, columns=COLUMNS, classes=("ant", "bee", "cat"), rows=60, seed=0, label=None):
    draw = np.random.default_rng(seed)
    numbers = draw.normal(5, 2, (rows, len(columns)))
    with path.open("w") as file:
        file.write(",".join([*columns, "label"]) + "\n")
        for row, values in enumerate(numbers):
            shown = classes[row % len(classes)] if label is None else label(values)
            file.write(",".join([*(f"{value:.3f}" for value in values), str(shown)]) + "\n")
    return path


def feed_of(path, **options):
    return stoker.Feed(stoker.open(path, label="label"), **({"batch_size": 20, "memory": "32MB"} | options))


def run_of(folder, feed):
    """A run directory as a training leaves it, with weights that nobody trained."""
    model = stoker.models.linear(feed, seed=1)
    adapter.build_model(model, feed.spec, feed.batch_size)
    draw = np.random.default_rng(1)
    model.set_weights([draw.normal(size=value.shape) for value in model.get_weights()])
    RunRecorder(folder, feed, None, {})
    ModelFiles(folder).save_best(model)
    return folder


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """A run on three columns and three classes."""
    folder = tmp_path_factory.mktemp("old")
    return run_of(folder / "run", feed_of(write_rows(folder / "old.csv")))


def begun(path, old):
    feed = feed_of(path, init=old)
    model = stoker.models.linear(feed, seed=2)
    before = [np.array(value) for value in model.get_weights()]
    begin_with(model, old, feed, lambda line: None)
    return feed, before, [np.array(value) for value in model.get_weights()]


def weights_of(run):
    return [np.array(value) for value in stoker.load(run).model.get_weights()]


def test_the_same_columns_and_classes_take_everything_over(old, tmp_path):
    feed, _, after = begun(write_rows(tmp_path / "new.csv", seed=1), old)
    assert all(map(np.array_equal, after, weights_of(old)))
    assert feed.transform.state() == stoker.load(old).transform.state()
    assert feed.classes == ("ant", "bee", "cat")


def test_columns_go_by_name_and_new_ones_begin_at_zero(old, tmp_path):
    feed, _, after = begun(write_rows(tmp_path / "new.csv", ("c", "new", "a"), seed=1), old)
    kernel = weights_of(old)[0]
    assert np.array_equal(after[0], np.stack([kernel[2], np.zeros(3), kernel[0]]))
    known, seen = stoker.load(old).transform.statistics_, feed.transform.statistics_
    assert seen.mean[[0, 2]] == pytest.approx(known.mean[[2, 0]], rel=1e-12)
    assert seen.std[[0, 2]] == pytest.approx(known.std[[2, 0]], rel=1e-12)
    assert seen.mean[1] == pytest.approx(feed.survey.statistics.mean[1], rel=1e-12)


def test_classes_go_by_name_new_ones_begin_afresh_and_none_is_forgotten(old, tmp_path):
    feed, before, after = begun(write_rows(tmp_path / "new.csv", classes=("cat", "ape"), seed=1), old)
    assert feed.classes == ("ant", "ape", "bee", "cat")
    kernel, bias = weights_of(old)
    assert np.array_equal(after[0][:, [0, 2, 3]], kernel)
    assert np.array_equal(after[1][[0, 2, 3]], bias)
    assert np.array_equal(after[0][:, 1], before[0][:, 1])
    assert set(feed.survey.labels.classes) == {"ape", "cat"}


def test_two_classes_may_become_three_with_the_same_odds(tmp_path):
    run = run_of(tmp_path / "run", feed_of(write_rows(tmp_path / "old.csv", classes=("no", "yes"))))
    after = begun(write_rows(tmp_path / "new.csv", classes=("no", "yes", "maybe")), run)[2]
    kernel, bias = weights_of(run)
    assert np.array_equal(after[0][:, [1, 2]], np.concatenate([np.zeros((3, 1)), kernel], axis=1))
    assert np.array_equal(after[1][[1, 2]], [0.0, bias[0]])


def test_a_number_to_regress_on_keeps_its_unit(tmp_path):
    old = feed_of(write_rows(tmp_path / "old.csv", label=lambda v: f"{v.sum() * 1000:.2f}"))
    run = run_of(tmp_path / "run", old)
    path = write_rows(tmp_path / "new.csv", seed=4, label=lambda v: f"{v.sum() * 3 + 7:.2f}")
    feed = feed_of(path, init=run)
    model, told = stoker.models.linear(feed, seed=2), stoker.load(run)
    values = taken_over(told.model, model, told.spec, feed.spec, "run")
    model.set_weights(values)
    x = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    assert model.predict(x, verbose=0) == pytest.approx(told.model.predict(x, verbose=0), rel=1e-4)


def test_texts_keep_their_words(tmp_path):
    def texts(name, words):
        path = tmp_path / name
        path.write_text("text,label\n" + "".join(f"{words} word{n % 5},{'ab'[n % 2]}\n" for n in range(40)))
        return stoker.open(path, label="label", text="text")

    first = stoker.Feed(texts("old.csv", "good film"), batch_size=20, memory="32MB")
    run = run_of(tmp_path / "run", first)
    feed = stoker.Feed(texts("new.csv", "bad play"), batch_size=20, memory="32MB", init=run)
    assert feed.transform.state() == first.transform.state()
    model = stoker.models.linear(feed, seed=2)
    begin_with(model, run, feed, lambda line: None)
    assert all(map(np.array_equal, model.get_weights(), weights_of(run)))
    with pytest.raises(OptionError, match="learned from texts and these features are numbers"):
        feed_of(write_rows(tmp_path / "n.csv"), init=run).prepare()
    (tmp_path / "o.csv").write_text("body,label\nx,a\ny,b\n")
    other = stoker.Feed(stoker.open(tmp_path / "o.csv", label="label", text="body"), init=run)
    with pytest.raises(ColumnError, match="a vocabulary is of all its columns"):
        other.prepare()


def test_quantiles_are_those_of_the_same_columns(tmp_path):
    path = write_rows(tmp_path / "old.csv")
    run = run_of(tmp_path / "run", feed_of(path, transform=stoker.Robust()))
    taken = feed_of(write_rows(tmp_path / "again.csv", seed=1), init=run)
    taken.prepare()
    assert taken.transform.state() == stoker.load(run).transform.state()
    with pytest.raises(OptionError, match="learned quantiles or counts of"):
        feed_of(write_rows(tmp_path / "more.csv", columns=(*COLUMNS, "d")), init=run).prepare()


def test_what_cannot_be_is_named(old, tmp_path):
    path = write_rows(tmp_path / "new.csv")
    feed = feed_of(path)
    feed.prepare()
    model = stoker.models.linear(feed)
    with pytest.raises(OptionError, match="for its own transforms"):
        stoker.fit(model, feed, init=old, progress="none")
    with pytest.raises(OptionError, match="leave one out"):
        feed_of(path, init=old, transform=stoker.Scale())
    with pytest.raises(RunError, match="holds no run"):
        feed_of(path, init=tmp_path)
    with pytest.raises(OptionError, match="cannot begin with"):
        feed_of(path, init=old, task="regression").prepare()
    with pytest.raises(ColumnError, match="knows none of the columns 'x', 'y'"):
        feed_of(write_rows(tmp_path / "others.csv", ("x", "y")), init=old).prepare()
    with pytest.raises(DataError, match="holds int"):
        feed_of(write_rows(tmp_path / "numbers.csv", classes=(1, 2, 3)), init=old).prepare()
    batches = iter([(np.zeros((4, 3), np.float32), np.zeros(4, np.int32))])
    with pytest.raises(OptionError, match="no effect on a generator"):
        stoker.fit(model, batches, steps_per_epoch=1, init=old, progress="none")


def test_another_model_is_refused_by_its_first_difference(old, tmp_path):
    feed = feed_of(write_rows(tmp_path / "new.csv"), init=old)
    told = stoker.load(old)
    with pytest.raises(OptionError, match="6 arrays of weights and that of the run 2"):
        taken_over(told.model, stoker.models.mlp(feed), told.spec, feed.spec, "run")
    wide = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(5)])
    with pytest.raises(OptionError, match=r"kernel has the shape \(3, 5\) and in the run \(3, 3\)"):
        taken_over(told.model, wide, told.spec, feed.spec, "run")


def test_columns_that_went_are_left_out_and_told(old, tmp_path, capsys):
    feed = feed_of(write_rows(tmp_path / "new.csv", ("b", "d"), classes=("ant", "dog")), init=old)
    model = stoker.models.linear(feed, seed=2)
    stoker.fit(model, feed, init=old, epochs=1, progress="plain", run=tmp_path / "run")
    said = capsys.readouterr().err
    assert "column 'd'" in said
    assert "not here: column 'a', 'c'" in said
    assert "class 'dog'" in said
    record = RunDirectory(tmp_path / "run").read()
    assert record.spec.classes == ("ant", "bee", "cat", "dog")
    assert record.training["init"] == str(old)


def write_mixed(path, columns=("a", "b", "city", "kind"), rows=80):
    values = {
        "a": lambda row: row % 9 * 1.5,
        "b": lambda row: "" if row % 20 == 3 else row % 7,
        "city": lambda row: f"city {row % 4}",
        "kind": lambda row: f"kind {row % 3}",
        "new": lambda row: row % 11,
    }
    lines = [",".join([*(str(values[name](row)) for name in columns), str(row % 2)]) for row in range(rows)]
    path.write_text("\n".join([",".join([*columns, "label"]), *lines, ""]))
    return path


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A run on named inputs: numbers, one with blanks, and two categories."""
    folder = tmp_path_factory.mktemp("mixed")
    feed = feed_of(write_mixed(folder / "old.csv"), transform="auto")
    model = stoker.models.mlp(feed, layers=1, units=6, seed=1)
    adapter.build_model(model, feed.spec, feed.batch_size)
    draw = np.random.default_rng(1)
    model.set_weights([draw.normal(size=value.shape) for value in model.get_weights()])
    RunRecorder(folder / "run", feed, None, {})
    ModelFiles(folder / "run").save_best(model)
    return folder / "run"


def answers(model, feed):
    """Of the first batch."""
    return keras.ops.convert_to_numpy(model(next(feed.epoch(0)).x))


@pytest.mark.parametrize(
    "columns",
    [("b", "city", "kind"), ("kind",), ("b",), ("new", "a", "b", "city")],
)
def test_named_inputs_whose_columns_went_are_left_out_with_their_weights(mixed, tmp_path, columns):
    feed = feed_of(write_mixed(tmp_path / "new.csv", columns), init=mixed)
    model = stoker.models.mlp(feed, layers=1, units=6, seed=2)
    told = []
    begin_with(model, mixed, feed, told.append)
    left = [name for name in ("a", "b", "city", "kind") if name not in columns]
    assert any("not here: column " + ", ".join(map(repr, left)) in line for line in told)
    assert any("has no input of it: column 'new'" in line for line in told) == ("new" in columns)

    # What is gone adds nothing: the old model answers so where its rows of the first kernel are zero.
    old = stoker.load(mixed)
    kernel, start = np.array(old.model.get_layer("dense").kernel), 0
    sides = zip(("numbers", "city", "kind"), old.model.get_layer("side_by_side").input, strict=True)
    for name, tensor in sides:
        rows = {"a": [0], "b": [1, 2]} if name == "numbers" else {name: range(tensor.shape[1])}
        for column, places in rows.items():
            kernel[[start + place for place in places]] *= column in columns
        start += tensor.shape[1]
    old.model.get_layer("dense").kernel.assign(kernel)
    whole = stoker.Feed(
        stoker.open(write_mixed(tmp_path / "all.csv"), label="label"), init=mixed, shuffle=False
    )
    some = feed.derive(write_mixed(tmp_path / "again.csv", columns))
    expected = answers(old.model, whole)
    assert np.allclose(answers(model, some), expected[: some.batch_size], atol=1e-5)


def test_an_input_that_learned_from_several_columns_together_is_refused_without_one(tmp_path):
    made = stoker.Columns({"both": (["a", "b"], stoker.Robust(na="median"))})
    run = tmp_path / "run"
    feed = feed_of(write_mixed(tmp_path / "old.csv"), transform=made)
    RunRecorder(run, feed, None, {})
    with pytest.raises(
        OptionError, match="learned from 'a', 'b' together, and 'b' is not here: give the col"
    ):
        feed_of(write_mixed(tmp_path / "new.csv", ("a", "city")), init=run).prepare()
    with pytest.raises(ColumnError, match="knows none of the columns 'city'; its own are 'a', 'b'"):
        feed_of(write_mixed(tmp_path / "other.csv", ("city",)), init=run).prepare()
