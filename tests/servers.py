"""Servers in processes of their own."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def listening(arguments: list[str], log: Path) -> Iterator[int]:
    """Inside, Python runs a server with these arguments and a port behind them, which it gives."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with open(log, "wb") as written:
        process = subprocess.Popen([sys.executable, *arguments, str(port)], stdout=written, stderr=written)
    try:
        _await(process, port)
        yield port
    finally:
        process.kill()
        process.wait(10)


def _await(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert process.poll() is None
            time.sleep(0.05)
    raise AssertionError(f"nothing listens on port {port} after half a minute")
