"""A server on this machine, a folder for data, and little patience; nothing asks the internet."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import MappingProxyType

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from archive_server import Archives

from stoker.datasets import places
from stoker.datasets.catalogue import CATALOGUE
from stoker.datasets.web import Patience

IMPATIENT = Patience(
    answer=5.0, silence=1.0, stall=0.5, stall_bytes=4096, attempts=3, pause=0.01, longest_pause=0.05
)


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    made = Archives()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield made
    made.closing.set()
    made.shutdown()
    made.server_close()
    thread.join(10)


@pytest.fixture
def patience():
    return IMPATIENT


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Where data sets are kept."""
    monkeypatch.setattr("stoker.datasets.fetching._PATIENCE", IMPATIENT)
    folder = tmp_path / "data"
    monkeypatch.setenv("STOKER_DATA", str(folder))
    return folder


@pytest.fixture
def known(monkeypatch):
    """Put an entry into the catalogue."""

    def put(entry):
        extended = MappingProxyType({**CATALOGUE, entry.name: entry})
        monkeypatch.setattr(places, "CATALOGUE", extended)
        return entry

    return put
