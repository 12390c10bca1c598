"""A web server on this machine that gives ranges of files, and can be told to misbehave."""

from __future__ import annotations

import re
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class RangeServer(ThreadingHTTPServer):
    """Serves `files` by path. The next answers misbehave as `troubles` says, one after the other.

    ``"drop"`` closes the connection in mid-answer, ``"stall"`` goes silent there, ``"short"`` announces and
    gives fewer bytes than were asked for, ``"drip"`` gives a byte now and then, ``"whole"``
    everything whatever was asked for, ``"500"`` and the like answer with that status. The first answers
    wait until as many requests as `together` says are under way, for five seconds at most. Each takes
    `latency` seconds more than it would. With the files of a `certificate` and its key it speaks https.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, certificate: tuple[Path, Path] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.scheme = "https" if certificate else "http"
        if certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*certificate)
            # Hands are shaken by the thread of each connection, and not by the one that accepts them all.
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.files: dict[str, bytes] = {}
        self.tags: dict[str, str] = {}
        self.troubles: deque[str] = deque()
        self.always: dict[str, str] = {}
        self.extra: dict[str, str] = {}
        self.sent = 0
        self.redirects: dict[str, str] = {}
        self.asked: list[tuple[str, int, int]] = []
        self.methods: list[str] = []
        self.latency = 0.0
        self.at_once = self.most_at_once = 0
        self.closing = threading.Event()
        self.together = 1
        self.lock = threading.Lock()

    def put(self, name: str, content: bytes, tag: str = '"one"') -> str:
        self.files[name], self.tags[name] = content, tag
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}/{name}"

    def handle_error(self, request, client_address) -> None:
        """A client that went away is part of the game."""


@contextmanager
def serving(server: RangeServer) -> Iterator[RangeServer]:
    """Inside, the server answers, in threads of its own."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join(10)


class _Handler(BaseHTTPRequestHandler):
    server: RangeServer
    protocol_version = "HTTP/1.1"
    # The body, which is written behind the head, would else wait for its acknowledgement: 40 ms an answer.
    disable_nagle_algorithm = True

    def log_message(self, *arguments) -> None:
        pass

    def do_HEAD(self) -> None:
        self._serve(with_body=False)

    def do_GET(self) -> None:
        if self.headers.get("Range") == "bytes=0-0":  # a look, and no reading
            self._serve(with_body=True, is_look=True)
            return
        with self.server.lock:
            self.server.at_once += 1
            self.server.most_at_once = max(self.server.most_at_once, self.server.at_once)
        for _ in range(500):
            if self.server.most_at_once >= self.server.together:
                break
            time.sleep(0.01)
        try:
            self._serve(with_body=True)
        finally:
            with self.server.lock:
                self.server.at_once -= 1

    def _serve(self, *, with_body: bool, is_look: bool = False) -> None:
        self.server.methods.append(self.command)
        if self.server.latency:
            time.sleep(self.server.latency)
        name = self.path.lstrip("/").partition("?")[0]
        if name in self.server.redirects:
            self._answer(302, {"Location": self.server.redirects[name]}, b"")
            return
        content = self.server.files.get(name)
        if content is None:
            self._answer(404, {}, b"")
            return
        trouble = self.server.always.get(name, "")
        if with_body and not is_look and not trouble and self.server.troubles:
            trouble = self.server.troubles.popleft()
        if trouble.isdigit():
            self._answer(int(trouble), {}, b"")
            return
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        headers = {**self.server.extra}
        if self.server.tags[name]:
            headers["ETag"] = self.server.tags[name]
        if not found or trouble == "whole":
            self._answer(200, headers, content, with_body=with_body, trouble=trouble)
            return
        start, stop = int(found[1]), min(int(found[2]) + 1, len(content))
        if start >= len(content):
            self._answer(416, {"Content-Range": f"bytes */{len(content)}", **headers}, b"")
            return
        if not is_look:
            self.server.asked.append((name, start, stop))
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
        data = content[start:stop]
        if trouble == "short":
            data = data[: len(data) // 2]
        self._answer(206, headers, data, with_body=with_body, trouble=trouble)

    def _answer(
        self, status: int, headers: dict[str, str], data: bytes, *, with_body: bool = True, trouble: str = ""
    ) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(key, value)
        self.end_headers()
        if not with_body:
            return
        if trouble in ("drop", "stall"):
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
            if trouble == "stall":
                self.server.closing.wait(30)
            self.close_connection = True
            self.connection.close()
            return
        if trouble == "drip":
            for place in range(len(data)):
                self.wfile.write(data[place : place + 1])
                self.wfile.flush()
                if self.server.closing.wait(0.1):
                    return
        for place in range(0, len(data) if trouble != "drip" else 0, 1 << 16):
            self.wfile.write(data[place : place + (1 << 16)])
            self.server.sent = place
