"""Asking a server, with an end to every wait."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

__all__ = ["Patience", "RefusedError", "UnreachableError", "open_url", "retry_after"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait for what; seconds, and bytes.

    Attributes
    ----------
    answer
        From asking to the end of an answer's headers, finding the address and redirects included.
    silence
        Until the next bytes.
    stall, stall_bytes
        Fewer bytes than these in this time are a stall.
    attempts
        Failures in a row that end it; an attempt that brought `progress_bytes` begins the count anew.
    progress_bytes
        See `attempts`.
    pause, longest_pause
        Before the second attempt, doubled for each further one; and the most.
    """

    answer: float = 60.0
    silence: float = 30.0
    stall: float = 60.0
    stall_bytes: int = 16 << 10
    attempts: int = 5
    progress_bytes: int = 1 << 20
    pause: float = 1.0
    longest_pause: float = 30.0


class RefusedError(Exception):
    """The server's last word; asking again would not help."""


class UnreachableError(Exception):
    """Something that may pass.

    Parameters
    ----------
    message
        What happened.
    wait
        Seconds that the server asks to wait; 0 where it does not.
    """

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


class _Redirects(HTTPRedirectHandler):
    """Follows redirects, but not from an encrypted connection to one that is not."""

    def redirect_request(
        self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        if req.type == "https" and not newurl.startswith("https:"):
            raise RefusedError(f"the server redirects to {newurl}, which is not encrypted")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def open_url(url: str, headers: dict[str, str], patience: Patience) -> HTTPResponse:
    """Ask for a file; the answer's body is still to be read.

    Raises
    ------
    HTTPError
        The server answers that it will not.
    UnreachableError
        There is no answer.
    RefusedError
        The address cannot be asked.
    """
    answers: queue.SimpleQueue[HTTPResponse | BaseException] = queue.SimpleQueue()
    given_up = threading.Event()

    def ask() -> None:
        try:
            answer: HTTPResponse | BaseException = _opener().open(
                Request(url, headers={"User-Agent": "stoker", **headers}), timeout=patience.silence
            )
        except BaseException as error:
            answer = error
        answers.put(answer)
        if given_up.is_set() and isinstance(answer, HTTPResponse):
            answer.close()

    # Neither the search for an address nor headers that trickle in have a limit of their own.
    threading.Thread(target=ask, name="stoker-fetch", daemon=True).start()
    try:
        answer = answers.get(timeout=patience.answer)
    except queue.Empty:
        given_up.set()
        raise UnreachableError(f"no answer in {patience.answer:.0f} s") from None
    if isinstance(answer, BaseException):
        raise _translated(answer)
    return answer


def _opener() -> OpenerDirector:
    """For http and https alone: no redirect may lead to a file of this machine."""
    opener = OpenerDirector()
    for handler in (
        ProxyHandler(),
        HTTPHandler(),
        HTTPSHandler(),
        HTTPDefaultErrorHandler(),
        _Redirects(),
        HTTPErrorProcessor(),
        UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _translated(error: BaseException) -> BaseException:
    if isinstance(error, HTTPError | RefusedError):
        return error
    if isinstance(error, URLError) and "unknown url type" in str(error.reason):
        return RefusedError("only http and https addresses can be fetched")
    if isinstance(error, URLError | OSError | HTTPException):
        reason = error.reason if isinstance(error, URLError) else error
        made = UnreachableError(f"no answer: {reason or type(reason).__name__}")
        made.__cause__ = error
        return made
    return error


def retry_after(error: HTTPError) -> float:
    """Seconds that a server asks to wait; 0 where it does not, or names a date."""
    text = (error.headers.get("Retry-After") or "").strip()
    return float(text) if text.isdecimal() else 0.0
