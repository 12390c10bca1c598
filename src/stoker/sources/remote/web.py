"""Files on web servers: each answer is held to what was asked for and to the version that was opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stoker.sources.remote.client import Answer, Client
from stoker.sources.remote.objects import Listed, ObjectInfo, described, require_same, whole
from stoker.sources.remote.retrying import Absent, Refused

__all__ = ["WebStore"]


class WebStore:
    """What is asked with http and https; a `stoker.sources.remote.objects.Store`."""

    def __init__(self, scheme: str, seconds: float) -> None:
        self._client = Client(scheme, seconds)

    def open(self, url: str) -> _WebFile:
        """A file, of the answer to a request for its first byte: so parts are sure to be given."""
        answer = _sound(self._client.range(url, 0, 1))
        if answer.status == 200 and answer.headers.get("Content-Length") == "0":
            return _WebFile(self._client, url, described(0, _tag(answer)))
        if answer.status == 200:
            raise Refused("the server gives no parts of it (it does not heed Range); download it first")
        if answer.size is None:
            raise Refused(
                "the server does not say how long it is, so it cannot be read in parts; download it first"
            )
        return _WebFile(self._client, url, described(answer.size, _tag(answer)))

    def matches(self, url: str) -> Sequence[str]:
        """None: nobody lists them."""
        raise Refused("a web server lists no files, so no pattern can be matched; name each file")

    def below(self, url: str) -> Sequence[Listed]:
        """None, either."""
        raise Refused("a web server lists no files, so a folder cannot be read; name each file")


@dataclass(frozen=True, slots=True)
class _WebFile:
    client: Client
    url: str
    info: ObjectInfo

    def read(self, start: int, stop: int) -> bytes:
        answer = _sound(self.client.range(self.url, start, stop))
        require_same(self.info, self.info.size if answer.size is None else answer.size, _tag(answer))
        if answer.status == 200:
            raise Refused("the server gives no parts of it any more (it does not heed Range); download it")
        if answer.begin != start:
            raise OSError(f"bytes from {answer.begin} on came where those from {start} on were asked for")
        return whole(answer.data, start, stop)

    def confirm(self) -> None:
        """Each answer told its version."""


def _tag(answer: Answer) -> str:
    """What changes with the file; a tag alone where there is one, for mirrors may tell other times."""
    return answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""


def _sound(answer: Answer) -> Answer:
    """An answer that gives the file, or a part of it, or says how long it is."""
    if answer.status in (404, 410):
        raise Absent("no such file; check the address")
    if answer.status not in (200, 206, 416):
        raise Refused(f"the server answers {answer.status}; check the address")
    return answer
