"""The Ray cluster that is there, or one of this machine for as long as it is needed."""

from __future__ import annotations

import logging
import os
import signal
import socket
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from stoker.cluster.notes import home, own_notes
from stoker.errors import MissingExtraError, WorkerError
from stoker.signals import STOPPING

__all__ = ["LOSSES", "beside_us", "connected_to_ray", "heard", "quiet_ray"]

LOSSES = "stoker.hosts"
"""The log that says of processes that were lost."""

_ANSWER_SECONDS = 180.0
"""Within these the cluster answers; the first time a process has to start."""

_REACH_SECONDS = 20.0
"""Within these the machine of a cluster takes a connection; Ray itself would try for many minutes."""

_OF_OUR_OWN = {"RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0"}
"""Nobody takes this machine back from a cluster that is begun for a run: Ray need not have a process look."""

_TOKENS = "ray._private.authentication"
"""The log that says of each cluster that its processes know each other by a token."""

_QUIETLY: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}

_SETTINGS = {
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",  # how soon a lost process is noticed
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_CONTROLLER_STRUCTURED_LOGGING": "0",
    "RAY_TRAIN_ENABLE_WORKER_STRUCTURED_LOGGING": "0",
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": "^",  # whatever befalls processes would be told where answers are printed
    "RAY_worker_niceness": "0",  # 15 is Ray's: whatever else this machine does would come before training
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",  # a process that was given no GPU sees none
}


@contextmanager
def quiet_ray() -> Iterator[None]:
    """Inside, Ray is told how to behave, which it must be before it is imported.

    What the user has set in the environment stays.

    Raises
    ------
    MissingExtraError
        If Ray is not installed.
    """
    with _told(_SETTINGS):
        _require_ray()
        yield


@contextmanager
def _told(settings: dict[str, str]) -> Iterator[None]:
    ours = {name: value for name, value in settings.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)


def _require_ray() -> None:
    try:
        import ray.train  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("several hosts need Ray: pip install 'stoker[ray]'") from error


@contextmanager
def connected_to_ray(hosts: int) -> Iterator[bool]:
    """Inside, Ray is connected to a cluster; yields whether the connection ends with the block.

    Parameters
    ----------
    hosts
        The processors that a cluster of this machine has at least, however many there are.

    Raises
    ------
    WorkerError
        If nobody answers at the address that ``RAY_ADDRESS`` gives, or the cluster there refuses.
    """
    import ray

    if ray.is_initialized():
        yield False
        return
    handlers = {number: signal.getsignal(number) for number in STOPPING}
    with ExitStack() as held:
        if not _found_and_joined():
            notes = held.enter_context(own_notes())
            held.callback(ray.shutdown)
            _begin_our_own(max(hosts, os.cpu_count() or 1), notes)
            held.enter_context(_told(_OF_OUR_OWN))
        else:
            held.callback(ray.shutdown)
        for number, handler in handlers.items():  # Ray takes SIGTERM for itself
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        yield True


def _begin_our_own(processors: int, notes: dict[str, str]) -> None:
    import ray

    with _forking_quietly(), _in_a_group_of_their_own(), _silent(logging.getLogger(_TOKENS)):
        ray.init(address="local", num_cpus=processors, include_dashboard=False, **notes, **_QUIETLY)


def _found_and_joined() -> bool:
    """Connect to the cluster for everybody, if there is one."""
    import ray

    if not _is_known():
        return False
    try:
        with _forking_quietly(), _silent(logging.getLogger(_TOKENS)):
            ray.init(address="auto", **_QUIETLY)
    except ConnectionError as error:
        if address := os.environ.get("RAY_ADDRESS"):
            why = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise WorkerError(
                f"the Ray cluster at RAY_ADDRESS={address} does not take this program in ({why}): see that "
                "it runs, set RAY_AUTH_MODE=token if it asks for one, or unset RAY_ADDRESS for processes of "
                "this machine"
            ) from error
        return False
    return True


@contextmanager
def _forking_quietly() -> Iterator[None]:
    """Inside, JAX does not warn of a fork: Ray starts programs of its own, which use nothing of this one."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"os\.fork\(\) was called", RuntimeWarning)
        yield


@contextmanager
def _in_a_group_of_their_own() -> Iterator[None]:
    """Inside, what Ray starts hears no signal to this program's process group.

    ``timeout`` and schedulers send SIGTERM to a whole group, and a terminal that is closed SIGHUP. It is for
    this program to finish its step then, and to end Ray's processes, which end with it however it ends.
    """
    from ray._private import services

    start = getattr(services, "ConsolePopen", None)
    if start is None or os.name != "posix":  # another version of Ray: they hear what the group hears
        yield
        return
    services.ConsolePopen = partial(start, process_group=0)
    try:
        yield
    finally:
        services.ConsolePopen = start


@contextmanager
def _silent(log: logging.Logger) -> Iterator[None]:
    """Inside, a log tells errors alone."""
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _is_known() -> bool:
    """Whether there is a cluster for everybody: by its address, or because of ``ray start`` on this machine.

    Ray itself would find any that runs here, which another program may have begun for itself, and ends.
    """
    address = os.environ.get("RAY_ADDRESS")
    if address == "local":  # as for ray.init: one of its own
        return False
    if address:
        if why := _silence_of(address):
            raise WorkerError(
                f"no Ray cluster answers at RAY_ADDRESS={address} ({why}): start it, or unset RAY_ADDRESS "
                "for processes of this machine"
            )
        return True
    try:
        begun = (home() / "ray" / "ray_current_cluster").read_text().strip()
    except OSError:
        return False
    return not _silence_of(begun)  # a cluster that was killed leaves its address behind


def _silence_of(address: str) -> str:
    """Why nobody can be reached at an address; nothing where somebody is, or where it is no host and port."""
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdigit():  # auto, ray://…: Ray's to understand
        return ""
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_REACH_SECONDS).close()
    except (OSError, OverflowError) as error:
        return str(getattr(error, "strerror", None) or error)
    return ""


def beside_us(kind: type, *given: Any) -> Any:
    """An actor that takes no processor, on the machine of this program: it outlives the loss of any other."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(num_cpus=0, scheduling_strategy=here)(kind).remote(*given)


def heard(answer: Any) -> Any:
    """What another process answers that has no more to do than that.

    Parameters
    ----------
    answer
        Ray's reference to what it does.

    Raises
    ------
    WorkerError
        If it does not answer for three minutes.
    """
    import ray

    try:
        return ray.get(answer, timeout=_ANSWER_SECONDS)
    except ray.exceptions.GetTimeoutError:
        raise WorkerError(
            f"the Ray cluster has not answered for {_ANSWER_SECONDS:.0f} seconds: `ray status` tells whether "
            "its nodes are alive and have a processor to spare"
        ) from None
