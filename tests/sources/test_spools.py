"""What is unpacked is there while somebody reads it; the last reader, or the next run, removes it."""

from __future__ import annotations

import bz2
import gc
import gzip
import lzma
import os
import subprocess
import sys

import numpy as np
import pytest

import stoker
from reading import dense, zstd
from stoker.errors import MemoryBudgetError
from stoker.ledger import Ledger
from stoker.sources.packing import PackedStream
from stoker.sources.packing_memory import window_of
from stoker.sources.spool import let_go_spools
from stoker.survey import survey

pytestmark = pytest.mark.timeout(120)

ROWS = "a,label\n" + "".join(f"{row},{row % 2}\n" for row in range(5_000))


@pytest.fixture(autouse=True)
def user_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))


@pytest.fixture
def packed(tmp_path):
    path = tmp_path / "data" / "t.csv.gz"
    path.parent.mkdir()
    path.write_bytes(gzip.compress(ROWS.encode()))
    return path


def spools(path):
    return sorted(spool.name for spool in (path.parent / ".stoker").glob("unpacked-*"))


def opened(path):
    return stoker.open(path, label="label")


def test_a_spool_goes_with_the_last_survey_and_reader_that_need_it(packed):
    first, second = survey(opened(packed)), survey(opened(packed))
    assert second.seconds == 0
    (spool,) = spools(packed)
    reader = first.reader()
    del first
    gc.collect()
    assert spools(packed) == [spool]
    del second
    gc.collect()
    assert spools(packed) == [spool]
    assert reader.read(np.arange(3)).num_rows == 3
    reader.close()
    del reader
    gc.collect()
    assert spools(packed) == []


def test_rows_that_will_not_fit_are_unpacked_when_they_are_read_not_before(packed):
    survey(opened(packed))
    gc.collect()
    again = survey(opened(packed))
    assert again.seconds == 0
    assert spools(packed) == []
    assert f"it is unpacked ({len(ROWS):,} bytes) when they are read" in again.notes[0]
    assert again.reader().read(np.arange(9)).num_rows == 9
    assert len(spools(packed)) == 1


def test_a_survey_whose_rows_nobody_reads_unpacks_nothing(packed):
    found = survey(opened(packed), spool=None)
    assert spools(packed) == []
    assert survey(opened(packed), spool=None).seconds == 0
    assert found.reader().read(np.arange(9)).num_rows == 9
    assert len(spools(packed)) == 1


def test_an_epoch_from_a_cache_keeps_nothing_unpacked(packed):
    packed.write_bytes(gzip.compress(("a,label\n" + "70001,0\n9,1\n" * 150_000).encode(), 1))
    feed = stoker.Feed(opened(packed), batch_size=256, memory="6MB", cache="always")
    feed.prepare()
    assert feed.plan.use_cache
    assert sum(len(batch.x) for batch in feed.epoch(0)) == 300_000
    assert spools(packed) == []
    feed.close()


def test_the_spool_of_a_changed_file_goes_with_the_next_survey(packed):
    first = survey(opened(packed))
    (old,) = spools(packed)
    let_go = packed.parent / ".stoker" / old
    copy = let_go.read_bytes()
    del first
    gc.collect()
    let_go.write_bytes(copy)  # as a killed process leaves it
    packed.write_bytes(gzip.compress(ROWS.replace("1,1", "7,1").encode()))
    second = survey(opened(packed))
    assert len(spools(packed)) == 1
    assert spools(packed) != [old]
    assert second.num_slots == 5_000


