"""Files on web servers: each answer is held to what was asked for and to the version that was opened."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from stoker.sources.remote.client import Answer, Client
from stoker.sources.remote.objects import Folder, Listed, ObjectInfo, described, require_same, whole
from stoker.sources.remote.pages import links_of
from stoker.sources.remote.retrying import Absent, Refused, with_retries

__all__ = ["WebStore"]

_PAGE_BYTES = 1 << 26
_MOST_FOLDERS = 10_000
_NO_LIST = "the server lists no files there, so neither a folder nor a pattern can be read; name each file"


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

    def listed(self, url: str, *, deep: bool) -> Folder:
        """What is in a folder, by the page that the server gives for it, if it lists folders.

        Such a page tells neither sizes nor versions.
        """
        files, below = self._page(url)
        if not deep:
            return Folder([_named(name) for name in files], below)
        found, left = [_named(name) for name in files], deque(below)
        for _ in range(_MOST_FOLDERS):
            if not left:
                return Folder(found)
            folder = left.popleft()
            files, below = self._page(f"{url}{folder}/")
            found += [_named(f"{folder}/{name}") for name in files]
            left += [f"{folder}/{name}" for name in below]
        raise Refused(f"there are more than {_MOST_FOLDERS:,} folders in it; name one of them, or its files")

    def _page(self, url: str) -> tuple[list[str], list[str]]:
        """Names of the files and of the folders in a folder."""
        return with_retries(lambda: self._ask_page(url), "asking for the list", url)

    def _ask_page(self, url: str) -> tuple[list[str], list[str]]:
        try:
            answer = self._client.document(url, _PAGE_BYTES, {"Accept-Encoding": "identity"})
        except Refused:
            raise Refused(_NO_LIST) from None
        if answer.status in (404, 410):
            raise Absent(f"no such folder, or {_NO_LIST}")
        if answer.status != 200 or "html" not in answer.headers.get("Content-Type", "").lower():
            raise Refused(_NO_LIST)
        if len(answer.data) > _PAGE_BYTES:
            raise Refused(
                f"the page that lists its files has more than {_PAGE_BYTES >> 20} MiB; name each file"
            )
        return links_of(url, answer.data.decode("utf-8", "replace"))


def _named(name: str) -> Listed:
    return Listed(name, -1, "")


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
