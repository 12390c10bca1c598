"""What every source and every reader of rows owes, whatever stores the rows.

A new kind of reader joins by one more entry in `READERS`, a new format by one more in `FILES` of
`written_sources.py`, and what is no file by one in `held_sources.py` or `served_sources.py`.
"""

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from threading import get_ident
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import stoker
from held_sources import HELD, NEIGHBOURS, READ_ONCE
from reading import column, dense, index_of
from served_sources import SERVED, Servers
from stoker import cache, waits
from stoker.conversion.sizes import Sizes
from stoker.errors import ChangedDataError
from stoker.sources import Source
from stoker.survey import Survey, survey
from stoker.types import RowReader, is_number
from written_sources import WRITTEN, rows_of

HERE = WRITTEN | HELD | NEIGHBOURS
SLOW = [name for name in SERVED if "on the web" not in name]


def marked(name: str, reader: str = "") -> Any:
    """A parameter that is slow where it needs a server in a process of its own, or another library."""
    marks = [pytest.mark.slow] * (name in SLOW or name in NEIGHBOURS)
    marks += [pytest.mark.backends] * (name in NEIGHBOURS)
    return pytest.param((name, reader) if reader else name, marks=marks, id=f"{reader} {name}".strip())


@dataclass(kw_only=True)
class Case:
    """A reader, and what it must return."""

    reader: RowReader
    another: Callable[[], RowReader]
    matrix: np.ndarray
    columns: dict[str, list[Any]] = field(default_factory=dict)


def expected_of(source: Source, dtype: np.dtype) -> tuple[np.ndarray, dict[str, list[Any]]]:
    parsed = [source.parse(chunk, dtype).rows for chunk in source.chunks(1 << 14)]
    names = parsed[0].columns
    columns = {name: [value for rows in parsed for value in column(rows, name)] for name in names}
    return np.concatenate([dense(rows) for rows in parsed]), columns


Open = Callable[[], Source]
"""Gives a source that nobody has read: the same again, but of rows that can be read once."""


def raw_reader(opened: Open) -> Case:
    source = opened()
    index, dtype = index_of(source)
    matrix, columns = expected_of(source, dtype)
    return Case(
        reader=source.reader(index, None, dtype),
        another=partial(source.reader, index, None, dtype),
        matrix=matrix,
        columns=columns,
    )


def is_read_in_place(source: Source) -> bool:
    """Whether its reader reads the user's own bytes, and no copies of rows."""
    return not source.is_packed and source.is_lasting and Path(source.paths[0]).exists()


def spoil_file(source: Source) -> None:
    path = Path(source.paths[0])
    path = sorted(path.rglob("*.*"))[0] if path.is_dir() else path
    data = bytearray(path.read_bytes())
    place = len(data) // 2
    data[place] = ord("1") if data[place] != ord("1") else ord("2")
    path.write_bytes(data)


def without_texts(source: Source) -> Source:
    """Texts are kept as columns, not as features, which a survey would refuse."""
    texts = source.text_features
    if not texts or source.is_text:
        return source
    schema = source.table.schema
    numbers = tuple(column for column in schema.features if is_number(column.kind))
    return Source(table=source.table.with_schema(replace(schema, features=numbers))).keeping(texts)


def surveyed_reader(read: Callable[[Survey, Open], RowReader]) -> Callable[[Open], Case]:
    def make(opened: Open) -> Case:
        def plain() -> Source:
            return without_texts(opened())

        found = survey(plain(), stored=False, keep_bytes=1 << 30, texts="given")
        matrix, columns = expected_of(plain(), found.dtype)
        another = partial(read, found, plain)
        return Case(reader=another(), another=another, matrix=matrix, columns=columns)

    return make


def kept(found: Survey, opened: Open) -> RowReader:
    return found.reader()


def cached(found: Survey, opened: Open) -> RowReader:
    return cache.build(found, opened().reader(found.index, found.excluded, found.dtype))


