"""``stoker train``."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stoker import backends
from stoker.cli.beginning import begin, own_code
from stoker.cli.hosts import train_anywhere
from stoker.cli.importing import begin_importing, import_fit
from stoker.cli.options import (
    DataOptions,
    ModelOptions,
    OutputOptions,
    TrainFlags,
)
from stoker.cli.picture import data_lines, plan_lines, survey_text, text_lines
from stoker.cli.printing import print_json, program_name
from stoker.cli.resuming import command_that_resumes, has_checkpoint, told_of_an_end
from stoker.cli.session import choose_display, prepare
from stoker.cli.words import numbers

if TYPE_CHECKING:
    from stoker.feed import Feed
    from stoker.training.progress import Display
    from stoker.training.report import FitReport

_SHOWN = ("left out", "images", "input", "note", "warning", "rows", "order", "disk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What a training left behind."""

    run: str
    report: FitReport
    has_model: bool


def train(flags: TrainFlags, output: OutputOptions) -> None:
    """Train a model on files that need not fit in memory."""
    display = choose_display(output)
    try:
        trained = train_anywhere(flags, display)
        end_training(display, trained, flags.data)
    finally:
        display.close()
    if output.json:
        print_json(summary(trained))


def end_training(display: Display, trained: Trained, data: DataOptions) -> None:
    """Say what can be done with what a training left behind."""
    if trained.has_model:
        _note_next(display, trained.run, data)
    else:
        display.note(
            "next",
            "begin a new run with a lower --learning-rate, or on mended data: there is no best model",
        )


def _note_next(display: Display, run: str, data: DataOptions) -> None:
    display.note("next", f"{program_name()} {shlex.join(['evaluate', run, *(data.valid or ['FILE'])])}")


@contextmanager
def _model_left_behind(display: Display, run: str, flags: TrainFlags) -> Iterator[None]:
    """Say what can be done with what a training leaves behind when it is stopped."""
    from stoker.mirror import address_of

    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        command = command_that_resumes(run, flags)
        if (ended := told_of_an_end(run, flags)) is not None:
            display.note("stopped", ended)
        elif has_checkpoint(run):
            display.note("resume", command)
        elif not (Path(run) / "run.json").exists():
            display.note(
                "stopped",
                "before training began: nothing is saved but a survey that was finished, and the same "
                "command begins anew",
            )
        else:
            display.note("stopped", f"there is no checkpoint: {command} begins the run again")
        if (Path(run) / "model.keras").is_file():
            _note_next(display, address_of(run) or run, flags.data)
        raise


def train_on(flags: TrainFlags, display: Display, recorded: dict[str, Any] | None = None) -> Trained:
    """Survey, plan, build and fit, as the flags say; they may be recorded as another program had them."""
    with ExitStack() as held:
        return _train_on(flags, display, recorded or recorded_flags(flags), held)


def _train_on(flags: TrainFlags, display: Display, recorded: dict[str, Any], held: ExitStack) -> Trained:
    from stoker import models
    from stoker.mirror import begun
    from stoker.models.parts import needs
    from stoker.runlock import running

    order, text = flags.order, flags.text
    model, training = flags.model, flags.training
    beginning = begin(flags, recorded["flags"], begun)
    feed, run = beginning.feed, beginning.run
    held.enter_context(_model_left_behind(display, run, flags))
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
    history = fit(
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
    return Trained(
        run=beginning.named, report=history.report, has_model=(Path(run) / "model.keras").is_file()
    )


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
    with own_code(name):
        return models.build(name, feed, **chosen)


def summary(trained: Trained) -> dict[str, Any]:
    """What ``--json`` prints."""
    from stoker.mirror import fetched
    from stoker.rundir import RunDirectory

    report, record = trained.report, RunDirectory(fetched(trained.run)).read()
    return {
        "run": trained.run,
        "ended": report.ended,
        "rows": report.rows,
        "steps": report.steps,
        "epochs": report.epochs,
        "seconds": report.seconds,
        "rows_per_second": report.rows / report.train_seconds if report.train_seconds else None,
        "peak_rss_bytes": record.outcome.peak_rss_bytes,
        "ledger_peak_bytes": report.ledger_peak_bytes,
        "wait_seconds": report.wait_seconds,
        "metrics": dict(report.metrics),
        "monitor": report.monitor,
        "best": report.best,
        "best_epoch": report.best_epoch,
        "digests": [
            {"epoch": epoch.epoch, "order": epoch.order_digest, "members": epoch.member_digest}
            for epoch in record.epochs
        ],
    }
