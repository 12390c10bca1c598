from __future__ import annotations

import numpy as np
import pytest
from numbered import Numbered, Numbers, batch_of
from scipy import sparse

import stoker
from stoker.training.generators.arrays import ArrayBatches

pytestmark = pytest.mark.timeout(60)


def fit(model, seen, validation, steps=None, *, epochs=3, frequency=1, workers=1):
    return stoker.fit_generator(
        model,
        Numbers(),
        2,
        epochs,
        verbose=0,
        callbacks=[seen],
        validation_data=validation,
        validation_steps=steps,
        validation_freq=frequency,
        workers=workers,
    )


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_a_validation_generator_is_one_stream_over_the_whole_fit(workers, model, seen):
    numbers = Numbers()
    history = fit(model, seen, numbers, 3, workers=workers)
    assert seen.tested == list(range(9)) == numbers.pulled
    assert history.history["val_mae"] == pytest.approx([1, 4, 7])


@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.parametrize("steps", [None, 2, 5])
def test_a_validation_sequence_begins_at_0_each_time(steps, workers, model, seen):
    sequence = Numbered(3)
    fit(model, seen, sequence, steps, epochs=2, workers=workers)
    assert seen.tested == 2 * [0, 1, 2, 0, 1][: steps or 3]
    assert sequence.passes == (2 if steps != 2 else 0)


@pytest.mark.parametrize(
    ("frequency", "validated"), [(1, [0, 1, 2, 3]), (2, [1, 3]), ([1, 4], [0, 3]), ({9}, []), (9, [])]
)
def test_validation_comes_as_often_as_asked_and_old_values_are_not_logged_again(
    frequency, validated, model, seen
):
    logged: list[int] = []
    seen.on_epoch_end = lambda epoch, logs=None: logged.append(epoch) if "val_loss" in logs else None
    history = fit(model, seen, Numbers(), 1, epochs=4, frequency=frequency)
    assert logged == validated
    assert len(history.history.get("val_loss", [])) == len(validated)


def test_a_validation_generator_is_not_advanced_beyond_what_all_validations_need(model, seen):
    fit(model, seen, Numbers(stop=4), 2, epochs=4, frequency=2)
    assert seen.tested == [0, 1, 2, 3]


def test_arrays_are_validated_on_in_batches_of_32(model, seen):
    y = np.repeat([0, 1, 2], [32, 32, 6])[:, None]
    history = fit(model, seen, (np.ones((70, 2)), y), epochs=1)
    assert seen.tested == [0, 1, 2]
    assert history.history["val_mae"] == pytest.approx([44 / 70])
    weights = (y[:, 0] == 1).astype(float)
    history = fit(model, seen, (np.ones((70, 2)), y, weights), epochs=1)
    assert history.history["val_loss"] == pytest.approx([32 / 70])


def test_arrays_may_be_lists_dicts_and_sparse():
    matrix = sparse.csr_matrix(np.eye(40))
    batches = ArrayBatches(([matrix, np.ones(40)], {"a": np.arange(40)}))
    assert len(batches) == 2
    (first, second), y = batches[1]
    assert (first.shape, second.shape, y["a"].tolist()) == ((8, 40), (8,), list(range(32, 40)))


def test_one_sequence_as_training_and_validation_data_has_two_cursors(model, seen):
    sequence = Numbered(4)
    stoker.fit_generator(
        model,
        sequence,
        3,
        epochs=2,
        verbose=0,
        shuffle=False,
        callbacks=[seen],
        validation_data=sequence,
        validation_steps=2,
    )
    assert seen.trained == [0, 1, 2, 3, 0, 1]
    assert seen.tested == [0, 1, 0, 1]
    assert sequence.passes == 1


def test_one_generator_as_both_gives_each_item_once(model, seen):
    def numbers():
        number = 0
        while True:
            yield batch_of(number)
            number += 1

    shared = numbers()
    stoker.fit_generator(
        model, shared, 3, 2, verbose=0, callbacks=[seen], validation_data=shared, validation_steps=2
    )
    given = [*seen.trained, *seen.tested]
    assert len(set(given)) == len(given) == 10
