"""Compressed files give the rows of the files that they were made of, and unpacked lines are what is told."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

import stoker
from reading import PACK, column, dense, index_of
from stoker.errors import ChangedDataError, DataError, MemoryBudgetError
from stoker.ledger import Ledger
from stoker.survey import survey

NUM_ROWS = 4_000


@pytest.fixture(autouse=True)
def user_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    return tmp_path / "user-cache"


@pytest.fixture
def plain(tmp_path):
    rng = np.random.default_rng(5)
    lines = ["a,text,b,label"]
    lines += [
        f'{row},"text, {row}\n""{row % 7}""",{rng.normal():.5f},{"xyz"[row % 3]}' for row in range(NUM_ROWS)
    ]
    (tmp_path / "plain").mkdir()
    path = tmp_path / "plain" / "t.csv"
    path.write_text("\ufeff" + "\r\n".join(lines) + "\r\n", "utf-8", newline="")
    return path


@pytest.fixture(params=sorted(PACK))
def packed(request, plain, tmp_path):
    path = tmp_path / f"t.csv{request.param}"
    data = plain.read_bytes()
    path.write_bytes(PACK[request.param](data[:9_999]) + PACK[request.param](data[9_999:]))
    return path


def options():
    return {"label": "label", "columns": ["a", "b"]}


def test_rows_index_and_lines_are_those_of_the_plain_file(plain, packed):
    one, other = (stoker.open(path, **options()).keeping(["text"]) for path in (plain, packed))
    assert other.is_packed
    assert not one.is_packed
    index, dtype = index_of(one)
    found, _ = index_of(other)
    for name in ("anchor_rows", "anchor_offsets", "checksums", "file_sizes", "head_checksums"):
        assert np.array_equal(getattr(index, name), getattr(found, name)), name
    ids = np.arange(0, NUM_ROWS, 7)
    expected, rows = one.reader(index, None, dtype).read(ids), other.reader(found, None, dtype).read(ids)
    assert np.array_equal(dense(expected), dense(rows))
    assert column(expected, "text") == column(rows, "text")
    assert one.line_of(0, 30_000) == other.line_of(0, 30_000)


def test_what_fits_into_memory_leaves_nothing_unpacked(packed, tmp_path):
    found = survey(stoker.open(packed, **options()), keep_bytes=1 << 30)
    assert found.kept is not None
    assert not list((tmp_path / ".stoker").glob("unpacked-*"))
    again = survey(stoker.open(packed, **options()), keep_bytes=1 << 30)
    assert again.seconds == 0
    assert np.array_equal(dense(again.reader().read(np.arange(9))), dense(found.reader().read(np.arange(9))))


def test_what_does_not_fit_is_unpacked_in_the_same_pass_and_found_again(packed, plain, tmp_path):
    found = survey(stoker.open(packed, **options()))
    (spool,) = (tmp_path / ".stoker").glob("unpacked-*")
    assert "was unpacked to" in found.notes[0]
    data, start = plain.read_bytes(), int(found.index.anchor_offsets[0])
    assert spool.read_bytes()[start:] == data[start:]
    before = spool.stat()
    again = survey(stoker.open(packed, **options()))
    assert again.seconds == 0
    assert again.notes == ()
    assert again.reader().read(np.arange(3)).num_rows == 3
    assert spool.stat().st_mtime_ns == before.st_mtime_ns


def test_a_spool_that_was_deleted_is_made_again(packed, tmp_path):
    first = survey(stoker.open(packed, **options()))
    expected = dense(first.reader().read(np.arange(50)))
    next((tmp_path / ".stoker").glob("unpacked-*")).unlink()
    assert np.array_equal(dense(first.reader().read(np.arange(50))), expected)
    next((tmp_path / ".stoker").glob("unpacked-*")).unlink()
    again = survey(stoker.open(packed, **options()))
    assert again.seconds == 0
    assert np.array_equal(dense(again.reader().read(np.arange(50))), expected)


