"""The end of a training: what it left behind, what can be done with that, and what ``--json`` prints."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stoker.cli.interrupts import told_first
from stoker.cli.options import DataOptions, OutputOptions, TrainFlags
from stoker.cli.printing import print_json, program_name
from stoker.cli.resuming import command_that_resumes, has_checkpoint, told_of_an_end
from stoker.errors import StokerError
from stoker.signals import raise_for

if TYPE_CHECKING:
    from stoker.training.progress import Display
    from stoker.training.report import FitReport

__all__ = ["Trained", "answer", "end_training", "summary", "telling_what_is_left"]

_MODEL = "model.keras"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What a training came to.

    Attributes
    ----------
    run
        The run directory, or its address.
    report
        Of `stoker.fit`.
    has_model
        Whether there is a best model.
    signal
        The number of the signal that stopped it, 0 where none did.
    """

    run: str
    report: FitReport
    has_model: bool
    signal: int = 0


def end_training(display: Display, trained: Trained, flags: TrainFlags) -> None:
    """Say what can be done with what a training left behind."""
    from stoker.mirror import place_of

    if trained.signal:
        # The folder of this machine may hold what did not come to its address.
        folder = trained.run if flags.training.hosts > 1 else os.fspath(place_of(trained.run))
        _tell_what_is_left(display, folder, flags)
    elif trained.has_model:
        _note_next(display, trained.run, flags.data)
    else:
        display.note(
            "next",
            "begin a new run with a lower --learning-rate, or on mended data: there is no best model",
        )


def answer(trained: Trained, output: OutputOptions) -> None:
    """Print what ``--json`` asks for; then raise what stopped the training, if something did."""
    if output.json:
        print_json(summary(trained))
    if trained.signal:
        raise_for(trained.signal)


@contextmanager
def telling_what_is_left(display: Display, run: str, flags: TrainFlags) -> Iterator[None]:
    """Say what can be done with what is left where the block is stopped.

    Parameters
    ----------
    display
        Where to say it.
    run
        The run directory, or its address.
    flags
        Of the command.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        _tell_what_is_left(display, run, flags)
        raise


def _tell_what_is_left(display: Display, run: str, flags: TrainFlags) -> None:
    with told_first():
        try:
            _note_what_is_left(display, run, flags)
        except StokerError as error:  # a store that cannot be asked
            display.note("warning", f"what is left is not known: {error}")


def _note_what_is_left(display: Display, run: str, flags: TrainFlags) -> None:
    from stoker.mirror import address_of, files_of

    left, command = files_of(run), command_that_resumes(run, flags)
    if (ended := told_of_an_end(run, flags)) is not None:
        display.note("stopped", ended)
    elif has_checkpoint(run):
        display.note("resume", command)
    elif "run.json" not in left:
        display.note(
            "stopped",
            "before training began: nothing is saved but a survey that was finished, and the same "
            "command begins anew",
        )
    else:
        display.note("stopped", f"there is no checkpoint: {command} begins the run again")
    if _MODEL in left:
        _note_next(display, address_of(run) or run, flags.data)


def _note_next(display: Display, run: str, data: DataOptions) -> None:
    display.note("next", f"{program_name()} {shlex.join(['evaluate', run, *(data.valid or ['FILE'])])}")


def summary(trained: Trained) -> dict[str, Any]:
    """What ``--json`` prints."""
    from stoker.mirror import fetched
    from stoker.rundir import RunDirectory

    report, record = trained.report, RunDirectory(fetched(trained.run, models=False)).read()
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
