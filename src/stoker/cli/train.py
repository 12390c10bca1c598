"""``stoker train``."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stoker import backends
from stoker.cli.beginning import begin, own_code
from stoker.cli.ending import Trained, answer, end_training, telling_what_is_left
from stoker.cli.hosts import train_anywhere
from stoker.cli.importing import begin_importing, import_fit
from stoker.cli.options import ModelOptions, OutputOptions, TrainFlags
from stoker.cli.picture import data_lines, plan_lines, survey_text, text_lines
from stoker.cli.printing import program_name
from stoker.cli.session import choose_display, prepare
from stoker.cli.words import numbers
from stoker.signals import Terminated, heeded, number_of

if TYPE_CHECKING:
    from stoker.feed import Feed
    from stoker.training.progress import Display

_SHOWN = ("left out", "images", "input", "note", "warning", "rows", "order", "disk")


def train(flags: TrainFlags, output: OutputOptions) -> None:
    """Train a model on files that need not fit in memory."""
    display = choose_display(output)
    try:
        trained = train_anywhere(flags, display)
        end_training(display, trained, flags)
    finally:
        display.close()
    answer(trained, output)


def train_on(flags: TrainFlags, display: Display, recorded: dict[str, Any] | None = None) -> Trained:
    """Survey, plan, build and fit, as the flags say; they may be recorded as another program had them."""
    with ExitStack() as held:
        return _train_on(flags, display, recorded or recorded_flags(flags), held)


def _train_on(flags: TrainFlags, display: Display, recorded: dict[str, Any], held: ExitStack) -> Trained:
    from stoker import models
    from stoker.group import current
    from stoker.mirror import begun
    from stoker.models.parts import needs
    from stoker.runlock import running

    order, text = flags.order, flags.text
    model, training = flags.model, flags.training
    beginning = begin(flags, recorded["flags"], begun)
    feed, run = beginning.feed, beginning.run
    if current().is_alone:  # else the command tells that began the hosts
        held.enter_context(telling_what_is_left(display, run, flags))
    held.enter_context(running(Path(run)))  # before a survey that may take hours
    beginning.refuse_another(flags, display)
    feed.place_quarantine(Path(run) / "quarantine.csv")
    backends.choose()  # before the survey's threads, whose memory shall be there for the model later
    # The survey's kernels leave Python alone meanwhile.
    importing = begin_importing(import_fit)
    prepare(feed, display)
    needs(feed.spec, text.model)
    models.refuse_unfit(model.metric, [target.task for target in feed.spec.targets])
    display.note("survey", f"{survey_text(feed)} · {beginning.named}")
    with display.stage("cache", " rows") as progress:
        feed.build_cache(progress)
    for name, line in data_lines(feed):
        if name in _SHOWN:
            display.note(name, line)
    for name, line in text_lines(feed, text):
        display.note(name, line)
    importing.join()  # whoever waits within an import that fails is not told why
    from stoker.training.feeding import begun as batches_begun
    from stoker.training.fit import fit

    built = build_model(feed, text.model, model, order.seed)
    validated_on = held.enter_context(batches_begun(built, feed))
    tested = feed.derive(beginning.valid)
    validated_on(tested)
    held_out = tested.survey is feed.survey
    for name, line in plan_lines(feed, tested, held_out=held_out, epochs=order.epochs):
        if name in _SHOWN:
            display.note(name, line)
    signal = 0
    try:
        fit(
            built,
            feed,
            validation=tested,
            epochs=order.epochs,
            run=run,
            options=recorded,
            monitor=training.monitor,
            early_stopping=beginning.patience,
            validate_every=training.validate_every,
            max_time=training.max_time,
            init=beginning.init,
            on_nan=training.on_nan,
            checkpoint_every=training.checkpoint_every,
            keep_checkpoints=training.keep_checkpoints,
            on_checkpoint_error=training.on_checkpoint_error,
            resume=training.resume or False,
            progress=display,
        )
    except (KeyboardInterrupt, Terminated) as stopped:
        if _reported(built) is None:
            raise
        signal = number_of(stopped)
    return Trained(
        run=beginning.named,
        report=_reported(built),
        has_model=(Path(run) / "model.keras").is_file(),
        signal=signal,
    )


def _reported(model: Any) -> Any:
    """The report of the training that a model has had; None where none began."""
    return getattr(getattr(model, "history", None), "report", None)


def recorded_flags(flags: TrainFlags) -> dict[str, Any]:
    """The flags as ``run.json`` keeps them."""
    known = {name: value for group in asdict(flags).values() for name, value in group.items()}
    command = f"{program_name()} {shlex.join(sys.argv[1:])}"
    plain = {"model": known["model"], "seed": known["seed"], "command": command, "flags": known}
    return {**plain, "folder": os.getcwd()}


def build_model(feed: Feed, name: str, options: ModelOptions, seed: int) -> Any:
    """The model that the flags ask for, compiled."""
    from stoker import models

    chosen: dict[str, Any] = {}
    if options.learning_rate is not None:
        chosen["learning_rate"] = options.learning_rate
    if options.metric:
        tasks = [target.task for target in feed.spec.targets]
        own = list(dict.fromkeys("mae" if task == "regression" else "accuracy" for task in tasks))
        chosen["metrics"] = [*own, *(name for name in options.metric if name not in own)]
    if options.loss_weights:
        chosen["loss_weights"] = numbers("--loss-weights", options.loss_weights)
    if options.embeddings is not None:
        chosen["embeddings"] = options.embeddings
    if ":" not in name:
        chosen["seed"] = seed
    with own_code(name), heeded():
        return models.build(name, feed, **chosen)