def test_a_damaged_spool_is_noticed(packed, tmp_path):
    found = survey(stoker.open(packed, **options()))
    (spool,) = (tmp_path / ".stoker").glob("unpacked-*")
    data = bytearray(spool.read_bytes())
    data[len(data) // 2] ^= 1
    spool.write_bytes(data)
    with pytest.raises(ChangedDataError):
        found.reader().read(np.arange(NUM_ROWS))


def test_without_a_spool_rows_that_do_not_fit_are_refused_with_the_ways_out(packed, tmp_path):
    source = stoker.open(packed, **options())
    with pytest.raises(MemoryBudgetError, match=r"cache='never'.*raise memory=.*unpack the file"):
        survey(source, keep_bytes=1_000, spool=False)
    assert not list((tmp_path / ".stoker").glob("unpacked-*"))
    assert survey(source, keep_bytes=1 << 30, spool=False).kept is not None
    assert survey(source, keep_bytes=1 << 30, spool=False).seconds == 0
    with pytest.raises(MemoryBudgetError, match="cache='never'"):
        survey(source, keep_bytes=1_000, spool=False)


def test_a_touched_file_is_read_again_and_a_changed_one_surveyed_again(packed):
    first = survey(stoker.open(packed, **options()))
    os.utime(packed, ns=(1, 1))
    assert survey(stoker.open(packed, **options())).seconds == 0
    data = bytearray(packed.read_bytes())
    packed.write_bytes(data[: len(data) // 2])
    os.truncate(packed, len(data))
    with pytest.raises(DataError):
        survey(stoker.open(packed, **options()))
    assert first.num_slots == NUM_ROWS


def test_a_bad_row_is_named_with_its_line_in_the_unpacked_text(tmp_path):
    lines = ["a,label", *(f"{row},{row % 2}" for row in range(100)), "x,1", *(f"{row},0" for row in range(9))]
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    with pytest.raises(DataError, match=r"t\.csv\.gz, line 102 \(row 100\), 'x'"):
        survey(stoker.open(tmp_path / "t.csv.gz", label="label"))


def test_an_open_quote_and_an_empty_file_are_told(tmp_path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b'a,label\n1,0\n2,"1\n' + b"3,0\n" * 9))
    with pytest.raises(DataError, match="line 3: a quote"):
        list(stoker.open(path, label="label", quote='"').chunks(1 << 14))
    path.write_bytes(gzip.compress(b""))
    with pytest.raises(DataError, match="is empty"):
        stoker.open(path, label="label")
    path.write_bytes(b"")
    with pytest.raises(DataError, match="is empty"):
        stoker.open(path, label="label")


def test_a_file_that_ends_where_a_buffer_does_is_whole(tmp_path):
    data = b"a,label\n" + b"1,0\n" * ((1 << 16) // 4)
    for cut in range(0, 12, 4):
        path = tmp_path / f"{cut}.csv.gz"
        path.write_bytes(gzip.compress(data[: len(data) - cut]))
        chunks = list(stoker.open(path, label="label").chunks(1 << 14))
        assert sum(chunk.num_records for chunk in chunks) == (1 << 14) - cut // 4


def test_what_is_in_flight_is_charged_and_let_go(packed):
    ledger = Ledger(1 << 24)
    survey(stoker.open(packed, **options()), ledger=ledger, stored=False)
    assert ledger.held("survey") == 0


@pytest.mark.timeout(60)
def test_a_feed_trains_validates_and_predicts_on_compressed_files(plain, packed):
    batches = []
    for path in (plain, packed):
        feed = stoker.Feed(stoker.open(path, **options()), batch_size=64, memory="8MB", seed=3)
        derived = feed.derive(Path(path))
        batches.append([b.x for b in feed.epoch(1)] + [b.x for b in derived.epoch(0)])
        feed.close()
    for one, other in zip(*batches, strict=True):
        assert np.array_equal(one, other)
