"""What cannot be is refused at once; what goes wrong later arrives in its place, as what it is."""

from __future__ import annotations

import threading
import time
from typing import Any

import keras
import numpy as np
import pytest
from givers import (
    Counted,
    Failing,
    Numbers,
    OwnError,
    endless,
    failing,
    finite,
    raise_own_error,
    raise_unsayable,
)
from tellers import THREADS, Way, steps_of, values_of

from stoker import evaluate_generator, fit_generator, predict_generator
from stoker.errors import StokerError

EMPTY = r"\b0\b|empty|no batch"

pytestmark = pytest.mark.timeout(60)


def test_a_plain_generator_needs_a_number_of_steps(teller):
    generator = Counted(endless(3))
    with pytest.raises(ValueError, match="steps_per_epoch"):
        fit_generator(teller, generator, verbose=0)
    with pytest.raises(ValueError, match=r"^steps is needed"):
        evaluate_generator(teller, generator)
    with pytest.raises(ValueError, match=r"^steps is needed"):
        predict_generator(teller, generator)
    assert generator.pulled == 0


@pytest.mark.parametrize("steps", [0, -1, 2.5, float("nan"), "3"], ids=str)
@pytest.mark.parametrize("kind", ["generator", "Sequence"])
def test_steps_that_cannot_be_are_refused_before_anything_is_computed(kind, steps, teller):
    generator = Counted(endless(3)) if kind == "generator" else Numbers(3)
    with pytest.raises((ValueError, TypeError), match="steps_per_epoch"):
        fit_generator(teller, generator, steps_per_epoch=steps, verbose=0)
    with pytest.raises((ValueError, TypeError), match=r"^steps must be"):
        evaluate_generator(teller, generator, steps=steps)
    with pytest.raises((ValueError, TypeError), match=r"^steps must be"):
        predict_generator(teller, generator, steps=steps)
    with pytest.raises((ValueError, TypeError), match="validation_steps"):
        fit_generator(
            teller,
            endless(3),
            steps_per_epoch=1,
            verbose=0,
            validation_data=generator,
            validation_steps=steps,
        )
    assert kind == "Sequence" or generator.pulled == 0
    assert steps_of(teller) == 0


@pytest.mark.parametrize("steps", [np.ceil(7 / 2), 4.0, np.int64(4), np.float32(4)], ids=repr)
def test_whole_numbers_of_any_type_are_steps(steps, teller, seen):
    fit_generator(
        teller,
        endless(9),
        steps_per_epoch=steps,
        verbose=0,
        callbacks=[seen],
        validation_data=endless(9),
        validation_steps=steps,
    )
    assert seen.trained == seen.tested == [[0, 1, 2, 3]]
    assert evaluate_generator(teller, endless(9), steps=steps) == pytest.approx(1.5)
    assert len(predict_generator(teller, endless(9), steps=steps)) == 8


def test_an_empty_sequence_is_refused(teller):
    with pytest.raises(ValueError, match=EMPTY):
        fit_generator(teller, Numbers(0), verbose=0)
    with pytest.raises(ValueError, match=EMPTY):
        evaluate_generator(teller, Numbers(0))
    with pytest.raises(ValueError, match=EMPTY):
        predict_generator(teller, Numbers(0))
    with pytest.raises(ValueError, match=EMPTY):
        fit_generator(teller, Numbers(2), verbose=0, validation_data=Numbers(0))


@pytest.mark.parametrize(
    "arguments",
    [{"workers": -1}, {"max_queue_size": -1}, {"epochs": -1}, {"initial_epoch": -1}],
    ids=str,
)
def test_numbers_below_nothing_are_refused_by_name(arguments, teller):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        fit_generator(teller, endless(3), steps_per_epoch=1, verbose=0, **arguments)


@pytest.mark.parametrize(("nothing", "named"), [(None, "None"), (7, "int"), (object(), "object")])
def test_what_gives_no_batches_is_refused_by_what_it_is(nothing, named, teller):
    with pytest.raises((ValueError, TypeError), match=named):
        fit_generator(teller, nothing, steps_per_epoch=1, verbose=0)


def test_a_model_that_is_not_compiled_is_refused():
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="compile"):
        fit_generator(model, endless(3), steps_per_epoch=1, verbose=0)
    assert len(predict_generator(model, endless(3), steps=2)) == 4


