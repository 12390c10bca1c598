"""Conditions on tables in columns: what cannot satisfy them is not read, and no row that does is lost."""

from __future__ import annotations

import datetime
import decimal
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import stoker
from property_examples import examples
from reading import column, dense, index_of
from stoker.errors import ColumnError, DataError, OptionError
from stoker.sources.columnar.ranges import range_of_group
from stoker.sources.conditions import Condition
from stoker.sources.outcomes import Outcome, Range
from stoker.survey import survey

UTC = datetime.UTC
MOMENTS = st.datetimes(datetime.datetime(1999, 12, 31), datetime.datetime(2001, 1, 2)) | st.datetimes()
COLUMNS: dict[str, tuple[pa.DataType, Any]] = {
    "byte": (pa.int8(), st.integers(-128, 127)),
    "natural": (pa.uint64(), st.integers(0, 3) | st.integers(2**53, 2**64 - 1)),
    "double": (pa.float64(), st.sampled_from([0.0, -0.0, math.nan, math.inf, 2.5]) | st.floats(-9, 9)),
    "half": (pa.float16(), st.sampled_from([np.float16(x) for x in (0, 1.5, -2, math.nan)])),
    "yes": (pa.bool_(), st.booleans()),
    "money": (pa.decimal128(9, 2), st.decimals(-99, 99, places=2)),
    "city": (pa.string(), st.text("aeÅ\uffff\U0001f600", max_size=3)),
    "kind": (pa.dictionary(pa.int8(), pa.string()), st.sampled_from("abc")),
    "day": (pa.date32(), MOMENTS.map(datetime.datetime.date)),
    "then": (pa.timestamp("ns"), MOMENTS.filter(lambda moment: 1700 < moment.year < 2200)),
    "zoned": (pa.timestamp("us", "Europe/Oslo"), MOMENTS.map(lambda moment: moment.replace(tzinfo=UTC))),
    "clock": (pa.time64("us"), st.times()),
    "nothing": (pa.null(), st.none()),
}
CONSTANTS = {
    "text": ["'a'", "'b'", "'2000-01-01'", "'2000-01-01T00:00:00Z'", "'2000-01-01T00:00:00.5'", "'12:00:00'"],
    "number": ["0", "-2", "1.5", "3", "9007199254740991", "1e999", "-1e999"],
}
TEXTS = ("city", "kind", "day", "then", "zoned", "clock")


@st.composite
def comparisons(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(list(COLUMNS)))
    is_text = name in TEXTS
    constant = st.sampled_from(CONSTANTS["text" if is_text else "number"])
    others = st.sampled_from([other for other in COLUMNS if (other in TEXTS) == is_text])
    sign = draw(st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "not in", "is", "is not"]))
    if sign.startswith("is"):
        return f"{name} {sign} None"
    if sign.endswith("in"):
        return f"{name} {sign} ({draw(constant)}, {draw(constant)})"
    return f"{name} {sign} {draw(constant | others)}"


def joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda one, word, two, no: f"{no}({one} {word} {two})",
        parts,
        st.sampled_from(["and", "or"]),
        parts,
        st.sampled_from(["", "not "]),
    )


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    count = draw(st.integers(1, 12))
    columns = {
        name: pa.array(draw(st.lists(st.none() | values, min_size=count, max_size=count)), kind)
        for name, (kind, values) in COLUMNS.items()
    }
    return pa.table({**columns, "row": np.arange(count), "y": np.arange(count) % 2})


def rows_of(source: stoker.Source) -> list[int]:
    """Which rows a source has, by their number in the table."""
    index, _ = index_of(source)
    view = source.view.bind(index.num_records)
    reader = source.reader(index)
    return dense(reader.read(view.ids(0, view.num_rows)))[:, 0].astype(int).tolist()


def chosen(path: Path, condition: str, *, at_open: bool) -> list[int]:
    options: Any = {"columns": ["row"], "label": "y"}
    try:
        if at_open:
            return rows_of(stoker.open(path, where=condition, **options))
        return rows_of(stoker.open(path, **options).where(condition))
    except DataError as error:
        if "satisfies where=" in str(error):
            return []
        raise


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables(), st.recursive(comparisons(), joined, max_leaves=4), st.integers(1, 4))
@example(pa.table({"double": [math.inf, 1.0], "row": [0, 1], "y": [0, 1]}), "double < 0", 1)
def test_the_same_rows_are_chosen_whether_statistics_are_there_or_not(tmp_path, table, condition, rows):
    for name, told in (("with.parquet", True), ("without.parquet", False)):
        pq.write_table(table, tmp_path / name, row_group_size=rows, write_statistics=told)
    pa.feather.write_feather(table, tmp_path / "t.arrow", chunksize=rows)
    expected = chosen(tmp_path / "without.parquet", condition, at_open=False)
    for name in ("with.parquet", "without.parquet", "t.arrow"):
        for at_open in (True, False):
            assert chosen(tmp_path / name, condition, at_open=at_open) == expected, (name, at_open)


