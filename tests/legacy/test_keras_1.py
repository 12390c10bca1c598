"""The calls of Keras 1 count samples: how many batches these are, and that no batch is lost over it."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from givers import SIZE, Counted, batch, endless, finite

from stoker.errors import DataError, OptionError

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.usefixtures("old_names"),
    pytest.mark.filterwarnings("ignore:.*Keras 1:FutureWarning"),
]


def fit(model: Any, generator: Any, samples: int = 3 * SIZE, **arguments: Any) -> Any:
    return model.fit_generator(generator, samples_per_epoch=samples, nb_epoch=2, verbose=0, **arguments)


@pytest.mark.parametrize("samples", [3 * SIZE, 2 * SIZE + 1])
def test_samples_become_batches_and_the_first_one_is_trained_on(samples, teller, seen):
    generator = Counted(endless(9))
    fit(teller, generator, samples, callbacks=[seen])
    assert seen.trained == [[0, 1, 2], [3, 4, 5]]
    assert generator.pulled == 6


def test_a_generator_in_a_process_is_not_advanced_to_count_its_rows(teller, seen):
    fit(teller, endless(9), pickle_safe=True, callbacks=[seen])
    assert seen.trained == [[0, 1, 2], [3, 4, 5]]


def test_a_generator_that_was_advanced_is_refused_for_a_process_with_the_ways_out(teller):
    generator = endless(9)
    next(generator)
    with pytest.raises(OptionError, match=r"'endless' was advanced already.*use_multiprocessing=False"):
        fit(teller, generator, pickle_safe=True)


def test_a_generator_that_cannot_be_sent_to_a_process_is_refused_with_the_ways_out(teller):
    def locked(lock: Any) -> Any:
        with lock:
            yield batch(0)

    with pytest.raises(OptionError, match=r"'locked' cannot be sent .*lock.*: say steps_per_epoch="):
        fit(teller, locked(threading.Lock()), pickle_safe=True)


def test_a_generator_without_a_batch_is_said_to_have_none(teller):
    with pytest.raises(DataError, match="ended before its first batch"):
        fit(teller, finite(0))


def test_what_is_no_batch_is_named(teller):
    with pytest.raises(DataError, match=r"batch 0: expected \(x, y\).*int"):
        fit(teller, iter([1, 2]))


def test_what_is_for_arrays_alone_is_refused_beside_a_generator(teller):
    for option in ({"sample_weight": np.ones(3)}, {"batch_size": 8}):
        (name,) = option
        with pytest.raises(OptionError, match=rf"fit\({name}=.*is for arrays"):
            teller.fit(endless(3), steps_per_epoch=1, **option)
        with pytest.raises(OptionError, match=rf"evaluate\({name}=.*is for arrays"):
            teller.evaluate(endless(3), steps=1, **option)
    with pytest.raises(OptionError, match=r"predict\(batch_size=.*is for arrays"):
        teller.predict(endless(3), steps=1, batch_size=8)
    assert teller.evaluate(endless(3), steps=1, return_dict=False) == 0
