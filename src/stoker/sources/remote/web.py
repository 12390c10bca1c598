"""Files on web servers: one range a request, held to what was asked for and to the version that was opened.

No more is read than was asked for, whatever the server sends, and no message repeats the address that a
server redirected to: it may be signed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stoker.errors import OptionError
from stoker.sources.remote.names import EXTRA
from stoker.sources.remote.objects import ObjectInfo, described, require_same, whole
from stoker.sources.remote.retrying import Refused

__all__ = ["WebStore"]

_LEAST_BYTES_A_SECOND = 50_000
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")
_MAY_CHANGE = (408, 425, 429)
"""Of the answers that blame the client, those that may be another one later."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    data: bytes

    @property
    def tag(self) -> str:
        """What changes with the file; a tag alone where there is one, for mirrors may tell other times."""
        return self.headers.get("ETag") or self.headers.get("Last-Modified") or ""


class WebStore:
    """What is asked with http and https.

    Requests are handed to the one thread with an event loop that fsspec has; they run side by side there.
    """

    def __init__(self, scheme: str, seconds: float) -> None:
        try:
            import aiohttp
            import fsspec

            self._fs = fsspec.filesystem(
                scheme, skip_instance_cache=True, client_kwargs={"auto_decompress": False}
            )
        except ImportError as error:
            raise OptionError(f"{scheme}:// is read with fsspec and aiohttp; {EXTRA}") from error
        self._failures = (aiohttp.ClientError, OSError, TimeoutError, ValueError)
        self._seconds = seconds

    def info(self, url: str) -> ObjectInfo:
        """Size and version, of the answer to a request for the first byte: so parts are sure to be given."""
        answer = self._get(url, 0, 1)
        if answer.status == 200 and answer.headers.get("Content-Length") == "0":
            return described(0, 0, answer.tag)
        if answer.status == 200:
            raise Refused("the server gives no parts of it (it does not heed Range); download it first")
        size = _range_of(answer)[2]
        if size is None:
            raise Refused(
                "the server does not say how long it is, so it cannot be read in parts; download it first"
            )
        return described(size, 0, answer.tag)

    def read(self, url: str, start: int, stop: int, known: ObjectInfo) -> bytes:
        """The bytes [start, stop), of the version that is known."""
        answer = self._get(url, start, stop)
        begin, size = _range_of(answer)[0], _range_of(answer)[2]
        require_same(known, known.size if size is None else size, answer.tag)
        if answer.status == 200:
            raise Refused("the server gives no parts of it any more (it does not heed Range); download it")
        if begin != start:
            raise OSError(f"bytes from {begin} on came where those from {start} on were asked for")
        return whole(answer.data, start, stop)

    def matches(self, url: str) -> Sequence[str]:
        """None: nobody lists them."""
        raise Refused("a web server lists no files, so no pattern can be matched; name each file")

    def _get(self, url: str, start: int, stop: int) -> _Answer:
        from fsspec.asyn import sync

        answer = sync(self._fs.loop, self._ask, url, start, stop)
        if isinstance(answer, str):
            raise OSError(answer)
        status = answer.status
        if status in (401, 403):
            raise Refused(f"the server answers {status}: permission denied")
        if status in (404, 410):
            raise Refused("no such file; check the address")
        if status in (200, 206, 416):
            return answer  # type: ignore[no-any-return]
        if status >= 500 or status in _MAY_CHANGE:
            raise OSError(f"the server answers {status}")
        raise Refused(f"the server answers {status}; check the address")

    async def _ask(self, url: str, start: int, stop: int) -> _Answer | str:
        """The answer, or what kept it from coming, without an address."""
        import aiohttp

        limit = aiohttp.ClientTimeout(
            total=2 * self._seconds + (stop - start) / _LEAST_BYTES_A_SECOND,
            sock_connect=self._seconds,
            sock_read=self._seconds,
        )
        headers = {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity"}
        try:
            session = await self._fs.set_session()
            async with session.get(self._fs.encode_url(url), headers=headers, timeout=limit) as found:
                if found.status != 206:
                    found.close()
                    return _Answer(found.status, found.headers, b"")
                return _Answer(206, found.headers, await _body(found, stop - start))
        except self._failures as error:
            reason = getattr(error, "strerror", None)
            return f"{type(error).__name__}: {reason}" if reason else type(error).__name__


async def _body(found: Any, most: int) -> bytes:
    """What comes, and no more than a piece beyond what was asked for."""
    pieces, count = [], 0
    async for piece in found.content.iter_any():
        pieces.append(piece)
        count += len(piece)
        if count > most:
            found.close()
            break
    return b"".join(pieces)


def _range_of(answer: _Answer) -> tuple[int | None, int | None, int | None]:
    """First and last byte of an answer, and the size of the whole; None for what it does not say."""
    found = _RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
    if found is None:
        return None, None, None
    first, last, size = (int(said) if said and said != "*" else None for said in found.groups())
    return first, last, size