def stairs(path: Path, count: int = 1_000, **options: Any) -> Path:
    """A table in row groups of 100 in which `step` is the number of the group."""
    step = np.arange(count) // 100
    city = pa.array([f"city {number}" for number in step])
    day = pa.array(step.astype("M8[D]"))
    table = pa.table({"step": step, "city": city, "day": day, "x": np.arange(count) / 7, "y": step % 2})
    pq.write_table(
        table, path, row_group_size=100, **{"compression": None, "use_dictionary": False, **options}
    )
    return path


@pytest.mark.parametrize(
    ("condition", "skipped", "rows"),
    [
        ("step >= 8", 8, 200),
        ("step == 3 or step > 8", 8, 200),
        ("not step < 9", 9, 100),
        ("step in (2, 3)", 8, 200),
        ("city == 'city 4'", 9, 100),
        ("city is not None and day > '1970-01-07'", 7, 300),
        ("x > 0 and step == 5", 9, 100),
        ("x >= 142.5", 9, 2),
        ("step is None or step == 1", 9, 100),
        ("col('city') != 'city 4'", 1, 900),
    ],
)
def test_row_groups_that_cannot_satisfy_are_skipped(tmp_path, condition, skipped, rows):
    table = stoker.open(stairs(tmp_path / "t.parquet"), label="y", where=condition).table
    assert (table.chosen.num_units, table.chosen.num_skipped) == (10, skipped)
    assert int(table.files[0].unit_rows.sum()) == rows


def test_what_is_skipped_is_not_read_by_the_survey_either(tmp_path):
    path = stairs(tmp_path / "t.parquet")
    data = bytearray(path.read_bytes())
    group = pq.ParquetFile(path).metadata.row_group(2)
    for place in range(group.num_columns):
        begin = group.column(place).data_page_offset
        data[begin : begin + group.column(place).total_compressed_size] = bytes(
            group.column(place).total_compressed_size
        )
    path.write_bytes(data)
    with pytest.raises(DataError, match="damaged"):
        survey(stoker.open(path, label="y"), stored=False)
    source = stoker.open(path, label="y", where="step > 2", drop=["city", "day"])
    found = survey(source, keep_bytes=1 << 20)
    assert (found.num_rows, found.kept is not None) == (700, True)
    assert found.statistics.mean[0] == 6
    assert stoker.open(path, label="y").where("step > 2").view.bind(1_000).num_rows == 700


