"""The stream of batches never resets, is bounded, and holds each batch once."""

from __future__ import annotations

import threading
import time
from typing import Any

import keras
import numpy as np
import pytest
from givers import SIZE, Counted, Numbers, Watched, batch, endless, finite
from tellers import Seen, Way, make_teller, steps_of

from left_behind import no_thread_is_left
from stoker import evaluate_generator, fit_generator, predict_generator

ROUND = [[0, 1, 2], [3, 0, 1], [2, 3, 0]]

pytestmark = pytest.mark.timeout(60)


def numbers(kind: str, length: int) -> Any:
    return endless(length) if kind == "generator" else Numbers(length)


@pytest.mark.parametrize("kind", ["generator", "Sequence"])
def test_an_epoch_goes_on_where_the_last_one_stopped(kind, each_way, teller, seen):
    with each_way.warned(kind):
        history = fit_generator(
            teller,
            numbers(kind, 4),
            steps_per_epoch=3,
            epochs=3,
            verbose=0,
            callbacks=[seen],
            shuffle=False,
            **each_way.arguments,
        )
    assert seen.trained == ROUND
    assert history.history["loss"] == pytest.approx([1.0, 4 / 3, 5 / 3])
    assert steps_of(teller) == 9


@pytest.mark.parametrize("kind", ["generator", "Sequence"])
def test_a_validation_generator_goes_on_and_a_validation_sequence_begins_anew(kind, way, teller, seen):
    with way.warned(kind):
        fit_generator(
            teller,
            numbers(kind, 4),
            steps_per_epoch=1,
            epochs=3,
            verbose=0,
            callbacks=[seen],
            validation_data=numbers(kind, 4),
            validation_steps=3,
            shuffle=False,
            **way.arguments,
        )
    assert seen.tested == (ROUND if kind == "generator" else [[0, 1, 2]] * 3)
    assert seen.trained == [[0], [1], [2]]


@pytest.mark.parametrize("kind", ["generator", "Sequence"])
def test_evaluation_and_prediction_begin_at_the_first_batch(kind, way, teller):
    with way.warned(kind):
        assert evaluate_generator(teller, numbers(kind, 4), steps=3, **way.arguments) == pytest.approx(1.0)
    with way.warned(kind):
        predicted = predict_generator(teller, numbers(kind, 4), steps=3, **way.arguments)
    assert predicted.tolist() == [[0.0]] * SIZE + [[1.0]] * SIZE + [[2.0]] * SIZE


class Lead(keras.callbacks.Callback):
    """After each step, when nothing moves any more: how many batches are computed beyond those used."""

    def __init__(self, pulled: Any) -> None:
        super().__init__()
        self.pulled = pulled
        self.finished = 0
        self.leads: list[int] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.finished += 1
        count = self.pulled()
        while True:
            time.sleep(0.02)
            if self.pulled() == count:
                break
            count = self.pulled()
        self.leads.append(count - self.finished)