READERS: dict[str, Callable[[Open], Case]] = {
    "raw": raw_reader,
    "kept": surveyed_reader(kept),
    "cached": surveyed_reader(cached),
}
NAMES = sorted([*HERE, *SERVED])
SOURCES = [marked(name) for name in NAMES]
CASES = [marked(name, reader) for reader in sorted(READERS) for name in NAMES]


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    """Blocks of files elsewhere, and rows of queries, are kept for this module alone."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            patch.delenv(name, raising=False)
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        # No answer of a server of this machine takes as long, however busy it is.
        patch.setenv("STOKER_REMOTE_SECONDS", "30")
        yield


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Servers that sources are read from, each begun once, when a test first asks for it."""
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        yield Servers(stack, patch, tmp_path_factory.mktemp("servers"))


@pytest.fixture(scope="module")
def make(servers) -> Callable[[str, Path], Source]:
    """Makes the source of a name in a folder."""

    def made(name: str, folder: Path) -> Source:
        return HERE[name](folder) if name in HERE else SERVED[name](folder, servers)

    return made


@pytest.fixture(scope="module")
def written(make, tmp_path_factory) -> Callable[[str], Source]:
    """The source of a name, whose files are written once for all tests that do no more than read."""

    def new(name: str) -> Source:
        return make(name, tmp_path_factory.mktemp("source"))

    once = lru_cache(new)
    return lambda name: new(name) if name in READ_ONCE else once(name)


@pytest.fixture(params=CASES, scope="module")
def case(request, written):
    """Made once for all tests that do no more than read."""
    name, reader = request.param
    if reader == "raw" and name in READ_ONCE:
        pytest.skip("its rows come once: by their places they are read from what a survey kept")
    case = READERS[reader](partial(written, name))
    yield case
    case.reader.close()


@pytest.fixture(params=SOURCES)
def opened(request, written) -> Open:
    return partial(written, request.param)


@pytest.fixture
def source(opened) -> Source:
    return opened()


def assert_rows(case: Case, ids: np.ndarray) -> None:
    rows = case.reader.read(ids)
    assert rows.num_rows == len(ids)
    assert np.array_equal(dense(rows), case.matrix[ids], equal_nan=True)
    for name, values in case.columns.items():
        assert column(rows, name) == [values[row] for row in ids.tolist()]


def test_a_reader_knows_its_slots_and_reads_all_of_them(case):
    assert isinstance(case.reader, RowReader)
    assert case.reader.num_slots == len(case.matrix)
    assert_rows(case, np.arange(case.reader.num_slots))


@pytest.mark.parametrize("share", [0.002, 0.05, 0.5])
def test_a_reader_reads_any_ascending_ids(case, share):
    rng = np.random.default_rng(3)
    for _ in range(5):
        assert_rows(case, np.flatnonzero(rng.random(case.reader.num_slots) < share))


def test_a_reader_reads_the_first_the_last_and_no_row(case):
    last = case.reader.num_slots - 1
    for ids in ([], [0], [last], [0, last], [0, 1, last - 1, last]):
        assert_rows(case, np.array(ids, np.int64))


def test_a_reader_serves_several_threads_at_once(case):
    rng = np.random.default_rng(4)
    requests = [np.flatnonzero(rng.random(case.reader.num_slots) < 0.1) for _ in range(24)]
    with ThreadPoolExecutor(6) as threads:
        for _ in threads.map(lambda ids: assert_rows(case, ids), requests):
            pass


def test_a_reader_gives_equal_values_twice(case):
    ids = np.arange(0, case.reader.num_slots, 3)
    first, second = case.reader.read(ids), case.reader.read(ids)
    assert np.array_equal(dense(first), dense(second))


def test_a_reader_may_be_closed_twice_and_closes_no_other(case):
    reader = case.another()
    reader.read(np.arange(3))
    reader.close()
    reader.close()
    assert_rows(case, np.arange(3))