ROLES = ["of the same data", "of a file beside them", "without a cache"]


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A packed table for each role, which a process had unpacked when it was killed."""
    tables = {role: tmp_path_factory.mktemp("killed") / "t.csv.gz" for role in ROLES}
    for table in tables.values():
        table.write_bytes(gzip.compress(ROWS.encode()))
    script = (
        "import os, signal, sys, stoker\nfrom stoker.survey import survey\n"
        "found = [survey(stoker.open(path, label='label')) for path in sys.argv[1:]]\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, *map(str, tables.values())], check=False, timeout=60)
    return tables


@pytest.mark.parametrize("role", ROLES)
def test_what_a_killed_process_left_is_used_or_removed_by_the_next_survey(killed, role):
    packed = killed[role]
    (left,) = spools(packed)
    if role == "of the same data":
        written = (packed.parent / ".stoker" / left).stat().st_ino
        found = survey(opened(packed))
        assert found.seconds == 0
        assert (packed.parent / ".stoker" / left).stat().st_ino == written
        del found
    elif role == "without a cache":
        assert survey(opened(packed), keep_bytes=1 << 30, spool=False).kept is not None
    else:
        (packed.parent / "plain.csv").write_text(ROWS)
        survey(opened(packed.parent / "plain.csv"))
    gc.collect()
    assert spools(packed) == []


@pytest.mark.slow
def test_a_process_that_ends_leaves_nothing(packed):
    script = (
        "import sys, stoker\nfrom stoker.survey import survey\n"
        "found = survey(stoker.open(sys.argv[1], label='label'))\n"
        "assert found.reader().read(__import__('numpy').arange(5)).num_rows == 5\n"
    )
    subprocess.run([sys.executable, "-c", script, str(packed)], check=True, timeout=60)
    assert spools(packed) == []


@pytest.mark.slow
def test_another_process_that_ends_leaves_what_this_one_reads(packed):
    found = survey(opened(packed))
    reader = found.reader()
    reader.read(np.arange(3))
    script = (
        "import sys, stoker\nfrom stoker.survey import survey\n"
        "again = survey(stoker.open(sys.argv[1], label='label'))\n"
        "assert again.seconds == 0 and not again.notes, again.notes\n"
    )
    subprocess.run([sys.executable, "-c", script, str(packed)], check=True, timeout=60)
    assert len(spools(packed)) == 1
    assert reader.read(np.arange(4_000, 4_003)).num_rows == 3


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forked children here")
def test_a_forked_child_leaves_what_its_parent_reads(packed):
    script = (
        "import os, sys, stoker, warnings\nfrom stoker.survey import survey\n"
        "from pathlib import Path\nwarnings.simplefilter('ignore')\n"
        "found = survey(stoker.open(sys.argv[1], label='label'))\n"
        "child = os.fork()\n"
        "if not child: sys.exit(0)\n"
        "os.waitpid(child, 0)\n"
        "assert list(Path(sys.argv[1]).parent.glob('.stoker/unpacked-*'))\n"
    )
    subprocess.run([sys.executable, "-c", script, str(packed)], check=True, timeout=60)
    assert spools(packed) == []


def test_files_of_two_folders_are_unpacked_once(packed, tmp_path):
    other = tmp_path / "more" / "u.csv.gz"
    other.parent.mkdir()
    other.write_bytes(gzip.compress(ROWS.replace("1", "3").encode()))
    found = survey(stoker.open([packed, other], label="label"))
    rows = dense(found.reader().read(np.arange(9_990, 10_000)))
    assert rows[:, 0].tolist() == [int(str(row).replace("1", "3")) for row in range(4_990, 5_000)]
    assert len(spools(packed)) == 2
    assert spools(other) == []
    let_go_spools(found.index)
    assert spools(packed) == []


WINDOWS = {
    ".gz": [(gzip.compress, 32 << 10)],
    ".bz2": [(lambda data: bz2.compress(data, 3), 300_000)],
    ".xz": [
        (lambda data: lzma.compress(data, preset=0), 256 << 10),
        (lambda data: lzma.compress(data, preset=6), 8 << 20),
        (
            lambda data: lzma.compress(
                data,
                filters=[{"id": lzma.FILTER_DELTA}, {"id": lzma.FILTER_LZMA2, "dict_size": 3 << 18}],
            ),
            3 << 18,
        ),
    ],
}


@pytest.mark.parametrize("suffix", WINDOWS)
def test_the_window_is_what_the_first_bytes_announce(tmp_path, suffix):
    for pack, window in WINDOWS[suffix]:
        data = pack(ROWS.encode())
        assert window_of(data[:64], {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz"}[suffix]) == window


def test_zstandards_window_is_that_of_its_descriptor_or_the_whole_frame():
    head = b"\x28\xb5\x2f\xfd"
    assert window_of(head + bytes([0x00, 0x58]), "zstd") == 2 << 20
    assert window_of(head + bytes([0x00, 0x59]), "zstd") == (2 << 20) + (1 << 18)
    assert window_of(head + bytes([0x60, 0x10, 0x00]), "zstd") == 0x10 + 256
    assert window_of(head + bytes([0xA0, 1, 2, 0, 0]), "zstd") == 0x201
    assert window_of(zstd(b"a" * 99), "zstd") > 0
    assert window_of(b"", "xz") == window_of(b"\xfd7zXZ\0", "xz") == 0


def test_what_a_stream_holds_grows_with_what_it_gave_out_up_to_its_window(tmp_path):
    path = tmp_path / "t.csv.xz"
    path.write_bytes(lzma.compress(b"a,b\n" * 300_000, preset=0))
    with PackedStream(str(path)) as stream:
        before = stream.held_bytes
        stream.skip(100_000)
        assert stream.held_bytes == before + 100_000
        stream.skip(1_000_000)
        assert stream.held_bytes == before + (256 << 10)


def test_what_unpacks_is_charged_and_let_go(tmp_path):
    path = tmp_path / "t.csv.xz"
    path.write_bytes(lzma.compress(("a,label\n" + "1,0\n2,1\n" * 300_000).encode(), preset=0))
    for _ in range(2):  # by a new survey, and by rows that are read once more
        ledger = Ledger(1 << 30)
        found = survey(opened(path), ledger=ledger, keep_bytes=1 << 28)
        assert found.kept is not None
        assert 256 << 10 < ledger.peaks_by_kind["unpacking"] < 2 << 20
        assert ledger.held("unpacking") == ledger.held("survey") == 0
        assert ledger.peaks_by_kind["survey"] > 0


def test_unpacking_that_takes_more_than_half_of_the_memory_is_refused(tmp_path):
    path = tmp_path / "t.csv.xz"
    path.write_bytes(lzma.compress(("a,label\n" + "1,0\n2,1\n" * 600_000).encode(), preset=6))
    with pytest.raises(
        MemoryBudgetError, match=r"t\.csv\.xz was compressed so that unpacking takes .* raise"
    ):
        survey(opened(path), ledger=Ledger(4 << 20))
    assert not list((tmp_path / ".stoker").glob("[!.]*"))


def test_what_unpacks_is_charged_before_the_first_window_is_made(tmp_path):
    """A stored survey, so that nothing is unpacked before rows are wanted by position."""
    path = tmp_path / "data" / "t.csv.gz"
    path.parent.mkdir()
    rows = "".join(f"{row},{row % 7},{row % 2}\n" for row in range(200_000))
    path.write_bytes(gzip.compress(f"a,b,label\n{rows}".encode(), 1))
    options = {"batch_size": 100, "memory": "7MB", "workers": 1}
    stoker.Feed(opened(path), **options).prepare().close()
    gc.collect()
    assert spools(path) == []
    feed = stoker.Feed(opened(path), **options).prepare()
    assert feed.survey.seconds == 0
    held = []
    real = PackedStream.read_into

    def read_into(stream, out):
        held.append((feed.ledger.held("unpacking"), feed.ledger.held("windows")))
        return real(stream, out)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PackedStream, "read_into", read_into)
        for _ in feed.epoch(0):
            break
    assert held[-1][0] > 0
    assert {windows for _, windows in held} == {0}
    assert feed.ledger.held("unpacking") == 0
    feed.close()
