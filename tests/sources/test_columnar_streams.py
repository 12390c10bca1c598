"""Rows that come one after the other: they go to memory or the cache in one pass, and are read from there."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import stoker
from reading import dense, index_of
from stoker.errors import ChangedDataError, DataError, MemoryBudgetError
from stoker.ledger import Ledger
from stoker.sources import Source
from stoker.sources.choice import Choice
from stoker.sources.columnar.batch_chunk import SEGMENT_ROWS
from stoker.sources.columnar.stream import StreamUnits, stream_table
from stoker.survey import survey
from stoker.transforms.numeric import Cast

ROWS = 3 * SEGMENT_ROWS + 5


class Query:
    """Rows that are counted as they are handed out."""

    def __init__(self, rows: int = ROWS) -> None:
        values = np.arange(rows, dtype=np.float64)
        self.table = pa.table({"x": values, "unused": values, "y": np.arange(rows) % 2})
        self.begun = self.closed = 0
        self.names: set[str] = set()

    def __call__(self, names: Sequence[str]) -> Generator[pa.RecordBatch]:
        self.begun += 1
        self.names |= set(names)
        try:
            yield from self.table.select(names).to_batches(max_chunksize=1_000)
        finally:
            self.closed += 1

    def source(self, name: str = "example://query") -> Source:
        stream = StreamUnits(name, self.table.schema, self, batch_bytes=100_000)
        return Source(table=stream_table("example", stream, Choice(labels=("y",), drop=("unused",))))


@pytest.fixture
def query() -> Query:
    return Query()


@pytest.fixture(autouse=True)
def _caches_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def feed_of(source: Source, **options: object) -> stoker.Feed:
    return stoker.Feed(source, transform=Cast(), seed=1, **{"batch_size": 64, **options})


def seen(feed: stoker.Feed) -> list[float]:
    return sorted(value for batch in feed.epoch(0) for value in np.asarray(batch.x)[:, 0].tolist())


@pytest.mark.parametrize("options", [{}, {"cache": "always"}], ids=["memory", "cache"])
def test_one_pass_over_a_stream_serves_every_epoch(query, options):
    feed = feed_of(query.source(), epochs=3, **options)
    feed.prepare()
    assert query.begun == query.closed == 1
    assert query.names == {"x", "y"}
    assert feed.plan.use_cache == bool(options)
    assert seen(feed) == seen(feed) == list(range(ROWS))
    assert query.begun == query.closed == 1
    feed.close()


def test_a_batch_of_more_than_half_of_the_memory_is_refused_when_it_comes():
    rows = pa.record_batch({"x": np.zeros(100_000), "y": np.arange(100_000) % 2})

    def surveyed(memory: int) -> Ledger:
        ledger = Ledger(memory)
        stream = StreamUnits("example://one batch", rows.schema, lambda names: [rows], batch_bytes=100_000)
        source = Source(table=stream_table("example", stream, Choice(labels=("y",))))
        survey(source, stored=False, ledger=ledger, role="predict")
        return ledger

    assert surveyed(20_000_000).peaks_by_kind["unpacking"] == rows.nbytes
    with pytest.raises(MemoryBudgetError, match=r"takes 1,600,000 bytes of memory.*in smaller batches"):
        surveyed(3_000_000)


def test_what_a_compressed_batch_grew_to_is_charged(tmp_path):
    table = pa.table({"x": np.zeros(100_000), "y": np.zeros(100_000)})
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(tmp_path / "t.arrow", table.schema, options=options) as file:
        file.write_table(table)
    ledger = Ledger(20_000_000)
    source = stoker.open(tmp_path / "t.arrow")
    survey(source, stored=False, ledger=ledger, role="predict")
    assert ledger.peaks_by_kind["unpacking"] == table.nbytes > 100 * (tmp_path / "t.arrow").stat().st_size
    assert source.table.reading_bytes > 2 * table.nbytes


def test_pages_that_are_larger_than_usual_are_counted_as_they_are(tmp_path):
    table = pa.table({"x": np.random.default_rng(1).normal(size=400_000)})
    pq.write_table(table, tmp_path / "usual.parquet")
    whole = {"data_page_size": 1 << 30, "max_rows_per_page": len(table), "write_batch_size": len(table)}
    pq.write_table(table, tmp_path / "one.parquet", use_dictionary=False, **whole)
    usual, one = (stoker.open(tmp_path / name).table.files[0] for name in ("usual.parquet", "one.parquet"))
    assert usual.decoding_bytes(["x"]) < 3_000_000
    assert one.decoding_bytes(["x"]) > 2 * table.nbytes - 500_000


def test_a_stream_that_fits_neither_memory_nor_may_be_cached_is_not_shuffled():
    query = Query(ROWS * 40)
    with pytest.raises(MemoryBudgetError, match=r"one after the other.*leave out cache='never'"):
        feed_of(query.source(), cache="never", memory="23MB", batch_size=1_024).prepare()
    assert query.begun == query.closed


def test_a_stream_is_read_from_its_beginning_where_order_is_its_own():
    query = Query(ROWS * 40)
    feed = feed_of(query.source(), cache="never", memory="23MB", batch_size=1_024, shuffle=False)
    feed.prepare()
    begun = query.begun
    assert seen(feed) == list(range(ROWS * 40))
    assert query.begun == begun + 1
    feed.close()
    assert query.begun == query.closed


def test_a_reader_goes_on_where_it_stopped_and_begins_anew_where_it_must_go_back(query):
    source = query.source()
    index, dtype = index_of(source)
    reader, begun = source.reader(index, None, dtype), query.begun
    for start in range(0, ROWS - 500, 500):
        ids = np.arange(start, start + 500)
        assert dense(reader.read(ids))[:, 0].tolist() == ids.tolist()
    assert query.begun == begun + 1
    reader.close()
    assert dense(reader.read(np.array([3])))[:, 0].tolist() == [3]
    assert query.begun == begun + 2
    reader.close()


def test_a_stream_that_gives_other_rows_the_next_time_is_refused(query):
    source = query.source()
    index, dtype = index_of(source)
    for table in (
        query.table.slice(0, ROWS - 10),
        pa.concat_tables([query.table.slice(1), query.table.slice(0, 1)]),
    ):
        query.table = table
        reader = source.reader(index, None, dtype)
        with pytest.raises(ChangedDataError, match="example://query changed since it was surveyed"):
            reader.read(np.arange(ROWS))
        reader.close()


def test_what_a_stream_says_of_its_own_failure_is_said_and_nothing_is_taken_for_whole(query):
    def broken(names: Sequence[str]) -> Generator[pa.RecordBatch]:
        yield from query.table.select(names).slice(0, 2_000).to_batches()
        raise DataError("the connection was lost behind row 2,000; try again")

    stream = StreamUnits("example://lost", query.table.schema, broken)
    source = Source(table=stream_table("example", stream, Choice(labels=("y",))))
    with pytest.raises(DataError, match="the connection was lost"):
        feed_of(source).prepare()


def test_an_empty_stream_holds_no_rows():
    with pytest.raises(DataError, match="example://query holds no rows"):
        feed_of(Query(0).source()).prepare()
