"""A server in a process of its own that speaks as Google Cloud Storage does, and keeps what it is given."""

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers import listening

_EMULATOR = """
import sys
from gcp_storage_emulator.server import create_server
create_server("127.0.0.1", int(sys.argv[1]), in_memory=True, default_bucket="bucket").run()
"""


@contextmanager
def running(log: Path) -> Iterator[str]:
    """Inside, the server runs; gives its address, for STORAGE_EMULATOR_HOST."""
    with listening(["-c", _EMULATOR], log) as port:
        yield f"http://127.0.0.1:{port}"


def write(emulator: str, name: str, content: bytes) -> str:
    """Put an object into its bucket; gives the object's address."""
    address = f"{emulator}/upload/storage/v1/b/bucket/o?uploadType=media&name={name}"
    asked = urllib.request.Request(address, content, {"Content-Type": "text/plain"}, method="POST")
    urllib.request.urlopen(asked, timeout=30).close()
    return f"gs://bucket/{name}"
