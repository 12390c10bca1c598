"""lr, decay and the defaults of Keras 2's optimizers."""

from __future__ import annotations

import keras
import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("old_names")

STEPS = 5


def one_weight(optimizer) -> keras.Model:
    """A model y = w x with w = 0 and loss -y, so that each step of SGD adds the learning rate."""
    model = keras.Sequential([keras.layers.Dense(1, input_dim=1, use_bias=False, kernel_initializer="zeros")])
    model.compile(optimizer, lambda true, predicted: -keras.ops.mean(predicted))
    return model


def trained(model: keras.Model, epochs: int = STEPS, **options) -> float:
    model.fit(np.ones((1, 1)), np.ones((1, 1)), batch_size=1, epochs=epochs, verbose=0, **options)
    return float(model.get_weights()[0][0, 0])


def test_decay_divides_the_rate_by_one_and_decay_times_the_steps_done():
    weight = trained(one_weight(keras.optimizers.SGD(lr=0.1, decay=0.5)))
    assert weight == pytest.approx(sum(0.1 / (1 + 0.5 * step) for step in range(STEPS)), rel=1e-5)


def test_lr_stays_what_was_set_while_decay_goes_on():
    model = one_weight(keras.optimizers.SGD(lr=0.1, decay=0.5))
    trained(model)
    assert keras.backend.get_value(model.optimizer.lr) == pytest.approx(0.1)


def test_a_callback_that_sets_lr_and_decay_work_together():
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    weight = trained(one_weight(keras.optimizers.SGD(lr=0.1, decay=0.5)), callbacks=[halve])
    assert weight == pytest.approx(sum(0.1 / 2 ** (s + 1) / (1 + 0.5 * s) for s in range(STEPS)), rel=1e-4)


def test_decay_survives_a_file(tmp_path):
    model = one_weight(keras.optimizers.SGD(lr=0.1, decay=0.5))
    trained(model, epochs=2)
    model.compile(model.optimizer, "mse")
    model.save(tmp_path / "model.h5")
    optimizer = keras.models.load_model(tmp_path / "model.h5").optimizer
    assert (optimizer.decay, int(optimizer.iterations)) == (0.5, 2)


@pytest.mark.parametrize(
    ("name", "rate"),
    [("sgd", 0.01), ("adadelta", 1.0), ("adagrad", 0.01), ("adamax", 0.002), ("nadam", 0.002)],
)
def test_a_name_alone_begins_with_the_rate_of_keras_2(name, rate):
    model = one_weight(name)
    assert keras.backend.get_value(model.optimizer.lr) == pytest.approx(rate)


def test_without_the_names_the_rate_is_that_of_keras_3_again():
    import stoker.legacy

    stoker.legacy.uninstall()
    assert float(keras.optimizers.Adadelta().learning_rate) == pytest.approx(0.001)


def test_a_rate_that_is_a_schedule_stays_one():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    optimizer = keras.optimizers.Adam(schedule, clipnorm=1.0)
    assert optimizer.get_config()["learning_rate"]["class_name"] == "ExponentialDecay"
