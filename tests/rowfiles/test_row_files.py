"""Rows out: a file holds what was given, whatever its suffix, and is there whole or not at all."""

from __future__ import annotations

import bz2
import gzip
import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker.errors import OptionError, RunError
from stoker.rowfiles import RowFile, format_of
from stoker.rowfiles.delimited import csv_lines
from stoker.rowfiles.objects import json_lines

TABLE = pa.table({"n": pa.array([1, None, 3], pa.uint8()), "x": [0.5, 2.0, None], "t": ["a", 'b,"', None]})


def put(path, table=TABLE, *, compression=None, **options):
    with RowFile(path, table.schema, format_of(path, compression=compression), **options) as file:
        for start in range(table.num_rows):
            file.add(file.encoded(table.slice(start, 1)))
    return path


@pytest.mark.parametrize("compression", ["zstd", "none"])
@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".feather"])
def test_binary_formats_give_back_the_table(suffix, compression, tmp_path):
    path = put(tmp_path / f"rows{suffix}", compression=compression)
    read = pa.parquet.read_table if suffix == ".parquet" else pa.feather.read_table
    assert read(path).equals(TABLE)


@pytest.mark.parametrize(
    ("suffix", "opened"), [("", open), (".gz", gzip.open), (".GZ", gzip.open), (".bz2", bz2.open)]
)
def test_texts_may_be_compressed_as_a_whole(suffix, opened, tmp_path):
    with opened(put(tmp_path / f"rows.csv{suffix}"), "rb") as file:
        assert file.read() == b'n,x,t\n1,0.5,a\n,2.0,"b,"""\n3,,\n'
    with opened(put(tmp_path / f"rows.jsonl{suffix}"), "rb") as file:
        assert [json.loads(line) for line in file] == TABLE.to_pylist()


def test_zstandard_is_read_by_arrow(tmp_path):
    with pa.input_stream(str(put(tmp_path / "rows.jsonl.zst"))) as file:
        assert file.read().count(b"\n") == 3


def test_groups_do_not_depend_on_how_rows_came(tmp_path):
    table = pa.table({"a": np.arange(10)})
    files = [tmp_path / "one.parquet", tmp_path / "other.parquet"]
    put(files[0], table, group_rows=4)
    with RowFile(files[1], table.schema, format_of(files[1]), group_rows=4) as file:
        file.add(table)
    sizes = [pa.parquet.ParquetFile(path).metadata for path in files]
    assert [meta.row_group(group).num_rows for meta in sizes for group in range(3)] == [4, 4, 2] * 2
    assert files[0].read_bytes() == files[1].read_bytes()


def test_parquet_has_dictionaries_where_values_repeat(tmp_path):
    table = pa.table({"few": [1, 2] * 50, "many": np.random.default_rng(0).random(100), "l": [[1]] * 100})
    path = put(tmp_path / "rows.parquet", table)
    group = pa.parquet.ParquetFile(path).metadata.row_group(0)
    assert [group.column(place).has_dictionary_page for place in range(2)] == [True, False]
    assert pa.parquet.read_table(path).equals(table)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet", ".arrow", ".csv.gz"])
def test_no_rows_are_a_file_too(suffix, tmp_path):
    path = put(tmp_path / f"rows{suffix}", TABLE.slice(0, 0))
    if suffix == ".parquet":
        assert pa.parquet.read_schema(path).names == TABLE.column_names
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl.gz", ".parquet", ".arrow"])
def test_an_error_among_the_rows_leaves_nothing_and_stays_what_it_is(suffix, tmp_path):
    path = tmp_path / f"rows{suffix}"

    def half_written():
        with RowFile(path, TABLE.schema, format_of(path)) as file:
            file.add(file.encoded(TABLE))
            raise PermissionError(13, "Permission denied", "in.csv")

    with pytest.raises(PermissionError):
        half_written()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".csv", ".jsonl.zst", ".parquet", ".arrow"])
def test_a_disk_that_is_full_is_told_of_the_output(suffix, tmp_path, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("stoker.folders.os.fsync", full)
    with pytest.raises(RunError, match=r"rows.* cannot be written: No space left on device"):
        put(tmp_path / f"rows{suffix}")
    assert not list(tmp_path.iterdir())


def test_what_is_there_is_replaced_only_if_that_was_said(tmp_path):
    path = put(tmp_path / "rows.csv")
    with pytest.raises(OptionError, match=r"is there already.*overwrite=True"):
        put(path)
    put(path, TABLE.slice(0, 1), overwrite=True)
    assert path.read_text() == "n,x,t\n1,0.5,a\n"
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(OptionError, match="is a folder"):
        put(tmp_path / "folder.csv", overwrite=True)


@pytest.mark.parametrize(
    ("name", "compression", "said"),
    [
        ("rows.xlsx", None, r"rows are written to .csv, .jsonl, .parquet or .arrow, got 'rows.xlsx'"),
        ("rows", None, r"got 'rows'"),
        ("rows.gz", None, r"got 'rows.gz'"),
        ("rows.parquet.gz", None, "compressed within"),
        ("rows.csv", "zstd", r"no effect on .csv.*.csv.gz"),
        ("rows.arrow", "snappy", r"one of none, lz4, zstd, got 'snappy'"),
    ],
)
def test_names_that_cannot_be_are_refused(name, compression, said):
    with pytest.raises(OptionError, match=said):
        format_of(name, compression=compression)


@given(
    st.lists(
        st.tuples(
            st.none() | st.text(), st.none() | st.floats(), st.none() | st.integers(-(2**63), 2**63 - 1)
        ),
        min_size=1,
        max_size=6,
    ),
    st.integers(0, 2),
)
def test_lines_of_json_are_what_pythons_json_reads(rows, start):
    texts, numbers, counts = zip(*rows, strict=True)
    batch = pa.record_batch(
        {'k"': pa.array(texts, pa.string()), "x": numbers, "n": pa.array(counts, pa.int64())}
    )
    found = [json.loads(line) for line in json_lines(batch.slice(start)).splitlines()]
    assert [row['k"'] for row in found] == list(texts[start:])
    assert [row["n"] for row in found] == list(counts[start:])
    for row, number in zip(found, numbers[start:], strict=True):
        assert row["x"] == number if number is not None and math.isfinite(number) else row["x"] is None
        assert row["x"] is None or isinstance(row["x"], float)


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=6))
def test_a_float_in_csv_is_seen_to_be_one_and_reads_back(numbers):
    lines = csv_lines(pa.record_batch({"x": numbers})).decode().split()
    assert [float(line) for line in lines] == numbers
    assert not any(line.lstrip("-").isdigit() for line in lines)


def test_values_beyond_text_and_numbers_are_json_too():
    batch = pa.record_batch({"d": pa.array([0], pa.date32()), "l": [[1, 2]]})
    assert json_lines(batch) == b'{"d":"1970-01-01","l":[1,2]}\n'
