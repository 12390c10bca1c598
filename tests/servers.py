"""Servers in processes of their own."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from waiting import until


@contextmanager
def listening(arguments: list[str], log: Path) -> Iterator[int]:
    """Inside, Python runs a server with these arguments and a port behind them, which it gives."""
    with socket.socket() as held, open(log, "wb") as written:
        # Bound and not listening, it keeps everybody else from the port, but not the server.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        process = subprocess.Popen([sys.executable, *arguments, str(port)], stdout=written, stderr=written)
        try:
            until(lambda: _answers(process, port), within=60)
            yield port
        finally:
            process.kill()
            process.wait(10)


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    assert process.poll() is None
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