def test_rows_are_numbered_among_those_that_satisfy_and_read_in_any_order(tmp_path):
    source = stoker.open(stairs(tmp_path / "t.parquet"), label="y", where="x > 2.2 and step in (0, 7)")
    index, dtype = index_of(source)
    expected = [row for row in range(1_000) if row / 7 > 2.2 and row // 100 in (0, 7)]
    assert index.num_records == len(expected)
    reader = source.reader(index, dtype=dtype)
    for ids in (np.arange(len(expected)), np.array([0, 84, 150]), np.array([5])):
        assert dense(reader.read(ids))[:, 1].tolist() == [expected[place] / 7 for place in ids]
    assert source.place_of(0, 3).endswith("row 3 of those where x > 2.2 and step in (0, 7)")


def test_folders_that_tell_a_value_spare_whole_files(tmp_path):
    for year in (2023, 2024):
        for month in ("05", "__HIVE_DEFAULT_PARTITION__"):
            folder = tmp_path / "data" / f"year={year}" / f"month={month}"
            folder.mkdir(parents=True)
            stairs(folder / "p.parquet", 200)
    source = stoker.open(tmp_path / "data", label="y", where="year == 2024 and month is None and step == 1")
    found = source.table.chosen
    assert (found.num_files, found.num_files_skipped, found.num_units, found.num_skipped) == (4, 3, 8, 7)
    assert rows_of(source.without_label())[0] == 1
    (tmp_path / "data" / "year=2023" / "month=05" / "p.parquet").chmod(0)
    assert len(source.paths) == 1


def test_a_condition_is_refused_for_its_columns_before_anything_is_read(tmp_path):
    path = stairs(tmp_path / "t.parquet")
    for condition, error, said in [
        ("stepp > 3", ColumnError, "did you mean 'step'"),
        ("step == 'a'", OptionError, "'step' holds numbers"),
        ("step == 99 and city == 4", OptionError, "'city' holds text"),
        ("step > 99", DataError, "none of 1,000 rows satisfies where='step > 99'"),
    ]:
        with pytest.raises(error, match=said):
            stoker.open(path, label="y", where=condition)
        with pytest.raises(error, match=said):
            stoker.open(path, label="y").where(condition)


def test_columns_whose_kind_was_given_are_not_judged_by_statistics(tmp_path):
    pq.write_table(
        pa.table({"n": [9, 10, 11], "f": [1.0, 1.5, 2.0], "y": [0, 1, 0]}),
        tmp_path / "t.parquet",
        row_group_size=1,
    )
    texts = stoker.open(tmp_path / "t.parquet", label="y", types={"n": "text"}, where="n < '2'")
    assert column(texts.peek(3), "n") == ["10", "11"]
    whole = stoker.open(tmp_path / "t.parquet", label="y", types={"f": "int"}, where="f > 1")
    assert int(whole.table.files[0].unit_rows.sum()) == 2  # the fraction is a bad row, and told as one


@pytest.mark.parametrize(("exact", "may_be"), [(True, False), (False, True), (None, True)])
def test_a_text_that_was_cut_is_taken_for_the_beginning_of_the_greatest_one(exact, may_be):
    known = SimpleNamespace(
        has_null_count=True,
        null_count=0,
        has_min_max=True,
        min="Bergen",
        max="Oslo",
        is_max_value_exact=exact,
    )
    found = range_of_group(SimpleNamespace(statistics=known, num_values=9), pa.string())
    assert bool(Condition("city == 'Oslo S'").outcome({"city": found}) & Outcome.TRUE) is may_be
    assert not Condition("city >= 'Osm'").outcome({"city": found}) & Outcome.TRUE


def test_without_statistics_only_types_are_known():
    nothing = SimpleNamespace(statistics=None, num_values=9)
    assert range_of_group(nothing, pa.float32()) == Range()
    assert range_of_group(nothing, pa.int32()) == Range(may_be_bad=False)
    bounds = SimpleNamespace(has_null_count=False, has_min_max=True, min=math.nan, max=1.0)
    assert range_of_group(SimpleNamespace(statistics=bounds, num_values=9), pa.float32()) == Range()
    cents = SimpleNamespace(
        has_null_count=True,
        null_count=0,
        has_min_max=True,
        min=decimal.Decimal("-0.5"),
        max=decimal.Decimal(3),
    )
    found = range_of_group(SimpleNamespace(statistics=cents, num_values=9), pa.decimal128(9, 2))
    assert found.low < -0.5 < 3 < found.high < 3.001
    assert not found.may_be_blank


def test_row_groups_with_moments_that_no_calendar_has_are_read(tmp_path):
    stamps = pa.array([0, 2**62, 1, 10**12, 10**12], pa.timestamp("us"))
    pq.write_table(pa.table({"t": stamps, "y": [0, 1, 1, 0, 1]}), tmp_path / "t.parquet", row_group_size=3)
    source = stoker.open(tmp_path / "t.parquet", label="y", where="t < '1970-01-01T12'")
    assert source.table.chosen.num_skipped == 1
    assert survey(source, stored=False, on_bad_row="skip", texts="given").num_skipped == 1


def test_frames_and_streams_are_filtered_as_they_are_read():
    table = pa.table({"x": np.arange(10_000), "y": np.arange(10_000) % 2})
    frame = stoker.open(table, label="y", where="x >= 9990")
    assert dense(frame.peek(3))[:, 0].tolist() == [9990, 9991, 9992]
    stream = stoker.open(
        pa.RecordBatchReader.from_batches(table.schema, table.to_batches(100)), label="y", where="x < 5"
    )
    nothing = stoker.open(table.to_reader(100), label="y", where="x < 0")
    with pytest.raises(DataError, match="no rows that satisfy where='x < 0'"):
        survey(nothing, keep_bytes=1 << 20)
    assert [stream.random_access, survey(stream, keep_bytes=1 << 20).num_rows] == ["stream", 5]


def test_rows_to_validate_on_keep_their_own_condition(tmp_path):
    train = stoker.open(stairs(tmp_path / "t.parquet"), label="y", columns=["x"])
    feed = stoker.Feed(train, batch_size=100)
    other = stairs(tmp_path / "v.parquet")
    for where, rows in (("step > 7", 200), ("city == 'city 4' and x > 60", 79)):
        valid = feed.derive(stoker.open(other, label="y", where=where))
        assert valid.num_rows == rows
        assert sum(batch.size for batch in valid.epoch(0)) == rows
    assert feed.derive(other).num_rows == 1_000
    feed.close()
