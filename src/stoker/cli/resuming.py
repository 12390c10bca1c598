"""A recorded run as the flags that it was begun with, and the run that a repeated command means."""

from __future__ import annotations

import os
import re
import shlex
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_type_hints

from stoker.cli.options import (
    DataOptions,
    ModelOptions,
    OrderOptions,
    TextOptions,
    TrainFlags,
    TrainOptions,
)
from stoker.cli.printing import program_name
from stoker.cli.words import listed, names
from stoker.errors import RunError

if TYPE_CHECKING:
    from stoker.runrecords import RunRecord
    from stoker.transforms.base import InputTransform

__all__ = ["command_that_resumes", "flags_of", "has_checkpoint", "learned_by", "run_meant", "told_of_an_end"]

_Group = TypeVar("_Group")
_FREE = frozenset(
    (
        *("epochs", "max_time", "run", "resume", "on_nan", "cache", "hosts"),
        *("checkpoint_every", "keep_checkpoints", "on_checkpoint_error"),
    )
)
"""Flags that may be others when a run goes on."""
_LAST_SAID = ("epochs", "max_time", "on_nan", "checkpoint_every", "keep_checkpoints", "on_checkpoint_error")
"""Those of them that are kept as they were last said, not as the run was begun with."""


def flags_of(run: str, record: RunRecord) -> TrainFlags:
    """The flags of the command that began a run, or that last went on with it, checked by type.

    Raises
    ------
    RunError
        If no command did, the run is one on a generator, or they are damaged.
    """
    from stoker.runrecords import require_feed

    require_feed(run, record)
    known = record.options.get("flags")
    if not isinstance(known, dict):
        raise RunError(
            f"{run} was not begun by `stoker train`, and which model and feed it had, your own program knows "
            f"alone: stoker.resume({run!r}, model=, feed=) goes on with it"
        )
    said = {name: record.training[name] for name in _LAST_SAID if name in record.training}
    if isinstance(said.get("max_time"), int | float):  # as a program says it
        said["max_time"] = f"{said['max_time']}s"
    known = _as_now(known) | said
    return TrainFlags(
        data=_group(DataOptions, known, run),
        order=_group(OrderOptions, known, run),
        text=_group(TextOptions, known, run),
        model=_group(ModelOptions, known, run),
        training=_group(TrainOptions, known, run),
    )


def learned_by(run: str) -> InputTransform:
    """What a run's transform has learned of its texts, so that it need not be learned again.

    Raises
    ------
    RunError
        If it is damaged.
    """
    from stoker.rundir import RunDirectory
    from stoker.transforms import from_state

    directory = RunDirectory(run)
    return cast("InputTransform", from_state(directory.transform_state(directory.read())))


def run_meant(data_path: str, flags: dict[str, Any]) -> str:
    """The run directory of a command with ``--resume auto`` and without ``--run``.

    It is the youngest of ``runs/<file>-<n>`` that the same command began, else the next free one.
    """
    import msgspec

    from stoker.rundir import next_run_path

    free = next_run_path(data_path)
    mine = _compared(msgspec.json.decode(msgspec.json.encode(flags)))
    for run, record in _runs_beside(Path(free)):
        known = record.options.get("flags")
        if isinstance(known, dict) and _compared(known) == mine:
            return run
    return free


def has_checkpoint(run: str) -> bool:
    """Whether there is something that a run, here or at an address, can go on from; else it begins again."""
    from stoker.mirror import files_of

    return any(name.startswith("checkpoints/step-") for name in files_of(run))


def command_that_resumes(run: str, flags: TrainFlags) -> str:
    """What resumes a run: with files that lie elsewhere than its record has them, which are named again."""
    from stoker.mirror import address_of, seen
    from stoker.rundir import RunDirectory

    files: list[str] = []
    with suppress(RunError):
        known = RunDirectory(seen(run, models=False)).read().options.get("flags")
        if isinstance(known, dict) and known.get("files") != list(flags.data.files):
            files = [*flags.data.files, *(flags.data.valid or ())]
    model = flags.text.model
    own = ["--model", model] if ":" in model else []
    return f"{program_name()} {shlex.join(['resume', address_of(run) or run, *files, *own])}"


def told_of_an_end(run: str, flags: TrainFlags) -> str | None:
    """What is left of a run that has finished, as it is said when a command that goes on with it is stopped.

    None where the run has not finished: then `command_that_resumes` is what goes on with it.
    """
    from stoker.mirror import seen
    from stoker.rundir import RunDirectory

    with suppress(RunError):
        record = RunDirectory(seen(run, models=False)).read()
        if record.outcome.status != "finished":
            return None
        whole = "the run has finished, and is as it ended"
        known = record.training
        epochs, time = known.get("epochs"), flags.training.max_time
        more = ["--epochs", str(flags.order.epochs)] * (epochs is not None and flags.order.epochs > epochs)
        more += ["--max-time", time] if time is not None and time != known.get("max_time") else []
        if more and has_checkpoint(run):
            return f"{whole}: {command_that_resumes(run, flags)} {shlex.join(more)} goes on with it"
        return f"{whole}: there is nothing to resume"
    return None


def _as_now(known: dict[str, Any]) -> dict[str, Any]:
    """Recorded flags as they are written now: an earlier stoker took one label, by its name alone."""
    label = known.get("label")
    return known | {"label": [listed([label])]} if isinstance(label, str) else known


def _compared(known: dict[str, Any]) -> dict[str, Any]:
    """What tells one command from another: flags that were said, labels by their names."""
    told = {name: value for name, value in _as_now(known).items() if name not in _FREE and value is not None}
    label = told.get("label")
    if isinstance(label, list) and all(isinstance(name, str) and name.strip(" ,") for name in label):
        told["label"] = names(label)
    return told


def _runs_beside(free: Path) -> list[tuple[str, RunRecord]]:
    """The runs that are named like a free one but for the number, the youngest first; others are left out.

    Numbers do not tell which is the youngest: that of one that was removed is given again.
    """
    from stoker.rundir import RunDirectory

    numbered = re.compile(re.escape(free.name.rpartition("-")[0]) + r"-(\d+)")
    found = []
    for path in free.parent.iterdir() if free.parent.is_dir() else ():
        if name := numbered.fullmatch(path.name):
            with suppress(RunError):
                record = RunDirectory(path).read()
                found.append((record.created, int(name[1]), path.as_posix(), record))
    return [(run, record) for _, _, run, record in sorted(found, key=lambda each: each[:2], reverse=True)]


def _group(kind: type[_Group], known: dict[str, Any], run: str) -> _Group:
    import msgspec

    hints = get_type_hints(kind)
    given = {field.name: known[field.name] for field in fields(kind) if field.name in known}  # type: ignore[arg-type]
    try:
        return kind(**{name: msgspec.convert(value, hints[name]) for name, value in given.items()})
    except (msgspec.ValidationError, TypeError) as error:
        where = os.path.join(run, "run.json")
        raise RunError(f"{where} is damaged: its flags are none of stoker's ({error})") from error
