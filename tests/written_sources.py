"""Sources of files and of databases in files, of every format: what the contracts are run on.

A new format joins by one more entry in `FILES`.
"""

import gzip
import json
import lzma
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp

import stoker
from stoker.sources import Source

NUM_ROWS = 2_500
NUM_FILES = 1_000
"""Rows where each is a file of its own; as many as make several chunks."""


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


def two_folders(folder: Path) -> list[Path]:
    parts = [folder / "neg", folder / "pos"]
    for part in parts:
        part.mkdir(parents=True)
    return parts


def write_folder(folder: Path) -> Source:
    rng, parts = np.random.default_rng(6), two_folders(folder / "texts")
    for row in range(NUM_FILES):
        text = "wörd\n" * int(rng.integers(0, 40)) + f"{row}\r\n"
        (parts[row % 2] / f"{row}_7.txt").write_bytes(text.encode() + b"\xff" * (row % 50 == 0))
    return stoker.open(folder / "texts")


def write_images(folder: Path) -> Source:
    """So many files, nearly all of them the smallest that pass for images."""
    parts = two_folders(folder / "images")
    for row in range(NUM_FILES):
        size, suffix = struct.pack("<HH", 1 + row % 99, 1), ["gif", "PNG"][row % 50 == 0]
        (parts[row % 2] / f"{row}.{suffix}").write_bytes(b"GIF89a" + size + bytes(21) + b";")
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


DATABASES: dict[str, Callable[[Path], Source]] = {
    "a query of SQLite": write_sqlite,
    "a query of DuckDB": write_duckdb,
}
FILES: dict[str, Callable[[Path], Source]] = {
    "IDX files": write_idx,
    "datasets of an HDF5 file": write_hdf5,
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
}
WRITTEN = FILES | DATABASES
"""What makes each, by name, of files in a folder that is given."""


def rows_of(name: str) -> int:
    """How many rows a source of any kind has."""
    return NUM_FILES if name in ("a folder of texts", "a folder of images") else NUM_ROWS
