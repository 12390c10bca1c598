"""run.json of a training run, rewritten after every epoch."""

from __future__ import annotations

import datetime
import importlib
import os
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import keras
import msgspec
import psutil
from msgspec.structs import replace

from stoker.audit.contents import contents_of
from stoker.audit.described import described
from stoker.checkpoints import Identity
from stoker.errors import OptionError
from stoker.feed import BaseFeed
from stoker.group import current
from stoker.rundir import RunDirectory, set_apart
from stoker.runrecords import (
    EpochRecord,
    FileRecord,
    GeneratorRecord,
    Outcome,
    RunRecord,
    Status,
    joined_epochs,
)
from stoker.survey import Survey
from stoker.training.generators.feeds import GeneratorFeed
from stoker.training.protocols import FeedLike
from stoker.training.reopen import describe_files
from stoker.training.report import FitReport
from stoker.training.sameness import DECIDING, refuse_other_run, transform_digest
from stoker.transforms.columns import Columns
from stoker.transforms.texts import TextTransform

__all__ = ["RECORD", "RunRecorder", "shared_files"]

RECORD = "run.json and epochs.csv"
"""What is written together, for people."""

# Windows has no such module, and tells the peak with the rest.
_resource: Any = importlib.import_module("resource") if os.name == "posix" else None

_PACKAGES = ("stoker", "keras", "jax", "tensorflow", "torch", "numpy", "numba", "pyarrow")


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
        contents: bytes | None = None
        if isinstance(feed, GeneratorFeed):
            known, transform = _of_generator(feed), None
        else:
            trained = _recordable(feed)
            known, transform = _of_feed(trained, validation)
            contents = contents_of(trained.survey, _tested_apart(trained, validation))
        self._directory = RunDirectory(directory)
        self._waits = goes_on
        self._epochs_written = 0
        self._writes = current().is_first
        self._record = RunRecord(
            versions=_versions(),
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
            rows=msgspec.json.encode(record.source.get("view")).decode(),
            validation_rows=msgspec.json.encode(record.training.get("validation_rows")).decode(),
            files=[file.digest for file in record.files],
            validation_files=[file.digest for file in record.validation_files],
            transform=transform_digest(record.transform),
            settings={name: record.training.get(name) for name in DECIDING},
        )

    def go_on(self, epoch: int, unrecorded: Iterable[EpochRecord] = ()) -> None:
        """Forget what came behind the checkpoint that is gone on from: this epoch, and those after it.

        Nothing where the run only begins. Epochs that run.json lacks, and the checkpoint holds, are taken
        from there.
        """
        if not self._waits:
            return
        self._waits = False
        known = joined_epochs(self._record.epochs, unrecorded)
        self._record.epochs = [each for each in known if each.epoch < epoch]
        self._record.outcome = replace(self._record.outcome, status="running", error=None)
        self._write()

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


def shared_files(feed: Any, validation: Any) -> list[str]:
    """Warnings of files that are both trained and validated on, told by what they hold, not by their names.

    Two parts of the same files, as `split` makes them, are no reason to warn.
    """
    if not isinstance(feed, BaseFeed) or not isinstance(validation, BaseFeed):
        return []
    return [
        f"{mine} holds the very bytes of {theirs}, which is trained on: validation then tells what was "
        "learned by heart, not what was understood; give other files, or hold rows out of these"
        for mine, theirs in validation.survey.files_shared_with(feed.survey)
    ]


def peak_process_bytes() -> int:
    """The most memory that this process has held resident."""
    now = psutil.Process().memory_info()
    if _resource is None:
        return int(getattr(now, "peak_wset", now.rss))
    peak = _resource.getrusage(_resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if platform.system() == "Darwin" else max(int(peak) * 1024, int(now.rss))


def _recordable(feed: Any) -> BaseFeed:
    if not isinstance(feed, BaseFeed):
        raise OptionError(
            f"run= needs a stoker.Feed or a generator, got {type(feed).__name__}, of which nothing is known "
            "that could be recorded"
        )
    return feed


def _of_feed(feed: BaseFeed, validation: Any) -> tuple[dict[str, Any], bytes | None]:
    """The survey and plan of a feed, as fields of the record; and what its transform has learned of texts."""
    stage = feed.stage
    state, apart = stage.inputs.state(), None
    if isinstance(stage.inputs, TextTransform | Columns):
        state, apart = set_apart(state)
    tested = _tested_apart(feed, validation)
    return {
        "reading": describe_files(stage.source),
        "source": described(stage.source),
        "policy": {"na": stage.options.na, "on_bad_row": stage.options.on_bad_row},
        "files": _files(stage.survey),
        "validation_files": [] if tested is None else _files(tested),
        "validation_reading": {} if tested is None else describe_files(tested.source),
        "validation_source": {} if tested is None else described(tested.source),
        "warnings": shared_files(feed, validation),
        "columns": [
            column
            for column in stage.source.columns
            if column.name in (*stage.spec.features, *stage.spec.answers)
        ],
        "excluded_rows": len(stage.survey.excluded),
        "spec": stage.spec,
        "transform": state,
        "target": {} if stage.target is None else stage.target.state(),
        "choices": list(stage.choices),
        "plan": stage.plan,
    }, apart


def _tested_apart(feed: BaseFeed, validation: Any) -> Survey | None:
    """The survey of what is validated on, where that lies in files of its own."""
    tested = validation.stage.survey if isinstance(validation, BaseFeed) else None
    return None if tested is feed.stage.survey else tested


def _of_generator(feed: GeneratorFeed) -> dict[str, Any]:
    """What is known of a generator, as fields of the record."""
    return {
        "generator": GeneratorRecord(
            name=type(feed.generator).__qualname__,
            steps_per_epoch=feed.steps,
            workers=feed.workers.count,
            use_multiprocessing=feed.workers.in_processes,
        )
    }


def _files(survey: Survey) -> list[FileRecord]:
    rows = survey.index.file_rows
    counts = [int(rows[place + 1] - rows[place]) for place in range(len(survey.files))]
    return [
        FileRecord(path=path, num_bytes=file.size, num_rows=count, digest=file.digest)
        for path, file, count in zip(survey.paths, survey.files, counts, strict=True)
    ]


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
