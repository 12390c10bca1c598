"""The three calls have Keras 2's signatures, and train as Keras itself does, bit for bit."""

from __future__ import annotations

import inspect
from typing import Any

import keras
import numpy as np
import pytest
from givers import Rows
from tellers import sliced, steps_of, values_of

import stoker

pytestmark = pytest.mark.timeout(60)

SIGNATURES = {
    "fit_generator": (
        "model, generator, steps_per_epoch=None, epochs=1, verbose=1, callbacks=None, validation_data=None, "
        "validation_steps=None, validation_freq=1, class_weight=None, max_queue_size=10, workers=1, "
        "use_multiprocessing=False, shuffle=True, initial_epoch=0"
    ),
    "evaluate_generator": (
        "model, generator, steps=None, callbacks=None, max_queue_size=10, workers=1, "
        "use_multiprocessing=False, verbose=0"
    ),
    "predict_generator": (
        "model, generator, steps=None, callbacks=None, max_queue_size=10, workers=1, "
        "use_multiprocessing=False, verbose=0"
    ),
}


@pytest.mark.parametrize(("name", "signature"), SIGNATURES.items(), ids=list(SIGNATURES))
def test_the_signature_is_that_of_the_old_call(name, signature):
    parameters = inspect.signature(getattr(stoker, name)).parameters.values()
    found = [
        each.name if each.default is each.empty else f"{each.name}={each.default!r}" for each in parameters
    ]
    assert ", ".join(found) == signature
    assert all(each.kind is each.POSITIONAL_OR_KEYWORD for each in parameters)


def giver(kind: str, *arrays: np.ndarray, epochs: int = 1) -> Any:
    return Rows(*arrays) if kind == "Sequence" else iter(sliced(*arrays) * epochs)


@pytest.mark.parametrize("kind", ["generator", "Sequence"])
def test_the_weights_are_those_of_keras_own_fit_bit_for_bit(kind, each_way, learner, lesson):
    model = learner()
    theirs = model.fit(*lesson, batch_size=8, epochs=3, shuffle=False, verbose=0, validation_data=lesson)
    expected = values_of(model)
    with each_way.warned(kind):
        ours = stoker.fit_generator(
            learner(),
            giver(kind, *lesson, epochs=3),
            steps_per_epoch=8,
            epochs=3,
            verbose=0,
            validation_data=lesson,
            shuffle=False,
            **each_way.arguments,
        )
    for one, other in zip(values_of(model), expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert ours.history.keys() == theirs.history.keys()
    for name, values in theirs.history.items():
        assert ours.history[name] == pytest.approx(values, rel=1e-6)
    assert steps_of(model) == 24


@pytest.mark.parametrize("hooked", [False, True], ids=["without batch hooks", "with batch hooks"])
def test_dropout_draws_the_masks_of_keras_own_fit(hooked, lesson):
    def model() -> Any:
        start = keras.initializers.GlorotUniform
        made = keras.Sequential(
            [
                keras.layers.Input((4,)),
                keras.layers.Dense(8, "relu", kernel_initializer=start(1)),
                keras.layers.Dropout(0.5, seed=5),
                keras.layers.Dense(3, "softmax", kernel_initializer=start(2)),
            ]
        )
        made.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
        return made

    hook = keras.callbacks.Callback()
    hook.on_train_batch_end = lambda batch, logs=None: None
    callbacks = [hook] if hooked else []
    theirs, ours = model(), model()
    theirs.fit(*lesson, batch_size=8, epochs=2, shuffle=False, verbose=0, callbacks=callbacks)
    stoker.fit_generator(ours, Rows(*lesson), epochs=2, shuffle=False, verbose=0, callbacks=callbacks)
    for one, other in zip(values_of(ours), values_of(theirs), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_second_call_goes_on_with_the_same_optimizer(learner, lesson):
    model = learner()
    model.fit(*lesson, batch_size=8, epochs=2, shuffle=False, verbose=0)
    expected = values_of(model)
    model = learner()
    for _ in range(2):
        stoker.fit_generator(model, Rows(*lesson), verbose=0, shuffle=False)
    for one, other in zip(values_of(model), expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", ["generator", "Sequence"])
def test_evaluation_and_prediction_are_those_of_keras(kind, way, learner, lesson):
    model = learner()
    expected = model.evaluate(*lesson, batch_size=8, verbose=0)
    with way.warned(kind):
        found = stoker.evaluate_generator(model, giver(kind, *lesson), steps=8, **way.arguments)
    assert found == pytest.approx(expected, rel=1e-6)
    with way.warned(kind):
        predicted = stoker.predict_generator(model, giver(kind, *lesson), steps=8, **way.arguments)
    np.testing.assert_array_equal(predicted, model.predict(lesson[0], batch_size=8, verbose=0))


def test_evaluating_and_predicting_change_no_weight(learner, lesson):
    model = learner()
    before = values_of(model)
    stoker.evaluate_generator(model, Rows(*lesson))
    stoker.predict_generator(model, Rows(*lesson))
    for one, other in zip(values_of(model), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_subclassed_model_is_trained_without_having_been_built(lesson):
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(3, "softmax")

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

    model = Own()
    model.compile("sgd", "sparse_categorical_crossentropy")
    history = stoker.fit_generator(model, Rows(*lesson), epochs=3, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
