"""One process joins the others by JAX's own means, whoever started them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from stoker.group import Group, joined

__all__ = ["connected"]

_START_SECONDS = 120
"""Within these all processes must have come."""
_DEAD_SECONDS = 20
"""Of silence, until a process is taken for dead and the others end. Ray notices one that died within a second
or two; this is for one that nobody hears of, and a machine that is short of time is silent for seconds."""
_END_SECONDS = 1800
"""How long the first to end waits for the others, of which one may write a large model."""


@contextmanager
def connected(
    address: str, *, rank: int, count: int, asked: Callable[[], int] = lambda: 0
) -> Iterator[Group]:
    """Inside, this process is one of several that train together. Nothing may have used JAX before.

    Where the block ends without an error, all processes wait for one another. Where it does not, nothing is
    waited for: the process is to end, and the others then do.

    Parameters
    ----------
    address
        Host and port where the first process listens, the same in all.
    rank, count
        Which of the processes this is, and how many there are.
    asked
        As of `stoker.group.Group`.

    Examples
    --------
    ::

        with connected("10.0.0.1:3300", rank=1, count=2):
            stoker.fit(model, feed, epochs=3)
    """
    import jax

    configure: Any = jax.config.update  # without types
    shut_down: Any = jax.distributed.shutdown
    configure("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(
        address,
        num_processes=count,
        process_id=rank,
        cluster_detection_method="deactivate",
        initialization_timeout=_START_SECONDS,
        heartbeat_timeout_seconds=_DEAD_SECONDS,
        shutdown_timeout_seconds=_END_SECONDS,
        coordinator_bind_address=address,
    )
    with joined(Group(rank, count, _exchange, asked)) as group:
        yield group
    shut_down()


def _exchange(frame: Any) -> Any:
    from jax.experimental import multihost_utils

    from stoker.training.shared_step import wait_for_steps

    wait_for_steps()
    return np.asarray(multihost_utils.process_allgather(frame))
