"""Where a column begins and what goes too far in it: counted and placed as plain Python counts and places."""

from __future__ import annotations

import gzip
import math
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stoker
from crews import Here
from property_examples import examples
from stoker.crew import engaged
from stoker.survey import scan, survey, together
from stoker.survey.marks import LARGEST_EXACT, LARGEST_SQUARED, Mark, Marks
from stoker.transforms.statistics import ColumnStatistics
from stoker.types import Matrix, Rows

KINDS = ("constant", "unique", "large_integer", "overflow")
TYPES = {"a": "float", "b": "int", "y": "float"}
FAR = ["1e30", "-1e30", "2e19", "1.8e19", "-1e300", "1.9e19"]
LARGE = [str(2**53 + 2), str(-(2**53) - 2), str(2**53), str(2**62)]
FLOATS = st.sampled_from(["", "x", "1", "2.5", *FAR])
INTEGERS = st.sampled_from(["", "3", "-4", "5", *LARGE])
TABLES = st.lists(st.tuples(FLOATS, INTEGERS, st.sampled_from(["1", "0.5", *FAR])), min_size=3, max_size=120)
SOUND = [("1", "3", "1"), ("2.5", "4", "0.5")] * 8
"""Enough that each part of a split has rows of two classes."""


def told(found: Any, *kinds: str) -> dict[tuple[str, str], tuple[int, int, int | None, str | None]]:
    """By column and kind how many there are, and of the first one row, line and text."""
    return {
        (problem.column, problem.kind): (problem.count, problem.row, problem.line, problem.example)
        for problem in found.problems
        if problem.kind in (kinds or KINDS)
    }


def counted(values: dict[int, float], limit: float) -> tuple[int, int] | None:
    """How many of the values by row are beyond a limit, and the first one's row."""
    far = [row for row, value in values.items() if abs(value) > limit]
    return (len(far), far[0]) if far else None


@settings(max_examples=examples(120), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=TABLES, fraction=st.sampled_from([None, 0.3, 0.8]), workers=st.sampled_from([0, 2]))
def test_values_that_go_too_far_are_counted_and_placed_as_plain_python_does(
    tmp_path, monkeypatch, table, fraction, workers
):
    monkeypatch.setattr(scan, "CHUNK_BYTES", 1 << 7)
    table = [*SOUND, *table, *SOUND]
    (tmp_path / "t.csv").write_text("a,b,y\n" + "".join(f"{','.join(row)}\n" for row in table))
    source = stoker.open(tmp_path / "t.csv", label="y", types=TYPES)
    if fraction is not None:
        source = source.split(fraction, seed=5)[0]
    found = survey(source, na="drop-row", on_bad_row="skip", stored=False, workers=workers)
    rows = found.view.ids(0, found.num_rows).tolist()
    expected = {}
    for at, (name, kind, limit) in enumerate(
        [
            ("a", "overflow", LARGEST_SQUARED),
            ("b", "large_integer", LARGEST_EXACT),
            ("y", "overflow", LARGEST_SQUARED),
        ]
    ):
        seen = counted({row: float(table[row][at]) for row in rows}, limit)
        if seen is not None:
            text = f"{float(table[seen[1]][at]):g}" if kind == "overflow" else None
            expected[name, kind] = (*seen, seen[1] + 2, text)
    assert told(found, "overflow", "large_integer") == expected


