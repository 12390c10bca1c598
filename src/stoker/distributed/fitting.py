"""Surveys and fits of this process with the help of a Ray cluster's tasks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stoker.cluster import connected_to_ray, quiet_ray
from stoker.cluster.spreading import require_hosts
from stoker.crew import engaged
from stoker.distributed.helping import RayCrew
from stoker.feed import Feed
from stoker.sources import Source
from stoker.training.progress import Display
from stoker.transforms.base import InputTransform

__all__ = ["fit", "helped"]


@contextmanager
def helped(hosts: int) -> Iterator[None]:
    """Inside, feeds of this process are surveyed and fitted by tasks of a Ray cluster, to the same bits.

    It is the cluster of ``RAY_ADDRESS``, or of ``ray start`` on this machine; where there is none, one of
    this machine is started, and ended with the block. Files must lie where all nodes see them, under the same
    names; each checks what it reads against the survey.

    Parameters
    ----------
    hosts
        The processors that a cluster of this machine has at least; one that is found helps with all that are
        free.

    Raises
    ------
    MissingExtraError
        If Ray is not installed.
    OptionError
        For a number below 1.

    Examples
    --------
    ::

        with stoker.distributed.helped(8):
            feed = stoker.Feed(stoker.open("s3://bucket/train-*.parquet", label="y")).prepare()
    """
    require_hosts(hosts)
    with quiet_ray(), connected_to_ray(hosts), engaged(RayCrew(num_cpus=1)):
        yield


def fit(
    transform: InputTransform, rows: Source, *, hosts: int, display: Display | None = None, **options: Any
) -> InputTransform:
    """Fit a transform on the rows of a source by tasks of a Ray cluster: bit for bit as one process does.

    Parameters
    ----------
    transform
        Not fitted; as `stoker.Feed` takes it.
    rows
        The rows to learn from, with their label: a source, or a view of one.
    hosts
        As of `helped`.
    display
        Shows how far it is; nothing by default.
    **options
        Of `stoker.Feed`, such as ``memory=``, which each task has a part of.

    Returns
    -------
    InputTransform
        The fitted transform.

    Raises
    ------
    StokerError
        What `stoker.Feed.prepare` raises; `WorkerError` where a task is lost four times.

    Examples
    --------
    ::

        rows = stoker.open("reviews-*.csv", label="stars", text="text")
        words = stoker.distributed.fit(stoker.NgramVectorizer(), rows, hosts=8)
    """
    shown = display or Display()
    feed = Feed(rows, transform=transform, **options)
    with helped(hosts), shown.stage("survey", "B") as surveyed, shown.stage("fit", " rows") as fitted:
        feed.prepare(surveyed, fitted, draft_cache=False)
        made = feed.stage.inputs
    feed.close()
    return made
