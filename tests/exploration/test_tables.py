"""What `explore_table` says of a table is what it holds."""

from __future__ import annotations

import gzip

import numpy as np
import pyarrow as pa
import pytest

import stoker
from stoker.errors import BadRowError, ColumnError
from stoker.exploration import explore_table

pytestmark = pytest.mark.timeout(60)


def test_columns_are_told_with_their_numbers(tmp_path):
    rng = np.random.default_rng(3)
    values = np.round(rng.normal(size=(500, 2)), 3)
    path = tmp_path / "t.csv"
    lines = [f"{a},{b},{row % 3}" for row, (a, b) in enumerate(values)]
    path.write_text("\n".join(["a,b,kind", *lines, ",1.5,0"]) + "\n")
    report = explore_table(stoker.open(path, label="kind"))
    first, second = report.columns
    assert (report.num_rows, report.labels.counts) == (501, (168, 167, 166))
    assert (first.name, first.kind, first.blanks, second.blanks) == ("a", "float", 1, 0)
    assert first.mean == pytest.approx(values[:, 0].mean())
    assert first.std == pytest.approx(values[:, 0].std())
    assert (first.minimum, first.maximum) == (values[:, 0].min(), values[:, 0].max())


def test_columns_of_text_are_passed_over(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,note,y\n1,good,0\n2,bad,1\n")
    report = explore_table(stoker.open(path, label="y"))
    assert ([column.name for column in report.columns], report.texts) == (["x"], ("note",))


def test_without_numbers_the_way_to_look_at_text_is_said(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("note,y\ngood,0\nbad,1\n")
    with pytest.raises(ColumnError, match=r"no column of numbers but text in 'note': say text=\['note'\]"):
        explore_table(stoker.open(path, label="y"))


def test_bad_rows_are_an_error_or_are_left_out_and_counted(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n1,0\n2\n3,1\n")
    source = stoker.open(path, label="y")
    with pytest.raises(BadRowError, match="line 3"):
        explore_table(source)
    report = explore_table(source, on_bad_row="skip")
    assert (report.num_rows, report.num_left_out) == (2, 1)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_nothing_is_left_or_unpacked_beside_the_data(tmp_path, suffix):
    path = tmp_path / f"t.csv{suffix}"
    data = b"x,y\n1,0\n3,1\n"
    path.write_bytes(gzip.compress(data) if suffix else data)
    assert explore_table(stoker.open(path, label="y")).num_rows == 2
    assert [left.name for left in tmp_path.iterdir()] == [path.name]


def test_one_class_is_enough_to_look_at(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n1,0\n3,0\n")
    assert explore_table(stoker.open(path, label="y")).labels.counts == (2,)


def test_lists_are_told_by_their_lengths_and_ends():
    report = explore_table(stoker.open(pa.table({"x": [[3, -1], None, [7]], "n": [1, 2, 3]})))
    (seen,) = report.lists
    assert (seen.name, seen.kind, seen.blanks) == ("x", "ints", 1)
    assert (seen.least, seen.longest, seen.minimum, seen.maximum) == (1, 2, -1, 7)
    assert [column.name for column in report.columns] == ["n"]
