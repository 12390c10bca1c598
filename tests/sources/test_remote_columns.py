"""Columns elsewhere: what is wanted comes ahead, in few requests, of the version whose footer was read."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import stoker
from reading import dense, index_of
from stoker.errors import ChangedDataError, DataError
from stoker.sources.remote.ahead import Ahead
from stoker.sources.remote.names import BLOCK_BYTES
from stoker.sources.remote.schedule import schedule_of
from stoker.survey import survey

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("own_cache")]

ROWS, GROUPS, COLUMNS = 30_000, 4, 12


def wide(seed: int = 0) -> tuple[np.ndarray, pa.Table]:
    """Numbers that do not compress: 240 kB a column and group."""
    values = np.random.default_rng(seed).normal(size=(ROWS * GROUPS, COLUMNS))
    return values, pa.table({f"x{place}": values[:, place] for place in range(COLUMNS)})


def parquet(frame: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(frame, sink, row_group_size=ROWS, use_dictionary=False)
    return sink.getvalue().to_pybytes()


def arrow(frame: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, frame.schema) as writer:
        writer.write_table(frame, max_chunksize=ROWS)
    return sink.getvalue().to_pybytes()


@pytest.fixture(params=["https", "s3"])
def put(request, server, monkeypatch):
    """Puts a file on a server; gives its address."""
    base = server.put("", b"").rstrip("/")
    for name, value in (
        ("AWS_ENDPOINT_URL", base),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("STOKER_REMOTE_SECONDS", "10"),
    ):
        monkeypatch.setenv(name, value)

    def place(name: str, content: bytes, tag: str = '"one"') -> str:
        url = server.put(f"bucket/{name}", content, tag)
        return url if request.param == "https" else url.replace(f"{base}/", "s3://")

    return place


@pytest.mark.parametrize(
    ("name", "written", "together"), [("t.parquet", parquet, 4), ("t.arrow", arrow, 1)]
)  # an Arrow file's batches have headers, which are read before
def test_a_survey_asks_for_each_byte_once_in_runs_and_looks_a_few_times(put, server, name, written, together):
    values, frame = wide()
    content = written(frame)
    found = survey(stoker.open(put(name, content), label="x0"), stored=False)
    assert np.allclose(found.statistics.mean, values[:, 1:].mean(axis=0))
    blocks = -(-len(content) // BLOCK_BYTES)
    asked = [(start, stop) for _, start, stop in server.asked]
    assert sum(stop - start for start, stop in asked) == len(content)
    assert len(asked) <= blocks / together + 4
    assert len(server.methods) - len(asked) <= 6


def test_of_a_few_columns_their_bytes_alone_are_asked_for(put, server):
    values, frame = wide()
    content = parquet(frame)
    source = stoker.open(put("t.parquet", content), label="x0", columns=["x1"])
    found = survey(source, stored=False)
    assert np.allclose(found.statistics.mean, values[:, 1].mean())
    assert sum(stop - start for _, start, stop in server.asked) < 0.6 * len(content)


def test_what_comes_ahead_comes_side_by_side(put, server):
    content = parquet(wide()[1])
    source = stoker.open(put("t.parquet", content), label="x0")
    server.together = 3
    survey(source, stored=False)
    assert server.most_at_once >= 3


@pytest.mark.parametrize("cached", [True, False])
def test_rows_of_any_units_are_read_with_no_look_for_each(put, server, monkeypatch, cached):
    if not cached:
        monkeypatch.setenv("STOKER_REMOTE_CACHE", "0")
    values, frame = wide()
    source = stoker.open(put("t.parquet", parquet(frame)), label="x0")
    index, dtype = index_of(source)
    before = len(server.methods), len(server.asked)
    reader = source.reader(index, None, dtype)
    for ids in ([5, ROWS + 1, 3 * ROWS], [7], [2 * ROWS, 2 * ROWS + 9_000], [1]):
        assert np.array_equal(dense(reader.read(np.array(ids))), values[ids, 1:])
    reader.close()
    looks = (len(server.methods) - before[0]) - (len(server.asked) - before[1])
    assert looks <= (2 if cached else 4)
    assert cached == (len(server.asked) == before[1])


@pytest.mark.parametrize(("name", "written"), [("t.parquet", parquet), ("t.arrow", arrow)])
def test_columns_that_change_behind_the_footer_are_told(put, monkeypatch, name, written):
    monkeypatch.setenv("STOKER_REMOTE_CACHE", "0")
    source = stoker.open(put(name, written(wide()[1])), label="x0")
    put(name, written(wide(1)[1]), '"two"')
    with pytest.raises(ChangedDataError, match="changed"):
        list(source.chunks(1 << 20))


@pytest.mark.parametrize("expected", [None, [(0, 2), (2, 4)]])
def test_what_failed_ahead_is_asked_for_again(expected):
    asked = []

    def fetch(run) -> list[bytes]:
        asked.append(run)
        if len(asked) == 1:
            raise DataError("once")
        return [bytes([number]) for number in range(*run)]

    ahead = Ahead(fetch, 4, expected=expected)
    with pytest.raises(DataError, match="once"):
        ahead.take(0)
    assert [ahead.take(number) for number in range(4)] == [b"\0", b"\1", b"\2", b"\3"]
    ahead.close()


@pytest.mark.parametrize(
    ("units", "runs", "held"),
    [
        ([], [], 4),
        ([[(0, 10)]], [(0, 1)], 5),
        ([[(0, 9 << 20)]], [(0, 4), (4, 8), (8, 9)], 8),
        ([[(0, 6 << 20), (6 << 20, 12 << 20)]], [(0, 4), (6, 10), (4, 6), (10, 12)], 12),
        ([[(0, 100)], [(200, 300)], [(1 << 20, 2 << 20)]], [(0, 2)], 5),
        ([[(0, 1), (3 << 20, 4 << 20)]], [(0, 1), (3, 4)], 6),
    ],
)
def test_blocks_are_asked_for_as_they_will_be_wanted(units, runs, held):
    found = schedule_of(units)
    assert (list(found.runs), found.held) == (runs, held)


def test_more_columns_than_are_held_are_read_all_the_same(put, server):
    rng = np.random.default_rng(0)
    frame = pa.table({f"x{place}": rng.integers(0, 255, 3_000) for place in range(80)})
    source = stoker.open(put("t.parquet", parquet(frame)), label="x0")
    found = survey(source, stored=False)
    assert np.allclose(
        found.statistics.mean, [frame[f"x{place}"].to_numpy().mean() for place in range(1, 80)]
    )
