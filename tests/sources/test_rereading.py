"""A query that was divided by one answer and gives another is told, whichever of its rows is elsewhere."""

from __future__ import annotations

import datetime
import decimal
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import stoker
from stoker.errors import ChangedDataError
from stoker.sources import Source
from stoker.sources.database.rereading import Rereading
from stoker.sources.database.streams import batches_of
from stoker.survey import survey

VALUES: dict[str, list[Any]] = {
    "int": [3, None, -(1 << 60), 0, 7],
    "float": [0.5, float("nan"), None, 1e300, -2.0],
    "text": ["a", "", None, "wörd", "b"],
    "bytes": [b"\x00", b"", None, b"\xff", b"ab"],
    "list": [[1.0, 2.0], [], None, [3.0], [4.0]],
    "list of lists": [[["a"], []], [None], None, [["b", "c"]], []],
    "boolean": [True, None, False, True, False],
    "day": [datetime.date(2024, 1, day) if day > 1 else None for day in range(1, 6)],
    "price": [decimal.Decimal("1.50"), None, *map(decimal.Decimal, ("2.00", "3.25", "4.00"))],
}
OTHER: dict[str, Any] = {
    "int": 4,
    "float": 0.25,
    "text": "aa",
    "bytes": b"c",
    "list": [1.0],
    "list of lists": [["a"], ["b"]],
    "boolean": False,
    "day": datetime.date(2025, 1, 1),
    "price": decimal.Decimal("1.51"),
}
TABLE = pa.table(VALUES)


def cut(table: pa.Table, at: Iterable[int]) -> Iterable[pa.RecordBatch]:
    bounds = [0, *sorted(at), table.num_rows]
    for start, stop in pairwise(bounds):
        yield from table.slice(start, stop - start).to_batches()


def asked_twice(first: Iterable[pa.RecordBatch], second: Iterable[pa.RecordBatch]) -> pa.Table:
    again = Rereading("sqlite://rows.db#query-1f")
    again.begin()
    list(again.watched((batch for batch in first), TABLE.column_names))
    return pa.Table.from_batches(again.watched((batch for batch in second), TABLE.column_names), TABLE.schema)


@given(st.sets(st.integers(1, 4)), st.sets(st.integers(1, 4)))
def test_the_same_rows_are_the_same_however_they_are_cut(one, other):
    assert asked_twice(cut(TABLE, one), cut(TABLE, other)).num_rows == TABLE.num_rows


@given(st.permutations(range(5)), st.sets(st.integers(1, 4)))
def test_rows_in_another_order_are_told(order, at):
    moved = TABLE.take(pa.array(order))
    if order == sorted(order):
        asked_twice(cut(TABLE, ()), cut(moved, at))
        return
    with pytest.raises(
        ChangedDataError, match=r"query-1f: asked again, .* ORDER BY that decides between any"
    ):
        asked_twice(cut(TABLE, ()), cut(moved, at))


@pytest.mark.parametrize("column", VALUES)
@pytest.mark.parametrize("row", range(5))
def test_a_value_that_is_another_is_told(column, row):
    values = [*VALUES[column]]
    values[row] = OTHER[column] if values[row] != OTHER[column] else None
    place = TABLE.column_names.index(column)
    changed = TABLE.set_column(place, column, pa.array(values, TABLE.schema.field(column).type))
    with pytest.raises(ChangedDataError):
        asked_twice(cut(TABLE, ()), cut(changed, (2,)))


def test_what_is_not_divided_is_not_compared():
    again = Rereading("sqlite://rows.db#query-1f")
    for table in (TABLE, TABLE.take(pa.array([1, 0, 2, 3, 4]))):
        assert (
            sum(
                batch.num_rows
                for batch in again.watched((batch for batch in cut(table, ())), TABLE.column_names)
            )
            == 5
        )


@pytest.fixture
def rows(tmp_path: Path) -> Callable[[], Source]:
    """A query whose ORDER BY leaves all rows to chance."""
    with closing(sqlite3.connect(tmp_path / "rows.db")) as connection, connection:
        connection.execute("CREATE TABLE rows (id INTEGER, x REAL, t TEXT, y INTEGER)")
        values = ((row, row / 7, f"text {row % 50}", row % 3) for row in range(2_000))
        connection.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", values)
    query = "SELECT x, t, y FROM rows ORDER BY 1 > 0"
    return lambda: stoker.open(
        f"sqlite://{tmp_path / 'rows.db'}", query=query, label="y", types={"t": "text"}
    )


DIVISIONS: list[Callable[[Source], Source]] = [
    lambda rows: rows.split(0.5, group="t", seed=1)[0],
    lambda rows: rows.folds(2, stratify="y")[1][0],
    lambda rows: rows.where("x > 1"),
    lambda rows: rows.shard(0, 2),
]


@pytest.mark.parametrize("divide", DIVISIONS)
def test_rows_that_change_places_once_they_are_divided_are_told(rows, divide, monkeypatch):
    answers = 0

    def reordered(*arguments: Any) -> Iterator[pa.RecordBatch]:
        nonlocal answers
        answers += 1
        for batch in batches_of(*arguments):
            order = np.arange(batch.num_rows)
            yield batch.take(pa.array(order[::-1] if answers > 1 else order))

    monkeypatch.setattr("stoker.sources.database.opening.batches_of", reordered)
    part = divide(rows())
    with pytest.raises(ChangedDataError, match=r"asked again, the query gives other rows"):
        survey(part, role="predict", texts="given", keep_bytes=1 << 22)
    assert answers == 2


@pytest.mark.parametrize("divide", DIVISIONS)
def test_values_that_somebody_changes_once_they_are_divided_are_told(rows, tmp_path, divide):
    part = divide(rows())
    survey(part, role="predict", texts="given", keep_bytes=1 << 22)
    with closing(sqlite3.connect(tmp_path / "rows.db")) as connection, connection:
        connection.execute("UPDATE rows SET x = x + 1 WHERE id = 1234")
    with pytest.raises(ChangedDataError, match=r"asked again, the query gives other rows"):
        survey(part, role="predict", texts="given", keep_bytes=1 << 22)


def test_columns_that_nobody_uses_and_the_last_bits_of_sums_may_be_others(rows, tmp_path):
    query = "SELECT id, x * (1 + 1e-15 * (abs(random()) % 3)) AS x, y, random() AS r FROM rows ORDER BY id"
    source = stoker.open(f"sqlite://{tmp_path / 'rows.db'}", query=query, label="y", drop=["id", "r"])
    part = source.split(0.5, group="y", seed=1)[0]
    assert survey(part, role="predict", texts="given", keep_bytes=1 << 22).num_rows > 0
