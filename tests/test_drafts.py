"""The cache that the survey's pass writes is, byte for byte, that of a pass of its own; or there is none."""

from __future__ import annotations

import errno
import gzip
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stoker
from property_examples import examples
from stoker import cache, drafting, preparation
from stoker.cache import filling, places
from stoker.cli.picture import plan_lines
from stoker.errors import BadRowError, DataError
from stoker.ledger import Ledger
from stoker.plan import PlanOptions
from stoker.settling import FeedOptions
from stoker.survey import scan, survey

pytestmark = pytest.mark.timeout(120)

MEMORY = 2 << 20
CHUNK_BYTES = 4_096


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch) -> None:
    """Small chunks and pieces, so that small tables have many; the user's cache away from the real one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    monkeypatch.setattr(scan, "CHUNK_BYTES", CHUNK_BYTES)
    monkeypatch.setattr(scan, "chunk_bytes", lambda *limits, **kinds: CHUNK_BYTES)
    monkeypatch.setattr(filling, "_PIECE_BYTES", 1 << 12)


def options_of(cache="always", epochs=1, **options) -> FeedOptions:
    return FeedOptions(plan=PlanOptions(cache=cache, epochs=epochs, memory_bytes=MEMORY), **options)


def both(source, *, keep_bytes=0, workers=0, spool=True, **options) -> tuple[bytes | None, bytes]:
    """The cache that the survey wrote, or None, and that of a second pass."""
    ledger = Ledger(MEMORY)
    with drafting.cache_draft(source, options_of(**options), ledger) as draft:
        assert draft is not None
        found = survey(
            source,
            stored=False,
            keep_bytes=keep_bytes,
            workers=workers,
            ledger=ledger,
            beyond=draft,
            spool=spool,
            **options,
        )
        draft.finish(found)
    assert ledger.held("cache pieces") == 0
    first = cache.find(found)
    assert left_of(source) == ([] if first is None else [first.path.name])
    second = cache.build(
        found, found.reader(), ledger=ledger, directory=Path(source.paths[0]).parent / "second"
    )
    return (None if first is None else first.path.read_bytes()), second.path.read_bytes()


def left_of(source) -> list[str]:
    """What there is of caches, finished or not."""
    folder = Path(source.paths[0]).parent / ".stoker"
    return sorted(path.name for path in folder.glob("*") if "rows-" in path.name)


def write(path: Path, header: str, rows) -> Path:
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def table(folder: Path, num_rows: int = 6_000, *, widest=()) -> Path:
    """Rows of small integers; the values of `widest`, by row, do not fit with them."""
    rows = [[row % 2, row % 250, row * 7 % 9, -1 if row > 10 else 1] for row in range(num_rows)]
    for row, value in dict(widest).items():
        rows[row][2] = value
    return write(folder / "t.csv", "y,a,b,c", rows)


CELLS = st.one_of(
    st.integers(0, 255).map(str),
    st.integers(-(2**15), 2**15).map(str),
    st.sampled_from(["", "NA", "0.5", "-0", "-0.0", "70000", "1e3", "9007199254740993", "x", "inf"]),
)
NUMBERS = st.lists(st.tuples(st.sampled_from("01"), CELLS, CELLS, st.integers(0, 9).map(str)), max_size=12)


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.lists(NUMBERS, min_size=1, max_size=3),
    repeats=st.integers(1, 150),
    na=st.sampled_from(["mean", "drop-row"]),
    kind=st.sampled_from(["int", "float", "text"]),
    kept=st.sampled_from([0, 4_000, 40_000]),
    ragged=st.booleans(),
)
def test_any_table_gives_the_bytes_of_a_second_pass(tmp_path, parts, repeats, na, kind, kept, ragged):
    for old in tmp_path.glob(".stoker/*"):
        old.unlink()
    paths = []
    for number, rows in enumerate(parts):
        rows = [("0", "1", "2", "3"), ("1", "4", "5", "6"), *rows * repeats]
        rows += [("1", "2")] if ragged else []
        paths.append(write(tmp_path / f"t{number}.csv", "y,a,b,c", rows))
    source = stoker.open(paths, label="y", types={"a": "float", "b": "float", "c": "int", "y": kind})
    first, second = both(source, keep_bytes=kept, na=na, on_bad_row="skip")
    assert first == second or (first is None and kept)


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(
        st.text(st.characters(exclude_characters='",\r\n\0', codec="utf-8"), max_size=40),
        min_size=2,
        max_size=9,
    ),
    longer=st.integers(0, 300),
    repeats=st.integers(1, 200),
    kept=st.sampled_from([0, 9_000]),
)
def test_texts_give_the_bytes_of_a_second_pass(tmp_path, texts, longer, repeats, kept):
    for old in tmp_path.glob(".stoker/*"):
        old.unlink()
    rows = [(f'"{text}"', f"kind {number % 2}") for number, text in enumerate(texts)]
    later = [("word " * longer, "kind 0"), ("ragged",), ("no kind", "")]
    path = write(tmp_path / "t.csv", "text,y", [*rows * repeats, *later, *rows * repeats])
    source = stoker.open(path, label="y", text="text", types={"y": "text"})
    first, second = both(source, keep_bytes=kept, on_bad_row="skip")
    assert first == second or (first is None and kept)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    "widest", [{}, {40: 300}, {40: 300, 3_000: 70_000, 5_999: 2**40}, {5_999: ""}, {20: "", 4_000: 2**53 + 1}]
)
def test_a_value_that_needs_a_wider_type_changes_no_byte(tmp_path, workers, widest):
    first, second = both(stoker.open(table(tmp_path, widest=widest), label="y"), na="zero", workers=workers)
    assert first == second


def test_rows_of_compressed_files_give_the_same_cache(tmp_path):
    path = table(tmp_path)
    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    first, second = both(stoker.open(packed, label="y"))
    assert first == second


def test_compressed_files_whose_rows_are_in_the_cache_are_not_unpacked(tmp_path):
    path = table(tmp_path)
    path.with_name("t.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    source = stoker.open(path.with_name("t.csv.gz"), label="y")
    feed = stoker.Feed(source, memory="6MB", cache="always").prepare()
    assert feed.survey.notes == ()
    assert sum(batch.size for batch in feed.epoch()) == feed.num_rows
    assert list(tmp_path.rglob("unpacked-*")) == []


def test_rows_that_fit_into_memory_are_kept_and_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(cache.draft.folders, "staged_file", None)
    source = stoker.open(table(tmp_path), label="y")
    feed = stoker.Feed(source, memory="6MB", epochs=3).prepare()
    assert feed.survey.kept is not None
    assert not feed.plan.use_cache
    assert left_of(source) == []


def test_rows_that_almost_fit_are_in_the_cache_from_the_first_on(tmp_path):
    source = stoker.open(table(tmp_path), label="y")
    kept = survey(source, stored=False, keep_bytes=1 << 20).kept
    first, second = both(source, keep_bytes=kept.num_bytes - 1)
    assert first == second


def test_a_feed_takes_its_rows_from_the_cache_that_its_survey_wrote(tmp_path, monkeypatch):
    source = stoker.open(table(tmp_path), label="y")
    made = {}
    for option in ("never", "always"):
        feed = stoker.Feed(source, memory="6MB", cache=option, seed=3, batch_size=64)
        feed.prepare()
        monkeypatch.setattr(cache, "build", None)
        made[option] = b"".join(batch.x.tobytes() for batch in feed.epoch(1))
        feed.close()
        for survey_file in (tmp_path / ".stoker").rglob("survey.json"):
            survey_file.unlink()
    assert made["never"] == made["always"]
    assert left_of(source) == [f"rows-{feed.survey.source_key}.arrow"]
    assert feed.plan.seconds_cache == 0 < feed.plan.seconds_survey


def test_a_survey_that_is_known_from_before_leaves_the_cache_to_a_pass_of_its_own(tmp_path):
    source = stoker.open(table(tmp_path), label="y")
    stoker.Feed(source, memory="6MB", cache="never").prepare()
    feed = stoker.Feed(source, memory="6MB", cache="always").prepare()
    assert left_of(source) == []
    feed.build_cache()
    assert len(left_of(source)) == 1


def test_who_only_plans_can_leave_the_cache_out(tmp_path):
    source = stoker.open(table(tmp_path), label="y")
    feed = stoker.Feed(source, memory="6MB", cache="always").prepare(draft_cache=False)
    assert left_of(source) == []
    lines = dict(plan_lines(feed, None, held_out=False, epochs=1))
    assert "survey" in lines["time"]
    assert "cache about" in lines["time"]
    feed.build_cache()
    assert len(left_of(source)) == 1


def test_that_the_cache_was_written_in_the_same_pass_is_told(tmp_path):
    source = stoker.open(table(tmp_path), label="y")
    feed = stoker.Feed(source, memory="6MB", cache="always").prepare()
    lines = dict(plan_lines(feed, None, held_out=False, epochs=1))
    assert lines["disk"].endswith("asked for; written while the files were surveyed")
    assert "cache" not in lines["time"]


@pytest.mark.parametrize(("option", "epochs"), [("never", 5), ("auto", 1)])
def test_where_no_cache_is_planned_none_is_begun(tmp_path, option, epochs):
    source = stoker.open(table(tmp_path), label="y")
    with drafting.cache_draft(source, options_of(option, epochs), Ledger(MEMORY)) as draft:
        assert draft is None


def test_where_a_cache_is_newer_than_the_files_none_is_begun(tmp_path):
    path = table(tmp_path)
    source = stoker.open(path, label="y")
    stoker.Feed(source, memory="6MB", cache="always").prepare()
    with drafting.cache_draft(source, options_of(), Ledger(MEMORY)) as draft:
        assert draft is None
    later = time.time() + 9
    os.utime(path, (later, later))
    with drafting.cache_draft(source, options_of(), Ledger(MEMORY)) as draft:
        assert draft is not None


def test_a_plan_that_wants_no_cache_leaves_none(tmp_path, monkeypatch):
    source = stoker.open(table(tmp_path), label="y")
    frees = iter([10**9])
    monkeypatch.setattr(places.shutil, "disk_usage", lambda path: SimpleNamespace(free=next(frees, 0)))
    monkeypatch.setattr(preparation, "keep_bytes", lambda *taken: 0)
    feed = stoker.Feed(source, memory="6MB", epochs=2).prepare()
    assert feed.survey.kept is None
    assert "the disk has" in feed.plan.cache_reason
    assert left_of(source) == []


def test_what_the_draft_takes_of_the_disk_counts_as_free(tmp_path):
    source = stoker.open(table(tmp_path), label="y")
    with drafting.cache_draft(source, options_of(), Ledger(MEMORY)) as draft:
        survey(source, stored=False, beyond=draft)
        (name,) = left_of(source)
        assert draft.bytes_beside(tmp_path) == (tmp_path / ".stoker" / name).stat().st_size > 0
        assert draft.bytes_beside("/proc") == 0
    assert draft.bytes_beside(tmp_path) == 0


@pytest.mark.parametrize("pieces", [0, 3])
def test_a_disk_that_fills_up_is_told_by_the_second_pass(tmp_path, monkeypatch, pieces):
    source = stoker.open(table(tmp_path), label="y")
    real, written = pa.ipc.RecordBatchFileWriter.write_batch, []

    def fill_up(self, batch, **metadata):
        written.append(batch.num_rows)
        if len(written) > pieces:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(self, batch, **metadata)

    monkeypatch.setattr(pa.ipc.RecordBatchFileWriter, "write_batch", fill_up)
    feed = stoker.Feed(source, memory="6MB", cache="always").prepare()
    assert len(written) == pieces + 1
    assert left_of(source) == []
    with pytest.raises(DataError, match=r"could not be written .*No space left on device"):
        feed.build_cache()
    monkeypatch.undo()
    feed.build_cache()


def test_a_survey_that_refuses_the_rows_leaves_nothing(tmp_path):
    source = stoker.open(table(tmp_path, widest={5_000: "x"}), label="y")
    with pytest.raises(BadRowError):
        stoker.Feed(source, memory="6MB", cache="always").prepare()
    assert left_of(source) == []


def test_ctrl_c_leaves_nothing(tmp_path):
    source = stoker.open(table(tmp_path), label="y")

    def stop(done, total):
        if done > total // 2:
            assert left_of(source)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stoker.Feed(source, memory="6MB", cache="always").prepare(stop)
    assert left_of(source) == []


KILLED = """
import os, signal, sys
import stoker
from stoker.cache import filling
from stoker.survey import scan
scan.chunk_bytes = lambda *limits, **kinds: 4_096
filling._PIECE_BYTES = 4_096
feed = stoker.Feed(stoker.open(sys.argv[1], label="y"), cache="always", workers=0)
feed.prepare(lambda done, total: os.kill(os.getpid(), signal.SIGKILL) if done > total // 2 else None)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="only POSIX kills")
def test_what_a_killed_process_leaves_is_removed_by_the_next(tmp_path):
    path = table(tmp_path)
    source = stoker.open(path, label="y")
    assert subprocess.run([sys.executable, "-c", KILLED, path]).returncode == -signal.SIGKILL
    assert [name.startswith(".building-rows-") for name in left_of(source)] == [True]
    feed = stoker.Feed(source, memory="6MB", cache="always").prepare()
    assert left_of(source) == [f"rows-{feed.survey.source_key}.arrow"]


def test_texts_that_become_much_longer_leave_the_cache_to_a_second_pass(tmp_path):
    rows = [("short", row % 2) for row in range(3_000)]
    rows += [("word " * 200, row % 2) for row in range(3_000)]
    source = stoker.open(write(tmp_path / "t.csv", "text,y", rows), label="y", text="text")
    first, second = both(source)
    assert first is None
    assert second


def test_rows_that_wait_are_charged(tmp_path):
    source = stoker.open(table(tmp_path), label="y")
    ledger = Ledger(MEMORY)
    with drafting.cache_draft(source, options_of(), ledger) as draft:
        survey(source, stored=False, beyond=draft, ledger=ledger)
        assert 1_000 < ledger.held("cache pieces") < 9_000
    assert ledger.held("cache pieces") == 0
