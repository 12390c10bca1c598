"""A web server on this machine that gives ranges of files, and can be told to misbehave."""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class RangeServer(ThreadingHTTPServer):
    """Serves `files` by path. The next answers misbehave as `troubles` says, one after the other.

    ``"drop"`` closes the connection in mid-answer, ``"stall"`` goes silent there, ``"short"`` announces and
    gives fewer bytes than were asked for, ``"500"`` and the like answer with that status. The first answers
    wait until as many requests as `together` says are under way, for five seconds at most.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.tags: dict[str, str] = {}
        self.troubles: deque[str] = deque()
        self.always: dict[str, str] = {}
        self.asked: list[tuple[str, int, int]] = []
        self.at_once = self.most_at_once = 0
        self.closing = threading.Event()
        self.together = 1
        self.lock = threading.Lock()

    def put(self, name: str, content: bytes, tag: str = '"one"') -> str:
        self.files[name], self.tags[name] = content, tag
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"

    def handle_error(self, request, client_address) -> None:
        """A client that went away is part of the game."""


class _Handler(BaseHTTPRequestHandler):
    server: RangeServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments) -> None:
        pass

    def do_HEAD(self) -> None:
        self._serve(with_body=False)

    def do_GET(self) -> None:
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

    def _serve(self, *, with_body: bool) -> None:
        name = self.path.lstrip("/")
        content = self.server.files.get(name)
        if content is None:
            self._answer(404, {}, b"")
            return
        trouble = self.server.always.get(name, "")
        if with_body and not trouble and self.server.troubles:
            trouble = self.server.troubles.popleft()
        if trouble.isdigit():
            self._answer(int(trouble), {}, b"")
            return
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        headers = {"ETag": self.server.tags[name], "Accept-Ranges": "bytes"}
        if trouble == "whole":
            headers["Accept-Ranges"] = "none"
        if not found or trouble == "whole":
            self._answer(200, headers, content, with_body=with_body)
            return
        start, stop = int(found[1]), min(int(found[2]) + 1, len(content))
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
        self.wfile.write(data)
