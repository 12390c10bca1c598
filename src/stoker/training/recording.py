"""run.json of a training run, rewritten after every epoch."""

from __future__ import annotations

import datetime
import importlib
import os
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import keras
import msgspec
import psutil
from msgspec.structs import replace

from stoker.asides import Aside
from stoker.checkpoints import Identity
from stoker.contrasts import chosen_rows
from stoker.differing import DECIDING, transform_digest
from stoker.group import current
from stoker.rundir import RunDirectory
from stoker.runrecords import (
    EpochRecord,
    Outcome,
    RunRecord,
    Status,
    joined_epochs,
)
from stoker.training.protocols import FeedLike
from stoker.training.recorded import known_of, package_versions
from stoker.training.report import FitReport
from stoker.training.sameness import refuse_other_run

__all__ = ["RECORD", "RunRecorder"]

RECORD = "run.json and epochs.csv"
"""What is written together, for people."""

# Windows has no such module, and tells the peak with the rest.
_resource: Any = importlib.import_module("resource") if os.name == "posix" else None


class RunRecorder:
    """Makes a run directory and keeps its record.

    Parameters
    ----------
    directory
        The folder; it must hold no run yet.
    feed, validation
        What is trained and validated on: feeds of stoker, whose survey and plan are recorded, or a
        GeneratorFeed.
    options
        Plain data that is kept under ``options``.
    training
        What decides what is learned beside the data, kept under ``training``.
    goes_on
        The folder holds a run, which this one goes on with: nothing is written there before `go_on`.

    Of processes that train together the first one writes, and the others keep their records to themselves.

    Raises
    ------
    OptionError
        If the feed is none of stoker's own.
    RunError
        If the folder holds a run already, or cannot be written; with `goes_on`, if that is another run.
    """

    def __init__(
        self,
        directory: Path,
        feed: FeedLike,
        validation: FeedLike | None,
        options: Mapping[str, Any],
        *,
        training: Mapping[str, Any] | None = None,
        goes_on: bool = False,
    ) -> None:
        known, transform, contents = known_of(feed, validation)
        self._directory = RunDirectory(directory)
        self._waits = goes_on
        self._asked_before: Mapping[str, Any] = {}
        self._epochs_written = 0
        self._writes = current().is_first
        self._record = RunRecord(
            versions=package_versions(),
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            backend=keras.backend.backend(),
            options=dict(options),
            training=dict(training or {}),
            **known,
        )
        if not goes_on:
            if self._writes:
                self._directory.create(self._record, transform, contents)
            return
        there = self._directory.read()
        refuse_other_run(directory, there, self._record, feed)
        self._asked_before = dict(there.training)
        # What may be others: where the files are, and how that was said.
        there.files, there.validation_files = self._record.files, self._record.validation_files
        there.options |= {name: value for name, value in options.items() if name != "command"}
        there.training.pop("hosts", None)  # it may go on with another number of them
        there.training, there.versions = there.training | self._record.training, self._record.versions
        self._record, self._epochs_written = there, len(there.epochs)

    @property
    def record(self) -> RunRecord:
        """What run.json holds, or is to hold with the next epoch."""
        return self._record

    @property
    def unrecorded(self) -> tuple[EpochRecord, ...]:
        """Finished epochs that run.json could not be written with yet: a checkpoint keeps them."""
        return tuple(self._record.epochs[self._epochs_written :])

    @property
    def identity(self) -> Identity:
        """What the run is of, for its checkpoints."""
        record = self._record
        return Identity(
            versions=record.versions,
            backend=record.backend,
            order=None if record.plan is None else record.plan.order,
            rows=msgspec.json.encode(chosen_rows(record.source)).decode(),
            validation_rows=msgspec.json.encode(record.training.get("validation_rows")).decode(),
            files=[file.digest for file in record.files],
            validation_files=[file.digest for file in record.validation_files],
            transform=transform_digest(record.transform),
            settings={name: record.training.get(name) for name in DECIDING},
        )

    @property
    def asks_for_more(self) -> bool:
        """Whether the run that is there is asked for more epochs than before, or for another time."""
        before, now = self._asked_before, self._record.training
        longer = now.get("max_time") != before.get("max_time")
        return longer or now.get("epochs", 0) > before.get("epochs", 0)

    def trained_again(self, step: int, epoch: int) -> list[int]:
        """Epochs that had ended, and are trained again where the run goes on behind a step, with an epoch."""
        if self._record.outcome.steps <= step:
            return []  # an epoch that ended early goes on
        return [each.epoch for each in self._record.epochs if each.epoch >= epoch]

    def go_on(self, step: int, epoch: int, unrecorded: Iterable[EpochRecord] = ()) -> Aside | None:
        """Forget what comes again: the epoch that is gone on with, and those after it.

        Nothing where the run only begins. Epochs that run.json lacks, and the checkpoint holds, are taken
        from there.

        Parameters
        ----------
        step
            Behind which it goes on; 0 where it begins again.
        epoch
            The first to be trained.
        unrecorded
            What the checkpoint has of epochs.

        Returns
        -------
        Aside or None
            Where record and models of before lie: kept where the run begins again, or had finished.

        Raises
        ------
        RunError
            If they cannot be kept; all is as it was.
        """
        if not self._waits:
            return None
        again, outcome = self.trained_again(step, epoch), self._record.outcome
        begins = step == 0 and (again or self._directory.has_model)
        aside = None
        if self._writes and (begins or (again and outcome.status == "finished")):
            aside = self._directory.keep_aside()
        self._waits = False
        known = joined_epochs(self._record.epochs, unrecorded)
        self._record.epochs = [each for each in known if each.epoch < epoch]
        # A run that begins again has taken no step, however it ends; what it had come to is aside.
        self._record.outcome = replace(outcome, status="running", error=None) if step else Outcome()
        self._write()
        return aside

    def add_epoch(self, record: EpochRecord) -> None:
        """Take note of a finished epoch, which is written with what `end` notes."""
        self._record.epochs.append(record)

    def end(self, status: Status, report: FitReport, error: str | None = None) -> None:
        """Take note of how the run stands or ended, and write it; of one never gone on with, nothing.

        Raises
        ------
        RunError
            If it cannot be written.
        """
        if self._waits:
            return
        self._record.outcome = Outcome(
            status=status,
            rows=report.rows,
            steps=report.steps,
            seconds=report.seconds,
            wait_seconds=report.wait_seconds,
            ledger_peak_bytes=report.ledger_peak_bytes,
            ledger_peaks=dict(report.ledger_peaks),
            peak_rss_bytes=peak_process_bytes(),
            monitor=report.monitor,
            best_epoch=report.best_epoch,
            best_value=report.best,
            error=error,
        )
        self._write()

    def _write(self) -> None:
        if self._writes:
            self._directory.write(self._record)
        self._epochs_written = len(self._record.epochs)


def peak_process_bytes() -> int:
    """The most memory that this process has held resident."""
    now = psutil.Process().memory_info()
    if _resource is None:
        return int(getattr(now, "peak_wset", now.rss))
    peak = _resource.getrusage(_resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if platform.system() == "Darwin" else max(int(peak) * 1024, int(now.rss))