@settings(max_examples=examples(120))
@given(
    values=st.lists(
        st.tuples(*[st.sampled_from([math.nan, 1.0, 9e15, -1e16, 1e19, 1e20, -1e20])] * 3), max_size=60
    ),
    cuts=st.lists(st.integers(0, 60), max_size=4),
    dtype=st.sampled_from([np.float64, np.float32]),
)
def test_marks_of_parts_merge_to_those_of_the_whole(values, cuts, dtype):
    matrix = np.array(values, dtype).reshape(-1, 3)
    names = ("a", "b", "c")

    def marks(start: int, stop: int) -> Marks:
        made, seen = Marks(integers={"b"}), ColumnStatistics()
        for first in range(start, stop, 7):
            piece = matrix[first : min(first + 7, stop)]
            rows = Rows(num_rows=len(piece), features=names, matrix=Matrix.of(piece.copy()))
            seen.update(rows)
            made.take_in(rows, None, lambda number, first=first: first + number, seen)
        return made

    edges = [0, *sorted(min(cut, len(matrix)) for cut in cuts), len(matrix)]
    merged = Marks(integers={"b"})
    for start, stop in pairwise(edges):
        merged.merge(marks(start, stop))
    whole = marks(0, len(matrix))
    assert (merged.squared, merged.rounded) == (whole.squared, whole.rounded)
    np.testing.assert_array_equal(merged.begins, whole.begins)
    for at, name in enumerate(names):
        column = dict(enumerate(matrix[:, at].astype(float).tolist()))
        present = [row for row, value in column.items() if value == value]
        assert merged.begins[at : at + 1].tolist() == [present[0] if present else -1][: len(column)]
        for marked, limit in ((merged.squared, LARGEST_SQUARED), (merged.rounded, LARGEST_EXACT)):
            seen = None if marked is merged.rounded and name != "b" else counted(column, limit)
            expected = None if seen is None else Mark(count=seen[0], row=seen[1], value=column[seen[1]])
            assert marked.get(name) == expected


@pytest.fixture(scope="module")
def table() -> pa.Table:
    rows = 9_000
    a = np.where(np.arange(rows) % 3, 1.5, -2.5)
    a[[700, 4_321, 8_999]] = [2e19, -1e30, 1e300]
    big = np.arange(rows, dtype=np.int64) % 5
    big[[4_000, 8_500]] = [2**53 + 2, -(2**60)]
    y = np.where(np.arange(rows) % 2, 0.25, 7.5)
    y[[5_000, 6_000]] = 1e25
    one = pa.array([None, None, *[4.5] * (rows - 2)])
    return pa.table({"a": a, "big": big, "one": one, "id": np.arange(rows) + 17, "y": y})


WRITERS = {
    "csv": lambda table, path: table.to_pandas().to_csv(path, index=False),
    "csv.gz": lambda table, path: table.to_pandas().to_csv(path, index=False),
    "jsonl": lambda table, path: path.write_bytes(
        b"".join(msgspec.json.encode(row) + b"\n" for row in table.to_pylist())
    ),
    "jsonl.gz": lambda table, path: path.write_bytes(
        gzip.compress(b"".join(msgspec.json.encode(row) + b"\n" for row in table.to_pylist()))
    ),
    "parquet": lambda table, path: pq.write_table(table, path, row_group_size=2_000),
    "arrow": lambda table, path: feather.write_feather(table, path, compression="uncompressed"),
}


@pytest.mark.parametrize("shared", [False, True], ids=["alone", "together"])
@pytest.mark.parametrize("suffix", WRITERS)
def test_every_format_tells_the_same_places(suffix, shared, table, tmp_path, monkeypatch):
    monkeypatch.setattr(together, "_LEAST_PART_BYTES", 1 << 15)
    monkeypatch.setattr(together, "_ALONE_BYTES", 0)
    path = tmp_path / f"t.{suffix}"
    WRITERS[suffix](table, path)
    header = {"csv": 2, "jsonl": 1}.get(suffix.split(".")[0])
    with engaged(Here()) if shared else nullcontext():
        found = survey(stoker.open(path, label="y"), na="zero", stored=False)
    expected = {
        ("one", "constant"): (8_998, 2, "4.5"),
        ("id", "unique"): (9_000, 0, None),
        ("big", "large_integer"): (2, 4_000, None),
        ("a", "overflow"): (3, 700, "2e+19"),
        ("y", "overflow"): (2, 5_000, "1e+25"),
    }
    assert told(found) == {
        key: (count, row, None if header is None else row + header, text)
        for key, (count, row, text) in expected.items()
    }
    assert {problem.file for problem in found.problems if problem.kind in KINDS} == {str(path)}


def test_rows_in_memory_tell_the_same_without_a_line(table):
    found = survey(stoker.open(table.to_pandas(), label="y"), na="zero")
    assert told(found)["a", "overflow"] == (3, 700, None, "2e+19")
    assert told(found)["one", "constant"] == (8_998, 2, None, "4.5")


