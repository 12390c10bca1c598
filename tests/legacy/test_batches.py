"""What a batch may be, and what counts how much."""

from __future__ import annotations

import itertools
import threading
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from givers import Numbers, Rows, batch
from tellers import BACKEND, Way, make_learner, sliced, steps_of, values_of

from stoker import evaluate_generator, fit_generator, predict_generator

pytestmark = pytest.mark.timeout(60)


@pytest.mark.parametrize("make", [tuple, list], ids=["tuple", "list"])
@pytest.mark.parametrize("kind", ["generator", "Sequence"])
def test_a_pair_is_inputs_and_targets_as_tuple_and_as_list(make, kind, threads, teller, seen):
    class Pairs(Numbers):
        def __getitem__(self, index: int) -> Any:
            return make(super().__getitem__(index))

    pairs = Pairs(3) if kind == "Sequence" else (make(batch(number)) for number in range(3))
    fit_generator(
        teller, pairs, steps_per_epoch=3, verbose=0, callbacks=[seen], shuffle=False, **threads.arguments
    )
    assert seen.trained == [[0, 1, 2]]


@pytest.mark.parametrize("make", [tuple, list], ids=["tuple", "list"])
def test_a_third_item_is_the_weights_of_the_rows(make, learner, lesson):
    weights = np.linspace(0, 2, 64).astype(np.float32)
    expected = learner().evaluate(*lesson, sample_weight=weights, batch_size=64, verbose=0)[0]
    found = evaluate_generator(learner(), (make(each) for each in sliced(*lesson, weights)), steps=8)[0]
    assert found == pytest.approx(expected, rel=1e-5)
    model = learner()
    model.fit(*lesson, sample_weight=weights, batch_size=8, shuffle=False, verbose=0)
    expected = values_of(model)
    fit_generator(learner(), (make(each) for each in sliced(*lesson, weights)), steps_per_epoch=8, verbose=0)
    for ours, theirs in zip(values_of(model), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


X, Y = batch(1)
NO_BATCHES = {
    "an array": (X, "ndarray"),
    "one item": ((X,), "1"),
    "four items": ((X, Y, Y, Y), "4"),
    "five in a list": ([X, Y, Y, Y, Y], "5"),
    "nothing": (None, "None"),
    "a dict": ({"x": X, "y": Y}, "dict"),
    "a word": ("xy", "str"),
    "a number": (7, "int"),
}


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize(("item", "named"), NO_BATCHES.values(), ids=NO_BATCHES)
def test_anything_else_is_refused_by_what_it_is(item, named, workers, teller):
    for call in (
        lambda: fit_generator(teller, iter([item]), steps_per_epoch=1, verbose=0, workers=workers),
        lambda: evaluate_generator(teller, iter([item]), steps=1, workers=workers),
    ):
        with pytest.raises(ValueError, match=named):
            call()
    assert steps_of(teller) == 0


def test_a_bad_batch_is_refused_in_its_place(teller, seen):
    items = iter([batch(0), batch(1), (X,), batch(3)])
    with pytest.raises(ValueError, match="1"):
        fit_generator(teller, items, steps_per_epoch=4, verbose=0, callbacks=[seen])
    assert seen.trained == [[0, 1]]


def test_two_rows_are_not_taken_for_inputs_and_targets(teller):
    """X has the length of a pair."""
    assert len(X) == 2
    with pytest.raises(ValueError, match="ndarray"):
        fit_generator(teller, iter([X]), steps_per_epoch=1, verbose=0)
    assert predict_generator(teller, iter([X]), steps=1).tolist() == [[1.0], [1.0]]


@pytest.mark.parametrize(
    "item",
    [X, (X,), (X, Y), (X, Y, Y), (X, None)],
    ids=["x", "(x,)", "(x, y)", "(x, y, weights)", "(x, None)"],
)
def test_prediction_takes_inputs_alone_or_the_first_of_a_tuple(item, threads, teller):
    if isinstance(item, tuple) and len(item) == 1:
        with pytest.raises(ValueError, match="1"):
            predict_generator(teller, iter([item]), steps=1, **threads.arguments)
        return
    assert predict_generator(teller, iter([item]), steps=1, **threads.arguments).tolist() == [[1.0], [1.0]]


def test_prediction_refuses_a_tuple_of_four(teller):
    with pytest.raises(ValueError, match="4"):
        predict_generator(teller, iter([(X, Y, Y, Y)]), steps=1)


@pytest.fixture(scope="module")
def two() -> Any:
    """Two named inputs, two named outputs: their sum and their difference."""
    a, b = keras.Input((1,), name="a"), keras.Input((1,), name="b")
    one = keras.layers.Dense(1, name="one", kernel_initializer="ones")(keras.layers.Add()([a, b]))
    other = keras.layers.Dense(1, name="other", kernel_initializer="ones")(keras.layers.Subtract()([a, b]))
    model = keras.Model([a, b], [one, other])
    model.compile("sgd", {"one": "mse", "other": "mae"}, metrics={"one": ["mae"], "other": ["mse"]})
    return SimpleNamespace(model=model, first=[np.array(w) for w in model.get_weights()])


@pytest.fixture
def pair_model(two) -> Any:
    two.model.set_weights(two.first)
    two.model.stop_training = False
    return two.model


def columns(rows: int = 6) -> tuple[np.ndarray, np.ndarray]:
    a = np.arange(rows, dtype=np.float32).reshape(rows, 1)
    return a, a[::-1].copy() * 0.5


@pytest.mark.parametrize("named", [False, True], ids=["lists", "dicts"])
def test_several_inputs_and_outputs_come_as_lists_or_as_dicts(named, pair_model):
    a, b = columns()
    x, y = ({"a": a, "b": b}, {"one": b, "other": a}) if named else ([a, b], [b, a])
    expected = pair_model.evaluate(x, y, batch_size=6, verbose=0)
    assert evaluate_generator(pair_model, iter([(x, y)]), steps=1) == pytest.approx(expected)
    pair_model.fit(x, y, batch_size=6, verbose=0)
    weights = pair_model.get_weights()
    pair_model.set_weights([np.ones_like(w) if w.ndim == 2 else np.zeros_like(w) for w in weights])
    fit_generator(pair_model, iter([(x, y)]), steps_per_epoch=1, verbose=0)
    for ours, theirs in zip(pair_model.get_weights(), weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("named", [False, True], ids=["lists", "dicts"])
def test_prediction_of_several_outputs_is_a_list_of_arrays(named, pair_model):
    a, b = columns()
    whole = {"a": a, "b": b} if named else [a, b]
    first, last = (
        ({"a": a[:4], "b": b[:4]}, {"a": a[4:], "b": b[4:]}) if named else ([a[:4], b[:4]], [a[4:], b[4:]])
    )
    assert len(first) == 2  # two keys or two arrays, and no pair of x and y
    found = predict_generator(pair_model, iter([first, last]), steps=2)
    assert isinstance(found, list)
    for ours, theirs in zip(found, pair_model.predict(whole, verbose=0), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_a_dict_of_two_keys_is_not_taken_for_inputs_and_targets(pair_model):
    a, b = columns()
    with pytest.raises(ValueError, match="dict"):
        fit_generator(pair_model, iter([{"a": a, "b": b}]), steps_per_epoch=1, verbose=0)


class Traced(keras.layers.Layer):
    """Counts how often it is traced: once for every program that is compiled."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[Any] = []

    def call(self, inputs: Any) -> Any:
        self.shapes.append(tuple(inputs.shape))
        return inputs


@pytest.fixture(scope="module")
def sparse_lesson() -> tuple[Any, np.ndarray]:
    """80 rows of 12 numbers as CSR, batches of which differ in their count of non-zeros; classes."""
    scipy_sparse = pytest.importorskip("scipy.sparse")
    random = np.random.default_rng(1)
    dense = random.normal(size=(80, 12)) * (random.random((80, 12)) < np.linspace(0.1, 0.9, 80)[:, None])
    return scipy_sparse.csr_matrix(dense.astype(np.float32)), random.integers(0, 3, 80).astype(np.int32)


def sparse_model() -> tuple[Any, Traced]:
    traced = Traced()
    start = keras.initializers.GlorotUniform(1)
    model = keras.Sequential(
        [keras.layers.Input((12,)), traced, keras.layers.Dense(3, "softmax", kernel_initializer=start)]
    )
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, traced


@pytest.mark.parametrize("workers", [0, 1])
def test_csr_inputs_train_as_dense_ones_do_and_compile_once(workers, sparse_lesson):
    x, y = sparse_lesson
    assert len({each.nnz for each, _ in sliced_rows(x, y)}) > 5
    model, _ = sparse_model()
    model.fit(x.toarray(), y, batch_size=8, shuffle=False, verbose=0)
    expected = values_of(model)
    model, traced = sparse_model()
    batches = sliced_rows(x, y)
    fit_generator(model, iter(batches[:1]), steps_per_epoch=1, verbose=0, workers=workers)
    compiled = len(traced.shapes)
    fit_generator(model, iter(batches[1:]), steps_per_epoch=9, verbose=0, workers=workers)
    if BACKEND != "torch":  # which compiles nothing, and calls the layer for every batch
        assert len(traced.shapes) == compiled
    for ours, theirs in zip(values_of(model), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_csr_inputs_become_dense_where_they_are_computed(threads, sparse_lesson):
    x, y = sparse_lesson
    densified: set[int] = set()

    class Noting(type(x)):
        def toarray(self, *arguments: Any, **options: Any) -> Any:
            densified.add(threading.get_ident())
            return super().toarray(*arguments, **options)

    model, _ = sparse_model()
    batches = [(Noting(each), classes) for each, classes in sliced_rows(x, y)]
    fit_generator(model, iter(batches), steps_per_epoch=10, verbose=0, **threads.arguments)
    here = threading.get_ident()
    assert densified == {here} if threads.workers == 0 else densified and here not in densified


def test_csr_inputs_are_computed_in_processes_too(sparse_lesson):
    x, y = sparse_lesson
    model, _ = sparse_model()
    expected = model.evaluate(x.toarray(), y, batch_size=8, verbose=0)
    way = Way(1, True)
    assert evaluate_generator(model, Rows(x, y), **way.arguments) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", ["array", "matrix"])
def test_csr_inputs_are_evaluated_and_predicted_as_dense_ones_are(kind, sparse_lesson):
    scipy_sparse = pytest.importorskip("scipy.sparse")
    x, y = sparse_lesson
    x = scipy_sparse.csr_array(x) if kind == "array" else x
    model, _ = sparse_model()
    expected = model.evaluate(x.toarray(), y, batch_size=8, verbose=0)
    assert evaluate_generator(model, iter(sliced_rows(x, y)), steps=10) == pytest.approx(expected, rel=1e-5)
    found = predict_generator(model, iter([each for each, _ in sliced_rows(x, y)]), steps=10)
    np.testing.assert_allclose(found, model.predict(x.toarray(), verbose=0), rtol=1e-5)


def test_csr_targets_and_csr_inputs_among_others_are_accepted(pair_model):
    scipy_sparse = pytest.importorskip("scipy.sparse")
    a, b = columns()
    sparse = scipy_sparse.csr_matrix
    expected = pair_model.evaluate({"a": a, "b": b}, {"one": b, "other": a}, batch_size=6, verbose=0)
    item = ({"a": sparse(a), "b": b}, {"one": sparse(b), "other": a})
    assert evaluate_generator(pair_model, iter([item]), steps=1) == pytest.approx(expected)


def sliced_rows(x: Any, y: np.ndarray, size: int = 8) -> list[tuple[Any, np.ndarray]]:
    return [(x[i : i + size], y[i : i + size]) for i in range(0, len(y), size)]


def uneven(*arrays: np.ndarray) -> list[tuple[np.ndarray, ...]]:
    ends = [0, 5, 8, 24, 31, 64]
    return [tuple(a[i:j] for a in arrays) for i, j in itertools.pairwise(ends)]


@pytest.mark.parametrize("weighted", [False, True])
def test_evaluation_of_batches_of_any_size_is_that_of_one_big_batch(weighted, learner, lesson):
    weights = (np.linspace(0, 2, 64).astype(np.float32),) if weighted else ()
    batches = uneven(*lesson, *weights)
    model = learner()
    expected = model.evaluate(
        *lesson, *(), sample_weight=weights[0] if weighted else None, batch_size=64, verbose=0
    )
    for workers in (0, 1):
        found = evaluate_generator(model, iter(batches), steps=len(batches), workers=workers)
        assert found[0] == pytest.approx(expected[0], rel=1e-5)
        assert found[1] == pytest.approx(expected[1], rel=1e-5)


def test_prediction_of_batches_of_any_size_keeps_every_row_in_order(threads, learner, lesson):
    model = learner()
    batches = [x for x, _ in uneven(*lesson)]
    found = predict_generator(model, iter(batches), steps=len(batches), **threads.arguments)
    np.testing.assert_allclose(found, model.predict(lesson[0], verbose=0), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kind", ["generator", "Sequence"])
def test_the_loss_in_history_is_weighted_by_the_sizes_of_the_batches(kind, threads, teller):
    sizes = [2, 1, 5, 3]

    class Uneven(Numbers):
        def __getitem__(self, index: int) -> Any:
            return batch(index, sizes[index])

    uneven_batches = Uneven(4) if kind == "Sequence" else (batch(n % 4, sizes[n % 4]) for n in range(8))
    history = fit_generator(
        teller,
        uneven_batches,
        steps_per_epoch=4,
        epochs=2,
        verbose=0,
        validation_data=Uneven(4),
        **threads.arguments,
    )
    mean = float(np.average([0, 1, 2, 3], weights=sizes))
    assert history.history["loss"] == pytest.approx([mean, mean])
    assert history.history["val_loss"] == pytest.approx([mean, mean])


def test_evaluation_is_a_scalar_without_metrics_and_otherwise_a_list_beginning_with_the_loss(
    teller, learner, lesson
):
    assert isinstance(evaluate_generator(teller, iter([batch(3)]), steps=1), float)
    model = learner()
    found = evaluate_generator(model, iter(sliced(*lesson)), steps=8)
    expected = model.evaluate(*lesson, batch_size=8, verbose=0, return_dict=True)
    assert isinstance(found, list)
    assert found == pytest.approx([expected["loss"], expected["accuracy"]], rel=1e-5)


def test_inputs_of_other_dtypes_train_as_keras_trains_on_them(lesson):
    x, y = lesson
    whole = (x * 10).astype(np.int64)
    model = make_learner()
    model.fit(whole, y, batch_size=8, shuffle=False, verbose=0)
    expected = values_of(model)
    model = make_learner()
    fit_generator(model, iter(sliced(whole, y)), steps_per_epoch=8, verbose=0)
    for ours, theirs in zip(values_of(model), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_targets_of_the_only_output_may_come_by_its_name(learner, lesson):
    model = learner()
    x, y = lesson
    expected = evaluate_generator(model, iter([(x, y)]), 1)
    assert evaluate_generator(model, iter([(x, {model.layers[-1].name: y})]), 1) == expected
