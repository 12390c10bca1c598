"""One file over HTTP: resumed where it broke off, tried again where that helps, held to what it should be.

A download grows in a file of its own beside a note that says what it is a part of; a later attempt, or a
later process, asks for the rest (``Range``) under the condition that the file is still the same
(``If-Range``), and begins anew where the server does not give parts. The standard library's ``urllib`` is
enough for that: what the HTTP libraries add to it, connection pools and retries, is of no use here or bound
to whole requests, while resuming is left to their callers all the same.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError

import msgspec

from stoker.datasets.entries import Address
from stoker.datasets.web import Patience, RefusedError, UnreachableError, open_url, retry_after
from stoker.errors import FetchError
from stoker.types import Progress

__all__ = ["download"]

_CHUNK = 1 << 18
_PARTIAL = 206
_RANGE_BEYOND_THE_END = 416
_TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})


class _Note(msgspec.Struct, frozen=True):
    """What an unfinished file is a part of."""

    url: str
    validator: str
    total: int | None


@dataclass(slots=True)
class _Unfinished:
    """The file that grows, and what is known of it."""

    path: Path
    note: _Note

    @property
    def num_bytes(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def begin(self, validator: str, total: int | None) -> None:
        """Forget what there is, and note what comes instead."""
        self.note = _Note(url=self.note.url, validator=validator, total=total)
        self.path.write_bytes(b"")
        _note_path(self.path).write_bytes(msgspec.json.encode(self.note))

    def forget(self) -> None:
        for path in (self.path, _note_path(self.path)):
            path.unlink(missing_ok=True)


def download(
    address: Address,
    path: Path,
    *,
    limit: int,
    patience: Patience,
    progress: Progress | None = None,
    warn: Callable[[str], None] | None = None,
) -> None:
    """Download a file to `path`, which is there when it is complete and not before.

    Parameters
    ----------
    address
        Where it is. Where its size is stated, one that the server gives differently is refused at once.
    path
        Where to put it; what an earlier attempt left of it lies beside.
    limit
        More bytes than this are refused.
    patience
        How long to wait for what, and how often to try.
    progress
        Called with the bytes that are there and those of the whole file.
    warn
        Called with a sentence before each further attempt.

    Raises
    ------
    FetchError
        The address cannot be reached, refuses, or gives something else; says what was tried.
    OSError
        The file cannot be written.
    """
    unfinished = _reopen(address.url, path.with_name(f"{path.name}.part"))
    tries, most = 0, unfinished.num_bytes
    while True:
        try:
            _attempt(address, unfinished, limit, patience, progress or (lambda done, total: None))
            break
        except RefusedError as refused:
            unfinished.forget()
            raise FetchError(f"{address.url}: {refused}") from refused
        except UnreachableError as problem:
            # More than ever before, or a server that gives no parts could keep this going for ever.
            tries = 1 if unfinished.num_bytes >= most + patience.progress_bytes else tries + 1
            most = max(most, unfinished.num_bytes)
            if tries >= patience.attempts:
                raise FetchError(_given_up(address.url, problem, unfinished, tries)) from problem
            pause = min(problem.wait or patience.pause * 2 ** (tries - 1), patience.longest_pause)
            if warn is not None:
                warn(f"{address.url}: {problem}; once more in {pause:.0f} s")
            time.sleep(pause)
    with open(unfinished.path, "rb") as file:
        os.fsync(file.fileno())
    os.replace(unfinished.path, path)
    unfinished.forget()


def _reopen(url: str, path: Path) -> _Unfinished:
    """What an earlier attempt left, if it is of the same address and can be told from a changed file."""
    with suppress(OSError, msgspec.MsgspecError):
        note = msgspec.json.decode(_note_path(path).read_bytes(), type=_Note)
        if note.url == url and note.validator and path.exists():
            return _Unfinished(path, note)
    fresh = _Unfinished(path, _Note(url=url, validator="", total=None))
    fresh.forget()
    return fresh


def _note_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _attempt(
    address: Address, unfinished: _Unfinished, limit: int, patience: Patience, progress: Progress
) -> None:
    """Ask for what is missing and write it.

    Raises
    ------
    RefusedError
        Asking again would not help.
    UnreachableError
        It might.
    """
    begun, total = unfinished.num_bytes, unfinished.note.total
    if begun and begun == total:
        return
    headers = {"Accept-Encoding": "identity"}
    if begun and unfinished.note.validator:
        headers |= {"Range": f"bytes={begun}-", "If-Range": unfinished.note.validator}
    try:
        response = open_url(address.url, headers, patience)
    except HTTPError as error:
        error.close()
        raise _refusal(error, unfinished) from error
    with response:
        if response.status != _PARTIAL:
            unfinished.begin(_validator(response), _length(response))
        elif _first_byte(response) != begun:
            unfinished.forget()
            raise UnreachableError("the server gives another part than it was asked for")
        _require_expected(address, response, unfinished.note.total, limit)
        _write(response, unfinished, limit, patience, progress)


def _refusal(error: HTTPError, unfinished: _Unfinished) -> Exception:
    if error.code == _RANGE_BEYOND_THE_END:
        # The file is shorter than what was noted of it.
        unfinished.forget()
        return UnreachableError("the part that is here is not a part of the file that is there")
    said = f"the server says {error.code} {error.reason}".rstrip()
    return UnreachableError(said, retry_after(error)) if error.code in _TEMPORARY else RefusedError(said)


def _require_expected(address: Address, response: HTTPResponse, total: int | None, limit: int) -> None:
    if response.headers.get_content_type() == "text/html":
        raise RefusedError("the server answers with a web page instead of the file")
    if None not in (total, address.num_bytes) and total != address.num_bytes:
        raise RefusedError(
            f"the server announces {total:,} bytes where {address.stated_by} states {address.num_bytes:,}"
        )
    if total is not None and total > limit:
        raise RefusedError(f"the server announces {total:,} bytes, more than the {limit:,} that it may have")


def _write(
    response: HTTPResponse, unfinished: _Unfinished, limit: int, patience: Patience, progress: Progress
) -> None:
    done, total = unfinished.num_bytes, unfinished.note.total
    watched, counted = time.monotonic(), done
    with open(unfinished.path, "ab") as file:
        while True:
            try:
                chunk = response.read1(_CHUNK)
            except (OSError, HTTPException) as error:
                raise UnreachableError(f"the connection broke: {_reason(error)}") from error
            if not chunk:
                break
            done += len(chunk)
            if done > limit:
                raise RefusedError(f"the server sends more than the {limit:,} bytes that it may have")
            file.write(chunk)
            progress(done, total or max(done, limit))
            now = time.monotonic()
            if now - watched >= patience.stall:
                if done - counted < patience.stall_bytes:
                    raise UnreachableError(f"only {done - counted} bytes came in {now - watched:.0f} s")
                watched, counted = now, done
    if total is not None and done < total:
        raise UnreachableError(f"the connection ended at {done:,} of {total:,} bytes")


def _validator(response: HTTPResponse) -> str:
    """What tells the same file from a changed one; a weak ETag does not."""
    tag = response.headers.get("ETag", "")
    if tag and not tag.startswith("W/"):
        return tag
    return response.headers.get("Last-Modified", "")


def _length(response: HTTPResponse) -> int | None:
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdecimal() else None


def _first_byte(response: HTTPResponse) -> int | None:
    """Of a part; None where the server does not say it as it should."""
    text = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(text) if text.isdecimal() else None


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _given_up(url: str, problem: UnreachableError, unfinished: _Unfinished, tries: int) -> str:
    kept = unfinished.num_bytes
    resumed = bool(kept and unfinished.note.validator)
    text = f"{url}: {problem}, {tries} times in a row" if tries > 1 else f"{url}: {problem}"
    if resumed:
        return f"{text}; {kept:,} bytes are kept, and the same command goes on from there"
    return f"{text}; is there a way to the network? The same command tries again"
