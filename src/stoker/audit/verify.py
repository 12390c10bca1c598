"""`verify`: that the rows of every epoch were those that order and files say, each used exactly once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeAlias

import msgspec

from stoker.audit.contents import read_contents
from stoker.audit.difference import Difference, Differs
from stoker.audit.digests import epoch_digests
from stoker.audit.reading import check_files
from stoker.audit.reopening import RowsOption, parted, reopened, with_view
from stoker.audit.rows import bound_view
from stoker.checkpoints import Checkpoint, CheckpointStore
from stoker.errors import RunError
from stoker.mirror import fetched
from stoker.rundir import RunDirectory
from stoker.runrecords import EpochRecord, RunRecord, joined_epochs
from stoker.sources import BoundView, Source
from stoker.sources.paths import expand_paths
from stoker.types import Progress

__all__ = ["Audit", "EpochAudit", "Stage", "silent", "verify"]

Stage: TypeAlias = Callable[[str, str], AbstractContextManager[Progress]]
"""Begins a stage, by name and unit; gives what is called with what is done and what there is in all."""


class EpochAudit(msgspec.Struct, frozen=True, kw_only=True):
    """An epoch whose digests agree: its number from 0, the rows that the model took, and the digests."""

    epoch: int
    rows: int
    order_digest: str
    member_digest: str


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """What `verify` found.

    Attributes
    ----------
    run
        The run directory.
    agrees
        Whether everything is as the run recorded it.
    difference
        The first thing that is not; None where everything is.
    epochs
        Those that agree, up to the first difference.
    unfinished
        The epoch under way as far as the newest whole checkpoint tells of it; None where it tells of none.
    files, num_bytes, rows
        Files and their bytes, and the rows that an epoch has.
    validation_files, unproved_files
        Files of validation whose content is the run's, and those of which an earlier stoker did not record
        how they were read; both 0 where validation was on rows of the same files, or on a generator.
    seconds
        What it took.
    """

    run: str
    agrees: bool
    difference: Difference | None
    epochs: tuple[EpochAudit, ...]
    unfinished: EpochAudit | None
    files: int
    num_bytes: int
    rows: int
    seconds: float
    validation_files: int = 0
    unproved_files: int = 0


def verify(
    directory: str | os.PathLike[str], rows: RowsOption = None, *, stage: Stage | None = None
) -> Audit:
    """Prove from the files which rows a run was trained on, epoch by epoch.

    The training files are read anew, every byte, and compared with the checksums that the run recorded;
    then the digests of each recorded epoch are computed from the order and the row ids and compared with
    those of the rows that the model took. At last the files of validation are compared, where it had files of
    its own. Neither Keras nor the model is needed.

    Parameters
    ----------
    directory
        What ``stoker.fit(..., run=directory)`` or ``stoker train`` wrote.
    rows
        Where the training files are now, all of them and in their order, if they are not where they were: a
        file is what it holds, whatever it is called. Those of validation
        may follow. Or the Source that was trained on, which a run on rows
        chosen by `Source.take` needs.
    stage
        Called with the name of what begins and its unit (``"B"`` or ``" rows"``); gives a context manager of
        a function that is called with what is done and what there is in all.

    Returns
    -------
    Audit
        Whether everything agrees, and if not, the first difference: the file and the chunk of it whose
        content is another, or the epoch whose order or rows are.

    Raises
    ------
    RunError
        If there is no run, it is damaged, or it was trained on a generator.
    OptionError
        If other rows are given than the run could have had.

    Examples
    --------
    ::

        found = stoker.verify("runs/clicks-1")
        assert found.agrees, found.difference.text
    """
    began = time.perf_counter()
    run = RunDirectory(fetched(directory, models=False, checkpoints=True))
    # Before run.json: a run that goes on meanwhile writes an epoch there before it is in a checkpoint.
    checkpoint = CheckpointStore(run.path).newest()
    record = run.read()
    if checkpoint is not None:
        record.epochs = joined_epochs(record.epochs, checkpoint.manifest.unrecorded)
    agreeing: list[EpochAudit] = []
    difference: Difference | None = None
    rows, tested = _parted(record, rows)
    try:
        _verify(run, record, checkpoint, rows, stage or silent, agreeing)
        _verify_validation(run, record, tested, stage or silent)
    except Differs as found:
        difference = found.difference
    order = None if record.plan is None else record.plan.order
    finished = {epoch.epoch for epoch in record.epochs}
    return Audit(
        run=str(run.path),
        agrees=difference is None,
        difference=difference,
        epochs=tuple(each for each in agreeing if each.epoch in finished),
        unfinished=next((each for each in agreeing if each.epoch not in finished), None),
        files=len(record.files),
        num_bytes=sum(file.num_bytes for file in record.files),
        rows=0 if order is None else order.num_rows,
        seconds=time.perf_counter() - began,
        validation_files=len(record.validation_files) if record.validation_source else 0,
        unproved_files=0 if record.validation_source else len(record.validation_files),
    )


def _parted(record: RunRecord, rows: RowsOption) -> tuple[RowsOption, RowsOption]:
    """The files that were trained on, and those that were validated on, if they are named, too."""
    if rows is None or isinstance(rows, Source) or not record.validation_source:
        return rows, None
    return parted(record, list(expand_paths(rows, folders=True)))


def _verify_validation(run: RunDirectory, record: RunRecord, rows: RowsOption, stage: Stage) -> None:
    """Compare the files that were validated on, as far as the run says how they were read."""
    if not record.validation_source:
        return
    tested = msgspec.structs.replace(
        record,
        files=record.validation_files,
        reading=record.validation_reading,
        source=record.validation_source,
    )
    source = reopened(tested, rows, str(run.path))
    contents = read_contents(run.contents(), [file.digest for file in tested.files], validation=True)
    with stage("validation", "B") as progress:
        check_files(source, tested.files, contents, progress, used="validated")


def _verify(
    run: RunDirectory,
    record: RunRecord,
    checkpoint: Checkpoint | None,
    rows: RowsOption,
    stage: Stage,
    agreeing: list[EpochAudit],
) -> None:
    name = str(run.path)
    source = reopened(record, rows, name)
    _check_record(record)
    _check_transform(run, record)
    contents = read_contents(run.contents(), [file.digest for file in record.files])
    with stage("files", "B") as progress:
        check_files(source, record.files, contents, progress)
    source = with_view(source, record, name)
    with stage("survey", "B") as progress:
        view = bound_view(source, record, progress, is_proved=True)
    with stage("rows", " rows") as progress:
        recorded: list[EpochRecord | EpochAudit] = [*record.epochs, *_unfinished(record, checkpoint)]
        for epoch in recorded:
            agreeing.append(_check_epoch(record, view, epoch, progress))


def _check_record(record: RunRecord) -> None:
    """Each epoch stands once and in order, and only the last one may be short."""
    assert record.plan is not None
    whole = record.plan.order.num_rows
    for place, epoch in enumerate(record.epochs):
        first = record.epochs[0].epoch
        if epoch.epoch != first + place:
            text = f"run.json has epoch {epoch.epoch + 1} where epoch {first + place + 1} is due"
            raise Differs(Difference(kind="record", text=text, epoch=epoch.epoch))
        is_last = place + 1 == len(record.epochs)
        if not (0 <= epoch.rows <= whole) or (epoch.rows < whole and not is_last):
            text = f"epoch {epoch.epoch + 1} took {epoch.rows:,} rows, and an epoch has {whole:,}"
            raise Differs(Difference(kind="record", text=text, epoch=epoch.epoch))


def _check_transform(run: RunDirectory, record: RunRecord) -> None:
    try:
        run.transform_state(record)
    except (RunError, msgspec.DecodeError) as error:
        raise Differs(Difference(kind="transform", text=str(error))) from error


def _check_epoch(
    record: RunRecord, view: BoundView, epoch: EpochRecord | EpochAudit, progress: Progress
) -> EpochAudit:
    assert record.plan is not None
    order, members = epoch_digests(record.plan.order, view, epoch.epoch, epoch.rows, progress=progress)
    number = f"epoch {epoch.epoch + 1}"
    if f"{members:032x}" != epoch.member_digest:
        text = f"{number}: the model took other rows than the files and the order say, or not each once"
        raise Differs(Difference(kind="members", text=text, epoch=epoch.epoch))
    if f"{order:032x}" != epoch.order_digest:
        text = f"{number}: the model took the right rows, but in another order"
        raise Differs(Difference(kind="order", text=text, epoch=epoch.epoch))
    return EpochAudit(
        epoch=epoch.epoch,
        rows=epoch.rows,
        order_digest=epoch.order_digest,
        member_digest=epoch.member_digest,
    )


def _unfinished(record: RunRecord, checkpoint: Checkpoint | None) -> list[EpochAudit]:
    """The epoch under way, as the newest whole checkpoint tells of it, if it does."""
    if checkpoint is None or record.plan is None:
        return []
    manifest, order = checkpoint.manifest, record.plan.order
    epoch, batches = manifest.position.epoch, manifest.position.batches
    if batches == 0 or any(known.epoch == epoch for known in record.epochs):
        return []
    if manifest.identity.order != order or batches > order.num_batches:
        text = f"the checkpoint of step {checkpoint.step:,} is of another order of rows than run.json"
        raise Differs(Difference(kind="record", text=text, epoch=epoch))
    if record.epochs and epoch > record.epochs[-1].epoch + 1:
        due = record.epochs[-1].epoch + 2
        text = f"run.json ends before epoch {due}, and the checkpoint of step {checkpoint.step:,} is later"
        raise Differs(Difference(kind="record", text=text, epoch=due - 1))
    return [
        EpochAudit(
            epoch=epoch,
            rows=min(batches * order.batch_size, order.num_rows),
            order_digest=manifest.order_digest,
            member_digest=manifest.member_digest,
        )
    ]


def silent(name: str, unit: str) -> Any:
    """A `Stage` that shows nothing."""
    return nullcontext(lambda done, total: None)
