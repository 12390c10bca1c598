"""``--hosts``: the same command in several processes of a Ray cluster."""

from __future__ import annotations

import os
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stoker import backends
from stoker.cli.ending import Trained, telling_what_is_left
from stoker.cli.options import TextOptions, TrainFlags
from stoker.errors import OptionError
from stoker.given import named_from

if TYPE_CHECKING:
    from stoker.cli.beginning import Beginning
    from stoker.distributed import Host
    from stoker.training.progress import Display

__all__ = ["held_to", "train_anywhere"]

_FREE_SECONDS = 30.0
"""Within these a process that was lost, or is being ended, has let go of the run directory."""
_LOOK_SECONDS = 0.2
_LARGEST_USUAL_BATCH = 256
"""Rows of a batch where nobody says how many; of texts fewer, see `stoker.Feed`."""


def train_anywhere(flags: TrainFlags, display: Display) -> Trained:
    """Survey, plan, build and fit, here or on the hosts that the flags ask for."""
    from stoker.cli.train import recorded_flags, train_on

    hosts = flags.training.hosts
    if hosts == 1:
        with _around(flags.text):
            return train_on(flags, display)
    rows_a_step = flags.order.batch_size or _LARGEST_USUAL_BATCH
    if hosts > rows_a_step:
        raise OptionError(
            f"{hosts} hosts cannot share batches of {rows_a_step}, each needs a row at the least: raise "
            "--batch-size, or ask for fewer --hosts"
        )
    from stoker import distributed

    beginning = _looked_at(flags, recorded_flags(flags)["flags"], display)
    if (over := _over(beginning, flags, display)) is not None:
        return over
    run = beginning.named
    named = replace(flags, training=replace(flags.training, run=run))
    task = partial(_train, flags=named, recorded=recorded_flags(named))
    with telling_what_is_left(display, run, flags):
        found: Trained = distributed.run(task, hosts=hosts, progress=display, anywhere=True)
    return found


def _looked_at(flags: TrainFlags, recorded: dict[str, Any], display: Display) -> Beginning:
    """What the training is to be, once nothing speaks against it that can be told without hosts."""
    from stoker.cli.beginning import begin
    from stoker.mirror import place_of, seen
    from stoker.runlock import running

    beginning = begin(flags, recorded, partial(seen, models=False))
    if (place := place_of(beginning.named)).is_dir():
        with running(place):
            pass
    beginning.refuse_another(flags, display)
    return beginning


def _over(beginning: Beginning, flags: TrainFlags, display: Display) -> Trained | None:
    """What a run came to that has nothing left to train, for which no host is needed; None where it has."""
    from stoker.mirror import files_of, seen
    from stoker.rundir import RunDirectory
    from stoker.training.schedule import parse_seconds

    if not beginning.resumes or RunDirectory(beginning.run).read().outcome.status != "finished":
        return None
    with _around(flags.text):
        backends.choose()
        from stoker.training.taking_up import told_as_over
    time = flags.training.max_time
    report = told_as_over(
        seen(beginning.named, models=False, checkpoints=True),
        beginning.named,
        epochs=flags.order.epochs,
        max_seconds=None if time is None else parse_seconds(time, option="--max-time"),
        display=display,
    )
    if report is None:
        return None
    has_model = "model.keras" in files_of(beginning.named)
    return Trained(run=beginning.named, report=report, has_model=has_model)


def _train(host: Host, *, flags: TrainFlags, recorded: dict[str, Any]) -> Trained:
    """What each host does."""
    from stoker.cli.train import train_on
    from stoker.mirror import place_of

    if os.getcwd() != host.folder:
        flags = held_to(host.folder, flags)
    if host.attempt:
        flags = replace(flags, training=replace(flags.training, resume="auto"))
        _wait_for(place_of(str(flags.training.run)))
    with _around(flags.text):
        return train_on(flags, host.display, recorded)


def held_to(folder: str, flags: TrainFlags) -> TrainFlags:
    """Flags that name the same files wherever the process is.

    Parameters
    ----------
    folder
        The one in which they were given.
    flags
        What was given there; known data sets stay as they are, and so do addresses but of databases in files.
    """
    from stoker.sources.database.address import Address, is_database

    def held(name: str) -> str:
        if is_database(name) and Address(name).kind != "postgresql":
            return f"{name.partition('://')[0]}://{named_from(folder, Address(name).file)}"
        is_path = not name.startswith(("@", "~")) and "://" not in name
        return named_from(folder, name) if is_path else name

    def also(name: str | None) -> str | None:
        return None if name is None else held(name)

    data, model, training = flags.data, flags.model, flags.training
    return replace(
        flags,
        data=replace(
            data,
            files=list(map(held, data.files)),
            valid=None if data.valid is None else list(map(held, data.valid)),
            quarantine=also(data.quarantine),
        ),
        model=replace(model, embeddings=also(model.embeddings)),
        training=replace(training, init=also(training.init), run=also(training.run)),
    )


def _around(text: TextOptions) -> AbstractContextManager[None]:
    """What Keras does without; the user's own code may want of it what stoker's models do not."""
    return nullcontext() if ":" in text.model else backends.unaccompanied()


def _wait_for(folder: Path) -> None:
    """Return once nobody trains in a run directory."""
    from stoker.runlock import InUseError, running

    until = time.monotonic() + _FREE_SECONDS
    while True:
        try:
            with running(folder):
                return
        except InUseError:
            if time.monotonic() >= until:
                raise
        time.sleep(_LOOK_SECONDS)
