"""`fit`: Keras's own training loop on a feed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from stoker.checkpoints import CheckpointStore
from stoker.errors import OptionError
from stoker.feed import Feed
from stoker.group import current
from stoker.mirror import mirrored
from stoker.runlock import alone_in_its_run
from stoker.stored import MOST
from stoker.training.artifacts import ModelFiles
from stoker.training.call import TrainingCall
from stoker.training.callback_list import History
from stoker.training.checkpointing import OnCheckpointError
from stoker.training.feeding import (
    AnyFeed,
    check_validation,
    end_feeds,
    expected_of,
    open_feeds,
    training_feed,
    validation_feed,
)
from stoker.training.finite import OnNan, guard_for
from stoker.training.inheriting import begin_with, inherit
from stoker.training.keras_arguments import answers_keras
from stoker.training.logged import metric_direction, metric_names
from stoker.training.monitor import Monitor, infer_direction, parse_monitor
from stoker.training.programs import Programs, compile_ahead, expect_nothing
from stoker.training.progress import Display, choose_display
from stoker.training.recorded import warnings_before
from stoker.training.recording import RunRecorder
from stoker.training.resuming import ResumeOption, begin_checkpoints, goes_on
from stoker.training.sameness import learning_settings
from stoker.training.schedule import Interval, parse_interval, parse_seconds
from stoker.training.taken import refuse_other_begun, refuse_taken
from stoker.training.taking_up import take_up
from stoker.training.together import begin_alike, refuse_unshareable
from stoker.training.unwritten import Unwritten

__all__ = ["fit"]


@answers_keras
@mirrored
@alone_in_its_run
def fit(
    model: Any,
    feed: Any,
    *,
    validation: Any = None,
    epochs: int = 1,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    callbacks: Sequence[Any] = (),
    run: str | os.PathLike[str] | None = None,
    options: Mapping[str, Any] | None = None,
    monitor: str | None = None,
    early_stopping: int | None = None,
    validate_every: str | None = None,
    initial_epoch: int = 0,
    init: str | os.PathLike[str] | None = None,
    max_time: str | float | None = None,
    on_nan: OnNan = "stop",
    checkpoint_every: str | None = None,
    keep_checkpoints: int = 3,
    on_checkpoint_error: OnCheckpointError = "warn",
    resume: ResumeOption = False,
    progress: str | Display = "auto",
) -> History:
    """Train a compiled Keras model on a feed, through ``model.fit``.

    What Keras's own `fit` takes and this does not (``verbose``, ``batch_size``, ``validation_data``, …) is
    answered by an error that says what does it here.

    Among processes that train together (docs/scale.md) each calls this with the same model, feed and options;
    the first one writes and shows, and its clock counts.

    Parameters
    ----------
    model
        A compiled ``keras.Model``; it is built if it was not.
    feed
        The batches to train on: a `Feed`, a `GeneratorFeed`, or a generator, an iterator or a Keras Sequence
        of ``(x, y)`` or ``(x, y, sample_weight)``, for which a GeneratorFeed is made.
    validation
        Evaluated after each epoch: a feed, a Source, for which ``feed.derive`` makes the feed, or a generator
        or a Sequence. With a generator as `feed` also arrays ``(x, y)``. What it cannot be is refused before
        anything is read.
    epochs
        The epoch at which to end; epochs ``initial_epoch`` to ``epochs - 1`` are trained.
    steps_per_epoch, validation_steps
        Batches of an epoch, and of a validation, of a generator or a Sequence. A generator needs it.
    callbacks
        Keras callbacks. Those that hook batches cost a wait for every step.
    run
        A new directory for ``run.json``, ``model.keras`` (the best), ``last.keras`` and ``epochs.csv``, here
        or on S3, ``s3://bucket/runs/a``: docs/run-directory.md.
        One that holds a run is refused with the next free name; `stoker.rundir.next_run_path` numbers by
        itself.
    options
        Plain data to keep in ``run.json`` under ``options``. Where ``model`` is ``"package.module:build"``
        and the model cannot be loaded, `stoker.load` names that module, which may define what it is made of.
    monitor
        The logged name that decides which model is the best, by default ``val_loss``, or ``loss`` without
        validation. Whether it should grow is inferred; ``"max:name"`` and ``"min:name"`` say it.
    early_stopping
        Stop after so many validations without a better value, and give the model its best weights back.
    validate_every
        Also validate within epochs: ``"30min"`` or ``"5000steps"``. Training is not changed by it.
    init
        A run directory to begin with: its best weights are taken over, columns and classes by name, by the
        rules of docs/reliability.md. The feed must have its transforms: ``stoker.Feed(…, init=)``.
    max_time
        Stop after the first step that ends later: ``"2h"``, or seconds.
    on_nan
        What to do once the loss is no finite number: ``"stop"``, or ``"continue"`` after a warning. Beside
        Keras's ``TerminateOnNaN``, which stops by itself, nothing is done.
    checkpoint_every
        When a checkpoint is written to ``run``: ``"500steps"``, ``"5min"``, ``"1epoch"`` or ``"never"``.
        None is every five minutes and after every epoch, as far as that costs training less than 2 %.
    keep_checkpoints
        How many of them are kept.
    on_checkpoint_error
        Where one cannot be written, as on a full disk: ``"warn"`` goes on with the last good one, and owes
        models and the record until a later save, or the end, which raises if they cannot be written even
        then; ``"stop"`` ends training.
    resume
        ``"auto"`` goes on with the run that ``run`` holds, from its newest whole checkpoint, to the very
        weights that it would have come to; begins it where there is none; and refuses any other plan. More
        epochs may be asked for. See docs/reliability.md.
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
    NonFiniteLossError
        If the loss is no finite number, with the step, or the steps among which it became so.
    StokerError
        What a feed raises arrives with its own type, whatever the backend.
    KeyboardInterrupt, Terminated
        On Ctrl-C, and on SIGTERM or SIGHUP (`stoker.signals`), after the step under way; ``model.history``
        and the run directory hold what was reached. Before a prompt one Ctrl-C returns the History instead.

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
    if not 0 <= initial_epoch < epochs <= MOST:
        raise OptionError(
            "epochs must be greater than initial_epoch, which is at least 0, and at most 2**60, got "
            f"{epochs} and {initial_epoch}"
        )
    group = current()
    display = choose_display(progress if group.is_first else "none")
    guard = guard_for(on_nan, callbacks, partial(display.note, "warning"))
    training = training_feed(feed, steps_per_epoch)
    check_validation(training, validation)
    folder = None if run is None else Path(run)
    resumes = group.told(lambda: goes_on(folder, resume, training))
    checkpointer = begin_checkpoints(
        folder,
        training,
        every=checkpoint_every,
        keep=keep_checkpoints,
        on_error=on_checkpoint_error,
        on_nan=on_nan,
        warn=partial(display.note, "warning"),
    )
    settings = {
        "initial_epoch": initial_epoch,
        "monitor": monitor,
        "early_stopping": early_stopping,
        "validate_every": validate_every,
        "validation_steps": validation_steps,
    }
    if folder is not None and resumes and isinstance(training, Feed) and not training.is_prepared:
        compares = partial(display.stage, "compare", "B")
        refuse_other_begun(folder, training, validation, epochs=epochs, settings=settings, compares=compares)
    if folder is not None and not resumes and group.is_first:
        refuse_taken(folder, training)
        if checkpointer is not None:
            checkpointer.validated.forget()
    if folder is not None and isinstance(training, Feed):
        training.place_quarantine(folder / "quarantine.csv")
    if init is not None:
        inherit(training, init)
    valid = validation_feed(_prepared(training, display), validation, validation_steps)
    for warning in warnings_before(training, valid):
        display.note("warning", warning)
    trained = range(initial_epoch, epochs)
    programs: Programs | None = None
    try:
        validations = None if every is not None else len(trained)
        open_feeds(model, training, valid, epochs=trained, validations=validations)
        if not group.is_alone:
            refuse_unshareable(group, model, training, valid)
        if init is not None and not resumes:
            begin_with(model, init, training, partial(display.note, "init"))
        name, direction = _monitored(model, monitor, has_validation=valid is not None)
        recorder, resumption = None, None
        if folder is not None:
            told = {
                "epochs": epochs,
                **settings,
                "max_time": max_time,
                "on_nan": on_nan,
                "checkpoint_every": checkpoint_every,
                "keep_checkpoints": keep_checkpoints,
                "on_checkpoint_error": on_checkpoint_error,
                **({"init": os.fspath(init)} if init is not None and not resumes else {}),
                **({} if group.is_alone else {"hosts": group.count}),
                **learning_settings(model, training, valid),
            }
            recorder = RunRecorder(folder, training, valid, options or {}, training=told, goes_on=resumes)
            if resumes:
                resumption = take_up(
                    recorder,
                    folder,
                    model,
                    callbacks,
                    store=CheckpointStore(folder) if checkpointer is None else checkpointer.store,
                    ledger=getattr(training, "ledger", None),
                    epochs=epochs,
                    max_seconds=seconds,
                    display=display,
                )
        # Behind the recorder: what it takes for a moment, and what a compiler takes, shall not meet.
        programs = compile_ahead(model, expected_of(training), expected_of(valid))
        if not group.is_alone:
            begin_alike(group, model)
        call = TrainingCall(
            model=model,
            feed=training,
            validation=valid,
            callbacks=callbacks,
            epochs=epochs,
            initial_epoch=initial_epoch if resumption is None else resumption.first_epoch(epochs),
            display=display,
            own_display=display is not progress,
            monitor=Monitor(name, direction, patience=early_stopping),
            files=ModelFiles(folder) if folder is not None and group.is_first else None,
            recorder=recorder,
            every=every,
            seconds=seconds,
            guard=guard,
            checkpointer=checkpointer,
            identity=None if recorder is None else recorder.identity,
            resumption=resumption,
            unwritten=Unwritten(stops=on_checkpoint_error == "stop", warn=partial(display.note, "warning")),
        )
        return call.run()
    finally:
        if programs is not None:
            programs.end()
        expect_nothing(model)
        end_feeds(training, valid)


def _interval(validate_every: str | None, validation: Any) -> Interval | None:
    if validate_every is None:
        return None
    if validation is None:
        raise OptionError(f"validate_every={validate_every!r} has no effect without validation=")
    return parse_interval(validate_every, option="validate_every")


def _prepared(feed: AnyFeed, display: Display) -> AnyFeed:
    """Surveyed now, in sight, and not unseen at the first look at ``feed.spec``."""
    if isinstance(feed, Feed):
        with display.stage("survey", "B") as progress, display.stage("fit", " rows") as fitting:
            feed.prepare(progress, fitting, partial(display.note, "note"))
    return feed


def _monitored(model: Any, monitor: str | None, *, has_validation: bool) -> tuple[str, str]:
    direction, name = parse_monitor(monitor or ("val_loss" if has_validation else "loss"))
    known = metric_names(model)
    if known is not None:
        logged = [*known, *(f"val_{each}" for each in known if has_validation)]
        if name not in logged:
            raise OptionError(f"monitor {name!r} is not logged; logged are {', '.join(logged)}")
    if direction:
        return name, direction
    return name, infer_direction(name, metric_direction(model, name.removeprefix("val_")))
