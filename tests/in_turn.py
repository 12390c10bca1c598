"""A stand-in for a Ray cluster: the hosts are of this process, and take items in turn."""

from __future__ import annotations

from collections.abc import Iterator

from stoker.cluster.spreading import Job


def outcomes(job: Job, hosts: int) -> Iterator[bytes]:
    """As `stoker.cluster.spreading.on_hosts`: all that there is travels as bytes."""
    workers = [job.worker() for _ in range(hosts)]
    for number, item in enumerate(job.items()):
        yield workers[number % hosts](item)
