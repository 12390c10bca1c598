"""Blocks that came once are kept on the disk: within a bound, for their owner alone, and whole."""

import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from stoker.errors import ChangedDataError
from stoker.sources.remote import reader as remote
from stoker.sources.remote.blocks import BlockCache, shared_cache
from stoker.sources.remote.names import BLOCK_BYTES
from stoker.sources.remote.objects import OTHER, described
from stoker.sources.remote.reader import RemoteReader
from stoker.sources.remote.retrying import Changed

pytestmark = pytest.mark.timeout(60)
URL = "s3://b/x"


def files_of(folder) -> list:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != "held"]


def test_the_cache_keeps_to_its_bound_and_forgets_what_was_not_used(tmp_path):
    cache = BlockCache(tmp_path, 10_000)
    for number in range(30):
        cache.keep(URL, 1, number, b"x" * 1_000)
        os.utime(cache._path(URL, 1, number), ns=(number, number))
    assert sum(path.stat().st_size for path in files_of(tmp_path)) <= 10_000
    assert cache.find(URL, 1, 29, 1_000) == b"x" * 1_000
    assert cache.find(URL, 1, 0, 1_000) is None
    assert cache.find(URL, 2, 29, 1_000) is None


def test_what_was_used_stays_longer(tmp_path):
    cache = BlockCache(tmp_path, 4_100)
    for number in range(4):
        cache.keep(URL, 1, number, b"x" * 1_000)
        os.utime(cache._path(URL, 1, number), ns=(number, number))
    assert cache.find(URL, 1, 0, 1_000) is not None
    cache.keep(URL, 1, 4, b"x" * 1_000)
    assert cache.find(URL, 1, 0, 1_000) is not None
    assert cache.find(URL, 1, 1, 1_000) is None


KEEPS_MANY = """
import sys
from pathlib import Path
from stoker import folders
from stoker.sources.remote.blocks import BlockCache

folder, which = Path(sys.argv[1]), sys.argv[2]
cache = BlockCache(folder, 20_000)
for number in range(50):
    cache.keep("s3://b/x" + which, 1, number, bytes(1_000))
    with folders.locked(folder / "held"):
        files = [path for path in folder.rglob("*") if path.is_file() and path.name != "held"]
        assert sum(path.stat().st_size for path in files) <= 20_000
"""


@pytest.mark.slow
def test_the_bound_is_that_of_all_processes_together(tmp_path):
    children = [
        subprocess.Popen([sys.executable, "-c", KEEPS_MANY, tmp_path, which]) for which in ("1", "2", "3")
    ]
    assert [child.wait(30) for child in children] == [0, 0, 0]
    held = sum(path.stat().st_size for path in files_of(tmp_path))
    assert 10_000 < held <= 20_000


@pytest.mark.parametrize("place", [0, 500, -1])
def test_a_torn_block_is_not_given(tmp_path, place):
    cache = BlockCache(tmp_path, 10_000)
    cache.keep(URL, 1, 0, b"x" * 1_000)
    path = cache._path(URL, 1, 0)
    held = bytearray(path.read_bytes())
    held[place] ^= 1
    path.write_bytes(held)
    assert cache.find(URL, 1, 0, 1_000) is None
    path.write_bytes(held[:100])
    assert cache.find(URL, 1, 0, 1_000) is None
    cache.keep(URL, 1, 0, b"x" * 1_000)
    assert cache.find(URL, 1, 0, 1_000) == b"x" * 1_000


def test_nobody_else_may_read_what_is_kept(tmp_path):
    folder = tmp_path / "stoker" / "remote"
    BlockCache(folder, 10_000).keep(URL, 1, 0, b"x" * 1_000)
    for path in (folder, *folder.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_nothing_waits_for_the_disk(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "fsync")
    cache = BlockCache(tmp_path, 10_000)
    cache.keep(URL, 1, 0, b"x" * 1_000)
    assert cache.find(URL, 1, 0, 1_000) is not None


DIES_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from stoker.sources.remote import blocks

blocks._check = lambda data: os.kill(os.getpid(), signal.SIGKILL)
blocks.BlockCache(Path(sys.argv[1]), 10_000_000).keep("s3://b/x", 1, 0, b"x" * 1_000_000)
"""


def test_what_a_killed_writer_left_is_removed_when_room_is_made(tmp_path):
    child = subprocess.run([sys.executable, "-c", DIES_WHILE_WRITING, tmp_path], check=False, timeout=30)
    assert child.returncode == -signal.SIGKILL
    assert [path.name[:10] for path in files_of(tmp_path)] == [".building-"]
    cache = BlockCache(tmp_path, 10_000)
    for number in range(11):
        cache.keep(URL, 2, number, b"x" * 1_000)
    assert not [path for path in files_of(tmp_path) if path.name.startswith(".building-")]
    assert cache.find(URL, 2, 10, 1_000) is not None


def test_a_count_that_is_damaged_is_counted_anew(tmp_path):
    cache = BlockCache(tmp_path, 10_000)
    cache.keep(URL, 1, 0, b"x" * 1_000)
    (tmp_path / "held").write_bytes(b"?")
    cache.keep(URL, 1, 1, b"x" * 1_000)
    assert int((tmp_path / "held").read_bytes()) == 2 * 1_004


def test_what_is_forgotten_is_gone(tmp_path):
    cache = BlockCache(tmp_path, 10_000)
    cache.keep(URL, 1, 0, b"x")
    cache.forget(URL, 1)
    assert cache.find(URL, 1, 0, 1) is None


def test_an_answer_that_comes_while_the_store_is_asked_is_not_confirmed_by_it(monkeypatch, own_cache):
    """One thread's look, sent before the object was replaced, says nothing of what another read behind it."""
    looked, replaced = threading.Event(), threading.Event()

    class Replaced:
        info = described(2 * BLOCK_BYTES, "one")

        def read(self, start: int, stop: int) -> bytes:
            return (b"2" if looked.is_set() else b"1") * (stop - start)

        def confirm(self) -> None:
            if looked.is_set():
                raise Changed(OTHER)
            looked.set()
            assert replaced.wait(10)

    monkeypatch.setattr(remote, "_opened", lambda path, version=None: Replaced())
    reader = RemoteReader("s3://bucket/a.bin")
    first = threading.Thread(target=lambda: reader.read_into(np.empty(10, np.uint8), 0))
    first.start()
    assert looked.wait(10)
    confirm = reader.confirm

    def behind_the_first() -> None:
        replaced.set()
        first.join()
        confirm()

    monkeypatch.setattr(reader, "confirm", behind_the_first)
    with pytest.raises(ChangedDataError, match="changed while it was read"):
        reader.read_into(np.empty(10, np.uint8), BLOCK_BYTES)
    assert shared_cache().find("s3://bucket/a.bin", Replaced.info.version, 1, BLOCK_BYTES) is None
