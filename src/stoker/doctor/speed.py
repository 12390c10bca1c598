"""Whether the model would wait: the time of its own step against the time of a batch."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stoker.doctor.advice import finding
from stoker.doctor.findings import Finding
from stoker.training.generators.batches import BatchMaker
from stoker.types import Batch, Position

__all__ = ["judge_pace", "judge_speed", "keeping_weights", "measure_step"]

_LEAST_WAIT = 0.001
_LEAST_SHARE = 0.1
_BUSY = 0.85
_MEASURED_SECONDS = 0.5
_MOST_STEPS = 50
_MANY_WORKERS = 16


def measure_step(model: Any, item: Any) -> float:
    """Seconds of a training step of the model on this batch, taken over and over; the model stays as it was.

    Weights, optimizer, metrics and the states of random layers are put back to the bit.

    Parameters
    ----------
    model
        A compiled ``keras.Model``. If it is not built yet, it is built for this batch.
    item
        ``(x, y)`` or ``(x, y, sample_weight)``, as a generator yields it.

    Raises
    ------
    OptionError
        If it is not compiled, or does not take such a batch.
    Exception
        Whatever the model's step raises on it.
    """
    from stoker.training.adapter import build_on, check_compiled, float_type, output_names

    check_compiled(model)
    make = BatchMaker(floats=float_type(), output_names=output_names(model))
    batch = make(item, "the first batch", Position(epoch=0, batches=1))
    build_on(model, batch)
    with keeping_weights(model):
        _fit(model, batch, 1)
        rough = _fit(model, batch, 2) / 2
        steps = max(2, min(_MOST_STEPS, round(_MEASURED_SECONDS / max(rough, 1e-6))))
        return _fit(model, batch, steps) / steps


@contextmanager
def keeping_weights(model: Any) -> Iterator[None]:
    """Inside, a built model may train; afterwards it is as it was."""
    from stoker.training.adapter import copy_values

    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    kept, history = copy_values(variables), getattr(model, "history", None)
    try:
        yield
    finally:
        for variable, value in zip(variables, kept, strict=True):
            variable.assign(value)
        model.history, model.stop_training = history, False


def _fit(model: Any, batch: Batch, steps: int) -> float:
    from stoker.training.adapter import FeedAdapter

    start = time.perf_counter()
    model.fit(FeedAdapter(_Again(batch, steps)), epochs=1, verbose=0)  # type: ignore[arg-type]
    return time.perf_counter() - start


class _Again:
    """One batch over and over, as `Handover` hands it to Keras."""

    num_rows = batch_size = share = None

    def __init__(self, batch: Batch, times: int) -> None:
        self.feed = self
        self.num_batches = times
        self._batch = batch
        self._left = times

    def take(self) -> Batch:
        """The batch, as often as it was asked for."""
        if not self._left:
            raise StopIteration
        self._left -= 1
        return self._batch


def judge_speed(batch_seconds: float, step_seconds: float, *, workers: int, parallel: bool) -> list[Finding]:
    """Whether the model would wait for its batches.

    Parameters
    ----------
    batch_seconds, step_seconds
        Of one batch in one thread, and of one training step.
    workers
        What the training call asks for; 0 is the calling thread, where nothing is done ahead.
    parallel
        Whether batches are made in parallel: those of a Sequence.
    """
    if workers:
        ahead = batch_seconds / (workers if parallel else 1)
        waiting, taken = max(0.0, ahead - step_seconds), max(ahead, step_seconds)
    else:
        waiting, taken = batch_seconds, batch_seconds + step_seconds
    if waiting < _LEAST_WAIT or waiting < _LEAST_SHARE * taken:
        return []
    seen = (
        f"A batch takes {1e3 * batch_seconds:.3g} ms to make and {1e3 * step_seconds:.3g} ms to train on: "
        f"{_with(workers, parallel)} the model waits {100 * waiting / taken:.0f} % of the time."
    )
    remedy = _remedy(workers, parallel, batch_seconds / max(step_seconds, 1e-9))
    return [finding("model-waits", "remark", seen, remedy=remedy)]


def judge_pace(batch_seconds: float, pace: float, *, workers: int, parallel: bool) -> list[Finding]:
    """Whether a model that was trained waited for its batches.

    Parameters
    ----------
    batch_seconds
        Of one batch in one thread.
    pace
        Seconds from one step to the next. The step's own time is not known where batches are made ahead.
    workers, parallel
        See `judge_speed`.
    """
    if not workers:
        return judge_speed(batch_seconds, max(0.0, pace - batch_seconds), workers=0, parallel=parallel)
    ahead = batch_seconds / (workers if parallel else 1)
    if ahead < _LEAST_WAIT or ahead < _BUSY * pace:
        return []
    seen = (
        f"A batch takes {1e3 * batch_seconds:.3g} ms to make, and a step came every {1e3 * pace:.3g} ms: "
        f"{_with(workers, parallel)} making batches takes all the time that there is."
    )
    return [finding("model-waits", "remark", seen, remedy=_remedy(workers, parallel, 2.0 * workers))]


def _with(workers: int, parallel: bool) -> str:
    if not workers:
        return "in the calling thread (workers=0)"
    return f"with {workers} worker{'s' if workers > 1 else ''}" if parallel else "with one thread ahead of it"


def _remedy(workers: int, parallel: bool, needed: float) -> str:
    feed = "or train from the file with `stoker.Feed`, which reads and parses ahead in compiled loops"
    if not workers:
        return f"workers=1 makes batches while the model computes; {feed}"
    if not parallel:
        return (
            "a generator is advanced by one thread: make it a `keras.utils.Sequence` and pass "
            f"{_workers(needed)}; {feed}"
        )
    return f"{_workers(needed)}, with use_multiprocessing=True if __getitem__ is pure Python; {feed}"


def _workers(needed: float) -> str:
    enough = math.ceil(needed)
    if enough <= _MANY_WORKERS:
        return f"workers={enough}"
    return f"workers={os.cpu_count()} (one a core, which shortens the wait: {enough} would end it)"
