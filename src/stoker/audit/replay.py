"""`replay`: the rows behind a step, as they stand in their files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from stoker.audit.contents import read_contents
from stoker.audit.difference import Differs
from stoker.audit.reading import read_rows
from stoker.audit.reopening import RowsOption, is_absent, reopened, with_view
from stoker.audit.rows import bound_view, first_epoch, ids_between
from stoker.audit.verify import Stage, silent
from stoker.checkpoints import CheckpointStore
from stoker.errors import ChangedDataError, OptionError
from stoker.mirror import fetched
from stoker.rundir import RunDirectory
from stoker.runrecords import RunRecord
from stoker.survey.finding import FoundRow
from stoker.types import OrderSpec

__all__ = ["Replay", "replay", "step_within"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """The rows of one step.

    Attributes
    ----------
    run
        The run directory.
    step
        Over the whole run, counted from 1.
    epoch
        Counted from 0, as in run.json.
    batch
        Within the epoch, counted from 0, as `Feed.epoch` yields them.
    rows
        In the order of the batch.
    reached
        Steps that the run is known to have taken: a step behind them takes these rows when it is gone on
        with. A run that is killed, or trains now, may have taken some more, and takes them again if need be.
    """

    run: str
    step: int
    epoch: int
    batch: int
    rows: tuple[FoundRow, ...]
    reached: int

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        names = ("row", "file", "record", "line", "label", "values", "text")
        rows = [{name: getattr(row, name) for name in names} for row in self.rows]
        return {
            "run": self.run,
            "step": self.step,
            "epoch": self.epoch,
            "batch": self.batch,
            "reached": self.reached,
            "rows": [row | {"values": dict(row["values"])} for row in rows],
        }


def replay(
    directory: str | os.PathLike[str],
    rows: RowsOption = None,
    *,
    step: int,
    epoch: int | None = None,
    stage: Stage | None = None,
) -> Replay:
    """Show the source rows behind a step: what a person asks for when the loss jumps.

    Of a run that has not finished, steps to come are shown, too: `Replay.reached` tells which they are.

    The files are read from the beginning up to the last of the rows, and compared as far with what the run
    was trained on. Neither Keras nor the model is needed.

    Parameters
    ----------
    directory, rows, stage
        As in `stoker.verify`.
    step
        Counted from 1 over the whole run, as the terminal and ``run.json`` count them; with `epoch` within
        that epoch.
    epoch
        Counted from 0, as in ``run.json``.

    Raises
    ------
    OptionError
        If there is no such step, or other rows are given than the run could have had.
    RunError
        If there is no run, it is damaged, or it was trained on a generator.
    ChangedDataError
        If a file is not what the run was trained on.

    Examples
    --------
    ::

        for row in stoker.replay("runs/clicks-1", step=1200).rows:
            print(row.file, row.line, row.label, row.text)
    """
    run = RunDirectory(fetched(directory, models=False))
    record, name, begin = run.read(), str(run.path), stage or silent
    try:
        source = reopened(record, rows, name)
        assert record.plan is not None
        order = record.plan.order
        number, batch = step_within(order, first_epoch(record), step, epoch)
        _require_planned(record, order, number, batch)
        source = with_view(source, record, name)
        with begin("survey", "B") as progress:
            view = bound_view(source, record, progress)
        start = batch * order.batch_size
        ids = ids_between(order, view, number, start, min(start + order.batch_size, order.num_rows))
        contents = read_contents(run.contents(), [file.digest for file in record.files])
        with begin("files", "B") as progress:
            found = read_rows(source, ids, files=record.files, contents=contents, progress=progress)
    except Differs as differs:
        text, path = differs.difference.text, differs.difference.file
        if path is None or not is_absent(path):
            text += "; rows of other files are not those of the step: restore it"
        raise ChangedDataError(text) from None
    return Replay(
        run=name,
        step=_overall(record, order, number, batch),
        epoch=number,
        batch=batch,
        rows=tuple(found),
        reached=max(record.outcome.steps, CheckpointStore(run.path).newest_step() or 0),
    )


def step_within(order: OrderSpec, first_epoch: int, step: int, epoch: int | None = None) -> tuple[int, int]:
    """Epoch and batch, both counted from 0, of a step counted from 1.

    Parameters
    ----------
    order
        The run's.
    first_epoch
        The run's first epoch, counted from 0.
    step
        Over the whole run, or within `epoch` where that is given.
    epoch
        Counted from 0.

    Raises
    ------
    OptionError
        If steps are not counted so.

    Examples
    --------
    >>> spec = OrderSpec(kind="exact", seed=7, batch_size=2, num_rows=5, block=1, window=4, lanes=2)
    >>> step_within(spec, 0, 3), step_within(spec, 0, 4), step_within(spec, 0, 1, epoch=2)
    ((0, 2), (1, 0), (2, 0))
    """
    if isinstance(step, bool) or not isinstance(step, int) or step < 1:
        raise OptionError(f"step is counted from 1, got {step!r}")
    if epoch is None:
        done, batch = divmod(step - 1, order.num_batches)
        return first_epoch + done, batch
    if epoch < 0:
        raise OptionError(f"epoch must be 0 or more, got {epoch}")
    if step > order.num_batches:
        raise OptionError(
            f"step {step:,} of an epoch is asked for, and its last is step {order.num_batches:,}: within an "
            f"epoch steps are 1 to {order.num_batches:,}, and over the whole run they count on"
        )
    return epoch, step - 1


def _require_planned(record: RunRecord, order: OrderSpec, epoch: int, batch: int) -> None:
    """Refuse a step that the run never took; of one that did not finish nobody knows: then one of no plan."""
    planned, ended = record.training.get("epochs"), record.outcome.status == "finished"
    if not isinstance(planned, int):
        return
    first, step = first_epoch(record), _overall(record, order, epoch, batch)
    last = (max(planned, first + len(record.epochs)) - first) * order.num_batches
    if ended and record.outcome.steps:
        last = min(last, record.outcome.steps)
    if step > last:
        end = first + (last - 1) // order.num_batches + 1
        raise OptionError(
            f"step {step:,}, in epoch {epoch + 1:,}, is beyond the run, whose last "
            f"{'was' if ended else 'is to be'} step {last:,}, in epoch {end:,}: steps 1 to {last:,} can be "
            f"asked for, or steps 1 to {order.num_batches:,} of an epoch that is named"
        )


def _overall(record: RunRecord, order: OrderSpec, epoch: int, batch: int) -> int:
    return (epoch - first_epoch(record)) * order.num_batches + batch + 1
