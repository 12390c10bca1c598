from __future__ import annotations

import sys
import threading
from typing import Any

import pytest
from light import Begun, Light, batch_of, numbers

import stoker
from stoker.errors import OptionError
from stoker.training.generators.shipping import FreshGenerator, packed

pytestmark = [
    pytest.mark.timeout(100),
    pytest.mark.skipif(sys.platform == "win32", reason="processes need AF_UNIX"),
]


def fit(model: Any, seen: Any, generator: Any, steps: Any = None, **options: Any) -> Any:
    return stoker.fit_generator(
        model,
        generator,
        steps,
        epochs=2,
        verbose=0,
        callbacks=[seen],
        shuffle=False,
        use_multiprocessing=True,
        **options,
    )


def test_a_sequence_in_two_processes_follows_what_on_epoch_end_makes_of_it(model, seen):
    sequence = Light()
    fit(model, seen, sequence, workers=2)
    assert seen.trained == [0, 1, 2, 3, 10, 11, 12, 13]
    assert sequence.shift == 20


def test_a_sequence_in_two_processes_follows_what_on_epoch_begin_makes_of_it(model, seen):
    fit(model, seen, Begun(2), workers=2)
    assert seen.trained == [100, 101, 210, 211]


def test_a_fresh_generator_runs_in_one_process(model, seen):
    with pytest.warns(UserWarning, match=r"runs in one: make it a keras.utils.Sequence"):
        fit(model, seen, numbers(5, step=2), 3, workers=2)
    assert seen.trained == [5, 7, 9, 11, 13, 15]


def test_one_process_for_a_generator_is_told_once_a_call_and_at_the_users_line(model, seen):
    with pytest.warns(UserWarning, match="runs in one") as told:
        fit(model, seen, numbers(5), 3, workers=2, validation_data=numbers(0), validation_steps=1)
    assert [each.filename for each in told if "runs in one" in str(each.message)] == [__file__]
    with pytest.warns(UserWarning, match="runs in one") as told:
        fit(model, seen, Light(), workers=2, validation_data=numbers(0), validation_steps=1)
    assert sum("runs in one" in str(each.message) for each in told) == 1


def test_a_generator_that_was_advanced_is_refused_with_the_ways_out(model, seen):
    generator = numbers(0)
    next(generator)
    with pytest.raises(OptionError, match=r"advanced already.*use_multiprocessing=False"):
        fit(model, seen, generator, 3)


def test_what_cannot_travel_is_refused_with_the_ways_out(model, seen):
    sequence = Light()
    sequence.lock = threading.Lock()
    with pytest.raises(OptionError, match=r"use_multiprocessing=True: .*lock"):
        fit(model, seen, sequence)


def test_the_users_own_class_and_its_attribute_are_named_and_no_wrapper(model, seen):
    sequence = Light()
    sequence.files = {"train": threading.Lock()}
    with pytest.raises(OptionError, match=r"process: Light\.files\['train'\], a lock, cannot be pickled"):
        fit(model, seen, sequence)


class Endless:
    def __init__(self):
        self.lock = threading.Lock()

    def __iter__(self):
        return self

    def __next__(self):
        return batch_of(0)


def test_the_users_own_iterator_is_named(model, seen):
    with pytest.raises(OptionError, match=r"process: Endless\.lock, a lock, cannot be pickled"):
        fit(model, seen, Endless(), 2)


def test_of_a_generator_the_argument_or_the_variable_is_named(model, seen):
    def given(lock, *, other=None):
        yield batch_of(0)

    def around():
        with lock:
            yield batch_of(0)

    lock = threading.Lock()
    for generator, where in [
        (given(lock), r"given\(lock=…\), a lock"),
        (given(None, other=[lock]), r"given\(other=…\)\[0\], a lock"),
        (around(), r"around → lock, a lock"),
    ]:
        with pytest.raises(OptionError, match=rf"process: {where}, cannot be pickled"):
            fit(model, seen, generator, 2)


@pytest.mark.parametrize(
    ("generator", "expected"),
    [
        (lambda: numbers(1), [1, 2]),
        (lambda: numbers(1, 2, 3, step=4, a=5), [1, 15]),
        (lambda: (batch_of(number) for number in [3, 4]), [3, 4]),
    ],
)
def test_a_generator_is_made_again_with_its_arguments(generator, expected):
    function, *arguments = FreshGenerator(generator()).__reduce__()
    again = function(*arguments[0])
    assert [next(again)[1][0, 0] for _ in range(2)] == expected


def test_a_generator_with_a_closure_is_made_again():
    start = 7

    def own():
        yield batch_of(start)

    function, arguments = FreshGenerator(own()).__reduce__()
    assert next(function(*arguments))[1][0, 0] == 7


def test_other_functions_stay_what_they_are():
    assert packed(abs) is abs