def test_a_generator_that_ends_early_says_how_many_batches_came_and_were_asked_for(way, teller, seen):
    with way.warned("generator"), pytest.raises(StokerError, match=r"\b5\b.*\b8\b|\b8\b.*\b5\b"):
        fit_generator(teller, finite(5), steps_per_epoch=8, verbose=0, callbacks=[seen], **way.arguments)
    assert seen.trained == [[0, 1, 2, 3, 4]]
    assert steps_of(teller) == 5


def test_a_generator_that_ends_in_a_later_epoch_has_every_batch_used_once(threads, teller, seen):
    with pytest.raises(StokerError, match=r"\b10\b"):
        fit_generator(
            teller,
            finite(10),
            steps_per_epoch=4,
            epochs=4,
            verbose=0,
            callbacks=[seen],
            **threads.arguments,
        )
    assert seen.trained == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert steps_of(teller) == 10
    assert teller.history.epoch == [0, 1]


def test_a_generator_that_ends_between_two_epochs_is_told_of_too(threads, teller, seen):
    with pytest.raises(StokerError, match=r"\b4\b"):
        fit_generator(
            teller, finite(4), steps_per_epoch=4, epochs=3, verbose=0, callbacks=[seen], **threads.arguments
        )
    assert seen.trained[0] == [0, 1, 2, 3]
    assert steps_of(teller) == 4


def test_evaluation_prediction_and_validation_tell_of_a_generator_that_ends_early(threads, teller):
    for call in (
        lambda: evaluate_generator(teller, finite(3), steps=7, **threads.arguments),
        lambda: predict_generator(teller, finite(3), steps=7, **threads.arguments),
        lambda: fit_generator(
            teller,
            endless(2),
            steps_per_epoch=2,
            verbose=0,
            validation_data=finite(3),
            validation_steps=7,
            **threads.arguments,
        ),
    ):
        with pytest.raises(StokerError, match=r"\b3\b.*\b7\b|\b7\b.*\b3\b"):
            call()


def test_a_generator_without_any_batch_is_told_of(threads, teller):
    with pytest.raises(StokerError, match=r"\b0\b|no batch"):
        fit_generator(teller, finite(0), steps_per_epoch=2, verbose=0, **threads.arguments)
    assert steps_of(teller) == 0


@pytest.mark.parametrize("at", [0, 3, 5])
@pytest.mark.parametrize("kind", ["generator", "Sequence"])
def test_an_error_of_a_worker_comes_as_it_is_after_the_batches_before_it(kind, at, each_way, teller, seen):
    """The failing batch is there at once, those before it are slow."""
    if each_way.use_multiprocessing and at != 3:
        pytest.skip("one place is enough for processes")
    giver = (
        failing(at, raise_own_error)
        if kind == "generator"
        else Failing(8, at=at, action=raise_own_error, pause=0.01)
    )
    with each_way.warned(kind), pytest.raises(OwnError) as caught:
        fit_generator(
            teller,
            giver,
            steps_per_epoch=4,
            epochs=2,
            verbose=0,
            callbacks=[seen],
            shuffle=False,
            **each_way.arguments,
        )
    assert caught.value.row == 31
    assert type(caught.value).__name__ == "OwnError"
    assert seen.all_trained == list(range(at))
    assert steps_of(teller) == at


@pytest.mark.parametrize(
    "error", [StopIteration, IndexError, KeyError, MemoryError, TimeoutError, GeneratorExit]
)
def test_errors_that_mean_something_to_a_loop_are_no_end_of_the_data(error, threads, teller, seen):
    def fail() -> None:
        raise error("in __getitem__")

    expected: tuple[type[BaseException], ...] = (error, StokerError)
    with pytest.raises(expected):
        fit_generator(
            teller,
            Failing(6, at=3, action=fail),
            verbose=0,
            callbacks=[seen],
            shuffle=False,
            **threads.arguments,
        )
    assert seen.all_trained == [0, 1, 2]


def test_an_error_keeps_its_cause_and_its_traceback(threads, teller):
    cause = KeyError("inner")

    def fail() -> None:
        raise OwnError(7) from cause

    with pytest.raises(OwnError) as caught:
        fit_generator(teller, failing(2, fail), steps_per_epoch=4, verbose=0, **threads.arguments)
    assert caught.value.__cause__ is cause
    assert any(entry.name == "fail" for entry in caught.traceback)


