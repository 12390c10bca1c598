"""A server of archives on this machine, which can be told to misbehave."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Served:
    """A file, and how it is served.

    ``drop_after`` cuts the connection after so many bytes of an answer, ``drops`` times; ``stall_after``
    goes silent there; ``announced`` lies about the length; ``status`` answers with an error, ``errors``
    times; ``slow`` is the pause after every 64 bytes; parts begin ``shifted`` bytes too late.
    """

    content: bytes
    ranges: bool = True
    tag: str | None = '"one"'
    drop_after: int | None = None
    drops: int = 10**9
    stall_after: int | None = None
    announced: int | None = None
    announce: bool = True
    status: int = 200
    errors: int = 10**9
    headers: dict[str, str] = field(default_factory=dict)
    slow: float = 0.0
    shifted: int = 0


class Archives(ThreadingHTTPServer):
    """Serves `files` by path; counts requests and keeps what they asked for."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, Served] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.counts: Counter[str] = Counter()
        self.closing = threading.Event()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"

    def put(self, name: str, content: bytes, **how) -> str:
        self.files[name] = Served(content, **how)
        return self.url(name)

    def handle_error(self, request, client_address) -> None:
        """A client that went away is part of the game."""


class _Handler(BaseHTTPRequestHandler):
    server: Archives

    def log_message(self, *arguments) -> None:
        pass

    def do_GET(self) -> None:
        name = self.path.lstrip("/")
        wanted = self.headers.get("Range")
        self.server.asked.append((name, wanted))
        self.server.counts[name] += 1
        served = self.server.files.get(name)
        if served is None:
            self.send_error(404)
        elif served.status != 200 and served.errors > 0:
            served.errors -= 1
            self._answer(served.status, served.headers)
        else:
            self._serve(served, wanted)

    def _answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()

    def _serve(self, served: Served, wanted: str | None) -> None:
        start, total = 0, len(served.content)
        found = re.fullmatch(r"bytes=(\d+)-", wanted or "")
        same = self.headers.get("If-Range") in (None, served.tag)
        if found and served.ranges and same:
            start = int(found[1])
            if start >= total:
                self._answer(416, {"Content-Range": f"bytes */{total}"})
                return
            start += served.shifted
        headers = {"Content-Type": "application/octet-stream"} | served.headers
        if served.tag:
            headers["ETag"] = served.tag
        if served.announce:
            headers["Content-Length"] = str(total - start if served.announced is None else served.announced)
        if start:
            headers["Content-Range"] = f"bytes {start}-{total - 1}/{total}"
        self._answer(206 if start else 200, headers)
        self._send(served, served.content[start:])

    def _send(self, served: Served, body: bytes) -> None:
        if served.stall_after is not None:
            self.wfile.write(body[: served.stall_after])
            self.wfile.flush()
            self.server.closing.wait(30)
            return
        if served.drop_after is not None and served.drops > 0:
            served.drops -= 1
            body = body[: served.drop_after]
        if served.slow:
            for place in range(0, len(body), 64):
                self.wfile.write(body[place : place + 64])
                self.wfile.flush()
                time.sleep(served.slow)
        else:
            self.wfile.write(body)
