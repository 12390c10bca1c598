"""What run.json and epochs.csv say, field by field; docs/run-directory.md documents each."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

import msgspec

from stoker.choosing import ColumnChoice
from stoker.errors import RunError
from stoker.plan import Plan
from stoker.runchecks import check_order, check_spec
from stoker.stored import Count
from stoker.types import ColumnSpec, FeedSpec

__all__ = [
    "FORMAT",
    "INSTEAD_OF_A_GENERATOR",
    "EpochRecord",
    "FileRecord",
    "GeneratorRecord",
    "Outcome",
    "RunFormat",
    "RunRecord",
    "Status",
    "checked",
    "encoded",
    "epochs_table",
    "joined_epochs",
    "require_feed",
]

FORMAT = 1
INSTEAD_OF_A_GENERATOR = (
    "nobody can put one back to where it was. A stoker.Feed is resumed: write the rows to files, open them "
    "with stoker.open"
)
"""Why a run on a generator is not resumed, and what is."""
Status: TypeAlias = Literal["running", "finished", "interrupted", "failed"]


class FileRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A data file as the survey saw it: its identity is size and digest, the path only says where it was."""

    path: str
    num_bytes: Count
    num_rows: Count
    digest: str


class EpochRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One finished epoch; digests are hexadecimal, modulo 2**128, over the rows that the model took.

    A metric that was not finite, as where the training diverged, comes back from run.json as None: JSON knows
    no other word for it.
    """

    epoch: Count
    metrics: dict[str, float | None]
    rows: Count
    seconds: float
    wait_seconds: float
    order_digest: str
    member_digest: str


def joined_epochs(there: Iterable[EpochRecord], unrecorded: Iterable[EpochRecord]) -> list[EpochRecord]:
    """The epochs that run.json holds, and those that it had no room for and a checkpoint kept, in order.

    Of an epoch that both tell of, that of run.json, which was written later.
    """
    known = {record.epoch: record for record in (*unrecorded, *there)}
    return [known[epoch] for epoch in sorted(known)]


class Outcome(msgspec.Struct, kw_only=True):
    """What a run came to; the figures are those of the whole run so far."""

    status: Status = "running"
    rows: Count = 0
    steps: Count = 0
    seconds: float = 0.0
    wait_seconds: float = 0.0
    ledger_peak_bytes: Count = 0
    ledger_peaks: dict[str, Count] = {}
    peak_rss_bytes: Count = 0
    monitor: str | None = None
    best_epoch: Count | None = None
    best_value: float | None = None
    error: str | None = None


class GeneratorRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a generator or a Sequence that was trained on: its class, and how it was asked.

    ``steps_per_epoch`` is None where the length of a Sequence decided.
    """

    name: str
    steps_per_epoch: Count | None
    workers: Count
    use_multiprocessing: bool


class RunRecord(msgspec.Struct, kw_only=True):
    """All of run.json.

    A run on a generator has ``generator``, and neither files, columns, spec, transforms nor plan: what the
    rows of a generator are, nobody but the generator knows. ``source`` is what `Source.describe` says of the
    training rows, the view included, and ``policy`` what became of blanks and bad rows: with files and plan
    they tell which rows each step took. ``validation_reading`` and ``validation_source`` are the same of rows
    to validate on that lie in files of their own. ``training`` is what `stoker.fit` was told beside the data.
    ``choices`` tell which transforms were chosen for columns where none was named, and why.
    """

    format: int = FORMAT
    versions: dict[str, str]
    created: str
    backend: str
    options: dict[str, Any]
    generator: GeneratorRecord | None = None
    files: list[FileRecord] = []
    validation_files: list[FileRecord] = []
    validation_reading: dict[str, Any] = {}
    validation_source: dict[str, Any] = {}
    warnings: list[str] = []
    reading: dict[str, Any] = {}
    source: dict[str, Any] = {}
    policy: dict[str, Any] = {}
    training: dict[str, Any] = {}
    columns: list[ColumnSpec] = []
    excluded_rows: Count = 0
    spec: FeedSpec | None = None
    transform: dict[str, Any] = {}
    target: dict[str, Any] = {}
    choices: list[ColumnChoice] = []
    plan: Plan | None = None
    epochs: list[EpochRecord] = []
    outcome: Outcome = msgspec.field(default_factory=Outcome)


class RunFormat(msgspec.Struct):
    """What is read first: a newer layout may have other fields altogether."""

    format: int


def checked(record: RunRecord) -> RunRecord:
    """The record, whose numbers agree.

    Raises
    ------
    ValueError
        If they do not.
    """
    if record.spec is not None:
        check_spec(record.spec)
    if record.plan is not None:
        rows = [file.num_rows for file in record.files]
        check_order(record.plan.order, record.plan.limits, rows, record.excluded_rows)
    return record


def require_feed(run: str, record: RunRecord) -> None:
    """Refuse to resume a run on a generator.

    Raises
    ------
    RunError
        If it is one; what can be resumed is named.
    """
    if record.generator is not None:
        raise RunError(
            f"{run} was trained on a generator, {record.generator.name}, and cannot be resumed: "
            f"{INSTEAD_OF_A_GENERATOR}, and begin a new run"
        )


def encoded(record: RunRecord) -> bytes:
    """The text of run.json."""
    return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"


def epochs_table(epochs: list[EpochRecord]) -> str:
    """The text of epochs.csv."""
    names = list(dict.fromkeys(name for record in epochs for name in record.metrics))
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["epoch", "rows", "seconds", "wait_seconds", *names])
    for record in epochs:
        figures = [record.metrics.get(name, "") for name in names]
        writer.writerow(
            [record.epoch, record.rows, f"{record.seconds:.3f}", f"{record.wait_seconds:.3f}", *figures]
        )
    return table.getvalue()
