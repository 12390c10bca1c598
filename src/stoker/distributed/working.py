"""What a process that Ray starts does: it joins the others, works among them, and tells how it ended."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stoker.distributed.connecting import connected
from stoker.distributed.desk import couriered
from stoker.distributed.hosts import Host
from stoker.distributed.outcomes import Outcome, failed, is_of_a_lost_host
from stoker.distributed.relaying import Relay
from stoker.errors import RunError
from stoker.signals import Terminated
from stoker.training.progress import Display

__all__ = ["Work", "work"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What every process does.

    Attributes
    ----------
    function
        Called in each with its `Host`.
    desk
        Where to leave word; an actor of `stoker.distributed.desk.Desk`.
    interval
        Of the display that shows it.
    folder, arguments, modules
        Of the program that began it: its current folder, command line, and where it finds modules.
    """

    function: Callable[[Host], Any]
    desk: Any
    interval: float
    folder: str
    arguments: tuple[str, ...]
    modules: tuple[str, ...]


def work(task: Work) -> None:
    """Do it; called by Ray in each process."""
    import ray
    from ray.train import get_context
    from ray.train.collective import broadcast_from_rank_zero

    context = get_context()
    rank, count = context.get_world_rank(), context.get_world_size()
    said = None
    if rank == 0:
        attempt, is_settled = ray.get(task.desk.begin.remote())
        said = {"address": _free_address(), "attempt": attempt, "settled": is_settled}
    said = broadcast_from_rank_zero(said)
    if said["settled"]:
        return
    try:
        _settle_in(task)
        outcome = _done(task, rank, count, said["address"], said["attempt"])
    except Exception as error:
        if not is_of_a_lost_host(error):
            ray.get(task.desk.settle.remote(failed(error, rank)))
        raise
    if rank == 0:
        ray.get(task.desk.settle.remote(outcome))


def _settle_in(task: Work) -> None:
    """Be where the program was that began this, so that names of files and modules mean the same."""
    os.environ["KERAS_BACKEND"] = "jax"
    try:
        os.chdir(task.folder)
    except OSError as error:
        raise RunError(
            f"{socket.gethostname()} has no folder {task.folder} ({error.strerror}): start the program in a "
            "folder that all hosts share"
        ) from error
    sys.argv[:] = task.arguments
    sys.path.extend(path for path in task.modules if path not in sys.path)


def _done(task: Work, rank: int, count: int, address: str, attempt: int) -> Outcome:
    if rank:
        with connected(address, rank=rank, count=count):
            return _outcome(task, Host(rank=rank, count=count, attempt=attempt))
    with (
        couriered(task.desk) as courier,
        connected(address, rank=rank, count=count, asked=courier.asked),
    ):
        relay = Relay(courier.send, task.interval)
        logging.getLogger("stoker").addHandler(_Shown(relay))
        return _outcome(task, Host(rank=rank, count=count, attempt=attempt, display=relay))


class _Shown(logging.Handler):
    """Shows what stoker warns of, such as a long wait: nobody sees what a worker prints."""

    def __init__(self, display: Display) -> None:
        super().__init__(logging.WARNING)
        self._display = display

    def emit(self, record: logging.LogRecord) -> None:
        """Show a warning."""
        self._display.note("warning", record.getMessage())


def _outcome(task: Work, host: Host) -> Outcome:
    try:
        value = task.function(host)
    except Terminated as stopped:
        return Outcome(signal=stopped.number)
    except KeyboardInterrupt:
        return Outcome(signal=signal.SIGINT)
    return Outcome(value=value if host.rank == 0 else None)


def _free_address() -> str:
    """An address of this machine that others reach, and a port that is free."""
    import ray

    host = ray.util.get_node_ip_address()
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as found:
        found.bind((host, 0))
        port = found.getsockname()[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
