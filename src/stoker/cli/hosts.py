"""``--hosts``: the same command in several processes of a Ray cluster."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from stoker import backends
from stoker.cli.options import DataOptions, ModelOptions, OrderOptions, TextOptions, TrainOptions

if TYPE_CHECKING:
    from stoker.cli.resuming import Flags
    from stoker.cli.train import Trained
    from stoker.distributed import Host
    from stoker.training.progress import Display

__all__ = ["train_anywhere"]

_FREE_SECONDS = 30.0
"""Within these a process that was lost, or is being ended, has let go of the run directory."""
_LOOK_SECONDS = 0.2


def train_anywhere(
    data: DataOptions,
    order: OrderOptions,
    text: TextOptions,
    model: ModelOptions,
    training: TrainOptions,
    display: Display,
) -> Trained:
    """Survey, plan, build and fit, here or on the hosts that the flags ask for."""
    from stoker.cli.session import open_parts
    from stoker.cli.train import check_before_reading, recorded_flags, run_of, train_on

    if training.hosts == 1:
        with _around(text):
            return train_on(data, order, text, model, training, display)
    check_before_reading(text, model, training)
    from stoker import distributed

    rows, _ = open_parts(data, order.seed, order.memory)
    recorded = recorded_flags(data, order, text, model, training)
    named = replace(training, run=run_of(training, rows.paths[0], recorded["flags"]))
    found: Trained = distributed.run(
        partial(_train, flags=(data, order, text, model, named)), hosts=training.hosts, display=display
    )
    return found


def _train(host: Host, *, flags: Flags) -> Trained:
    """What each host does."""
    from stoker.cli.train import train_on
    from stoker.mirror import place_of

    data, order, text, model, training = flags
    if host.attempt:
        training = replace(training, resume="auto")
        _wait_for(place_of(str(training.run)))
    with _around(text):
        return train_on(data, order, text, model, training, host.display)


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
