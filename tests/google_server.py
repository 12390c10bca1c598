"""A server on this machine that answers as Google Cloud Storage does, and can be told to misbehave."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit


class GoogleServer(ThreadingHTTPServer):
    """Serves `objects`, each of some generation. `trouble` is a status that answers everything, "silent",
    or "again", which gives the same page of a list again and again.

    An object is given in the generation that is asked for alone, and tells it, as Google's servers do.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, tuple[int, bytes]] = {}
        self.trouble = ""
        self.asked: list[str] = []
        self.shown: list[str] = []
        self.closing = threading.Event()

    @property
    def host(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address) -> None:
        """A client that went away is part of the game."""


class _Handler(BaseHTTPRequestHandler):
    server: GoogleServer
    protocol_version = "HTTP/1.1"
    # The body, which is written behind the head, would else wait for its acknowledgement: 40 ms an answer.
    disable_nagle_algorithm = True

    def log_message(self, *arguments) -> None:
        pass

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, {"access_token": "hidden", "expires_in": 3600, "token_type": "Bearer"})

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.shown.append(self.headers.get("Authorization", ""))
        if self.server.trouble == "silent":
            self.server.closing.wait(30)
            return
        if self.server.trouble == "again":
            page = {"name": "a.bin", "size": "3", "generation": "1"}
            self._answer(200, {"items": [page], "nextPageToken": "next"})
            return
        if self.server.trouble:
            self._answer(int(self.server.trouble), {"error": {"message": "hidden"}})
            return
        parts = urlsplit(self.path)
        found = self.server.objects.get(unquote(parts.path.rpartition("/o/")[2]))
        asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if found is None or asked.get("generation", str(found[0])) != str(found[0]):
            self._answer(404, {"error": {"message": "none"}})
            return
        generation, content = found
        if asked.get("alt") != "media":
            self._answer(200, {"generation": str(generation), "size": str(len(content)), "etag": "e"})
            return
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"])
        start, stop = int(wanted[1]), min(int(wanted[2]) + 1, len(content))
        place = f"bytes {start}-{stop - 1}/{len(content)}"
        self._send(206, content[start:stop], {"Content-Range": place, "X-Goog-Generation": str(generation)})

    def _answer(self, status: int, document: dict) -> None:
        self._send(status, json.dumps(document).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(data)
