"""Tables in columns: kinds by types, values of every type, units read by pieces, folders that tell values."""

from __future__ import annotations

import datetime
import decimal
import itertools
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stoker
from property_examples import examples
from reading import column, dense, index_of
from stoker.errors import BadRowError, ColumnError, DataError, OptionError
from stoker.sources import IssueKind
from stoker.sources.columnar.batch_chunk import SEGMENT_ROWS, value_checksums
from stoker.sources.columnar.held_pieces import HELD_BYTES
from stoker.sources.columnar.ipc_footer import batch_places
from stoker.sources.columnar.units import anchors_of, pieces_of
from stoker.sources.files import FileReader
from stoker.survey import survey


def write(path: Path, columns: Any, **options: Any) -> Path:
    pq.write_table(pa.table(columns), path, **options)
    return path


def parsed(path: Path, **options: Any) -> Any:
    source = stoker.open(path, **options)
    return source, source.parse(next(iter(source.chunks(1 << 20))))


@pytest.mark.parametrize(
    ("values", "kind", "read"),
    [
        (pa.array([True, None, False]), "int", [1, None, 0]),
        (pa.array([1, None, -3], pa.int8()), "int", [1, None, -3]),
        (pa.array([1.5, float("nan"), None], pa.float32()), "float", [1.5, None, None]),
        (pa.array([1.5, None, 2.0], pa.float16()), "float", [1.5, None, 2]),
        (pa.array([decimal.Decimal("1.50"), None, decimal.Decimal(3)]), "float", [1.5, None, 3]),
        (pa.nulls(3), "float", [None] * 3),
        (pa.array([7, 8, None]).dictionary_encode(), "int", [7, 8, None]),
        (pa.array(["a", None, "b"]).dictionary_encode(), "text", ["a", "", "b"]),
        (pa.array(["a", None, "b"], pa.large_string()), "text", ["a", "", "b"]),
        (
            pa.array([1_704_448_800_123_000, 1_704_448_800_000_000, None], pa.timestamp("us")),
            "text",
            ["2024-01-05T10:00:00.123", "2024-01-05T10:00:00", ""],
        ),
        (
            pa.array([1_704_448_800_000, 0, None], pa.timestamp("ms", "Europe/Berlin")),
            "text",
            ["2024-01-05T10:00:00Z", "1970-01-01T00:00:00Z", ""],
        ),
        (pa.array([datetime.date(2024, 1, 5), None, None]), "text", ["2024-01-05", "", ""]),
        (
            pa.array([datetime.time(10), datetime.time(10, 0, 0, 5000), None]),
            "text",
            ["10:00:00", "10:00:00.005", ""],
        ),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_a_type_of_arrow_is_a_kind_and_what_is_missing_is_blank(tmp_path, values, kind, read):
    source, found = parsed(write(tmp_path / "t.parquet", {"x": values, "y": [0, 1, 0]}), label="y")
    assert source.kind_of("x") == kind
    if kind == "text":
        assert column(found.rows, "x") == read
        assert not len(found.issues)
        return
    assert [None if np.isnan(value) else value for value in dense(found.rows)[:, 0]] == read
    assert found.issues.rows.tolist() == [row for row, value in enumerate(read) if value is None]
    assert set(found.issues.kinds.tolist()) <= {IssueKind.BLANK}


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (pa.array([0, 317_285_704_800], pa.timestamp("s")), "12024-05-20 06:00:00"),
        (pa.array([0, 2**63 - 1], pa.timestamp("us", "UTC")), "9223372036854775807 us from 1970 on"),
        (pa.array([0, -719_163], pa.int32()).cast(pa.date32()), "0000-12-31"),
        (pa.array([0, -(2**62)]).view(pa.date64()), "-2147483647 days from 1970 on"),
        (pa.array([0, 86_400], pa.int32()).cast(pa.time32("s")), "86400 s from midnight on"),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_a_moment_that_no_calendar_has_makes_a_bad_row_that_shows_it(values, shown):
    source = stoker.open(pa.table({"t": values, "y": [0, 1]}), label="y")
    chunk = next(iter(source.chunks(1 << 20)))
    found = source.parse(chunk)
    assert column(found.rows, "t")[1] == ""
    assert found.issues.rows.tolist() == [1]
    assert found.issues.explain(0).startswith(f"column 't' holds '{shown}', which is no date of the years 1 ")
    assert shown in chunk.text(1, 2).decode()
    label = stoker.open(pa.table({"t": values, "x": [0, 1]}), label="t")
    issues = label.parse(next(iter(label.chunks(1 << 20)))).issues
    assert issues.kinds.tolist() == [IssueKind.OUT_OF_RANGE]


def test_the_survey_counts_moments_that_no_calendar_has():
    stamps = pa.array([0, 2**62, 5, 6], pa.timestamp("us"))
    table = pa.table({"t": stamps, "y": [0, 1, 0, 1]})
    with pytest.raises(BadRowError, match=r"'t': 1 date beyond the years 1 to 9999.*on_bad_row='skip'"):
        survey(stoker.open(table, label="y"), stored=False, texts="given")
    skipped = survey(stoker.open(table, label="y"), stored=False, on_bad_row="skip", texts="given")
    assert skipped.excluded.tolist() == [1]


def test_lists_of_a_fixed_size_are_columns_and_others_are_refused_only_where_they_are_used(tmp_path):
    pairs = pa.array([[1.0, 2.0], [3.0, None]], pa.list_(pa.float64(), 2))
    lists = [[["a"]], []]
    path = write(tmp_path / "t.parquet", {"p": pairs, "s": [{"a": 1}, {"a": 2}], "l": lists, "y": [0, 1]})
    for name in ("s", "l"):
        with pytest.raises(ColumnError, match=rf"column '{name}' holds (struct|list).*drop=\['{name}'\]"):
            stoker.open(path, label="y", drop=["l" if name == "s" else "s"])
    source, found = parsed(path, label="y", drop=["s", "l"])
    assert source.features == ("p[0]", "p[1]")
    assert np.array_equal(dense(found.rows), [[1, 2], [3, np.nan]], equal_nan=True)
    assert stoker.open(path, label="y", columns=["p[1]"]).features == ("p[1]",)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([0, 255], "uint8"), ([-1, 255], "int16"), ([70_000], "int32"), ([1 << 40], "int64")],
)
def test_the_matrix_is_as_narrow_as_the_integers_and_as_wide_as_asked(tmp_path, values, dtype):
    source, found = parsed(write(tmp_path / "t.parquet", {"x": values, "y": values}), label="y")
    assert str(found.dtype) == dtype
    wide = source.parse(next(iter(source.chunks(1 << 20))), np.float64)
    assert wide.dtype == np.float64
    assert dense(wide.rows)[:, 0].tolist() == values


