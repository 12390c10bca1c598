"""What is said of a loss that is no finite number: the step, its rows, and which of them to look at first."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.audit.reading import FoundRow, read_rows
from stoker.errors import NonFiniteLossError, StokerError
from stoker.feed import BaseFeed
from stoker.group import ALONE, Group, joined
from stoker.training.checkpointing import Checkpointer
from stoker.training.culprit import Culprit, find_culprit
from stoker.training.handover import Handover
from stoker.training.interrupts import Interrupts
from stoker.training.progress import Display

__all__ = ["located", "told_to_all"]

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
        ids, rows, suspects = _rows_of(training.feed, culprit, display)
    except (KeyboardInterrupt, SystemExit):
        return _with(error, f"{error}; the search for the step was stopped; {kept}; {_MEND}")
    except StokerError as failed:
        return _with(error, f"{error}; the step could not be searched for: {failed}; {kept}; {_MEND}")
    run = checkpointer.run
    told = _told(ids, rows, suspects, run, culprit.step)
    more = "" if suspects else _surveyed(training.feed)
    text = f"{_fact(culprit)}; {told}{more}; {kept}; {_MEND}"
    return NonFiniteLossError(
        text,
        first_step=culprit.step,
        last_step=culprit.step,
        epoch=culprit.epoch,
        batch=culprit.batch,
        row_ids=ids,
    )


def told_to_all(group: Group, find: Callable[[], NonFiniteLossError]) -> NonFiniteLossError:
    """What the first of several processes finds, in all of them; the others wait for it."""
    if group.is_alone:
        return find()

    def ask() -> tuple[Any, ...]:
        with joined(ALONE):
            found = find()
        ids = [int(each) for each in found.row_ids]
        return str(found), found.first_step, found.last_step, found.epoch, found.batch, ids

    text, first, last, epoch, batch, ids = group.told(ask)
    return NonFiniteLossError(text, first_step=first, last_step=last, epoch=epoch, batch=batch, row_ids=ids)


def _with(error: NonFiniteLossError, text: str) -> NonFiniteLossError:
    return NonFiniteLossError(text, first_step=error.first_step, last_step=error.last_step)


def _fact(culprit: Culprit) -> str:
    place = f"in step {culprit.step:,} (step {culprit.batch + 1:,} of epoch {culprit.epoch + 1:,})"
    if math.isfinite(culprit.loss):
        return f"the weights became no finite numbers {place}, whose loss was one"
    return f"the loss became {culprit.loss:g} {place}"


def _rows_of(feed: Any, culprit: Culprit, display: Display) -> tuple[list[int], list[FoundRow], list[str]]:
    """Ids of the step's rows; the rows as they stand in their files, where these can be read; suspects."""
    stream = feed.epoch(culprit.epoch, culprit.batch)
    try:
        batch = next(stream)
        ids, spoilt = batch.ids, _spoilt(batch.x, batch.size)
    finally:
        stream.close()
    if ids is None or not isinstance(feed, BaseFeed):
        return [] if ids is None else ids.tolist(), [], []
    try:
        with display.stage("rows", "B") as progress:
            wanted = np.asarray(ids, np.int64)
            rows = read_rows(feed.stage.source, wanted, progress=progress, ledger=feed.ledger)
    except (StokerError, KeyboardInterrupt, SystemExit):
        return ids.tolist(), [], []
    learned, odd = _learned(feed), set(ids[spoilt].tolist())
    seen = [(row, _extreme(row, learned, blanks=row.row in odd)) for row in rows]
    return ids.tolist(), rows, [f"{row.file} line {row.line}, where {text}" for row, text in seen if text]


def _spoilt(x: Any, size: int) -> npt.NDArray[np.bool_]:
    """Which rows the transform made something of that is no finite number: bool of shape (size,)."""
    if isinstance(x, Mapping):
        return np.asarray(np.any([_spoilt(part, size) for part in x.values()], axis=0))
    held = np.asarray(x).reshape(size, -1)
    return ~np.isfinite(held).all(axis=1) if held.dtype.kind == "f" else np.zeros(size, np.bool_)


def _learned(feed: BaseFeed) -> set[str | None]:
    """Names of the columns that a step can be spoilt by: features that are not left out, and answers."""
    return {*feed.spec.features, *feed.stage.source.answers}


def _told(ids: Sequence[int], rows: Sequence[FoundRow], suspects: Sequence[str], run: Path, step: int) -> str:
    """Which rows it took, those first that hold what no float32 can be squared of."""
    if not rows:
        return f"row ids {_listed([str(each) for each in ids], len(ids))}" if ids else "its rows have no ids"
    shown = suspects or [f"{row.file} line {row.line}" for row in rows]
    begin = "look at " if suspects else "its rows are "
    all_of_them = f"`stoker replay {shlex.quote(str(run))} --step {step}` prints all its {len(rows):,} rows"
    return f"{begin}{_listed(shown, len(shown))}; {all_of_them}"


def _surveyed(feed: Any) -> str:
    """What the survey found elsewhere that spoils every step, as by the mean and spread of its column."""
    if not isinstance(feed, BaseFeed):
        return ""
    learned = _learned(feed)
    found = [each for each in feed.stage.survey.problems if each.kind in ("overflow", "outlier")]
    told = [problem.describe() for problem in found if problem.column in learned][:_SHOWN]
    return f"; not in these rows, but all steps may be spoilt by it: {'; '.join(told)}" if told else ""


def _extreme(row: FoundRow, learned: Collection[str | None], *, blanks: bool) -> str | None:
    """The first value of a row that is a very large number, or a blank where `blanks` counts them."""
    values = {name: value for name, value in row.values.items() if name in learned}
    labels = row.label if isinstance(row.label, Mapping) else {"the label": row.label}
    for name, value in {**values, **labels}.items():
        if not isinstance(value, float | int) or (math.isnan(value) and not blanks):
            continue
        if not abs(value) <= _EXTREME:
            return f"{name} is {value:g}"
    return None


def _listed(texts: Sequence[str], count: int) -> str:
    more = count - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
