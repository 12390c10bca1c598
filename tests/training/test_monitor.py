from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker.errors import OptionError
from stoker.training.monitor import Monitor, check_monitor, infer_direction


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("loss", "min"),
        ("val_loss", "min"),
        ("val_mae", "min"),
        ("mean_squared_error", "min"),
        ("val_sparse_categorical_crossentropy", "min"),
        ("accuracy", "max"),
        ("val_acc", "max"),
        ("val_auc", "max"),
        ("val_f1_score", "max"),
        ("cosine_similarity", "max"),
    ],
)
def test_the_direction_is_inferred_from_the_name(name, direction):
    assert infer_direction(name) == direction


def test_what_the_metric_declares_decides():
    assert infer_direction("val_loss", "max") == "max"


def test_a_name_that_tells_nothing_is_refused_with_the_way_out():
    with pytest.raises(OptionError, match="write 'max:val_profit' or 'min:val_profit'"):
        infer_direction("val_profit")


def watch(monitor: Monitor, values: list[float]) -> list[bool]:
    return [
        monitor.observe(
            {"loss": value}, step=place, epoch=place, weights=lambda place=place: [np.array(place)]
        )
        for place, value in enumerate(values)
    ]


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=20), st.sampled_from(["min", "max"]))
def test_the_best_is_the_first_extreme_value(values, direction):
    monitor = Monitor("loss", direction)
    watch(monitor, values)
    best = min(values) if direction == "min" else max(values)
    assert monitor.best == best
    assert monitor.best_step == values.index(best)


def test_it_stops_after_as_many_validations_without_improvement_as_patience():
    monitor = Monitor("loss", "min", patience=2)
    assert watch(monitor, [3.0, 2.0, 2.0]) == [True, True, False]
    assert not monitor.stopped
    watch(monitor, [5.0])
    assert monitor.stopped


def test_a_value_that_is_no_number_is_never_the_best():
    monitor = Monitor("loss", "min", patience=1)
    assert watch(monitor, [math.nan]) == [False]
    assert monitor.best is None
    assert monitor.stopped


def test_restoring_gives_the_weights_of_the_best():
    class Model:
        def set_weights(self, weights):
            self.weights = weights

    monitor, model = Monitor("loss", "min", patience=3), Model()
    assert not monitor.restore(model)
    watch(monitor, [3.0, 1.0, 2.0])
    assert monitor.restore(model)
    assert model.weights == [np.array(1)]


def test_a_name_that_is_not_logged_lists_those_that_are():
    with pytest.raises(OptionError, match="'val_auc' is not logged; logged are accuracy, loss"):
        Monitor("val_auc", "max").observe({"loss": 1.0, "accuracy": 0.5}, step=0, epoch=0, weights=list)


@pytest.mark.parametrize(
    "text",
    [
        "loss",
        "val_loss",
        "min:val_loss",
        "accuracy",
        "val_mae",
        "max:val_auc",
        "auc",
        "val_sold_accuracy",
        "sold_loss",
    ],
)
def test_what_a_model_may_log_is_taken_before_anything_is_known_of_the_data(text):
    check_monitor(text, ["auc"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("val_acc", "monitor 'val_acc' is not logged; logged are loss, accuracy or mae by the task"),
        ("max:val_acuracy", "with val_ in front; did you mean 'val_accuracy'?"),
        ("val_auk", "did you mean 'val_auc'?"),
        ("best:val_auc", "monitor must be a name, 'min:name' or 'max:name', got 'best:val_auc'"),
    ],
)
def test_what_none_of_stokers_models_logs_is_refused(text, said):
    with pytest.raises(OptionError) as refused:
        check_monitor(text, ["auc"])
    assert said in str(refused.value)