def test_a_declared_kind_is_held_to_and_the_first_row_that_does_not_fit_is_told(tmp_path):
    path = write(
        tmp_path / "t.parquet",
        {"x": ["1", " 2.5", "NA", "0012"], "n": [1.0, 2.5, 3.0, 4.0], "y": [0, 1, 0, 1]},
    )
    source, found = parsed(path, label="y", types={"x": "float", "n": "text"})
    assert np.array_equal(dense(found.rows)[:, 0], [1, 2.5, np.nan, 12], equal_nan=True)
    assert column(found.rows, "n") == ["1", "2.5", "3", "4"]
    source = stoker.open(path, label="y", types={"x": "float", "n": "int"})
    with pytest.raises(
        BadRowError, match=r"'n': 1 value that is no number, first at .*t\.parquet \(row 1\), '2\.5'"
    ):
        survey(source, na="zero", stored=False)
    with pytest.raises(ColumnError, match="'z' is absent"):
        stoker.open(path, label="y", types={"z": "int"})


def test_values_that_are_not_finite_or_too_large_for_a_label_are_issues_that_show_them(tmp_path):
    path = write(tmp_path / "t.parquet", {"x": [1.0, float("inf")], "y": [1, (1 << 53) + 1]})
    _, found = parsed(path, label="y")
    said = [found.issues.explain(place) for place in range(2)]
    assert said[0] == "column 'x' holds 'inf', which is not finite"
    assert "'9007199254740993', which is too large an integer to be exact" in said[1]
    assert found.issues.rows.tolist() == [1, 1]


