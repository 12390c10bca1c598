"""A worker process is killed: noticed at once, replaced, and its batch delivered, once and in its place."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from pathlib import Path

import cloudpickle
import numpy as np
import psutil
import pytest

import stoker
from stoker.errors import WorkerError
from stoker.prefetch import Processes, prefetch

import keras  # isort: skip

pytestmark = pytest.mark.timeout(60)

cloudpickle.register_pickle_by_value(sys.modules[__name__])

NOTICED_WITHIN = 5.0
"""Seconds until the batch is there again, the start of the new process included."""


class Squares:
    """Batches of a number's square; the first process that is asked for one of them is killed then."""

    def __init__(
        self, folder: Path, length: int, *, fatal: tuple[int, ...] = (), always: bool = False
    ) -> None:
        self.folder, self.length, self.fatal, self.always = folder, length, fatal, always

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int):
        if index in self.fatal and (self.always or self.is_first(index)):
            os.kill(os.getpid(), signal.SIGKILL)
        return np.full((3, 1), index, np.float32), np.full((3, 1), index**2, np.float32)

    def is_first(self, index: int) -> bool:
        try:
            (self.folder / str(index)).touch(exist_ok=False)
        except FileExistsError:
            return False
        (self.folder / str(index)).write_text(str(time.monotonic()))
        return True


class Seen(keras.callbacks.Callback):
    """The losses of the steps, and when each was there."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []
        self.times: list[float] = []

    def on_train_batch_end(self, batch, logs=None) -> None:
        self.losses.append(logs["loss"])
        self.times.append(time.monotonic())


def trained(sequence: Squares, workers: int, *, epochs: int = 1) -> tuple[Seen, list[np.ndarray]]:
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile(keras.optimizers.SGD(1e-4), "mse")
    seen = Seen()
    stoker.fit_generator(
        model, sequence, epochs=epochs, verbose=0, callbacks=[seen], shuffle=False,
        workers=workers, use_multiprocessing=workers > 0, max_queue_size=3,
    )  # fmt: skip
    return seen, model.get_weights()


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_training_is_the_same_to_the_bit_and_goes_on_within_seconds(workers, here, caplog):
    with caplog.at_level(logging.WARNING, logger="stoker"):
        seen, weights = trained(Squares(here, 8, fatal=(3, 6)), workers)
    undisturbed, expected = trained(Squares(here, 8), 0)
    assert seen.losses == undisturbed.losses
    assert all(np.array_equal(*pair) for pair in zip(weights, expected, strict=True))
    for index in (3, 6):
        assert seen.times[index] - float((here / str(index)).read_text()) < NOTICED_WITHIN
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert "of 'sequence' was killed by SIGKILL while it computed" in told[0]
    assert told[0].endswith("; a new process takes its place and computes it again")
    assert not psutil.Process().children()


def test_a_batch_that_kills_every_process_is_an_error_that_says_so(here):
    with pytest.raises(WorkerError, match=r"3 processes died of the same task, the last one so: .*SIGKILL"):
        trained(Squares(here, 5, fatal=(2,), always=True), 2)
    assert not psutil.Process().children()


def test_a_generator_cannot_be_made_again_and_its_death_is_an_error(here):
    def numbers():
        yield from (Squares(here, 5)[index] for index in range(2))
        os.kill(os.getpid(), signal.SIGKILL)

    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    began = time.monotonic()
    with pytest.raises(WorkerError, match="was killed by SIGKILL"):
        stoker.fit_generator(
            model, numbers(), steps_per_epoch=5, verbose=0, workers=1, use_multiprocessing=True
        )
    assert time.monotonic() - began < 2 * NOTICED_WITHIN


def pid_of(number: int) -> tuple[int, int]:
    return number, os.getpid()


def test_one_that_is_killed_while_it_is_idle_is_replaced_too():
    with Processes(pid_of, workers=2, name="pids", attempts=3) as processes:
        first = {processes(number)[1] for number in range(4)}
        for pid in first:
            os.kill(pid, signal.SIGKILL)
        with prefetch(processes, range(6), workers=2, in_flight=3, name="pids") as results:
            numbers, pids = zip(*results, strict=True)
        assert numbers == tuple(range(6))
        assert not set(pids) & first
        assert len(processes.pids) == 2


def test_what_a_killed_process_gave_stays_as_it_was():
    def big(number: int) -> np.ndarray:
        return np.full(1 << 18, number)

    with Processes(big, workers=1, name="big", attempts=2) as processes:
        held = [processes(number) for number in range(3)]
        os.kill(processes.pids[0], signal.SIGKILL)
        held += [processes(number) for number in range(3, 6)]
    assert [int(array[0]) for array in held] == [int(array[-1]) for array in held] == list(range(6))
