"""Why a run has no model to load, and what gives one."""

from __future__ import annotations

import shlex
from pathlib import Path

from stoker.errors import NonFiniteLossError
from stoker.runrecords import RunRecord
from stoker.training.lines import counted

__all__ = ["MODELS", "failure_told", "other_model", "why_absent"]

MODELS = {"best": "model.keras", "last": "last.keras"}
"""The models of a run directory, by what `stoker.load` calls them."""

_BEGIN_ANOTHER = "begin a new run with a lower learning_rate=, or on mended data"
_STATES = {
    "running": "the run is under way, or was killed",
    "interrupted": "the run is interrupted",
    "finished": "the run is finished, so that it was there: restore it from a copy",
}


def failure_told(error: Exception) -> str:
    """Why a run failed, as run.json has it; `why_absent` reads it."""
    return f"{type(error).__name__}: {error}"


def why_absent(run: Path, record: RunRecord, which: str) -> str:
    """What to say where a model is not there.

    Parameters
    ----------
    run, record
        The run directory and its run.json.
    which
        ``"best"`` or ``"last"``.
    """
    outcome = record.outcome
    absent = f"{run / MODELS[which]} does not exist"
    if which == "best" and outcome.best_value is None and outcome.status == "finished" and record.epochs:
        return f"{absent}: {_never_a_number(record)}; {_BEGIN_ANOTHER}{_other_with_a_loss(run, record)}"
    if outcome.status != "failed":
        return f"{absent}: {_STATES[outcome.status]}{_resumed(run, record)}{other_model(run, which)}"
    kind, _, why = (outcome.error or "").partition(": ")
    if kind == NonFiniteLossError.__name__:
        return f"{absent}: the run failed, for {why.partition(';')[0]}; {_BEGIN_ANOTHER}"
    failed = f"the run failed ({outcome.error})" if outcome.error else "the run failed"
    return f"{absent}: {failed}{_resumed(run, record)}{other_model(run, which)}"


def other_model(run: Path, which: str) -> str:
    """Where a run has another model than the one that is asked for, what takes it; the end of a message."""
    other = "last" if which == "best" else "best"
    if not (run / MODELS[other]).exists():
        return ""
    return f"; in Python stoker.load({str(run)!r}, which={other!r}) takes its {other} model"


def _never_a_number(record: RunRecord) -> str:
    epochs = counted(len(record.epochs), "epoch")
    return f"in {epochs} {record.outcome.monitor or 'the loss'} was never a number, so no model was the best"


def _other_with_a_loss(run: Path, record: RunRecord) -> str:
    """The last model, where what it was trained to is a number; else nothing can be had of it."""
    return other_model(run, "best") if record.epochs[-1].metrics.get("loss") is not None else ""


def _resumed(run: Path, record: RunRecord) -> str:
    """What goes on with a run that has not finished, so that it will have a model."""
    if record.outcome.status == "finished" or not any((run / "checkpoints").glob("step-*")):
        return ""
    if "flags" in record.options:
        return f"; `stoker resume {shlex.quote(str(run))}` goes on with it"
    return f"; stoker.resume({str(run)!r}, model=, feed=) goes on with it"
