"""Calls of libraries that know no limit for the whole of a request: given up when it is over."""

from __future__ import annotations

import atexit
import ctypes
import threading
from collections.abc import Callable
from typing import TypeVar

__all__ = ["Late", "within"]

Result = TypeVar("Result")


class Late(TimeoutError):  # noqa: N818 - an answer that is missing
    """What was asked for did not come in time."""


def within(ask: Callable[[], Result], seconds: float) -> Result:
    """What `ask` gives, if it comes in time.

    It is called in a thread of its own. A library's call cannot be interrupted: one that takes too long is
    left behind, and does not keep the interpreter from exiting.

    Parameters
    ----------
    ask
        Releases the interpreter's lock while it waits.
    seconds
        It has.

    Raises
    ------
    Late
        It did not come in time.

    Examples
    --------
    >>> within(lambda: 1 + 1, 10)
    2
    """
    found: list[Result] = []
    failed: list[BaseException] = []
    done = threading.Event()

    def call() -> None:
        try:
            found.append(ask())
        except BaseException as error:
            failed.append(error)
        finally:
            done.set()

    threading.Thread(target=call, name="stoker-request", daemon=True).start()
    if not done.wait(seconds):
        _leave()
        raise Late(f"it was not whole within {seconds:.0f} s")
    if failed:
        raise failed[0]
    return found[0]


def _leave() -> None:
    """Have nobody wait for it when the process ends, as PyArrow would for requests to S3 that are under way.

    What libraries tear down behind the interpreter would be torn down under that thread: the process ends
    before, with its status.
    """
    from pyarrow import fs

    finalize = getattr(fs, "ensure_s3_finalized", None)
    if finalize is not None:
        atexit.unregister(finalize)
    library = ctypes.CDLL(None)
    if hasattr(library, "on_exit"):  # glibc's
        library.on_exit(library._exit, None)
