"""Finds the step that made the loss or the weights no finite numbers.

The steps behind a checkpoint are taken again. They come to the same bits, and this time every one is looked
at: its loss, and the weights that it leaves, which may be spoilt while the loss is still a number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from stoker.checkpoints import Checkpoint
from stoker.training import adapter
from stoker.training.callback_list import TrainingCallbacks
from stoker.training.capturing import Resumption
from stoker.training.finite import are_finite
from stoker.training.handover import Handover
from stoker.training.interrupts import Interrupts
from stoker.training.shared_step import steps_alone
from stoker.training.variables import put_back_variables

__all__ = ["Culprit", "find_culprit"]

_READ_EVERY = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Culprit:
    """The first step whose loss, or whose weights, were no finite numbers.

    Attributes
    ----------
    step
        Over the run, counted from 1.
    epoch, batch
        Counted from 0.
    loss
        The epoch's mean loss with this step; a finite number where it was the weights.
    """

    step: int
    epoch: int
    batch: int
    loss: float


def find_culprit(
    model: Any,
    checkpoint: Checkpoint,
    training: Handover,
    *,
    last_step: int,
    interrupts: Interrupts,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Culprit | None:
    """Take the steps behind a checkpoint again; in the end the model has the checkpoint's weights.

    Parameters
    ----------
    model
        Built and compiled.
    checkpoint
        From before.
    training
        Where the batches come from; it is closed.
    last_step
        No step is taken behind this one, counted from 1 over the run.
    interrupts
        Ctrl-C ends it.
    progress
        Called with steps done and steps in all.

    Returns
    -------
    Culprit
        None where all losses are finite this time, as where a callback changed what the steps did.
    """
    probe = _Probe(model, checkpoint.step, last_step, progress)
    adapter.sync_state(model)
    put_back_variables(model, checkpoint)
    try:
        with steps_alone(model), _one_by_one(model):
            _train(model, checkpoint, training, probe, interrupts)
    except _Over:
        pass
    finally:
        training.end()
        adapter.sync_state(model)
        put_back_variables(model, checkpoint)
    return probe.found


def _train(
    model: Any, checkpoint: Checkpoint, training: Handover, probe: _Probe, interrupts: Interrupts
) -> None:
    epoch = checkpoint.manifest.position.epoch
    epochs = epoch + probe.last_step  # more than there can be: the probe ends it
    hooks = TrainingCallbacks(
        [],
        model=model,
        training=training,
        validation=None,
        supervisor=probe,
        interrupts=interrupts,
        resumption=_Again(checkpoint),
        epochs=epochs,
        steps=training.num_batches,
    )
    model.fit(
        adapter.FeedAdapter(training),
        callbacks=hooks,
        epochs=epochs,
        initial_epoch=epoch,
        shuffle=False,
        verbose=0,
    )


@contextmanager
def _one_by_one(model: Any) -> Iterator[None]:
    """Inside, the model takes one step an execution, so that there is a loss for each."""
    steps = model.steps_per_execution
    if steps > 1:
        model.steps_per_execution, model.train_function = 1, None
    try:
        yield
    finally:
        if steps > 1:
            model.steps_per_execution, model.train_function = steps, None


class _Over(Exception):  # noqa: N818  # not an error: enough was seen
    """Ends the training."""


class _Again(Resumption):
    """Begins where a checkpoint was written, without the callbacks of the run."""

    def before_training(self, callbacks: Sequence[Any]) -> None:
        """Nothing: there are none."""

    def put_back(self, model: Any, callbacks: Sequence[Any]) -> None:
        """Give the model its variables."""
        put_back_variables(model, self.checkpoint)


class _Probe:
    """The supervisor of the steps that are taken again: it looks at every one, though not at once."""

    def __init__(self, model: Any, start: int, last: int, progress: Callable[[int, int], None]) -> None:
        self.found: Culprit | None = None
        self.last_step = last
        self._model = model
        self._start, self._step = start, start
        self._progress = progress
        self._epoch = 0
        self._seen: list[tuple[int, int, Any, Any]] = []

    def epoch_began(self, epoch: int) -> None:
        """Count its batches."""
        self._epoch = epoch

    def due_in(self, finished: int, now: float) -> tuple[int, float]:
        """The next step."""
        return finished + 1, math.inf

    def look(self, finished: int, logs: Any) -> None:
        """Keep what a step came to, and read it with others."""
        self._step += 1
        loss = (logs or {}).get("loss", 0.0)
        self._seen.append((self._step, finished - 1, loss, are_finite(adapter.trainable_values(self._model))))
        if self._step >= self.last_step or len(self._seen) >= _READ_EVERY:
            self._read()
        if self._step >= self.last_step:
            raise _Over

    def epoch_ended(self, epoch: int, finished: int, logs: Mapping[str, float]) -> None:
        """Read what is left of it."""
        self._read()

    def _read(self) -> None:
        seen, self._seen = self._seen, []
        for step, batch, loss, is_sound in seen:
            if not (math.isfinite(float(loss)) and bool(is_sound)):
                self.found = Culprit(step=step, epoch=self._epoch, batch=batch, loss=float(loss))
                raise _Over
        self._progress(self._step - self._start, self.last_step - self._start)
