"""One process reads, several work, and what they make comes back in order."""

from __future__ import annotations

import socket
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeAlias

from stoker.cluster.connection import connected_to_ray, quiet_ray
from stoker.cluster.outcomes import Outcome, failed
from stoker.cluster.place import Place
from stoker.cluster.shipping import packed, unpacked
from stoker.errors import OptionError
from stoker.waits import StageWait, watched

__all__ = ["Begin", "Job", "Read", "Worked", "on_hosts", "require_hosts", "spread"]

Read: TypeAlias = Callable[[], Iterator[Any]]
"""Yields the items, in one process; the same ones each time, for it is called again where that is lost."""
Worked: TypeAlias = Callable[[Any], Any]
"""What is made of an item."""
Begin: TypeAlias = Callable[[], Worked]
"""Called once in each process that works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What the processes do; read and work travel as bytes, and so do items and results.

    Attributes
    ----------
    read, begin
        A `Read` and a `Begin`, packed.
    place
        Where the program runs that wants it done.

    Examples
    --------
    >>> job = Job(read=packed(lambda: iter("ab")), begin=packed(lambda: str.upper), place=Place.here())
    >>> work = job.worker()
    >>> [unpacked(work(item)).taken() for item in job.items()]
    ['A', 'B']
    """

    read: bytes
    begin: bytes
    place: Place

    def items(self) -> Iterator[bytes]:
        """The items, and last of all the error that ended them, if one did."""
        try:
            self.place.settle_in()
            for item in unpacked(self.read)():
                yield packed(Outcome(value=item))
        except Exception as error:
            yield packed(self._failed(error))

    def worker(self) -> Callable[[bytes], bytes]:
        """What makes an outcome of an item; an error of beginning comes with each."""
        try:
            self.place.settle_in()
            work = unpacked(self.begin)()
        except Exception as error:
            told = packed(self._failed(error))
            return lambda item: told
        return lambda item: self._worked(work, item)

    def _worked(self, work: Worked, item: bytes) -> bytes:
        given: Outcome = unpacked(item)
        if given.error is not None:
            return item
        try:
            return packed(Outcome(value=work(given.value)))
        except Exception as error:
            return packed(self._failed(error))

    def _failed(self, error: Exception) -> Outcome:
        return failed(error, socket.gethostname(), self.place.lacking())


def require_hosts(hosts: int) -> None:
    """Refuse what is no number of processes.

    Raises
    ------
    OptionError
        It is less than 1, or no integer.
    """
    if isinstance(hosts, bool) or not isinstance(hosts, int) or hosts < 1:
        raise OptionError(f"hosts must be an integer from 1 on, got {hosts!r}")


def spread(read: Read, begin: Begin, *, hosts: int, backend: str = "") -> Generator[Any]:
    """Work on items in several processes of a Ray cluster; yields what they make, in the order of the items.

    Items are read by one process, ahead of those that work as far as a bound allows, and each has two items
    at most. Where a process is lost, Ray begins it again, and nothing is missing or comes twice. An error
    comes in the place of its item.

    Parameters
    ----------
    read, begin
        As `Read` and `Begin`; they must be something that can be pickled.
    hosts
        How many processes work, each with one processor, or one GPU where the cluster has as many.
    backend
        The Keras backend that they are to use, if they do.

    Raises
    ------
    MissingExtraError
        Ray is not installed.
    WorkerError
        The processes were lost too often, something failed in them that is no error of stoker's, or the
        cluster does not answer.
    StokerError
        Whatever `read` and `begin` raise.
    """
    require_hosts(hosts)
    job = Job(read=packed(read), begin=packed(begin), place=Place.here(backend))
    with watched(), closing(on_hosts(job, hosts)) as outcomes:
        while True:
            with StageWait("the hosts", why=_why):
                found = next(outcomes, None)
            if found is None:
                return
            yield unpacked(found).taken()


def _why() -> str:
    return "`ray status` tells whether the nodes are alive and have a processor to spare"


def on_hosts(job: Job, hosts: int) -> Generator[bytes]:
    """The outcomes of a job in order, packed; an error that is not of the job is a `WorkerError`."""
    with quiet_ray(), connected_to_ray(hosts):
        from stoker.cluster.streaming import streamed

        yield from streamed(job, hosts)
