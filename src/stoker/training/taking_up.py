"""Where a run goes on: its newest whole checkpoint, or its beginning; never over what it had come to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from stoker.checkpoints import Checkpoint, CheckpointStore
from stoker.errors import RunError
from stoker.group import current
from stoker.plan import Plan
from stoker.rundir import RunDirectory
from stoker.training.callback_list import History
from stoker.training.callback_states import lost_states, refuse_other_callbacks
from stoker.training.capturing import Resumption
from stoker.training.lines import counted
from stoker.training.progress import Display
from stoker.training.recording import RunRecorder
from stoker.training.report import FitReport
from stoker.training.sameness import refuse_other_checkpoint
from stoker.training.taken import refuse_fewer_epochs
from stoker.training.variables import put_back_variables, refuse_other_best

__all__ = ["take_up", "told_as_over"]


def take_up(
    recorder: RunRecorder,
    run: Path,
    model: Any,
    callbacks: Sequence[Any],
    *,
    store: CheckpointStore,
    ledger: Any,
    epochs: int,
    max_seconds: float | None,
    display: Display,
) -> Resumption | None:
    """Where a run goes on, its variables put back into the model; None where it has no checkpoint yet.

    Parameters
    ----------
    recorder, run
        Of the run, whose record stays as it is: it is taken back when all that follows has gone well.
    model, callbacks
        Built and compiled as the run's, and the user's callbacks.
    store
        Of its checkpoints, which is to write the next ones.
    ledger
        Of the feed: told of the checkpoint while that is held.
    epochs, max_seconds
        The epoch at which training ends, and what the whole run may take.
    display
        Told of where it goes on, of checkpoints that are torn, and of other versions.

    Raises
    ------
    RunError
        If model or callbacks are others, fewer epochs are asked for than were trained, or the run has
        finished and no checkpoint of its end is there.
    OptionError
        For a callback that goes its own way back.
    """
    warn, record = partial(display.note, "warning"), recorder.record
    group = current()
    if group.is_first:
        store.clean()
        RunDirectory(run).clean()
    checkpoint = store.newest(warn)
    _refuse_other_step(run, checkpoint)
    _refuse_over_an_end(run, recorder, store, checkpoint)
    if checkpoint is None:
        if group.is_first:
            display.note("resume", f"{_told_anew(run, store)}{_told_again(recorder.trained_again(0, 0))}")
        return None
    refuse_other_checkpoint(run, recorder.identity, checkpoint.manifest.identity, checkpoint.step)
    found = Resumption(checkpoint, max_seconds)
    found.charge(ledger)
    _refuse_other_place(run, found, epochs, record.plan)
    there = checkpoint.manifest.identity.versions
    for name in sorted({"keras", record.backend} & there.keys()):
        now = record.versions.get(name, there[name])
        if now != there[name]:
            warn(f"the run's {name} was {there[name]}, this is {now}: last digits may differ")
    refuse_other_callbacks([*callbacks, History()], checkpoint)
    for name in lost_states(checkpoint):
        warn(f"the checkpoint lacks the state of the callback {name}, which begins anew")
    refuse_other_best(model, checkpoint)
    put_back_variables(model, checkpoint)
    again = _told_again(recorder.trained_again(found.step, found.first_epoch(epochs)))
    display.note("resume", f"{run} · {_told(found, epochs)}{again}")
    return found


def told_as_over(
    run: Path, name: str, *, epochs: int, max_seconds: float | None, display: Display
) -> FitReport | None:
    """How a run ended that has nothing left to train, told before anything is surveyed; None where it has.

    Parameters
    ----------
    run, name
        Its folder, with its checkpoints, and what it is called.
    epochs, max_seconds
        As of `take_up`.
    display
        Told of it.

    Raises
    ------
    RunError
        If its record is damaged, or no checkpoint can be read.
    """
    record = RunDirectory(run).read()
    if record.outcome.status != "finished":
        return None
    checkpoint = CheckpointStore(run).newest()
    if checkpoint is None or checkpoint.step != record.outcome.steps:
        return None
    found = Resumption(checkpoint, max_seconds)
    if found.first_epoch(epochs) < epochs:
        return None
    display.note("resume", f"{name} · {_told(found, epochs)}")
    report = found.report(record)
    display.finished(report)
    return report


def _refuse_over_an_end(
    run: Path, recorder: RunRecorder, store: CheckpointStore, checkpoint: Checkpoint | None
) -> None:
    """Refuse to take back what a run came to that has finished, and whose end is in no checkpoint."""
    record = recorder.record
    if record.outcome.status != "finished":
        return
    init = f", with its weights by init={str(run)!r}" if (run / "model.keras").exists() else ""
    if checkpoint is None:
        raise RunError(
            f"{run} has finished, and has no whole checkpoint to go on from, as where weights were no "
            "finite numbers from the first on; to begin again would replace what it came to: train anew "
            f"into another run={init}"
        )
    newest = store.newest_step() or 0  # which may be torn: it was of the end, and is come to again
    if newest < record.outcome.steps and not recorder.asks_for_more:
        raise RunError(
            f"{run} has finished, after {counted(record.outcome.steps, 'step')}, and no checkpoint of its "
            "end was kept, as where weights are no finite numbers or the disk was full: nothing is left to "
            f"train. More epochs= than it was asked for go on behind step {checkpoint.step:,}, the newest "
            f"that was kept; another run= begins anew{init}"
        )


def _refuse_other_step(run: Path, checkpoint: Checkpoint | None) -> None:
    """Refuse to go on where processes that train together do not see the same checkpoints."""
    step = None if checkpoint is None else checkpoint.step
    first = current().told(lambda: step)
    if step != first:
        raise RunError(
            f"the first host goes on with {run} behind step {first}, and this one finds step {step}: all "
            "hosts need the same folder, on storage that they share"
        )


def _refuse_other_place(run: Path, found: Resumption, epochs: int, plan: Plan | None) -> None:
    """Refuse to go on behind the end that is asked for, or from where no epoch of the run has been."""
    position = found.position
    refuse_fewer_epochs(run, position, epochs)
    if plan is not None and position.batches and position.batches >= plan.order.num_batches:
        raise RunError(
            f"the checkpoint of step {found.step:,} is damaged: it is {position.batches} batches into "
            f"an epoch of {plan.order.num_batches}; remove it, and the one before it is taken"
        )


def _told_anew(run: Path, store: CheckpointStore) -> str:
    """What is said of a run that has nothing to go on from; damaged checkpoints are kept beside new ones."""
    try:
        damaged = store.set_aside()
    except OSError as error:
        raise RunError(
            f"no checkpoint in {store.folder} is whole, and they cannot be put aside "
            f"({error.strerror or error}): mend that, or remove the folder to do without"
        ) from error
    if not damaged:
        return f"{run} has no checkpoint yet: it begins again"
    return (
        f"{run} has no whole checkpoint: it begins again; {counted(damaged, 'damaged checkpoint')} kept in "
        f"{store.folder} as damaged-step-…, which may be removed"
    )


def _told(found: Resumption, epochs: int) -> str:
    position, step = found.position, found.step
    if found.ended == "max_time":
        return "has used its time: nothing is trained before max_time= gives it more"
    if found.ended is not None:
        return f"had ended after {counted(step, 'step')} ({found.ended}): nothing is left to train"
    if position.epoch >= epochs:
        return f"had finished its {counted(epochs, 'epoch')}: nothing is left to train"
    return f"goes on behind {counted(step, 'step')}, in epoch {position.epoch + 1} of {epochs}"


def _told_again(epochs: Sequence[int]) -> str:
    """The end of what is said where epochs that had ended are trained again."""
    if not epochs:
        return ""
    numbers = sorted(epoch + 1 for epoch in epochs)
    if len(numbers) == 1:
        return f"; epoch {numbers[0]}, which had ended, is trained again"
    return f"; epochs {numbers[0]} to {numbers[-1]}, which had ended, are trained again"
