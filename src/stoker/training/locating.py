"""What is said of a loss that is no finite number: the step, its rows, and which of them to look at first."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stoker.audit.reading import FoundRow, read_rows
from stoker.errors import NonFiniteLossError, StokerError
from stoker.feed import BaseFeed
from stoker.training.checkpointing import Checkpointer
from stoker.training.culprit import Culprit, find_culprit
from stoker.training.handover import Handover
from stoker.training.interrupts import Interrupts
from stoker.training.progress import Display

__all__ = ["located"]

_EXTREME = 1e18
"""A number whose square, times a batch, comes near the end of float32 (3.4e38)."""
_SHOWN = 3
_MEND = "mend what is wrong with the data, lower the learning rate, or go on with on_nan='continue'"


def located(
    error: NonFiniteLossError,
    *,
    model: Any,
    training: Handover,
    checkpointer: Checkpointer | None,
    interrupts: Interrupts,
    display: Display,
) -> NonFiniteLossError:
    """The error with the step and its rows, as far as they can be found.

    Parameters
    ----------
    error
        With the steps among which it is.
    model
        Has the weights of the last checkpoint afterwards, where there is one.
    training
        Of the feed that was trained on; nothing else is served by it.
    checkpointer
        Whose last checkpoint is from before; None where there is none.
    interrupts, display
        Ctrl-C ends the search; shown is how far it is.
    """
    checkpoint = None if checkpointer is None else checkpointer.last_good()
    if checkpointer is None or checkpoint is None:
        known = "from a checkpoint, as run= has them of a stoker.Feed, the step and its rows are found"
        return _with(error, f"{error}; {known}; {_MEND}")
    kept = f"the last good checkpoint is that of step {checkpoint.step:,}, whose weights the model has again"
    try:
        with display.stage("replay", " steps") as progress:
            culprit = find_culprit(
                model,
                checkpoint,
                training,
                last_step=error.last_step,
                interrupts=interrupts,
                progress=progress,
            )
        if culprit is None:
            told = "the same steps, taken again without the callbacks, came to finite losses"
            return _with(error, f"{error}; {told}; {kept}; {_MEND}")
        ids, rows = _rows_of(training.feed, culprit, display)
    except (KeyboardInterrupt, SystemExit):
        return _with(error, f"{error}; the search for the step was stopped; {kept}; {_MEND}")
    except StokerError as failed:
        return _with(error, f"{error}; the step could not be searched for: {failed}; {kept}; {_MEND}")
    run = checkpointer.store.folder.parent
    told = _told(ids, rows, run, culprit.step)
    text = f"{_fact(culprit)}; {told}{_surveyed(training.feed, rows)}; {kept}; {_MEND}"
    return NonFiniteLossError(
        text,
        first_step=culprit.step,
        last_step=culprit.step,
        epoch=culprit.epoch,
        batch=culprit.batch,
        row_ids=ids,
    )


def _with(error: NonFiniteLossError, text: str) -> NonFiniteLossError:
    return NonFiniteLossError(text, first_step=error.first_step, last_step=error.last_step)


def _fact(culprit: Culprit) -> str:
    place = f"in step {culprit.step:,} (step {culprit.batch + 1:,} of epoch {culprit.epoch + 1:,})"
    if math.isfinite(culprit.loss):
        return f"the weights became no finite numbers {place}, whose loss was one"
    return f"the loss became {culprit.loss:g} {place}"


def _rows_of(feed: Any, culprit: Culprit, display: Display) -> tuple[list[int], list[FoundRow]]:
    """Ids of the step's rows, and the rows as they stand in their files, as far as these can be read."""
    stream = feed.epoch(culprit.epoch, culprit.batch)
    try:
        ids = next(stream).ids
    finally:
        stream.close()
    if ids is None or not isinstance(feed, BaseFeed):
        return [] if ids is None else ids.tolist(), []
    try:
        with display.stage("rows", "B") as progress:
            wanted = np.asarray(ids, np.int64)
            return ids.tolist(), read_rows(feed.stage.source, wanted, progress=progress, ledger=feed.ledger)
    except (StokerError, KeyboardInterrupt, SystemExit):
        return ids.tolist(), []


def _told(ids: Sequence[int], rows: Sequence[FoundRow], run: Path, step: int) -> str:
    """Which rows it took, those first that hold what no float32 can be squared of."""
    if not rows:
        return f"row ids {_listed([str(each) for each in ids], len(ids))}" if ids else "its rows have no ids"
    wanted = [f"{row.file} line {row.line}, where {found}" for row in rows if (found := _extreme(row))]
    shown = wanted or [f"{row.file} line {row.line}" for row in rows]
    begin = "look at " if wanted else "its rows are "
    all_of_them = f"`stoker replay {shlex.quote(str(run))} --step {step}` prints all its {len(rows):,} rows"
    return f"{begin}{_listed(shown, len(shown))}; {all_of_them}"


def _surveyed(feed: Any, rows: Sequence[FoundRow]) -> str:
    """What the survey found elsewhere that spoils every step, as by the mean and spread of its column."""
    if not isinstance(feed, BaseFeed) or any(map(_extreme, rows)):
        return ""
    found = [each for each in feed.stage.survey.problems if each.kind in ("overflow", "outlier")]
    told = [problem.describe() for problem in found[:_SHOWN]]
    return f"; not in these rows, but all steps may be spoilt by it: {'; '.join(told)}" if told else ""


def _extreme(row: FoundRow) -> str | None:
    """The first value of a row that is no finite number, or a very large one."""
    labels = row.label if isinstance(row.label, Mapping) else {"the label": row.label}
    named = {**row.values, **labels}
    for name, value in named.items():
        if isinstance(value, float | int) and not abs(value) <= _EXTREME:
            return f"{name} is {value:g}"
    return None


def _listed(texts: Sequence[str], count: int) -> str:
    more = count - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
