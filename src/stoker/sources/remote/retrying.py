"""What answers mean: what failed for a moment is asked for again, each time after a longer while."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TypeVar

from stoker.errors import ChangedDataError, DataError, OfThisMachine
from stoker.sources.remote.abandoning import Late
from stoker.waits import Wait, seconds_of

__all__ = [
    "ATTEMPTS",
    "Absent",
    "Changed",
    "Refused",
    "limit_of",
    "listed_within",
    "silence_seconds",
    "told",
    "with_retries",
]

VARIABLE = "STOKER_REMOTE_SECONDS"
ATTEMPTS = 5
_FIRST_PAUSE = 0.2
_USUAL_SECONDS = 20.0
_LEAST_BYTES_A_SECOND = 50_000
_LIST_BYTES = 1 << 25
"""A list that a library gives as a whole may take as long as so many bytes: about 11 minutes."""
Result = TypeVar("Result")


class Refused(Exception, OfThisMachine):  # noqa: N818 - an answer, and no failure to answer
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


def listed_within(ask: Callable[[int], Result]) -> Result:
    """What a library gives as a whole, the list of a folder, if it comes in time; else it is not asked again.

    Parameters
    ----------
    ask
        Takes the bytes for which the limit is: a list that is late would be so another time.

    Raises
    ------
    Refused
        It was not whole in time.
    """
    try:
        return ask(_LIST_BYTES)
    except Late as error:
        raise Refused(f"the list of its files: {error}; name its folders one by one, or files") from error


def told(ask: Callable[[], Result], where: str) -> Result:
    """What `ask` gives; an answer that will not change is `Refused`.

    Parameters
    ----------
    ask
        Asks through PyArrow or fsspec.
    where
        Where credentials are looked for, for messages.
    """
    try:
        return ask()
    except FileNotFoundError:
        raise Absent("no such object; check the address") from None
    except PermissionError:
        raise Refused(_NO_PERMISSION.format(where)) from None
    except OSError as error:
        # What stands before names the object, which may be called anything.
        code = str(error).rpartition("AWS Error ")[2]
        if _DENIED.search(code):
            raise Refused(_NO_PERMISSION.format(where)) from None
        if _UNKNOWN_KEYS.search(code):
            raise Refused("the store does not know these credentials; check them") from None
        if _NO_KEY.search(code):
            raise Absent("no such object; check the address") from None
        if _NO_BUCKET.search(code):
            raise Refused("no such bucket; check the address") from None
        raise


_DENIED = re.compile(r"\b(ACCESS_DENIED|AccessDenied|PERMISSION_DENIED|Forbidden|HTTP status 403)\b")
_UNKNOWN_KEYS = re.compile(r"\b(INVALID_ACCESS_KEY_ID|SIGNATURE_DOES_NOT_MATCH|InvalidAccessKeyId)\b")
_NO_KEY = re.compile(r"\b(NO_SUCH_KEY|NoSuchKey|HTTP status 404)\b")
_NO_BUCKET = re.compile(r"\b(NO_SUCH_BUCKET|NoSuchBucket)\b")
_NO_PERMISSION = (
    "permission denied; give credentials that may read it where the store's own tools look for them ({})"
)