def test_a_stored_survey_tells_the_same(table, tmp_path):
    path = tmp_path / "t.csv"
    table.to_pandas().to_csv(path, index=False)
    source = stoker.open(path, label="y")
    made, known = survey(source, na="zero"), survey(source, na="zero")
    assert (made.seconds > 0, known.seconds) == (True, 0)
    assert known.problems == made.problems


def test_the_second_file_is_named_and_its_own_lines_are_counted(tmp_path):
    paths = [Path(tmp_path, name) for name in ("a.csv", "b.csv")]
    for path, value in zip(paths, ("3", "1e30"), strict=True):
        path.write_text("a,y\n" + "1.5,0\n2.5,1\n" * 40 + f"{value},1\n")
    found = survey(stoker.open(paths, label="y"), stored=False)
    (problem,) = found.problems
    assert problem.describe() == (
        f"column 'a': 1 value that overflows float32 when it is squared, first at {paths[1]}, line 82 "
        "(row 161), '1e+30': correct it, or leave its row out of the file, or drop=['a']"
    )


def test_lines_are_those_of_the_file_whatever_stands_in_quotes(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('a,note,y\n1,"two\nlines",0\n2,"three\nmore\nlines",1\n1e30,x,0\n')
    found = survey(stoker.open(path, label="y"), stored=False, texts="given")
    assert told(found)["a", "overflow"] == (1, 2, 7, "1e+30")


def test_a_constant_number_is_told_however_large_it_is(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b,y\n" + "1e30,1,0\n1e30,2,1\n" * 3)
    found = survey(stoker.open(path, label="y"), stored=False)
    assert told(found) == {("a", "constant"): (6, 0, 2, "1e+30"), ("a", "overflow"): (6, 0, 2, "1e+30")}


def test_integers_that_no_int64_holds_are_rounded_and_overflow(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,y\n" + "1,0\n2,1\n" * 9 + f"{10**22},1\n{2**60},0\n")
    found = survey(stoker.open(path, label="y", types={"a": "int"}), stored=False)
    assert told(found) == {
        ("a", "large_integer"): (2, 18, 20, None),
        ("a", "overflow"): (1, 18, 20, "1e+22"),
    }


def test_pieces_of_which_no_row_is_meant_change_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(scan, "CHUNK_BYTES", 1 << 7)
    path = tmp_path / "t.csv"
    path.write_text("a,y\n" + "1e30,0\n" * 500 + ",1\n" * 60 + "7,0\n7,1\n")
    found = survey(stoker.open(path, label="y").take([559, 560, 561]), na="zero", stored=False)
    assert told(found) == {("a", "constant"): (2, 560, 562, "7")}


def test_columns_are_not_looked_at_again_where_nothing_goes_too_far(monkeypatch):
    monkeypatch.setattr("stoker.survey.marks._gathered", lambda *_: pytest.fail("looked at again"))
    marks, seen = Marks(begins=np.zeros(1, np.int64)), ColumnStatistics()
    for values in (np.ones((9, 1), np.uint8), np.full((9, 1), 1e19), np.full((9, 1), -(2**60))):
        rows = Rows(num_rows=9, features=("a",), matrix=Matrix.of(values))
        marks.take_in(rows, None, lambda number: number, seen.update(rows))
    assert (marks.rounded, marks.squared) == ({}, {})


def test_values_that_are_counted_in_a_part_of_the_rows_say_in_which(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(
        "a,n,y\n" + "".join(f"1e{25 + row % 3},{2**60 + row},{row % 2}\n" for row in range(1_000))
    )
    source = stoker.open(path, label="y")
    train, valid = source.split(0.9, seed=0)
    counted = {
        view: [problem for problem in survey(view, role=role, stored=False).problems if problem.count > 1]
        for view, role in ((source, "train"), (train, "train"), (valid, "valid"))
    }
    for problem in counted[train]:
        assert f"{problem.count:,} " in problem.describe()
        assert ", among the 900 rows to train on, first at" in problem.describe()
    assert {problem.kind for problem in counted[train]} == {"overflow", "large_integer"}
    assert all(", among the 100 rows that are taken, first at" in each.describe() for each in counted[valid])
    assert not any("among" in problem.describe() for problem in counted[source])
