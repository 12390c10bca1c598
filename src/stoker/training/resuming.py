"""`resume`: a run that was killed, stopped or is to go on for longer, from its newest whole checkpoint."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from stoker.checkpoints import Checkpoint, CheckpointStore
from stoker.errors import OptionError, RunError
from stoker.feed import BaseFeed
from stoker.group import current
from stoker.mirror import fetched
from stoker.plan import Plan
from stoker.rundir import RunDirectory
from stoker.runrecords import INSTEAD_OF_A_GENERATOR, require_feed
from stoker.stored import Count
from stoker.training.callback_list import History
from stoker.training.callback_states import lost_states, refuse_other_callbacks
from stoker.training.capturing import Resumption
from stoker.training.checkpointing import Checkpointer, OnCheckpointError
from stoker.training.finite import OnNan
from stoker.training.lines import counted
from stoker.training.progress import Display
from stoker.training.recording import RunRecorder
from stoker.training.sameness import refuse_other_checkpoint
from stoker.training.schedule import parse_checkpoint_interval
from stoker.training.variables import put_back_variables, refuse_other_best

__all__ = ["ResumeOption", "begin_checkpoints", "goes_on", "resume", "take_up"]

ResumeOption: TypeAlias = Literal["auto", False]


def goes_on(run: Path | None, option: ResumeOption, feed: Any) -> bool:
    """Whether there is a run to go on with.

    Raises
    ------
    OptionError
        If `option` is none, has no effect, or `feed` cannot be put back to where it was.
    """
    if option not in ("auto", False):
        raise OptionError(f"resume must be 'auto' or False, got {option!r}")
    if option is False:
        return False
    if run is None:
        raise OptionError("resume='auto' has no effect without run=")
    if not _is_arithmetic(feed):
        raise OptionError(
            "resume='auto' needs a stoker.Feed, and this is a generator or a Sequence: "
            f"{INSTEAD_OF_A_GENERATOR}, or begin again without resume="
        )
    return (run / "run.json").exists()


def begin_checkpoints(
    run: Path | None,
    feed: Any,
    *,
    every: str | None,
    keep: int,
    on_error: OnCheckpointError,
    on_nan: OnNan,
    warn: Callable[[str], None],
) -> Checkpointer | None:
    """What writes a run's checkpoints; None where nothing could be resumed from them.

    Raises
    ------
    OptionError
        If an option cannot be, or has no effect.
    """
    if every is not None and run is None:
        raise OptionError(f"checkpoint_every={every!r} has no effect without run=")
    if every is not None and every != "never" and not _is_arithmetic(feed):
        raise OptionError(
            f"checkpoint_every={every!r} has no effect on a generator or a Sequence: "
            f"{INSTEAD_OF_A_GENERATOR}, or leave it out"
        )
    if run is None or every == "never" or not _is_arithmetic(feed):
        return None
    interval = parse_checkpoint_interval(every, option="checkpoint_every")
    return Checkpointer(run, every=interval, keep=keep, on_error=on_error, on_nan=on_nan, warn=warn)


def _is_arithmetic(feed: Any) -> bool:
    return isinstance(feed, BaseFeed)


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
        finished and no checkpoint of it is there.
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
    if checkpoint is None:
        if record.outcome.status == "finished":
            raise RunError(
                f"{run} has finished, and has no whole checkpoint to go on from; to begin again would "
                "replace what it came to: choose another run=, or remove it"
            )
        if group.is_first:
            display.note("resume", _told_anew(run, store))
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
    display.note("resume", f"{run} · {_told(found, epochs)}")
    return found


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
    if position.epoch > epochs or (position.epoch == epochs and position.batches):
        raise RunError(
            f"{run} is in epoch {position.epoch + (position.batches > 0)} already, and epochs={epochs} is "
            "less: ask for as many or more"
        )
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


def resume(
    directory: str | os.PathLike[str],
    *,
    model: Any,
    feed: Any,
    validation: Any = None,
    callbacks: Sequence[Any] = (),
    epochs: int | None = None,
    max_time: str | float | None = None,
    progress: Any = "auto",
) -> Any:
    """Go on with a run from its newest whole checkpoint, with the options that it was begun with.

    What comes out is what the run would have come to had it never stopped: see docs/reliability.md.

    Parameters
    ----------
    directory
        What ``stoker.fit(..., run=directory)`` wrote. A run of ``stoker train`` is resumed by
        ``stoker resume``.
    model, feed, validation, callbacks
        Made and given as they were to `stoker.fit`: the model built by the same code and compiled, files and
        options of the feed the same. Weights, optimizer and callbacks get their state back.
    epochs
        The epoch at which to end; None is that of the run.
    max_time
        For the whole run, what it has used counted in; None is that of the run.
    progress
        As for `stoker.fit`.

    Returns
    -------
    History
        Of the whole run. A run that had ended is returned as it ended.

    Raises
    ------
    RunError
        If there is no run, or it was made by another plan, naming the difference.
    ChangedDataError
        If a file holds something else, naming file and chunk.

    Examples
    --------
    ::

        history = stoker.resume("runs/a", model=build(), feed=feed, validation=valid)
    """
    from stoker.training.fit import fit

    name, record = os.fspath(directory), RunDirectory(fetched(directory)).read()
    require_feed(name, record)
    known = dict(record.training)
    if not known:
        raise RunError(f"{name} was trained on what an earlier stoker did not record: it cannot be resumed")
    if known.pop("validated", False) and validation is None:
        raise OptionError("the run was validated: give validation= as it was given to fit")
    options = _checked(directory, {name: known[name] for name in _CALL if name in known})
    if epochs is not None:
        options["epochs"] = epochs
    if max_time is not None:
        options["max_time"] = max_time
    return fit(
        model,
        feed,
        validation=validation,
        callbacks=callbacks,
        run=directory,
        resume="auto",
        options=record.options or None,
        progress=progress,
        **options,
    )


class _Told(msgspec.Struct, forbid_unknown_fields=True):
    """Arguments of `fit` that run.json keeps under ``training``, and their types."""

    epochs: Count
    monitor: str | None = None
    early_stopping: Count | None = None
    validate_every: str | None = None
    validation_steps: Count | None = None
    initial_epoch: Count = 0
    max_time: str | float | None = None
    on_nan: Literal["stop", "continue"] = "stop"
    checkpoint_every: str | None = None
    keep_checkpoints: Count = 3
    on_checkpoint_error: Literal["warn", "stop"] = "warn"


_CALL = _Told.__struct_fields__


def _checked(directory: str | os.PathLike[str], options: dict[str, Any]) -> dict[str, Any]:
    """The options, which are of their types."""
    try:
        msgspec.convert(options, _Told)
    except msgspec.ValidationError as error:
        raise RunError(
            f"{os.path.join(directory, 'run.json')} is damaged: training: {error}; restore it"
        ) from error
    return options
