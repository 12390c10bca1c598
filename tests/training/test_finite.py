from __future__ import annotations

import math

import keras
import numpy as np
import pytest
from memory_feed import make_feed

from stoker.errors import NonFiniteLossError, OptionError
from stoker.training.finite import LossGuard, guard_for
from stoker.training.fit import fit

NAN = math.nan


class Computing:
    """A loss that is not computed yet, as on an accelerator."""

    def __init__(self, value: float) -> None:
        self.value, self.is_there, self.reads = value, False, 0

    def is_ready(self) -> bool:
        return self.is_there

    def __float__(self) -> float:
        self.reads += 1
        return self.value


def test_a_loss_is_read_at_the_look_after_its_own():
    guard = LossGuard(every=10)
    first, second = Computing(1.0), Computing(1.0)
    first.is_there = True
    guard.look(10, {"loss": first})
    assert (first.reads, guard.good, guard.due_in(10)) == (0, 0, 10)
    guard.look(20, {"loss": second})
    assert (first.reads, second.reads, guard.good) == (1, 0, 10)


def test_nobody_waits_for_one_that_is_not_computed():
    guard = LossGuard(every=10)
    late = Computing(NAN)
    for steps in (10, 20, 30):
        guard.look(steps, {"loss": late if steps == 10 else 1.0})
    assert late.reads == 0
    late.is_there = True
    with pytest.raises(NonFiniteLossError):
        guard.look(40, {"loss": 1.0})


def test_the_error_names_the_steps_among_which_the_first_one_is():
    guard = LossGuard(every=10)
    guard.look(10, {"loss": 1.0})
    guard.look(20, {"loss": math.inf})
    with pytest.raises(NonFiniteLossError, match=r"inf after step 20, .* the steps 11 to 20") as caught:
        guard.look(30, {"loss": math.inf})
    assert (caught.value.first_step, caught.value.last_step) == (11, 20)


def test_the_last_loss_of_an_epoch_is_read_at_once():
    guard = LossGuard(every=10)
    guard.look(10, {"loss": 1.0})
    with pytest.raises(NonFiniteLossError, match="after step 13") as caught:
        guard.look(13, {"loss": NAN}, wait=True)
    assert (caught.value.first_step, caught.value.last_step) == (11, 13)


def test_between_two_looks_there_is_none():
    guard = LossGuard(every=10)
    guard.look(10, {"loss": 1.0})
    guard.look(12, {"loss": NAN})
    guard.look(20, {"loss": 1.0})
    assert guard.due_in(20) == 10


def test_a_run_that_goes_on_counts_from_its_checkpoint():
    guard = LossGuard(every=10)
    guard.begin(400)
    assert guard.due_in(403) == 7
    with pytest.raises(NonFiniteLossError) as caught:
        guard.look(405, {"loss": NAN}, wait=True)
    assert (caught.value.first_step, caught.value.last_step) == (401, 405)


def test_where_training_goes_on_it_is_told_once():
    told: list[str] = []
    guard = LossGuard(warn=told.append, every=10)
    for steps in range(10, 60, 10):
        guard.look(steps, {"loss": NAN})
    fact = "the loss is nan after step 10, and became so in one of the steps 1 to 10"
    assert told == [f"{fact}; training goes on, as was asked for"]


@pytest.mark.parametrize("logs", [None, {}, {"error": NAN}, {"loss": "much"}, {"loss": np.ones(3)}])
def test_what_a_train_step_of_ones_own_may_log_is_no_matter(logs):
    LossGuard().look(100, logs, wait=True)


def test_an_unknown_answer_is_refused():
    with pytest.raises(OptionError, match="on_nan must be 'stop' or 'continue', got 'ignore'"):
        guard_for("ignore", [], print)


def spoilt(rows: int, bad: int):
    """Rows of a regression in order, of which one's label cannot be squared."""
    feed = make_feed("regression", rows=rows, shuffle=False)
    feed.y[bad] = 1e38
    return feed


def test_training_stops_at_a_loss_that_is_not_finite_and_saves_no_best_model(small_model):
    model = small_model("regression")
    with pytest.raises(NonFiniteLossError) as caught:
        fit(model, spoilt(50, 30), epochs=3, validation=make_feed("regression"), progress="none")
    assert (caught.value.first_step, caught.value.last_step) == (1, 7)
    assert (model.history.report.ended, model.history.report.steps) == ("failed", 7)
    assert model.history.report.validations == ()


def test_training_goes_on_where_it_is_asked_for(small_model, capsys):
    report = fit(
        small_model("regression"), spoilt(50, 30), epochs=2, on_nan="continue", progress="plain"
    ).report
    assert (report.ended, report.steps) == ("finished", 14)
    assert "steps 1 to 7; training goes on" in " ".join(capsys.readouterr().err.split())


def test_beside_terminate_on_nan_training_ends_as_keras_has_it(small_model):
    callback = keras.callbacks.TerminateOnNaN()
    report = fit(
        small_model("regression"), spoilt(50, 30), epochs=2, callbacks=[callback], progress="none"
    ).report
    assert (report.ended, report.steps) == ("stopped", 4)
