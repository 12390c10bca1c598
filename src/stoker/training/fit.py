"""`fit`: Keras's own training loop on a feed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stoker.errors import OptionError
from stoker.feed import Feed
from stoker.rundir import Status
from stoker.training import adapter
from stoker.training.artifacts import ModelFiles
from stoker.training.callback_list import TRAIN_BATCH_HOOKS, History, TrainingCallbacks, hooks_batches
from stoker.training.handover import Handover
from stoker.training.interrupts import Interrupts
from stoker.training.monitor import Monitor, infer_direction
from stoker.training.progress import Display, choose_display
from stoker.training.protocols import FeedLike
from stoker.training.recording import RunRecorder
from stoker.training.schedule import Interval, parse_interval, parse_seconds
from stoker.training.supervisor import TrainingSupervisor

__all__ = ["fit"]

_STATUS: dict[str, Status] = {"interrupted": "interrupted", "failed": "failed"}


def fit(
    model: Any,
    feed: FeedLike,
    *,
    validation: Any = None,
    epochs: int = 1,
    callbacks: Sequence[Any] = (),
    run: str | os.PathLike[str] | None = None,
    options: Mapping[str, Any] | None = None,
    monitor: str | None = None,
    early_stopping: int | None = None,
    validate_every: str | None = None,
    initial_epoch: int = 0,
    max_time: str | float | None = None,
    progress: str | Display = "auto",
) -> History:
    """Train a compiled Keras model on a feed, through ``model.fit``.

    Parameters
    ----------
    model
        A compiled ``keras.Model``; it is built if it was not.
    feed
        The batches to train on.
    validation
        A Source, for which ``feed.derive`` makes the feed, or a feed. Evaluated after each epoch.
    epochs
        The epoch at which to end; epochs ``initial_epoch`` to ``epochs - 1`` are trained.
    callbacks
        Keras callbacks. Those that hook batches cost a wait for every step.
    run
        A new directory for ``run.json``, ``model.keras`` (the best), ``last.keras`` and ``epochs.csv``.
    options
        Plain data to keep in ``run.json`` under ``options``. If ``model`` is ``"package.module:build"``,
        `stoker.load` imports that module before it loads the model.
    monitor
        The logged name that decides which model is the best, by default ``val_loss``, or ``loss`` without
        validation. Whether it should grow is inferred; ``"max:name"`` and ``"min:name"`` say it.
    early_stopping
        Stop after so many validations without a better value, and give the model its best weights back.
    validate_every
        Also validate within epochs: ``"30min"`` or ``"5000steps"``. Training is not changed by it.
    max_time
        Stop after the first step that ends later: ``"2h"``, or seconds.
    progress
        ``"auto"``, ``"bar"``, ``"notebook"``, ``"plain"``, ``"none"`` or a `Display`; on standard error.

    Returns
    -------
    History
        ``history`` and ``epoch`` as of Keras, and ``report`` (`FitReport`).

    Raises
    ------
    OptionError
        If an option cannot be, or would have no effect.
    StokerError
        What a feed raises arrives with its own type, whatever the backend.
    KeyboardInterrupt
        On Ctrl-C, after the step under way; ``model.history`` and the run directory hold what was reached.

    Examples
    --------
    ::

        history = stoker.fit(model, feed, validation=valid, epochs=10, run="runs/a", early_stopping=2)
        history.history["val_loss"]
    """
    if options and run is None:
        raise OptionError("options has no effect without run=")
    every = _interval(validate_every, validation)
    seconds = None if max_time is None else parse_seconds(max_time, option="max_time")
    if not 0 <= initial_epoch < epochs:
        raise OptionError(f"epochs must be greater than initial_epoch, got {epochs} and {initial_epoch}")
    display = choose_display(progress)
    _prepare(feed, display)
    valid = _feed_of(feed, validation)
    adapter.build_model(model, feed.spec, feed.batch_size)
    name, direction = _monitored(model, monitor, has_validation=valid is not None)
    watcher = Monitor(name, direction, patience=early_stopping)
    recorder = None if run is None else RunRecorder(Path(run), feed, valid, options or {})
    files = None if run is None else ModelFiles(Path(run))
    with _one_step_an_execution(model, callbacks), Interrupts() as interrupts:
        wait_for = adapter.wait_for_result
        training = Handover(feed, wait_for=wait_for, interrupts=interrupts)
        tested = None if valid is None else Handover(valid, wait_for=wait_for, interrupts=interrupts)
        supervisor = TrainingSupervisor(
            model=model,
            training=training,
            validation=tested,
            display=display,
            monitor=watcher,
            files=files,
            recorder=recorder,
            epochs=epochs,
            validate_every=every,
            max_seconds=seconds,
        )
        call = _Call(
            model=model,
            training=training,
            validation=tested,
            supervisor=supervisor,
            interrupts=interrupts,
            history=History(),
            files=files,
            recorder=recorder,
            display=display,
            own_display=display is not progress,
            monitor=watcher,
        )
        return call.run(callbacks, initial_epoch, epochs)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """One call of `fit`, all of whose parts are ready."""

    model: Any
    training: Handover
    validation: Handover | None
    supervisor: TrainingSupervisor
    interrupts: Interrupts
    history: History
    files: ModelFiles | None
    recorder: RunRecorder | None
    display: Display
    own_display: bool
    monitor: Monitor

    def run(self, callbacks: Sequence[Any], initial_epoch: int, epochs: int) -> History:
        try:
            self._train(callbacks, initial_epoch, epochs)
        except KeyboardInterrupt:
            self._end("interrupted")
            raise
        except Exception as error:
            self._end("failed", f"{type(error).__name__}: {error}")
            for handover in self._handovers():
                handover.raise_failure()
            raise
        stopped = "stopped" if self.model.stop_training else "finished"
        self._end(self.supervisor.ended or stopped)
        return self.history

    def _train(self, callbacks: Sequence[Any], initial_epoch: int, epochs: int) -> None:
        hooks = TrainingCallbacks(
            [*callbacks, self.history],
            model=self.model,
            training=self.training,
            validation=self.validation,
            supervisor=self.supervisor,
            interrupts=self.interrupts,
            verbose=0,
            epochs=epochs,
            steps=self.training.num_batches,
        )
        tested = None if self.validation is None else adapter.FeedAdapter(self.validation)
        self.supervisor.finished = lambda: hooks.finished
        if tested is not None:
            self.supervisor.evaluate = lambda: hooks.evaluate_now(tested)
        self.model.fit(
            adapter.FeedAdapter(self.training),
            validation_data=tested,
            callbacks=hooks,
            epochs=epochs,
            initial_epoch=initial_epoch,
            shuffle=False,
            verbose=0,
        )

    def _end(self, ended: str, error: str | None = None) -> None:
        for handover in self._handovers():
            handover.close()
        report = self.supervisor.report(ended)
        self.history.report = report
        try:
            if self.files is not None and report.steps and ended != "failed":
                self.files.save_last(self.model)
            if self.recorder is not None:
                self.recorder.end(_STATUS.get(ended, "finished"), report, error)
            if report.best is None and report.epochs:
                self.display.note(
                    "warning", f"{report.monitor} was never a number, so there is no best model"
                )
            if ended in ("finished", "stopped", "early_stopping", "max_time"):
                self.monitor.restore(self.model)
            if ended != "failed":
                self.display.finished(report)
        finally:
            if self.own_display:
                self.display.close()

    def _handovers(self) -> tuple[Handover, ...]:
        return (self.training,) if self.validation is None else (self.training, self.validation)


class _one_step_an_execution:  # noqa: N801  # reads as a statement
    """Batch hooks report wrong indices with ``steps_per_execution`` above 1, so it is 1 while one is used."""

    def __init__(self, model: Any, callbacks: Sequence[Any]) -> None:
        self._model = model
        self._steps = model.steps_per_execution
        self._needed = self._steps > 1 and any(hooks_batches(each, *TRAIN_BATCH_HOOKS) for each in callbacks)

    def __enter__(self) -> None:
        if self._needed:
            self._set(1)

    def __exit__(self, *exception: object) -> None:
        if self._needed:
            self._set(self._steps)

    def _set(self, steps: int) -> None:
        self._model.steps_per_execution = steps
        self._model.train_function = self._model.test_function = None


def _interval(validate_every: str | None, validation: Any) -> Interval | None:
    if validate_every is None:
        return None
    if validation is None:
        raise OptionError(f"validate_every={validate_every!r} has no effect without validation=")
    return parse_interval(validate_every, option="validate_every")


def _prepare(feed: FeedLike, display: Display) -> None:
    """Survey now, in sight, what would be surveyed unseen at the first look at ``feed.spec``."""
    if isinstance(feed, Feed):
        with display.stage("survey", "B") as progress:
            feed.prepare(progress)


def _feed_of(feed: FeedLike, validation: Any) -> FeedLike | None:
    if validation is None:
        return None
    return validation if hasattr(validation, "num_batches") else feed.derive(validation)


def _monitored(model: Any, monitor: str | None, *, has_validation: bool) -> tuple[str, str]:
    text = monitor or ("val_loss" if has_validation else "loss")
    direction, _, name = text.rpartition(":")
    if direction not in ("", "min", "max"):
        raise OptionError(f"monitor must be a name, 'min:name' or 'max:name', got {text!r}")
    known = adapter.metric_names(model)
    if known is not None:
        logged = [*known, *(f"val_{each}" for each in known if has_validation)]
        if name not in logged:
            raise OptionError(f"monitor {name!r} is not logged; logged are {', '.join(logged)}")
    if direction:
        return name, direction
    return name, infer_direction(name, adapter.metric_direction(model, name.removeprefix("val_")))
