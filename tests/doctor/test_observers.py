"""Training calls that are examined in their place, or looked at while they train."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import stoker.training  # noqa: F401  # settles the backend before Keras is imported
from stoker.doctor.observers import Examined, Examiner, Watcher
from stoker.doctor.watching import watched
from stoker.training.generators.calls import fit_generator
from stoker.training.generators.observers import observing

import keras  # isort: skip
from kept_models import Kept  # isort: skip

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword"),
]

X = np.random.default_rng(0).random((96, 4), dtype=np.float32)
Y = np.arange(96) % 3


@pytest.fixture(scope="module")
def kept():
    def made():
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3, "softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.optimizer.build(model.trainable_variables)
        return model

    return Kept(made)


@pytest.fixture
def model(kept):
    return kept.reset()


def never_shuffled(x=X, y=Y):
    while True:
        for start in range(0, len(x), 16):
            yield x[start : start + 16], y[start : start + 16]


class Shuffled:
    def __init__(self):
        self.order = np.arange(96)
        self.passes = 0

    def __len__(self):
        return 6

    def __getitem__(self, place):
        rows = self.order[16 * place : 16 * place + 16]
        return X[rows], Y[rows]

    def on_epoch_end(self):
        self.passes += 1
        self.order = np.random.default_rng(self.passes).permutation(96)


def weights(model):
    return [np.array(keras.ops.convert_to_numpy(each.value)) for each in model.weights]


def names(report):
    return [finding.name for finding in report.findings]


def test_an_examined_call_does_not_train_and_ends_the_script(model):
    examiner = Examiner()
    before = weights(model)
    with observing(examiner), pytest.raises(Examined) as ended:
        fit_generator(model, never_shuffled(), steps_per_epoch=6, epochs=3, verbose=0)
    assert ended.value.code == 1
    assert names(examiner.report) == ["not-shuffled"]
    assert all(np.array_equal(old, new) for old, new in zip(before, weights(model), strict=True))


def test_an_examined_call_without_problems_ends_the_script_with_nothing_wrong(model):
    examiner = Examiner()
    with observing(examiner), pytest.raises(Examined) as ended:
        fit_generator(model, Shuffled(), epochs=3, validation_data=(X + 2, Y), verbose=0)
    assert ended.value.code == 0
    assert examiner.report.findings == ()


def test_a_call_that_cannot_be_examined_says_why(model):
    examiner = Examiner()
    with observing(examiner), pytest.raises(Examined) as ended:
        fit_generator(model, never_shuffled(), verbose=0)
    assert ended.value.code == 2
    assert "steps are needed" in str(examiner.error)


class Locked(Shuffled):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()


def advanced():
    generator = never_shuffled()
    next(generator)
    return generator


def test_what_processes_would_refuse_is_a_problem_in_an_examined_call(model):
    examiner = Examiner()
    options = {"epochs": 3, "verbose": 0, "use_multiprocessing": True}
    with observing(examiner), pytest.raises(Examined) as ended:
        fit_generator(model, Locked(), validation_data=advanced(), validation_steps=6, workers=2, **options)
    assert ended.value.code == 1
    training, validation = (each for each in examiner.report.problems if each.name == "not-sendable")
    assert "Locked.lock, a lock, cannot be pickled" in training.seen
    assert "use_multiprocessing=False" in training.remedy
    assert (training.stream, validation.stream) == ("training", "validation")
    assert "'never_shuffled' was advanced already" in validation.seen


@pytest.mark.parametrize(
    ("source", "options"),
    [
        (Locked, {"workers": 2}),
        (Locked, {"workers": 0, "use_multiprocessing": True}),
        (Shuffled, {"workers": 2, "use_multiprocessing": True}),
    ],
)
def test_what_can_be_sent_or_need_not_be_is_no_problem(source, options, model):
    examiner = Examiner()
    with observing(examiner), pytest.raises(Examined):
        fit_generator(model, source(), epochs=3, verbose=0, **options)
    assert "not-sendable" not in names(examiner.report)


@pytest.mark.parametrize("workers", [0, 1, 4])
@pytest.mark.parametrize("source", [never_shuffled, Shuffled])
def test_a_watched_call_trains_on_the_same_batches(source, workers, kept):
    trained, reports = [], []
    for watch in (False, True):
        model = kept.reset()
        options = {"epochs": 3, "workers": workers, "verbose": 0, "steps_per_epoch": 6}
        if watch:
            with observing(Watcher(reports.append)):
                history = fit_generator(model, source(), **options)
        else:
            history = fit_generator(model, source(), **options)
        trained.append((weights(model), history.history["loss"]))
    (first, losses), (second, other_losses) = trained
    assert all(np.array_equal(one, two) for one, two in zip(first, second, strict=True))
    assert losses == other_losses
    (report,) = reports
    assert names(report) == (["not-shuffled"] if source is never_shuffled else [])
    assert report.batches == 12


def test_the_report_comes_after_the_second_epoch_and_once(model):
    order = []

    class Epochs(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            order.append(epoch)

    with observing(Watcher(lambda report: order.append("report"))):
        fit_generator(model, never_shuffled(), 6, epochs=4, callbacks=[Epochs()], verbose=0)
    assert order == [0, 1, "report", 2, 3]


def test_the_report_comes_too_when_training_fails(model):
    def broken():
        yield X[:16], Y[:16]
        raise OSError("no such file")

    reports = []
    with observing(Watcher(reports.append)), pytest.raises(OSError, match="no such file"):
        fit_generator(model, broken(), 6, epochs=2, verbose=0)
    assert names(reports[0]) == ["raises"]


def test_validation_is_watched_too(model):
    reports = []
    with observing(Watcher(reports.append)):
        fit_generator(
            model,
            Shuffled(),
            epochs=2,
            validation_data=never_shuffled(X[:32], np.zeros(32, "int64")),
            validation_steps=2,
            verbose=0,
        )
    assert sorted(names(reports[0])) == ["constant-targets", "leak"]


def test_one_generator_for_both_is_said_and_left_alone(model):
    generator, reports = never_shuffled(), []
    with observing(Watcher(reports.append)):
        fit_generator(model, generator, 6, epochs=1, validation_data=generator, validation_steps=2, verbose=0)
    assert names(reports[0]) == ["leak"]
    assert "same object" in reports[0].findings[0].seen


def test_processes_are_threads_while_they_are_watched(model):
    reports = []
    with observing(Watcher(reports.append)):
        fit_generator(model, Shuffled(), epochs=2, workers=2, use_multiprocessing=True, verbose=0)
    assert reports[0].batches == 12
    assert "in threads and not in processes" in reports[0].unknown[0]


def test_a_watched_sequence_is_recorded_in_the_order_of_its_numbers_whoever_asks():
    sequence = Shuffled()
    source, record = watched(sequence, None)
    threads = [threading.Thread(target=source.__getitem__, args=(place,)) for place in (3, 1, 5, 0, 4, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    source.on_epoch_end()
    assert sequence.passes == 1
    assert record.epoch_ends == [6]
    assert np.array_equal(record.rows.y[:16], record.rows.y[48:64])
    assert len(source) == 6


def test_a_call_that_is_refused_has_no_report(model):
    reports = []
    with observing(Watcher(reports.append)), pytest.raises(ValueError, match="validation_steps is needed"):
        fit_generator(model, never_shuffled(), 6, verbose=0, validation_data=never_shuffled())
    assert reports == []