def test_an_error_of_a_process_tells_where_in_the_users_code_it_was(teller):
    with pytest.raises(OwnError) as caught:
        fit_generator(
            teller,
            Failing(6, at=2, action=raise_own_error),
            verbose=0,
            shuffle=False,
            workers=2,
            use_multiprocessing=True,
        )
    told = "\n".join([str(caught.value.__cause__), *getattr(caught.value, "__notes__", [])])
    assert "raise_own_error" in told


def test_an_error_in_validation_comes_as_what_it_is_and_history_stays(way, teller):
    with pytest.raises(OwnError):
        fit_generator(
            teller,
            Numbers(3),
            epochs=2,
            verbose=0,
            validation_data=Failing(6, at=2, action=raise_own_error),
            **way.arguments,
        )
    assert steps_of(teller) == 3


def test_evaluation_and_prediction_raise_what_the_generator_raises(way, teller):
    for call in (evaluate_generator, predict_generator):
        with pytest.raises(OwnError):
            call(teller, Failing(6, at=2, action=raise_own_error), **way.arguments)


@pytest.mark.parametrize("way", THREADS, ids=str)
def test_the_model_can_be_trained_on_after_an_error(way, teller, seen):
    with pytest.raises(OwnError):
        fit_generator(teller, failing(2, raise_own_error), steps_per_epoch=4, verbose=0, **way.arguments)
    fit_generator(teller, endless(3), steps_per_epoch=3, verbose=0, callbacks=[seen], **way.arguments)
    assert seen.trained == [[0, 1, 2]]
    assert steps_of(teller) == 5


def started() -> Any:
    generator = endless(5)
    next(generator)
    return generator


class Locked(Numbers):
    """Holds what no other process can have."""

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.guard = threading.Lock()


@pytest.mark.parametrize(
    "make", [started, lambda: Locked(5)], ids=["started generator", "Sequence with a lock"]
)
@pytest.mark.parametrize("validating", [False, True])
def test_what_no_process_can_have_is_refused_at_once_with_the_ways_out(make, validating, teller):
    began = time.monotonic()
    data: dict[str, Any] = {"generator": make()}
    if validating:
        data = {"generator": Numbers(5), "validation_data": make(), "validation_steps": 2}
    with pytest.raises(ValueError, match="use_multiprocessing") as caught:
        fit_generator(teller, steps_per_epoch=2, verbose=0, workers=1, use_multiprocessing=True, **data)
    assert isinstance(caught.value, StokerError)
    assert time.monotonic() - began < 5
    assert steps_of(teller) == 0


def test_an_error_that_cannot_be_pickled_still_tells_what_it_was(teller):
    with pytest.raises(Exception, match="unsayable"):
        fit_generator(
            teller,
            Failing(4, at=1, action=raise_unsayable),
            verbose=0,
            shuffle=False,
            workers=1,
            use_multiprocessing=True,
        )
    assert steps_of(teller) == 1


def test_several_processes_for_one_generator_are_warned_of_and_train_each_batch_once(teller, seen):
    with pytest.warns(UserWarning, match="Sequence"):
        fit_generator(
            teller,
            endless(9),
            steps_per_epoch=9,
            verbose=0,
            callbacks=[seen],
            **Way(3, True).arguments,
        )
    assert seen.trained == [list(range(9))]


@pytest.mark.parametrize("call", [fit_generator, evaluate_generator, predict_generator])
def test_a_first_batch_that_the_model_does_not_take_costs_it_no_weight(call, learner, lesson):
    model = learner()
    expected = values_of(model)
    wider = np.zeros((8, 5), np.float32), np.zeros(8, np.int32)
    with pytest.raises(Exception, match=r"5"):
        call(model, iter([wider] * 2), 2, verbose=0)
    for one, other in zip(values_of(model), expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert predict_generator(model, iter([lesson[0]]), 1).shape == (64, 3)


def test_a_batch_that_the_model_does_not_take_after_a_validation_costs_it_no_weight(learner, lesson):
    good = lesson[0][:8], lesson[1][:8]
    wider = np.zeros((8, 5), np.float32), np.zeros(8, np.int32)
    fit_generator(model := learner(), iter([good, good]), 2, verbose=0, validation_data=lesson)
    expected = model.get_weights()
    with pytest.raises(Exception, match=r"5"):
        fit_generator(learner(), iter([good, good, wider]), 2, epochs=2, verbose=0, validation_data=lesson)
    # Of TensorFlow's optimizer the count of steps is one too many: it is not what is asked here.
    for one, other in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_verbose_may_be_what_keras_3_calls_auto(teller):
    assert fit_generator(teller, endless(3), 1, verbose="auto").params["verbose"] == 1
