"""What a process that Ray starts does: it joins the others, works among them, and tells how it ended."""

from __future__ import annotations

import ipaddress
import logging
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from stoker.cluster import Outcome, Place, failed, heard, is_of_a_lost_host
from stoker.crew import engaged
from stoker.distributed.board import Boards
from stoker.distributed.connecting import connected
from stoker.distributed.desk import couriered
from stoker.distributed.helping import RayCrew
from stoker.distributed.hosts import Host
from stoker.distributed.printing import printing_heard
from stoker.distributed.relaying import Relay
from stoker.errors import RunError
from stoker.filelocks import signing_as
from stoker.prefetch import available_cores
from stoker.signals import Terminated
from stoker.training.progress import LogNotes

__all__ = ["Work", "require_reachable", "take_place", "work"]


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
    place
        Of the program that began it.
    anywhere
        Whether it does not matter that a machine lacks that program's folder.
    """

    function: Callable[[Host], Any]
    desk: Any
    interval: float
    place: Place
    anywhere: bool


def work(task: Work) -> None:
    """Do it; called by Ray in each process."""
    import ray
    from ray.train import get_context
    from ray.train.collective import broadcast_from_rank_zero

    context = get_context()
    rank, count = context.get_world_rank(), context.get_world_size()
    said = None
    if rank == 0:
        attempt, is_settled = heard(task.desk.begin.remote())
        said = {"address": _free_address(), "attempt": attempt, "settled": is_settled}
    said = broadcast_from_rank_zero(said)
    if said["settled"]:
        return
    try:
        take_place(task.place, anywhere=task.anywhere)
        _share_cores(context.get_local_world_size())
        if context.get_local_world_size() < count:
            require_reachable({node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]})
        outcome = _done(task, rank, count, said["address"], said["attempt"])
    except Exception as error:
        if not is_of_a_lost_host(error):
            heard(task.desk.settle.remote(failed(error, rank, task.place.lacking())))
        raise
    if rank == 0:
        heard(task.desk.settle.remote(outcome))


def require_reachable(machines: set[str]) -> None:
    """Refuse a machine whose own name means itself alone: processes connect to each other by their names.

    Parameters
    ----------
    machines
        Addresses of the machines of the cluster.

    Raises
    ------
    RunError
        There are others, and this one's name resolves to a loopback address.
    """
    name = socket.gethostname()
    try:
        found = ipaddress.ip_address(socket.gethostbyname(name))
    except (OSError, ValueError):
        return
    if found.is_loopback and len(machines) > 1:
        raise RunError(
            f"the machine {name} takes its own name for {found}, where the other hosts cannot reach it: have "
            "it resolve to the address that they know, as by a line in its /etc/hosts"
        )


def take_place(place: Place, *, anywhere: bool) -> None:
    """Have this process run where the program does that began it.

    Raises
    ------
    RunError
        This machine lacks the program's folder, and it does matter.
    """
    if not place.settle_in() and not anywhere:
        raise RunError(
            f"{socket.gethostname()} has no folder {place.folder}, where the program was started: start it "
            "in one that all hosts share, or let it name files by absolute paths alone, and say anywhere=True"
        )


def _share_cores(neighbours: int) -> None:
    """Have XLA compute with this process's part of the cores, and not with a thread for each in every one.

    Parameters
    ----------
    neighbours
        How many of the processes are on this machine.
    """
    os.environ.setdefault("NPROC", str(max(1, available_cores() // neighbours)))


def _done(task: Work, rank: int, count: int, address: str, attempt: int) -> Outcome:
    host = Host(rank=rank, count=count, attempt=attempt, folder=task.place.folder)
    if rank:
        with connected(address, rank=rank, count=count):
            return _outcome(task, host)
    with (
        couriered(task.desk) as courier,
        connected(address, rank=rank, count=count, asked=courier.asked),
    ):
        relay = Relay(courier.send, task.interval)
        logging.getLogger("stoker").addHandler(LogNotes(relay))  # nobody sees what a worker prints
        with printing_heard(relay.printed):
            return _outcome(task, replace(host, display=relay))


def _outcome(task: Work, host: Host) -> Outcome:
    boards = Boards(task.desk, host.rank, host.count, host.attempt)
    try:
        with engaged(RayCrew(num_cpus=0, boards=boards)), signing_as(task.place.program):
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
