"""`resume`: a run that was killed, stopped or is to go on for longer, with the options that it had."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from stoker.errors import OptionError, RunError
from stoker.feed import BaseFeed
from stoker.mirror import fetched
from stoker.rundir import RunDirectory
from stoker.runrecords import INSTEAD_OF_A_GENERATOR, require_feed
from stoker.stored import Count
from stoker.training.checkpointing import Checkpointer, OnCheckpointError
from stoker.training.finite import OnNan
from stoker.training.schedule import parse_checkpoint_interval

__all__ = ["ResumeOption", "begin_checkpoints", "goes_on", "resume"]

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

    name, record = os.fspath(directory), RunDirectory(fetched(directory, models=False)).read()
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