class LeadElsewhere(Lead):
    """The same for validation, evaluation and prediction."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        pass

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        super().on_train_batch_end(batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        super().on_train_batch_end(batch, logs)


@pytest.mark.parametrize("max_queue_size", [1, 5])
@pytest.mark.parametrize("workers", [1, 4])
def test_a_generator_is_never_further_ahead_than_queue_and_workers(max_queue_size, workers, teller):
    generator = Counted(endless(100))
    lead = Lead(lambda: generator.pulled)
    fit_generator(
        teller,
        generator,
        steps_per_epoch=15,
        verbose=0,
        callbacks=[lead],
        max_queue_size=max_queue_size,
        workers=workers,
    )
    assert 1 <= max(lead.leads) <= max_queue_size + workers
    assert lead.leads[-1] == 0


@pytest.mark.parametrize("max_queue_size", [1, 5])
@pytest.mark.parametrize("workers", [1, 4])
def test_a_sequence_is_never_further_ahead_than_queue_and_workers(max_queue_size, workers, teller):
    sequence = Watched(15)
    lead = Lead(lambda: len(sequence.started))
    fit_generator(
        teller, sequence, verbose=0, callbacks=[lead], max_queue_size=max_queue_size, workers=workers
    )
    assert 1 <= max(lead.leads) <= max_queue_size + workers
    assert lead.leads[-1] == 0
    assert len(sequence.started) == 15


def validate(model: Any, giver: Any, steps: int, callbacks: list[Any], **options: Any) -> Any:
    return fit_generator(
        model,
        endless(3),
        steps_per_epoch=2,
        verbose=0,
        callbacks=callbacks,
        validation_data=giver,
        validation_steps=steps,
        **options,
    )


@pytest.mark.parametrize("call", [validate, evaluate_generator, predict_generator])
@pytest.mark.parametrize("kind", ["generator", "Sequence"])
def test_validation_evaluation_and_prediction_are_never_further_ahead_either(kind, call, teller):
    counted, sequence = Counted(endless(100)), Watched(12)
    giver = counted if kind == "generator" else sequence
    lead = LeadElsewhere(lambda: counted.pulled + len(sequence.started))
    call(teller, giver, steps=12, callbacks=[lead], max_queue_size=3, workers=2)
    assert len(lead.leads) == 12
    assert 1 <= max(lead.leads) <= 3 + 2
    assert lead.leads[-1] == 0


def test_no_batch_is_pulled_beyond_what_the_call_needs(threads, teller):
    training, validation = Counted(endless(7)), Counted(endless(5))
    fit_generator(
        teller,
        training,
        steps_per_epoch=4,
        epochs=3,
        verbose=0,
        validation_data=validation,
        validation_steps=2,
        **threads.arguments,
    )
    assert (training.pulled, validation.pulled) == (12, 6)
    evaluate_generator(teller, validation, steps=3, **threads.arguments)
    predict_generator(teller, validation, steps=3, **threads.arguments)
    assert validation.pulled == 12


def test_the_next_call_goes_on_with_the_same_generator(threads, teller, seen):
    generator = endless(100)
    for _ in range(2):
        fit_generator(teller, generator, steps_per_epoch=3, verbose=0, callbacks=[seen], **threads.arguments)
    assert seen.trained == [[0, 1, 2], [3, 4, 5]]
    assert next(generator)[0][0, 0] == 6


@pytest.mark.parametrize("built", [True, False])
def test_no_batch_is_looked_at_beforehand_and_used_again(built, threads, seen):
    model = make_teller(built=built)
    generator = finite(6)
    fit_generator(
        model, generator, steps_per_epoch=3, epochs=2, verbose=0, callbacks=[seen], **threads.arguments
    )
    assert seen.trained == [[0, 1, 2], [3, 4, 5]]
    assert next(generator, None) is None
    assert steps_of(model) == 6


@pytest.mark.parametrize("built", [True, False])
def test_no_batch_is_lost_where_an_unbuilt_model_only_evaluates_or_predicts(built, threads):
    model = make_teller(built=built)
    assert evaluate_generator(model, finite(3), steps=3, **threads.arguments) == pytest.approx(1.0)
    model = make_teller(built=built)
    assert len(predict_generator(model, finite(3), steps=3, **threads.arguments)) == 3 * SIZE


def test_a_sequence_computes_each_batch_once_for_a_model_that_is_not_built(threads, seen):
    model, sequence = make_teller(built=False), Watched(3)
    fit_generator(model, sequence, epochs=2, verbose=0, callbacks=[seen], shuffle=False, **threads.arguments)
    assert seen.trained == [[0, 1, 2]] * 2
    assert sorted(sequence.started) == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("use_multiprocessing", [False, True])
def test_without_workers_each_batch_is_computed_when_it_is_needed_by_the_calling_thread(
    use_multiprocessing, teller
):
    way = Way(0, use_multiprocessing)
    generator, sequence = Counted(endless(9)), Watched(9)
    for giver, pulled in ((generator, lambda: generator.pulled), (sequence, lambda: len(sequence.started))):
        lead = Lead(pulled)
        with no_thread_is_left():
            fit_generator(teller, giver, steps_per_epoch=4, verbose=0, callbacks=[lead], **way.arguments)
        assert lead.leads == [0, 0, 0, 0]
        assert giver.threads == {threading.get_ident()}


@pytest.mark.parametrize("kind", ["generator", "Sequence"])
def test_a_worker_thread_is_not_the_calling_thread(kind, teller):
    giver = Counted(endless(9)) if kind == "generator" else Watched(9)
    fit_generator(teller, giver, steps_per_epoch=4, verbose=0, workers=1)
    assert threading.get_ident() not in giver.threads


def test_a_generator_may_ask_the_model_itself_without_workers(teller, seen):
    def asking():
        for number in range(4):
            x, y = batch(number)
            yield x, y + teller.predict(x, verbose=0)

    fit_generator(teller, asking(), steps_per_epoch=4, verbose=0, callbacks=[seen], workers=0)
    assert seen.trained == [[0, 2, 4, 6]]


def test_one_generator_is_advanced_by_one_thread_at_a_time(teller, seen):
    inside = threading.Lock()

    class Fragile(Counted):
        def __next__(self):
            assert inside.acquire(blocking=False), "two threads at once"
            try:
                time.sleep(0.002)
                return super().__next__()
            finally:
                inside.release()

    fit_generator(teller, Fragile(endless(50)), steps_per_epoch=20, verbose=0, callbacks=[seen], workers=4)
    assert seen.trained == [list(range(20))]


def test_the_batches_of_a_sequence_are_computed_at_the_same_time(teller):
    together = threading.Barrier(4, timeout=20)

    class Meeting(Numbers):
        def __getitem__(self, index: int) -> Any:
            together.wait()
            return super().__getitem__(index)

    assert evaluate_generator(teller, Meeting(8), workers=4) == pytest.approx(3.5)


def test_a_slow_first_batch_is_not_overtaken(teller, seen):
    class SlowFirst(Numbers):
        def __getitem__(self, index: int) -> Any:
            time.sleep(0.1 if index == 0 else 0.0)
            return super().__getitem__(index)

    fit_generator(teller, SlowFirst(6), verbose=0, callbacks=[seen], workers=4, shuffle=False)
    assert seen.trained == [[0, 1, 2, 3, 4, 5]]


def test_arrays_that_were_handed_over_stay_the_users_own(teller):
    """A generator that fills the same arrays anew each time is no trouble without workers."""
    x, y = batch(0)

    def refilled():
        for number in range(4):
            x.fill(number)
            y.fill(number)
            yield x, y

    seen = Seen()
    fit_generator(teller, refilled(), steps_per_epoch=4, verbose=0, callbacks=[seen], workers=0)
    assert seen.trained == [[0, 1, 2, 3]]
    assert np.all(x == 3)
