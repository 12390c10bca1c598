"""What every source and every reader of rows owes, whatever stores the rows.

A new kind of reader joins by one more entry in `READERS`, a new format by one more in `SOURCES`.
"""

import gzip
import json
import lzma
import sqlite3
import struct
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cache as cache_of_one
from functools import lru_cache, partial
from pathlib import Path
from threading import Thread, get_ident
from typing import Any

import duckdb
import h5py
import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp

import stoker
from range_server import RangeServer
from reading import column, dense, index_of
from stoker import cache, waits
from stoker.conversion.sizes import Sizes
from stoker.errors import ChangedDataError
from stoker.sources import Source
from stoker.sources.choice import Choice
from stoker.sources.columnar.stream import StreamUnits, stream_table
from stoker.survey import Survey, survey
from stoker.types import RowReader, is_number

NUM_ROWS = 2_500


@dataclass(kw_only=True)
class Case:
    """A reader, what it must return, and a way to spoil its bytes where it reads the user's own files."""

    reader: RowReader
    another: Callable[[], RowReader]
    matrix: np.ndarray
    columns: dict[str, list[Any]] = field(default_factory=dict)
    spoil: Callable[[], None] | None = None


def write_numbers(folder: Path) -> Source:
    rng = np.random.default_rng(1)
    values = rng.integers(0, 256, (NUM_ROWS, 12))
    lines = ["label," + ",".join(f"pixel{place}" for place in range(11))]
    lines += [",".join(map(str, row)) for row in values]
    (folder / "numbers.csv").write_text("\n".join(lines) + "\n")
    return stoker.open(folder / "numbers.csv", label=("label", "pixel3"), sample_weight="pixel10")