@pytest.mark.parametrize("name", SOURCES)
def test_a_reader_of_the_users_files_notices_a_changed_byte(name, make, servers, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = make(name, tmp_path)
    is_elsewhere = source.paths[0] in servers.contents
    if not is_elsewhere and not is_read_in_place(source):
        pytest.skip("it reads copies of the rows")
    reader = raw_reader(lambda: source).reader
    reader.read(np.arange(3))
    if is_elsewhere:
        servers.spoil(source.paths[-1])
        shutil.rmtree(tmp_path / "cache")  # what is held of an object is read without a look at its server
    else:
        spoil_file(source)
    with pytest.raises(ChangedDataError, match=r"changed|deleted|replaced"):
        reader.read(np.arange(reader.num_slots))
    reader.close()


@pytest.mark.parametrize("name", SOURCES)
def test_chunks_hold_every_record_once_in_order(name, written):
    source, row, file_index = written(name), 0, 0
    for chunk in source.chunks(1 << 14):
        assert chunk.first_row == row
        assert chunk.file_index in (file_index, file_index + 1)
        assert source.parse(chunk).rows.num_rows == chunk.num_records
        row, file_index = row + chunk.num_records, chunk.file_index
    assert row == rows_of(name)
    assert file_index == len(source.paths) - 1


def test_a_scan_that_rests_between_two_chunks_is_at_nothing(source):
    chunks = source.chunks(1 << 14)
    next(chunks)
    assert get_ident() not in waits._innermost
    chunks.close()


def test_the_index_does_not_depend_on_the_size_of_chunks(opened):
    small, _ = index_of(opened(), 1 << 14)
    large, _ = index_of(opened(), 1 << 22)
    assert np.array_equal(small.anchor_rows, large.anchor_rows)
    assert np.array_equal(small.anchor_offsets, large.anchor_offsets)
    assert np.array_equal(small.checksums, large.checksums)


def test_chunks_may_be_parsed_by_several_threads(source):
    chunks = list(source.chunks(1 << 14))
    alone = [dense(source.parse(chunk, np.float64).rows) for chunk in chunks]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda chunk: dense(source.parse(chunk, np.float64).rows), chunks))
    assert all(map(np.array_equal, alone, together))


def test_the_description_is_plain_data_that_names_no_path(source):
    described = json.dumps(source.describe())
    assert str(Path(source.paths[0]).parent) not in described
    assert described == json.dumps(source.describe())
    assert json.dumps(source.split(0.5, seed=1)[0].describe()) != described


def test_peek_shows_the_first_rows(opened):
    rows = opened().peek(3)
    index, dtype = index_of(opened())
    source = opened()
    read = source.reader(index, None, dtype).read(np.arange(3))
    assert rows.num_rows == 3
    assert np.array_equal(dense(rows), dense(read))
    assert column(rows, source.label) == column(read, source.label)


def is_blank(value: Any) -> bool:
    return value is None or value != value or (isinstance(value, str | bytes | list) and not value)


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("name", SOURCES)
def test_every_source_is_converted_to_the_rows_that_it_holds(name, kept, written, tmp_path, monkeypatch):
    if not kept:
        few = Sizes(chunk=1 << 14, keep=0, run=1 << 20, group=1 << 20, piece=1 << 16)
        monkeypatch.setattr(Sizes, "of", lambda *given, **named: few)
    source, out = written(name), tmp_path / "out.parquet"
    stoker.convert(source, out)
    found = pq.read_table(out).to_pydict()
    matrix, columns = expected_of(written(name), np.dtype(np.float64))
    expected = {name: matrix[:, place] for place, name in enumerate(source.numeric_features)} | columns
    assert set(found) == set(expected)
    for name, values in expected.items():
        blank = [is_blank(value) for value in values]
        assert [value is None for value in found[name]] == blank
        assert [value for value in found[name] if value is not None] == [
            value for value, is_missing in zip(values, blank, strict=True) if not is_missing
        ]
