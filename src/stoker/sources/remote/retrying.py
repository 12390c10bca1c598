"""Asking again: what failed for a moment is asked for again after a while, each time a longer one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from stoker.errors import ChangedDataError, DataError
from stoker.waits import Wait, seconds_of

__all__ = ["ATTEMPTS", "Absent", "Changed", "Refused", "limit_of", "silence_seconds", "with_retries"]

VARIABLE = "STOKER_REMOTE_SECONDS"
ATTEMPTS = 5
_FIRST_PAUSE = 0.2
_USUAL_SECONDS = 20.0
_LEAST_BYTES_A_SECOND = 50_000
Result = TypeVar("Result")


class Refused(Exception):  # noqa: N818 - an answer, and no failure to answer
    """The store answered that it will not: asking again changes nothing."""


class Absent(Refused):
    """There is no such object."""


class Changed(Refused):
    """The object is another one than was opened."""


def silence_seconds() -> float:
    """After how long without a byte a request is given up, and asked again.

    Raises
    ------
    OptionError
        If ``STOKER_REMOTE_SECONDS`` is no number of seconds.
    """
    return seconds_of(VARIABLE, _USUAL_SECONDS)


def limit_of(seconds: float, count: int) -> float:
    """After how long a whole request for so many bytes is given up, however they trickle in."""
    return 2 * seconds + count / _LEAST_BYTES_A_SECOND


def with_retries(ask: Callable[[], Result], doing: str, url: str) -> Result:
    """What `ask` returns, at the fifth attempt at the latest.

    Parameters
    ----------
    ask
        Raises `Refused` for what will not change, OSError or TimeoutError for what may.
    doing
        For messages, such as ``"reading bytes 0 to 9"``.
    url
        Of what.

    Raises
    ------
    ChangedDataError
        The object is another one than was opened.
    DataError
        It was refused, or failed each time.
    """
    pause, began = _FIRST_PAUSE, time.monotonic()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with Wait("is {} of {}", doing, url):
                return ask()
        except Changed as error:
            raise ChangedDataError(f"{url}: {error}") from error
        except Refused as error:
            raise DataError(f"{url}: {error}") from error
        except (OSError, TimeoutError) as error:
            if attempt == ATTEMPTS:
                said = str(error).strip().splitlines()
                raise DataError(
                    f"{url}: {doing} failed {ATTEMPTS} times in {time.monotonic() - began:.0f} s "
                    f"({said[0] if said else type(error).__name__}); check that the store answers, and go on "
                    "then"
                ) from error
        with Wait("waits to ask again for {}", url):
            time.sleep(pause)
        pause *= 2
    raise AssertionError("the last attempt returns or raises")
