"""The model's step is measured, and the model stays as it was."""

from __future__ import annotations

import itertools
import os
import sys
import time

import numpy as np
import pytest

import stoker.training  # noqa: F401  # settles the backend before Keras is imported
from stoker.doctor import examine
from stoker.doctor.speed import judge_speed, measure_step

import keras  # isort: skip

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword"),
]

X = np.random.default_rng(0).random((160, 4), dtype=np.float32)
Y = np.arange(160) % 3


def make_model(*, built=True):
    layers = [
        keras.layers.Dense(8, "relu"),
        keras.layers.Dropout(0.5, seed=3),
        keras.layers.Dense(3, "softmax"),
    ]
    model = keras.Sequential([keras.layers.Input((4,)), *layers] if built else layers)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def values(model):
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    return [np.array(keras.ops.convert_to_numpy(each.value)) for each in variables]


def shuffled(seconds=0.0):
    rng = np.random.default_rng(0)
    while True:
        order = rng.permutation(160)
        for start in range(0, 160, 16):
            time.sleep(seconds)
            rows = order[start : start + 16]
            yield X[rows], Y[rows]


def test_measuring_a_step_changes_no_weight_no_optimizer_no_metric_and_no_seed():
    model = make_model()
    model.fit(X, Y, epochs=1, verbose=0)
    before, history = values(model), model.history
    assert measure_step(model, (X[:16], Y[:16])) > 0
    assert all(np.array_equal(old, new) for old, new in zip(before, values(model), strict=True))
    assert model.history is history


def test_training_after_an_examination_is_training_without_one():
    trained = []
    for look in (False, True):
        keras.utils.set_random_seed(5)
        model = make_model(built=False)
        if look:
            report = examine(shuffled(), steps=10, model=model)
            assert report.step_seconds > 0
        model.fit(X, Y, epochs=2, shuffle=False, verbose=0)
        trained.append(values(model))
    assert all(np.array_equal(first, second) for first, second in zip(*trained, strict=True))


@pytest.fixture
def step_takes(monkeypatch):
    """How long a step takes, which on a busy machine may be anything."""
    home = sys.modules[examine.__module__]
    return lambda seconds: monkeypatch.setattr(home, "measure_step", lambda model, item: seconds)


def test_a_slow_generator_makes_the_model_wait(step_takes):
    step_takes(0.002)
    report = examine(shuffled(0.03), steps=10, model=make_model())
    (finding,) = report.findings
    assert (finding.name, finding.severity) == ("model-waits", "remark")
    assert "with one thread ahead of it" in finding.seen
    assert "keras.utils.Sequence" in finding.remedy


def test_a_fast_generator_does_not(step_takes):
    step_takes(0.1)
    assert examine(shuffled(), steps=10, model=make_model()).findings == ()


def test_workers_share_the_batches_of_a_sequence_but_not_of_a_generator():
    assert judge_speed(0.04, 0.011, workers=4, parallel=True) == []
    assert judge_speed(0.04, 0.011, workers=4, parallel=False)
    (finding,) = judge_speed(0.04, 0.01, workers=2, parallel=True)
    assert "waits 50 % of the time" in finding.seen
    assert finding.remedy.startswith("workers=4")
    (finding,) = judge_speed(0.01, 0.03, workers=0, parallel=True)
    assert "waits 25 % of the time" in finding.seen
    assert finding.remedy.startswith("workers=1")


def test_nobody_is_told_to_start_hundreds_of_workers():
    (finding,) = judge_speed(0.4, 0.002, workers=1, parallel=True)
    assert finding.remedy.startswith(f"workers={os.cpu_count()} (one a core")
    assert "200 would end it" in finding.remedy


def test_a_model_that_cannot_take_the_batch_is_a_finding():
    report = examine(itertools.repeat((X[:16, :3], Y[:16])), steps=1, epochs=1, model=make_model())
    found = [finding for finding in report.findings if finding.name == "model-refuses"]
    assert len(found) == 1
    assert "cannot train on the first batch" in found[0].seen
