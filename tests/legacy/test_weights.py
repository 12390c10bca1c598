"""Class weights reach Keras as weights of rows, multiplied before it sees the batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from givers import Rows
from tellers import make_learner, sliced, steps_of, values_of

from stoker import evaluate_generator, fit_generator

pytestmark = pytest.mark.timeout(60)

WEIGHTS = {0: 0.5, 1: 3.0, 2: 0.0}


def rows_of(y: np.ndarray, weights: dict[int, float] = WEIGHTS) -> np.ndarray:
    return np.array([weights[int(each)] for each in y], np.float32)


def trained(model: Any, batches: list[Any], **arguments: Any) -> list[np.ndarray]:
    fit_generator(model, iter(batches), steps_per_epoch=len(batches), verbose=0, **arguments)
    return values_of(model)


def keras_trained(model: Any, x: Any, y: Any, weights: Any) -> list[np.ndarray]:
    model.fit(x, y, sample_weight=weights, batch_size=8, shuffle=False, verbose=0)
    return values_of(model)


def assert_same(ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)


def softmax(loss: str, units: int = 3, activation: str = "softmax") -> Any:
    start = keras.initializers.GlorotUniform(1)
    model = keras.Sequential(
        [keras.layers.Input((4,)), keras.layers.Dense(units, activation, kernel_initializer=start)]
    )
    model.compile(keras.optimizers.SGD(0.5), loss)
    return model


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("form", ["flat", "column", "int64", "float"])
def test_integer_targets_are_weighted_by_their_class(form, workers, learner, lesson):
    x, y = lesson
    targets = {
        "flat": y,
        "column": y.reshape(-1, 1),
        "int64": y.astype(np.int64),
        "float": y.astype(np.float32),
    }[form]
    if form == "column":  # which a step that TensorFlow compiled for flat targets does not take
        learner = make_learner
    expected = keras_trained(learner(), x, targets, rows_of(y))
    assert_same(trained(learner(), sliced(x, targets), class_weight=WEIGHTS, workers=workers), expected)
    unweighted = trained(learner(), sliced(x, targets))
    assert not np.allclose(unweighted[0], expected[0])


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.uint8])
def test_one_hot_targets_are_weighted_by_their_class(dtype, lesson):
    x, y = lesson
    one_hot = np.eye(3)[y].astype(dtype)
    expected = keras_trained(softmax("categorical_crossentropy"), x, one_hot, rows_of(y))
    ours = trained(softmax("categorical_crossentropy"), sliced(x, one_hot), class_weight=WEIGHTS)
    assert_same(ours, expected)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_targets_of_two_classes_are_weighted_by_their_class(shape, lesson):
    x, y = lesson
    y = (y > 0).astype(np.float32)
    weights = {0: 0.25, 1: 2.0}
    expected = keras_trained(
        softmax("binary_crossentropy", 1, "sigmoid"), x, y.reshape(shape), rows_of(y, weights)
    )
    batches = sliced(x, y.reshape(shape))
    ours = trained(softmax("binary_crossentropy", 1, "sigmoid"), batches, class_weight=weights)
    assert_same(ours, expected)


def test_weights_of_classes_and_of_rows_are_multiplied(learner, lesson):
    x, y = lesson
    rows = np.linspace(0.1, 2, 64).astype(np.float32)
    expected = keras_trained(learner(), x, y, rows * rows_of(y))
    assert_same(trained(learner(), sliced(x, y, rows), class_weight=WEIGHTS), expected)


def test_the_weighted_gradient_is_that_of_arithmetic(lesson):
    """One step of SGD on a linear model, by hand."""
    x, y = lesson
    target = (y > 0).astype(np.float32)
    model = keras.Sequential(
        [keras.layers.Input((4,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")]
    )
    model.compile(keras.optimizers.SGD(0.1), "mse")
    [kernel] = trained(model, [(x, target)], class_weight={0: 0.5, 1: 3.0})
    weights = np.where(target > 0, 3.0, 0.5)
    error = x.sum(axis=1) - target
    gradient = (2 * weights * error) @ x / len(x)
    np.testing.assert_allclose(kernel[:, 0], 1 - 0.1 * gradient, rtol=1e-5)


def test_the_logged_loss_is_the_weighted_one(learner, lesson):
    x, y = lesson
    model = learner()
    expected = model.evaluate(x, y, sample_weight=rows_of(y), batch_size=64, verbose=0)[0]
    history = fit_generator(learner(), iter([(x, y)]), steps_per_epoch=1, verbose=0, class_weight=WEIGHTS)
    assert history.history["loss"] == pytest.approx([expected], rel=1e-5)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_class_without_a_weight_is_refused_by_name(workers, learner, lesson):
    x, y = lesson
    model = learner()
    with pytest.raises(ValueError, match="2"):
        trained(model, sliced(x, y), class_weight={0: 1.0, 1: 1.0}, workers=workers)
    one_hot = np.eye(3, dtype=np.float32)[y]
    with pytest.raises(ValueError, match="2"):
        trained(
            softmax("categorical_crossentropy"),
            sliced(x, one_hot),
            class_weight={0: 1.0, 1: 1.0},
            workers=workers,
        )


def test_a_class_without_a_weight_is_refused_in_its_place(learner, lesson):
    x, y = lesson
    known = np.where(y == 2, 1, y).astype(np.int32)
    batches = [*sliced(x, known)[:3], (x[:8], np.full(8, 2, np.int32))]
    model = learner()
    with pytest.raises(ValueError, match="2"):
        trained(model, batches, class_weight={0: 1.0, 1: 1.0})
    assert steps_of(model) == 3


def test_weights_of_classes_that_do_not_come_are_no_trouble(learner, lesson):
    x, y = lesson
    expected = keras_trained(learner(), x, y, rows_of(y))
    assert_same(trained(learner(), sliced(x, y), class_weight={**WEIGHTS, 7: 2.0, -1: 9.0}), expected)


def two_headed() -> Any:
    """Two outputs of three classes each."""
    start = keras.initializers.GlorotUniform
    given = keras.Input((4,))
    heads = [
        keras.layers.Dense(3, "softmax", name=name, kernel_initializer=start(seed))(given)
        for seed, name in enumerate(("left", "right"))
    ]
    model = keras.Model(given, heads)
    model.compile(keras.optimizers.SGD(0.5), ["sparse_categorical_crossentropy"] * 2)
    return model


@pytest.fixture(scope="module")
def head_model() -> Callable[[], Any]:
    model = two_headed()
    first = model.get_weights()

    def get() -> Any:
        model.set_weights(first)
        return model

    return get


@pytest.mark.parametrize("weighted", [("left",), ("right",), ("left", "right")], ids="+".join)
def test_several_outputs_are_weighted_by_their_names(weighted, head_model, lesson):
    x, y = lesson
    other = (y + 1) % 3
    rows = {name: rows_of(target) for name, target in (("left", y), ("right", other))}
    ones = np.ones(64, np.float32)
    expected = keras_trained(
        head_model(), x, [y, other], [rows[name] if name in weighted else ones for name in rows]
    )
    batches = [(x, [y, other]) for x, y, other in sliced(x, y, other)]
    ours = trained(head_model(), batches, class_weight=dict.fromkeys(weighted, WEIGHTS))
    assert_same(ours, expected)


def test_targets_by_name_are_weighted_by_their_names(lesson):
    x, y = lesson
    other = (y + 1) % 3
    given = keras.Input((4,))
    start = keras.initializers.GlorotUniform
    heads = {
        name: keras.layers.Dense(3, "softmax", name=name, kernel_initializer=start(seed))(given)
        for seed, name in enumerate(("left", "right"))
    }

    def model() -> Any:
        made = keras.Model(given, heads)
        made.compile(keras.optimizers.SGD(0.5), dict.fromkeys(heads, "sparse_categorical_crossentropy"))
        return made

    first = model().get_weights()
    targets = {"left": y, "right": other}
    expected = keras_trained(model(), x, targets, {"left": rows_of(y), "right": np.ones(64, np.float32)})
    again = model()
    again.set_weights(first)
    batches = [(x, {"left": a, "right": b}) for x, a, b in sliced(x, y, other)]
    assert_same(trained(again, batches, class_weight={"left": WEIGHTS}), expected)


def test_an_output_that_the_model_has_not_is_refused_by_name(head_model, lesson):
    x, y = lesson
    with pytest.raises(ValueError, match="middle"):
        trained(head_model(), [(x, [y, y])], class_weight={"middle": WEIGHTS})


@pytest.mark.parametrize("kind", ["generator", "Sequence", "arrays"])
def test_validation_is_not_weighted_by_class(kind, learner, lesson):
    model = learner()
    validation = {"generator": iter(sliced(*lesson) * 2), "Sequence": Rows(*lesson), "arrays": lesson}[kind]
    history = fit_generator(
        model,
        Rows(*lesson),
        verbose=0,
        validation_data=validation,
        validation_steps=8 if kind != "arrays" else None,
        class_weight=WEIGHTS,
    )
    unweighted = model.evaluate(*lesson, batch_size=8, verbose=0)[0]
    assert history.history["val_loss"] == pytest.approx([unweighted], rel=1e-5)
    assert evaluate_generator(model, Rows(*lesson))[0] == pytest.approx(unweighted, rel=1e-5)


def test_weights_are_multiplied_the_same_whoever_computes_the_batch(way, learner, lesson):
    x, y = lesson
    expected = keras_trained(learner(), x, y, rows_of(y))
    model = learner()
    fit_generator(model, Rows(x, y), verbose=0, class_weight=WEIGHTS, shuffle=False, **way.arguments)
    assert_same(values_of(model), expected)
