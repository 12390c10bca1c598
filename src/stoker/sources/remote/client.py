"""Requests over HTTP, one range each: each ends within its limit, and takes no more than was asked for.

No message repeats an address that a server redirected to: it may be signed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from stoker.errors import OptionError
from stoker.sources.remote.names import EXTRA
from stoker.sources.remote.retrying import Refused, limit_of

__all__ = ["Answer", "Client"]

_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")
_MAY_CHANGE = (408, 425, 429)
"""Of the answers that blame the client, those that may be another one later."""


@dataclass(frozen=True)
class Answer:
    """What a server answered.

    Attributes
    ----------
    status
        Its code.
    headers
        By name, in whichever case.
    data
        The body, as far as it was wanted.
    """

    status: int
    headers: Mapping[str, str]
    data: bytes

    @property
    def begin(self) -> int | None:
        """The first byte that is in it; None where it does not say."""
        return self._range[0]

    @property
    def size(self) -> int | None:
        """Bytes of the whole; None where it does not say."""
        return self._range[2]

    @cached_property
    def _range(self) -> tuple[int | None, ...]:
        found = _RANGE.fullmatch(self.headers.get("Content-Range", "").strip())
        if found is None:
            return None, None, None
        return tuple(int(said) if said and said != "*" else None for said in found.groups())


class Client:
    """Asks with http and https.

    Requests are handed to the one thread with an event loop that fsspec has; they run side by side there.

    Parameters
    ----------
    scheme
        Of the addresses: for messages.
    seconds
        Without a byte after which a request is given up.

    Raises
    ------
    OptionError
        A package is missing.
    """

    def __init__(self, scheme: str, seconds: float) -> None:
        try:
            import aiohttp
            import fsspec

            self._fs = fsspec.filesystem(
                "https", skip_instance_cache=True, client_kwargs={"auto_decompress": False, "trust_env": True}
            )
        except ImportError as error:
            raise OptionError(f"{scheme}:// is read with fsspec and aiohttp; {EXTRA}") from error
        self._failures = (aiohttp.ClientError, OSError, TimeoutError, ValueError)
        self._seconds = seconds

    def range(self, url: Any, start: int, stop: int, headers: Mapping[str, str] | None = None) -> Answer:
        """The answer to a request for the bytes [start, stop); its body is taken where it has status 206.

        Raises
        ------
        Refused
            The server answers that it will not.
        OSError
            It does not answer, or has trouble.
        """
        asked = {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity", **(headers or {})}
        return self._get(url, asked, 206, stop - start)

    def document(self, url: Any, most: int, headers: Mapping[str, str]) -> Answer:
        """The answer to a request for all that is there, at most so many bytes; errors as of `range`."""
        return self._get(url, headers, 200, most)

    def _get(self, url: Any, headers: Mapping[str, str], wanted: int, most: int) -> Answer:
        from fsspec.asyn import sync

        answer = sync(self._fs.loop, self._ask, url, headers, wanted, most)
        if isinstance(answer, str):
            raise OSError(answer)
        status = answer.status
        if status in (401, 403):
            raise Refused(f"the server answers {status}: permission denied")
        if status >= 500 or status in _MAY_CHANGE:
            raise OSError(f"the server answers {status}")
        return answer  # type: ignore[no-any-return]

    async def _ask(self, url: Any, headers: Mapping[str, str], wanted: int, most: int) -> Answer | str:
        """The answer, or what kept it from coming, without an address."""
        import aiohttp

        limit = aiohttp.ClientTimeout(
            total=limit_of(self._seconds, most), sock_connect=self._seconds, sock_read=self._seconds
        )
        try:
            session = await self._fs.set_session()
            async with session.get(self._fs.encode_url(url), headers=headers, timeout=limit) as found:
                if found.status != wanted:
                    found.close()
                    return Answer(found.status, found.headers, b"")
                return Answer(wanted, found.headers, await self._body(found, most, wanted))
        except self._failures as error:
            reason = getattr(error, "strerror", None)
            return f"{type(error).__name__}: {reason}" if reason else type(error).__name__

    async def _body(self, found: Any, most: int, status: int) -> bytes:
        """What comes, and no more than a piece beyond what was asked for.

        Nobody knows how long a document is: at any moment it may have taken as long as what came of it.
        """
        pieces, count, clock = [], 0, asyncio.get_running_loop().time
        began = clock()
        async for piece in found.content.iter_any():
            pieces.append(piece)
            count += len(piece)
            if count > most:
                found.close()
                break
            if status == 200 and clock() - began > limit_of(self._seconds, count):
                found.close()
                raise TimeoutError(0, f"{count:,} bytes came in {clock() - began:.0f} s")
        return b"".join(pieces)
