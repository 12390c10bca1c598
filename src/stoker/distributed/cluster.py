"""The Ray cluster that is there, or one of this machine for as long as it is needed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from stoker.errors import MissingExtraError
from stoker.signals import STOPPING

__all__ = ["connected_to_ray", "quiet_ray"]

_SETTINGS = {
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",  # how soon a lost process is noticed
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_CONTROLLER_STRUCTURED_LOGGING": "0",
    "RAY_TRAIN_ENABLE_WORKER_STRUCTURED_LOGGING": "0",
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
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
    ours = {name: value for name, value in _SETTINGS.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        _require_ray()
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
    """
    import ray

    if ray.is_initialized():
        yield False
        return
    handlers = {number: signal.getsignal(number) for number in STOPPING}
    try:
        ray.init(address="auto", log_to_driver=False, logging_level="ERROR", configure_logging=False)
    except ConnectionError:
        ray.init(
            address="local",
            num_cpus=max(hosts, os.cpu_count() or 1),
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            configure_logging=False,
        )
    for number, handler in handlers.items():  # Ray takes SIGTERM for itself
        if handler is not None and signal.getsignal(number) is not handler:
            signal.signal(number, handler)
    try:
        yield True
    finally:
        ray.shutdown()
