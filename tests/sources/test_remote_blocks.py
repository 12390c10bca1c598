"""Blocks that came once are kept on the disk: within a bound, for their owner alone, and whole."""

import multiprocessing
import os
import signal

import pytest

from stoker import folders
from stoker.sources.remote import blocks
from stoker.sources.remote.blocks import BlockCache

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


def keep_many(folder, which: int) -> None:
    cache = BlockCache(folder, 20_000)
    for number in range(50):
        cache.keep(f"{URL}{which}", 1, number, bytes(1_000))
        with folders.locked(folder / "held"):
            assert sum(path.stat().st_size for path in files_of(folder)) <= 20_000


def test_the_bound_is_that_of_all_processes_together(tmp_path):
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=keep_many, args=(tmp_path, which)) for which in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join(30)
    assert [child.exitcode for child in children] == [0, 0, 0]
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


def die_while_writing(folder) -> None:
    blocks._check = lambda data: os.kill(os.getpid(), signal.SIGKILL)
    BlockCache(folder, 10_000_000).keep(URL, 1, 0, b"x" * 1_000_000)


def test_what_a_killed_writer_left_is_removed_when_room_is_made(tmp_path):
    child = multiprocessing.get_context("fork").Process(target=die_while_writing, args=(tmp_path,))
    child.start()
    child.join(30)
    assert child.exitcode == -signal.SIGKILL
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
