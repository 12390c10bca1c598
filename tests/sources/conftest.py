"""Places elsewhere: a web server that can be told to misbehave, and buckets of servers on this machine."""

import pytest

from amazon_server import bucket, s3  # noqa: F401 - fixtures
from range_server import RangeServer, serving


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """A cache of blocks and of surveys for the test; what goes wrong is asked for again at once.

    An answer may be long in coming, as the server's thread is one of the test's own process: who counts
    requests wants none given up. A test of a silent server sets how long it is waited for.
    """
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("STOKER_REMOTE_SECONDS", "10")
    monkeypatch.setattr("stoker.sources.remote.retrying._FIRST_PAUSE", 0.01)
    return tmp_path / "cache"


@pytest.fixture
def server():
    with serving(RangeServer()) as made:
        yield made