def write_texts(folder: Path) -> Source:
    rng = np.random.default_rng(2)
    parts = []
    for part in range(2):
        lines = ["id;text;size;kind"]
        for row in range(part * NUM_ROWS // 2, (part + 1) * NUM_ROWS // 2):
            text = "wörd; " * int(rng.integers(0, 9)) + ("\n" if row % 7 == 0 else "") + '""quoted""'
            lines.append(f'{row};"{text}";{rng.normal():.6f};{"abc"[row % 3]}')
        parts.append("\r\n".join(lines))
    (folder / "part-0.csv").write_bytes(parts[0].encode())
    (folder / "part-1.csv").write_bytes(parts[1].encode())
    return stoker.open(folder / "part-*.csv", label="kind")


def write_packed(folder: Path) -> Source:
    source = write_texts(folder)
    packed = folder / "packed"
    packed.mkdir()
    (packed / "part-0.csv.gz").write_bytes(gzip.compress(Path(source.paths[0]).read_bytes()))
    (packed / "part-1.csv.xz").write_bytes(lzma.compress(Path(source.paths[1]).read_bytes()))
    return stoker.open(packed / "part-*", label="kind")


def write_folder(folder: Path) -> Source:
    rng = np.random.default_rng(6)
    for row in range(NUM_ROWS):
        part = folder / "texts" / ["neg", "pos"][row % 2]
        part.mkdir(parents=True, exist_ok=True)
        text = "wörd\n" * int(rng.integers(0, 40)) + f"{row}\r\n"
        (part / f"{row}_7.txt").write_bytes(text.encode() + b"\xff" * (row % 50 == 0))
    return stoker.open(folder / "texts")


def write_images(folder: Path) -> Source:
    """So many files, nearly all of them the smallest that pass for images."""
    for row in range(NUM_ROWS):
        part = folder / "images" / ["neg", "pos"][row % 2]
        part.mkdir(parents=True, exist_ok=True)
        size = struct.pack("<HH", 1 + row % 99, 1)
        (part / f"{row}.{['gif', 'PNG'][row % 50 == 0]}").write_bytes(b"GIF89a" + size + bytes(3) + b";")
    return stoker.open(folder / "images")


def write_lines(folder: Path) -> Source:
    for part, name in enumerate(("neg", "pos")):
        rows = range(part * NUM_ROWS // 2, (part + 1) * NUM_ROWS // 2)
        (folder / f"t.{name}").write_text("".join(f"wörd, {row}\n" + "\n" * (row % 9 == 0) for row in rows))
    return stoker.open(folder / "t.*")


def write_json(folder: Path) -> Source:
    rng = np.random.default_rng(7)
    for part in range(2):
        records = [
            {
                "id": row,
                "user": {"name": "wörd \n" * int(rng.integers(0, 9)), "size": round(rng.normal(), 6)},
                "kind": "abc"[row % 3],
                "seen": bool(row % 2),
                "weight": row % 5 / 4,
            }
            for row in range(part * NUM_ROWS // 2, (part + 1) * NUM_ROWS // 2)
        ]
        (folder / f"part-{part}.jsonl").write_text("\n".join(map(json.dumps, records)) + "\n\n" * part)
    return stoker.open(folder / "part-*.jsonl", label=["seen", "kind"], sample_weight="weight")


def columns_of(start: int, stop: int) -> pa.Table:
    rng, rows = np.random.default_rng([7, start]), range(start, stop)
    return pa.table(
        {
            "size": rng.normal(size=stop - start),
            "count": pa.array(rng.integers(-9, 300, stop - start), pa.int32()),
            "when": pa.array([1_700_000_000 + 86_399 * row for row in rows], pa.timestamp("s")),
            "text": [f"wörd {row}" for row in rows],
            "kind": pa.array(["abc"[row % 3] for row in rows]).dictionary_encode(),
            "weight": [row % 5 / 4 for row in rows],
        }
    )


def write_parquet(folder: Path) -> Source:
    for part in range(2):
        table = columns_of(part * NUM_ROWS // 2, (part + 1) * NUM_ROWS // 2)
        pq.write_table(table, folder / f"part-{part}.parquet", row_group_size=(300, 10_000)[part])
    return stoker.open(folder / "part-*.parquet", label=["kind", "count"], sample_weight="weight")


def write_lists(folder: Path) -> Source:
    rng = np.random.default_rng(11)
    sizes = rng.integers(0, 9, (2, NUM_ROWS))
    table = pa.table(
        {
            "words": pa.array([rng.integers(0, 99, size) if size else None for size in sizes[0]]),
            "signal": pa.array([rng.normal(size=size) for size in sizes[1]], pa.list_(pa.float32())),
            "picture": pa.array([rng.bytes(size) if size else None for size in sizes[0]]),
            "kind": ["abc"[row % 3] for row in range(NUM_ROWS)],
        }
    )
    pq.write_table(table, folder / "lists.parquet", row_group_size=900)
    return stoker.open(folder / "lists.parquet", label="kind")


def write_partitions(folder: Path) -> Source:
    for part in range(5):
        home = folder / "table" / f"year={2020 + part}"
        home.mkdir(parents=True)
        table = columns_of(part * NUM_ROWS // 5, (part + 1) * NUM_ROWS // 5).drop(["text", "when"])
        pq.write_table(table, home / "part-0.parquet")
    return stoker.open(folder / "table", label="kind")


def write_arrays(folder: Path) -> Source:
    rng = np.random.default_rng(8)
    for part in range(2):
        np.save(folder / f"x{part}.npy", rng.integers(0, 1_000, (NUM_ROWS // 2, 3, 2), np.int16))
        np.save(folder / f"y{part}.npy", rng.integers(0, 3, NUM_ROWS // 2))
    return stoker.open(folder / "x*.npy", label=str(folder / "y*.npy"))


def write_archive(folder: Path) -> Source:
    rng = np.random.default_rng(9)
    values = rng.normal(size=(NUM_ROWS, 4)).astype(np.float32)
    np.savez_compressed(folder / "data.npz", x=values, y=np.array(list("abc"))[rng.integers(0, 3, NUM_ROWS)])
    return stoker.open(folder / "data.npz", label="y")


def write_sparse(folder: Path) -> Source:
    matrix = sp.random(NUM_ROWS, 60, 0.05, format="csr", random_state=12)
    sp.save_npz(folder / "x.npz", matrix, compressed=False)
    np.save(folder / "y.npy", np.arange(NUM_ROWS) % 3)
    return stoker.open(folder / "x.npz", label=str(folder / "y.npy"))


def write_arrow(folder: Path) -> Source:
    for part, packing in enumerate((None, "zstd")):
        table = columns_of(part * NUM_ROWS // 2, (part + 1) * NUM_ROWS // 2)
        options = pa.ipc.IpcWriteOptions(compression=packing)
        with pa.ipc.new_file(folder / f"part-{part}.arrow", table.schema, options=options) as file:
            file.write_table(table, max_chunksize=700)
    return stoker.open(folder / "part-*.arrow", label="kind")


def write_stream(folder: Path) -> Source:
    table = columns_of(0, NUM_ROWS)
    with pa.ipc.new_stream(folder / "table.arrows", table.schema) as file:
        file.write_table(table, max_chunksize=400)
    return stoker.open(folder / "table.arrows", label="kind")


def write_query(folder: Path) -> Source:
    batches = columns_of(0, NUM_ROWS).to_batches(max_chunksize=800)
    stream = StreamUnits(
        f"example://{folder.name}",
        batches[0].schema,
        lambda names: (batch.select(names) for batch in batches),
    )

    def again(paths: Sequence[str]) -> list[StreamUnits]:
        return [stream]

    return Source(table=stream_table("parquet", stream, Choice(labels=("kind",)), opener=again))


def write_sqlite(folder: Path) -> Source:
    table = columns_of(0, NUM_ROWS).select(["count", "size", "text", "kind"])
    with closing(sqlite3.connect(folder / "rows.db")) as connection, connection:
        connection.execute("CREATE TABLE rows (count INTEGER, size REAL, text TEXT, kind TEXT)")
        rows = zip(*table.to_pydict().values(), strict=True)
        connection.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", rows)
    return stoker.open(f"sqlite://{folder / 'rows.db'}", query="SELECT * FROM rows", label="kind")


def write_duckdb(folder: Path) -> Source:
    table = columns_of(0, NUM_ROWS)
    with duckdb.connect(str(folder / "rows.duckdb")) as connection:
        connection.register("given", table)
        connection.execute("CREATE TABLE rows AS SELECT * FROM given")
    return stoker.open(f"duckdb://{folder / 'rows.duckdb'}", query="SELECT * FROM rows", label="kind")


def write_idx(folder: Path) -> Source:
    rng = np.random.default_rng(13)
    for name, array in (
        ("images-idx3-ubyte.gz", rng.integers(0, 256, (NUM_ROWS, 3, 4), np.uint8)),
        ("labels-idx1-ubyte.gz", rng.integers(0, 9, NUM_ROWS).astype(np.uint8)),
    ):
        head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
        (folder / name).write_bytes(gzip.compress(head + array.tobytes()))
    return stoker.open(folder / "images-idx3-ubyte.gz", label=str(folder / "labels-idx1-ubyte.gz"))


def write_hdf5(folder: Path) -> Source:
    rng = np.random.default_rng(14)
    with h5py.File(folder / "data.h5", "w") as file:
        file["x"] = rng.normal(size=(NUM_ROWS, 5)).astype(np.float32)
        file["y"] = np.arange(NUM_ROWS) % 3
    return stoker.open(folder / "data.h5", label="y")


def serve_csv(folder: Path) -> Source:
    path = Path(write_numbers(folder).paths[0])
    return stoker.open(_server().put(f"{folder.name}/{path.name}", path.read_bytes()), label="label")


def serve_parquet(folder: Path) -> Source:
    write_parquet(folder)
    parts = [folder / f"part-{part}.parquet" for part in range(2)]
    there = [_server().put(f"{folder.name}/{part.name}", part.read_bytes()) for part in parts]
    return stoker.open(there, label="kind")


@cache_of_one
def _server() -> RangeServer:
    made = RangeServer()
    Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    return made


def hold_polars(folder: Path) -> Source:
    return stoker.open(polars.from_arrow(columns_of(0, NUM_ROWS)), label="kind")


def hold_table(folder: Path) -> Source:
    return stoker.open(columns_of(0, NUM_ROWS), label="kind")


def hold_frame(folder: Path) -> Source:
    rng = np.random.default_rng(10)
    frame = pd.DataFrame(
        {"x": rng.normal(size=NUM_ROWS), "kind": np.array(list("abc"))[np.arange(NUM_ROWS) % 3]}
    )
    return stoker.open(frame, label="kind")


SOURCES = {
    "a pandas frame": hold_frame,
    "a Polars frame": hold_polars,
    "an Arrow table": hold_table,
    "a query of SQLite": write_sqlite,
    "a query of DuckDB": write_duckdb,
    "IDX files": write_idx,
    "datasets of an HDF5 file": write_hdf5,
    "csv of numbers on the web": serve_csv,
    "two parquet files on the web": serve_parquet,
    "pairs of NumPy files": write_arrays,
    "a compressed NumPy archive": write_archive,
    "a sparse matrix and its labels": write_sparse,
    "two files of JSON objects": write_json,
    "a file of texts for each class": write_lines,
    "a folder of texts": write_folder,
    "a folder of images": write_images,
    "a folder of parquet files by year": write_partitions,
    "csv of numbers": write_numbers,
    "two csv files with text": write_texts,
    "two compressed csv files": write_packed,
    "two parquet files": write_parquet,
    "a parquet file of lists and bytes": write_lists,
    "two arrow files": write_arrow,
    "an arrow stream": write_stream,
    "rows of a query": write_query,
}


def expected_of(source: Source, dtype: np.dtype) -> tuple[np.ndarray, dict[str, list[Any]]]:
    parsed = [source.parse(chunk, dtype).rows for chunk in source.chunks(1 << 14)]
    names = parsed[0].columns
    columns = {name: [value for rows in parsed for value in column(rows, name)] for name in names}
    return np.concatenate([dense(rows) for rows in parsed]), columns


def raw_reader(source: Source) -> Case:
    index, dtype = index_of(source)
    matrix, columns = expected_of(source, dtype)

    def spoil() -> None:
        path = Path(source.paths[0])
        path = sorted(path.rglob("*.*"))[0] if path.is_dir() else path
        data = bytearray(path.read_bytes())
        place = len(data) // 2
        data[place] = ord("1") if data[place] != ord("1") else ord("2")
        path.write_bytes(data)

    reader = source.reader(index, None, dtype)
    is_own = not source.is_packed and source.is_lasting and Path(source.paths[0]).exists()
    another = partial(source.reader, index, None, dtype)
    return Case(
        reader=reader, another=another, matrix=matrix, columns=columns, spoil=spoil if is_own else None
    )


def surveyed_reader(read: Callable[[Survey], RowReader]) -> Callable[[Source], Case]:
    def make(source: Source) -> Case:
        # Texts are kept as columns, not as features, which a survey would refuse.
        texts = source.text_features
        if texts and not source.is_text:
            schema = source.table.schema
            numbers = tuple(column for column in schema.features if is_number(column.kind))
            source = Source(table=source.table.with_schema(replace(schema, features=numbers))).keeping(texts)
        found = survey(source, stored=False, keep_bytes=1 << 30, texts="given")
        matrix, columns = expected_of(source, found.dtype)
        return Case(reader=read(found), another=partial(read, found), matrix=matrix, columns=columns)

    return make


def cached(found: Survey) -> RowReader:
    return cache.build(found, found.source.reader(found.index, found.excluded, found.dtype))


READERS: dict[str, Callable[[Source], Case]] = {
    "raw": raw_reader,
    "kept": surveyed_reader(Survey.reader),
    "cached": surveyed_reader(cached),
}
CASES = sorted(f"{reader} {source}" for reader in READERS for source in SOURCES)


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    """Blocks of files elsewhere, and rows of queries, are kept for this module alone."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            patch.delenv(name, raising=False)
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Callable[[str], Source]:
    """The source of a name, whose files are written once for all tests that do no more than read."""
    return lru_cache(lambda name: SOURCES[name](tmp_path_factory.mktemp("source")))


def made(case: str, written: Callable[[str], Source]) -> Case:
    reader, _, source = case.partition(" ")
    return READERS[reader](written(source))


@pytest.fixture(params=CASES, scope="module")
def case(request, written):
    """Made once for all tests that do no more than read."""
    case = made(request.param, written)
    yield case
    case.reader.close()


@pytest.fixture(params=sorted(SOURCES), scope="module")
def source(request, written):
    return written(request.param)


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


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_a_reader_of_the_users_files_notices_a_changed_byte(name, tmp_path):
    case = raw_reader(SOURCES[name](tmp_path))
    if case.spoil is None:
        pytest.skip("it reads copies of the rows")
    case.reader.read(np.arange(3))
    case.spoil()
    with pytest.raises(ChangedDataError, match=r"changed|deleted|replaced"):
        case.reader.read(np.arange(case.reader.num_slots))
    case.reader.close()


def test_chunks_hold_every_record_once_in_order(source):
    row = file_index = 0
    for chunk in source.chunks(1 << 14):
        assert chunk.first_row == row
        assert chunk.file_index in (file_index, file_index + 1)
        assert source.parse(chunk).rows.num_rows == chunk.num_records
        row, file_index = row + chunk.num_records, chunk.file_index
    assert row == NUM_ROWS
    assert file_index == len(source.paths) - 1


def test_a_scan_that_rests_between_two_chunks_is_at_nothing(source):
    chunks = source.chunks(1 << 14)
    next(chunks)
    assert get_ident() not in waits._innermost
    chunks.close()


def test_the_index_does_not_depend_on_the_size_of_chunks(source):
    small, _ = index_of(source, 1 << 14)
    large, _ = index_of(source, 1 << 22)
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


def test_peek_shows_the_first_rows(source):
    rows = source.peek(3)
    index, dtype = index_of(source)
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
    matrix, columns = expected_of(source, np.dtype(np.float64))
    expected = {name: matrix[:, place] for place, name in enumerate(source.numeric_features)} | columns
    assert set(found) == set(expected)
    for name, values in expected.items():
        blank = [is_blank(value) for value in values]
        assert [value is None for value in found[name]] == blank
        assert [value for value in found[name] if value is not None] == [
            value for value, is_missing in zip(values, blank, strict=True) if not is_missing
        ]