def test_bytes_are_texts_where_that_is_said_and_what_is_not_utf_8_is_a_bad_text(tmp_path):
    path = write(tmp_path / "t.parquet", {"b": [b"ok", b"caf\xe9"], "x": [1, 2], "y": [0, 1]})
    with pytest.raises(ColumnError, match=r"bytes or lists.*types={'b': 'text'}"):
        survey(stoker.open(path, label="y"))
    _, found = parsed(path, label="y", types={"b": "text"})
    assert column(found.rows, "b") == ["ok", "caf\ufffd"]
    kept = stoker.open(path, label="y", columns=["x"]).keeping(["b"])
    issues = kept.parse(next(iter(kept.chunks(1 << 20)))).issues
    assert issues.kinds.tolist() == [IssueKind.BAD_TEXT]


def test_a_blank_label_is_an_issue_whether_it_is_a_text_or_a_number(tmp_path):
    for values in (["a", None, ""], [1, None, None], [1.5, float("nan"), None]):
        _, found = parsed(write(tmp_path / "t.parquet", {"x": [1, 2, 3], "y": values}), label="y")
        assert found.issues.rows.tolist() == [1, 2]
        assert found.issues.kinds.tolist() == [IssueKind.BLANK] * 2


def test_only_the_used_columns_are_read(tmp_path):
    rng = np.random.default_rng(1)
    path = write(
        tmp_path / "t.parquet",
        {name: rng.normal(size=5_000) for name in ("x", "spoilt", "y")},
        compression=None,
        use_dictionary=False,
    )
    group = pq.ParquetFile(path).metadata.row_group(0)
    data = bytearray(path.read_bytes())
    place = group.column(1).data_page_offset
    data[place : place + 30_000] = b"\xff" * 30_000
    path.write_bytes(data)
    source = stoker.open(path, label="y", drop=["spoilt"])
    assert sum(source.parse(chunk).num_records for chunk in source.chunks(1 << 14)) == 5_000
    with pytest.raises(DataError, match=r"t\.parquet is damaged behind row 0 .*restore the file"):
        list(stoker.open(path, label="y").chunks(1 << 14))


@settings(max_examples=examples(40))
@given(st.lists(st.integers(0, 3 * SEGMENT_ROWS), min_size=1, max_size=12), st.integers(1, 3))
def test_segments_and_pieces_cover_every_row_once_and_end_with_units(units, segments):
    rows = np.array(units, np.int64)
    anchors, total = anchors_of(rows), int(rows.sum())
    edges = np.append(anchors, total)
    assert not len(anchors) or anchors[0] == 0
    assert ((np.diff(edges) > 0) & (np.diff(edges) <= SEGMENT_ROWS)).all()
    starts = {int(start) for start, count in zip(np.cumsum([0, *units]), units, strict=False) if count}
    assert starts <= {*anchors.tolist(), total}
    pieces = pieces_of(rows, segments * SEGMENT_ROWS)
    assert (pieces[0], pieces[-1]) == (0, total)
    if total:
        assert (np.diff(pieces) > 0).all()
        assert (np.diff(pieces) <= segments * SEGMENT_ROWS).all()
        assert set(pieces.tolist()) <= {*anchors.tolist(), total}


