"""A signal at each moment in turn in which Python looks for one: before its functions, behind those of C."""

from __future__ import annotations

import gc
import itertools
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress

from stoker.cli.interrupts import _raised_again
from stoker.signals import Taken, Terminated, raise_for
from waiting import until

__all__ = ["moments"]


def moments(act: Callable[[], object], *, within: Callable[[str], bool]) -> Iterator[int]:
    """Call `act` again and again, each time with SIGTERM at a later moment, until it has no more of them.

    Parameters
    ----------
    act
        What is interrupted, in the main thread.
    within
        Told a file's name, whether the moments count in which a function runs that stands there.

    Yields
    ------
    int
        The number of the moment, once `act` has ended.
    """
    with warnings.catch_warnings():
        # Between the opening of a file and its `with` it is nobody's, and closed when it is collected.
        warnings.simplefilter("ignore", ResourceWarning)
        for place in itertools.count(1):
            if not _comes(place, act, within):
                break
            yield place
        gc.collect()  # while nobody is told


def _comes(place: int, act: Callable[[], object], within: Callable[[str], bool]) -> bool:
    """Whether there is such a moment."""
    passed = itertools.count(1)
    sent: list[bool] = []

    def look(frame, event, argument) -> None:
        if event in ("call", "c_return") and within(frame.f_code.co_filename) and next(passed) == place:
            sys.setprofile(None)
            sent.append(True)
            taken._handle(signal.SIGTERM, frame)

    with suppress(Terminated), _raised_again(), Taken(raise_for) as taken:
        sys.setprofile(look)
        try:
            act()
        finally:
            sys.setprofile(None)
        if sent:
            until(lambda: False)  # it is raised a moment later
    return bool(sent)
