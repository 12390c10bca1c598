"""A function in several processes of a Ray cluster, which train together; begun again where one is lost."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from stoker import backends
from stoker.cluster import Outcome, Place, beside_us, connected_to_ray, heard, quiet_ray
from stoker.cluster.spreading import require_hosts
from stoker.distributed.desk import Desk
from stoker.distributed.hosts import Host
from stoker.distributed.relaying import Player
from stoker.distributed.trainer import END_SECONDS, Training
from stoker.distributed.working import Work
from stoker.errors import OptionError
from stoker.signals import Terminated, number_of
from stoker.training.progress import Display, choose_display

__all__ = ["run"]


def run(
    function: Callable[[Host], Any],
    *,
    hosts: int,
    progress: str | Display = "auto",
    max_failures: int = 3,
    anywhere: bool = False,
) -> Any:
    """Call a function in several processes at once, in which `stoker.fit` trains one model together.

    They are processes of the Ray cluster that ``ray.init`` finds; where it finds none, one of this machine is
    started, and ended again. Where one of them is lost, all are begun again, and ``stoker.fit(…, run=,
    resume="auto")`` goes on from the last checkpoint; the run directory must lie where all hosts see it.
    Feeds are surveyed and fitted by all together: see `helped`.

    Parameters
    ----------
    function
        Called in each process with its `Host`. All must do the same: build the same model and call
        `stoker.fit` with the same options.
    hosts
        How many processes, from 1 on; each takes one processor, or one GPU where the cluster has as many.
    progress
        As of `stoker.fit`, on standard error: shows what the first host hands to `Host.display`.
    max_failures
        How often the processes are begun again.
    anywhere
        Whether the function names files by addresses and absolute paths alone, so that hosts may lack the
        program's current folder; `Host.folder` tells which it is.

    Returns
    -------
    Any
        What the function returned on the first host; it must be something that can be pickled.

    Raises
    ------
    MissingExtraError
        If Ray is not installed.
    OptionError
        For another backend than JAX, or where `progress` is none.
    RunError
        If a host has no such folder as this program's, and that matters.
    WorkerError
        If a process failed otherwise than by one of stoker's errors, or too often.
    KeyboardInterrupt, Terminated
        On Ctrl-C and SIGTERM: training stops behind a step, and is saved, as by itself.

    Examples
    --------
    ::

        def train(host):
            feed = stoker.Feed(stoker.open("train.csv", label="label"), batch_size=256)
            model = stoker.models.mlp(feed, seed=1)
            stoker.fit(model, feed, epochs=3, run="runs/a", resume="auto", progress=host.display)

        stoker.distributed.run(train, hosts=2)
    """
    require_hosts(hosts)
    if (backend := backends.choose()) != "jax":
        raise OptionError(
            f"training on several hosts needs the JAX backend, and this is {backend}: set KERAS_BACKEND=jax, "
            "or train on one host"
        )
    shown = choose_display(progress)
    with _closing(shown, progress), quiet_ray(), connected_to_ray(hosts) as is_ours, _scratch() as scratch:
        desk = beside_us(Desk)
        task = Work(
            function=function,
            desk=desk,
            interval=shown.interval,
            place=Place.here(backend),
            anywhere=anywhere,
        )
        training = Training(task, hosts, max_failures, scratch, is_ours)
        return _outcome(training, desk, Player(shown)).taken()


@contextmanager
def _closing(shown: Display, progress: str | Display) -> Iterator[None]:
    """Behind the block a display is closed, unless it is the caller's."""
    try:
        yield
    finally:
        if shown is not progress:
            shown.close()


def _scratch() -> tempfile.TemporaryDirectory[str]:
    """A folder for Ray's own notes: among several nodes in the current one, which they may share."""
    import ray

    return tempfile.TemporaryDirectory(
        prefix=".stoker-ray-",
        dir=os.getcwd() if len(ray.nodes()) > 1 else None,
        ignore_cleanup_errors=True,  # Ray may be writing still
    )


def _outcome(training: Training, desk: Any, player: Player) -> Outcome:
    """What comes out; meanwhile what the hosts show is shown, and they hear who asks to stop.

    Ray's trainer is waited for, which takes a second: where the connection ends beneath it, it may take the
    process along, or go on in the next connection.
    """
    try:
        return _followed(training, desk, player)
    except BaseException:
        training.end_early()
        raise
    finally:
        player.stop()


def _followed(training: Training, desk: Any, player: Player) -> Outcome:
    settled = 0.0
    asked = False
    while True:
        try:
            is_over = training.is_over()
            messages, outcome = heard(desk.look.remote())
            player.play(messages)
            if outcome is not None:
                settled = settled or time.monotonic()
                if is_over or time.monotonic() > settled + END_SECONDS:
                    return outcome  # type: ignore[no-any-return]
            if is_over:
                raise training.lost()
        except (KeyboardInterrupt, Terminated) as stop:
            if asked and isinstance(stop, Terminated):
                continue  # `timeout` and schedulers send it to the process and to its group
            if asked or not player.is_training:
                raise
            asked = True
            heard(desk.ask_to_stop.remote(number_of(stop)))