@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.one_of(st.none(), st.integers(-5, 5)), min_size=1, max_size=40),
    st.integers(0, 5),
    st.sampled_from([pa.int16(), pa.float64(), pa.string(), pa.decimal128(5, 1), pa.bool_()]),
)
def test_checksums_are_those_of_values_wherever_they_stand(values, before, kind):
    if pa.types.is_boolean(kind):
        values = [None if value is None else value > 0 for value in values]
    elif kind == pa.string():
        values = [None if value is None else "é" * abs(value) for value in values]
    else:
        values = [None if value is None else decimal.Decimal(value) for value in values]
        values = values if pa.types.is_decimal(kind) else [None if v is None else int(v) for v in values]
    array = pa.array(values, kind)
    longer = pa.concat_arrays([array.slice(0, 1)] * before + [array]).slice(before)
    bounds = np.array([0, len(values) // 2, len(values)])
    one, two = (value_checksums(pa.record_batch({"x": each}), bounds) for each in (array, longer))
    assert np.array_equal(one, two)
    something = {"string": "xyz", "bool": True}.get(str(kind), 1)
    something = decimal.Decimal(1) if pa.types.is_decimal(kind) else something
    other = [*values[:-1], something if values[-1] is None else None]
    three = value_checksums(pa.record_batch({"x": pa.array(other, kind)}), bounds)
    assert one[1] != three[1]


KINDS = {
    "number": (pa.float64(), st.floats(allow_nan=False)),
    "whole": (pa.int16(), st.integers(-3, 3)),
    "text": (pa.string(), st.text(max_size=3)),
    "bool": (pa.bool_(), st.booleans()),
    "decimal": (pa.decimal128(5, 1), st.integers(-9, 9).map(decimal.Decimal)),
    "category": (pa.dictionary(pa.int8(), pa.string()), st.sampled_from("abc")),
}


@settings(max_examples=examples(120))
@given(st.data(), st.sampled_from(sorted(KINDS)), st.integers(1, 40))
def test_a_segments_checksum_does_not_depend_on_the_rows_that_were_read_with_it(data, name, rows):
    kind, values = KINDS[name]
    drawn = data.draw(st.lists(values, min_size=rows, max_size=rows))
    empty = data.draw(st.sets(st.integers(0, rows - 1), max_size=2))
    array = pa.array([None if place in empty else value for place, value in enumerate(drawn)], kind)
    batch = pa.record_batch({"x": array, "z": pa.array(np.arange(rows))})
    edges = np.array(sorted({0, rows, *data.draw(st.sets(st.integers(0, rows)))}), np.int64)
    whole = value_checksums(batch, edges)
    for place, (first, last) in enumerate(itertools.pairwise(edges.tolist())):
        part = batch.slice(first, last - first)
        assert value_checksums(part, np.array([0, last - first])).tolist() == [whole[place]]


def test_checksums_are_of_types_too_and_not_of_what_stands_for_a_missing_value():
    bounds = np.array([0, 2, 4])

    def sums(array):
        return value_checksums(pa.record_batch({"x": array}), bounds).tolist()

    whole = pa.array([1, 2, 3, 4])
    assert not set(sums(whole)) & set(sums(whole.view(pa.timestamp("us"))))
    assert sums(whole.cast(pa.string())) == sums(whole.cast(pa.large_string()))
    valid = pa.py_buffer(b"\x07")
    one, other = (
        pa.Array.from_buffers(pa.int64(), 4, [valid, pa.py_buffer(np.array([1, 2, 3, last]))])
        for last in (4, 5)
    )
    assert sums(one) == sums(other)
    assert sums(one)[0] == sums(whole)[0]
    assert sums(one)[1] != sums(whole)[1]


def test_a_few_missing_values_do_not_make_an_unchanged_file_a_changed_one(tmp_path):
    rows = 1 << 17
    columns = {f"x{place}": np.arange(rows, dtype=np.float64) + place for place in range(10)}
    missing = np.zeros(rows, np.bool_)
    missing[[5, 70_000, 131_000]] = True
    sparse = pa.array(np.arange(rows, dtype=np.float64), mask=missing)
    path = write(tmp_path / "t.parquet", {**columns, "sparse": sparse})
    source = stoker.open(path, label="x0")
    found = survey(source, stored=False, keep_bytes=0, na="mean")
    reader = source.reader(found.index, None, found.dtype)
    try:
        read = dense(reader.read(np.arange(rows)))
    finally:
        reader.close()
    assert np.array_equal(np.flatnonzero(np.isnan(read).any(axis=1)), np.flatnonzero(missing))
    source.table.check(found.index)


def test_rows_of_a_large_unit_are_read_in_any_order_while_little_is_held(tmp_path):
    rows = 9 * SEGMENT_ROWS + 17
    values = np.arange(rows, dtype=np.float64)
    columns = {f"x{place}": values + place for place in range(40)}
    path = write(
        tmp_path / "t.parquet", {**columns, "y": values % 3}, row_group_size=rows, use_dictionary=False
    )
    source = stoker.open(path, label="y")
    index, dtype = index_of(source, 1 << 20)
    reader = source.reader(index, None, dtype)
    rng = np.random.default_rng(2)
    for ids in (
        np.arange(rows - 5, rows),
        np.arange(10),
        rng.choice(rows, 50, replace=False),
        np.arange(7, 9_000),
    ):
        ids = np.sort(ids)
        found = reader.read(ids)
        assert np.array_equal(dense(found)[:, 3], ids + 3)
        assert column(found, "y") == (ids % 3).tolist()
        assert reader._held.num_bytes <= HELD_BYTES
    reader.close()


def test_folders_tell_values_of_columns_whose_kind_is_that_of_all_of_them(tmp_path):
    for year, part in ((2023, "a b"), (2024, "__HIVE_DEFAULT_PARTITION__"), (2024, "c")):
        home = tmp_path / "data" / f"year={year}" / f"part={part}".replace(" ", "%20")
        home.mkdir(parents=True)
        write(home / "f.parquet", {"x": [1, 2], "y": [0, 1]})
    (tmp_path / "data" / "_SUCCESS").write_text("")
    source = stoker.open(tmp_path / "data", label="y")
    assert [(spec.name, spec.kind) for spec in source.columns] == [
        ("x", "int"), ("year", "int"), ("part", "text"), ("y", "int")
    ]  # fmt: skip
    found = [source.parse(chunk).rows for chunk in source.chunks(1 << 20)]
    told = ["a b"] * 2 + [""] * 2 + ["c"] * 2
    assert [value for rows in found for value in column(rows, "part")] == told
    assert np.concatenate([dense(rows) for rows in found])[:, 1].tolist() == [2023] * 2 + [2024] * 4
    assert source.like(tmp_path / "data", with_label=True).paths == source.paths
    only = stoker.open(tmp_path / "data", label="y", columns=["year"])
    assert dense(only.peek(1)).tolist() == [[2023]]


def test_folders_tell_only_below_what_was_named(tmp_path, monkeypatch):
    for year in (2023, 2024):
        home = tmp_path / "run=3" / f"year={year}"
        home.mkdir(parents=True)
        write(home / "f.parquet", {"x": [1, 2], "y": [0, 1]})

    def features(paths: Any) -> tuple[str, ...]:
        return stoker.open(paths, label="y").features

    assert features(tmp_path / "run=3") == ("x", "year")
    assert features(tmp_path / "run=3" / "year=2023") == ("x",)
    assert features(str(tmp_path / "run=3" / "*" / "*.parquet")) == ("x", "year")
    assert features(str(tmp_path / "run=3" / "year=2024" / "*.parquet")) == ("x",)
    monkeypatch.chdir(tmp_path / "run=3")
    assert features("*/*.parquet") == ("x", "year")
    assert features("year=2023/f.parquet") == ("x", "year")
    monkeypatch.chdir(tmp_path / "run=3" / "year=2023")
    assert features("f.parquet") == ("x",)


def test_a_file_within_a_folder_is_not_named_twice(tmp_path):
    (tmp_path / "d").mkdir()
    path = write(tmp_path / "d" / "f.parquet", {"x": [1, 2], "y": [0, 1]})
    for paths in ([tmp_path / "d", path], [path, tmp_path / "d"], [tmp_path / "d", tmp_path]):
        with pytest.raises(OptionError, match=r"f\.parquet is given twice"):
            stoker.open(paths, label="y")


def test_folders_of_tables_are_told_from_folders_of_texts(tmp_path):
    (tmp_path / "a").mkdir()
    write(tmp_path / "a" / "t.parquet", {"x": [1, 2], "y": [0, 1]})
    assert stoker.open(tmp_path / "a", label="y").describe()["format"] == "parquet"
    (tmp_path / "a" / "notes.txt").write_text("x")
    with pytest.raises(DataError, match=r"notes\.txt stands among \.parquet files"):
        stoker.open(tmp_path / "a", label="y", format="parquet")


def test_files_with_other_columns_or_types_are_refused_with_both_names(tmp_path):
    one = write(tmp_path / "a.parquet", {"x": [1, 2], "y": [0, 1]})
    for columns, said in (
        (
            {"x": ["1", "2"], "y": [0, 1]},
            r"column 'x' holds int64 in .*a\.parquet and string in .*b\.parquet: say types=",
        ),
        (
            {"z": [1, 2], "y": [0, 1]},
            r"a\.parquet and .*b\.parquet have different columns: .*lacks 'x' and it has 'z'",
        ),
        ({"x": [1, 2], "y": [0.0, 1.0]}, r"column 'y' holds int64 in .* and double in"),
    ):
        other = write(tmp_path / "b.parquet", columns)
        with pytest.raises(ColumnError, match=said):
            stoker.open([one, other], label="y")
    other = write(tmp_path / "b.parquet", {"y": [0, 1], "x": [1.5, 2.5]})
    source = stoker.open([one, other], label="y")
    assert [dense(source.parse(chunk).rows)[:, 0].tolist() for chunk in source.chunks(1)] == [
        [1, 2],
        [1.5, 2.5],
    ]
    other = write(tmp_path / "b.parquet", {"x": ["7", "8"], "y": [0, 1]})
    source = stoker.open([one, other], label="y", types={"x": "int"})
    assert [dense(source.parse(chunk).rows)[:, 0].tolist() for chunk in source.chunks(1)] == [[1, 2], [7, 8]]


def test_files_without_rows_are_passed_over_and_a_table_without_any_is_refused(tmp_path):
    one = write(tmp_path / "a.parquet", {"x": pa.array([], pa.int64()), "y": pa.array([], pa.int64())})
    two = write(tmp_path / "b.parquet", {"x": [1, 2], "y": [0, 1]})
    assert stoker.open([one, two], label="y").paths == (str(two),)
    with pytest.raises(DataError, match=r"a\.parquet holds no rows"):
        stoker.open(one, label="y")


@pytest.mark.parametrize("rows", [[5], [1, 700, 3], [0, 4]])
def test_rows_of_arrow_batches_are_told_without_reading_them(tmp_path, rows):
    schema = pa.schema([("x", pa.int64()), ("s", pa.string())])
    with pa.ipc.new_file(tmp_path / "t.arrow", schema) as file:
        for count in rows:
            file.write_batch(pa.record_batch([range(count), ["a"] * count], schema=schema))
    with FileReader(str(tmp_path / "t.arrow")) as file:
        assert [count for count, _, _ in batch_places(file, lambda spans: None)] == rows


@pytest.mark.parametrize("rows", [1 << 40, -1])
def test_arrow_batches_of_more_rows_than_can_be_are_damage(tmp_path, rows):
    with pa.ipc.new_file(str(tmp_path / "t.arrow"), pa.schema([("x", pa.int64())])) as file:
        file.write_batch(pa.record_batch({"x": np.arange(777_777)}))
    data = (tmp_path / "t.arrow").read_bytes()
    told = (777_777).to_bytes(8, "little")
    assert data.count(told) > 1  # the batch's length and its column's, and the value itself
    (tmp_path / "t.arrow").write_bytes(data.replace(told, rows.to_bytes(8, "little", signed=True)))
    with pytest.raises(DataError, match=f"damaged.*a batch has {rows:,} rows"):
        stoker.open(tmp_path / "t.arrow")


def test_options_without_effect_on_columns_are_refused(tmp_path):
    path = write(tmp_path / "t.parquet", {"x": [1, 2], "y": [0, 1]})
    with pytest.raises(OptionError, match="delimiter has no effect on Parquet"):
        stoker.open(path, label="y", delimiter=",")


def test_a_touched_file_needs_no_new_survey_and_another_value_does(tmp_path):
    path = write(
        tmp_path / "t.parquet", {"x": np.arange(9_000.0), "y": np.arange(9_000) % 2}, compression=None
    )
    source = stoker.open(path, label="y")
    assert survey(source).seconds > 0
    os.utime(path, (1, 1))
    assert survey(stoker.open(path, label="y")).seconds == 0
    data = bytearray(path.read_bytes())
    place = data.index(np.arange(5_000.0, 5_004.0).tobytes())
    data[place] = 1
    path.write_bytes(data)
    found = survey(stoker.open(path, label="y"))
    assert found.seconds > 0
    assert "files changed since the survey" in found.notes[0]


def test_what_is_decoded_together_is_neither_joined_nor_cut_again(tmp_path):
    numbers = {f"x{place}": np.random.default_rng(place).normal(size=100_000) for place in range(20)}
    pq.write_table(pa.table({**numbers, "y": np.arange(100_000) % 2}), tmp_path / "t.parquet")
    table = stoker.open(tmp_path / "t.parquet", label="y").table
    for target in (1 << 20, 3 << 20, 4 << 20):
        chunks = list(table.chunks(target))
        assert [chunk.first_row for chunk in chunks] == [0, *np.cumsum([c.num_records for c in chunks])[:-1]]
        assert max(chunk.num_bytes for chunk in chunks) <= 3 * target // 2
        memory = [(c.batch.column(0).buffers()[1].address, c.batch.column(0).offset) for c in chunks]
        assert len(set(memory)) == len(chunks)
        read = np.concatenate([chunk.rows.column(0).to_numpy() for chunk in chunks])
        assert np.array_equal(read, numbers["x0"])
