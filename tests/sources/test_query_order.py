"""A query is divided by what stands in its rows where it says in which order they come, and not otherwise."""

import sqlite3
from contextlib import closing

import pytest

import stoker
from stoker.errors import ChangedDataError, OptionError
from stoker.sources.database.ordering import is_ordered
from stoker.sources.views import ShardSpec
from stoker.survey import survey
from stoker.survey.scan import Pass

ROWS = 2_000


def sqlite(folder):
    with closing(sqlite3.connect(folder / "rows.db")) as connection, connection:
        connection.execute("CREATE TABLE rows (id INTEGER, x REAL, y INTEGER)")
        rows = ((row, row / 7, row % 3) for row in range(ROWS))
        connection.executemany("INSERT INTO rows VALUES (?, ?, ?)", rows)
    return f"sqlite://{folder / 'rows.db'}"


@pytest.mark.parametrize(
    ("query", "ordered"),
    [
        ("SELECT * FROM t ORDER BY id", True),
        ("select * from t order\n\tby lower(name), id -- at last", True),
        ("(SELECT 1 AS x) UNION (SELECT 2) ORDER /* so */ BY x", True),
        ("SELECT 'it''s (' AS x FROM t ORDER BY 1", True),
        (r"SELECT E'it\'s (' AS x, $a$ ) $a$ AS y FROM t ORDER BY 1", True),
        ("SELECT * FROM t", False),
        ("SELECT * FROM t -- ORDER BY id", False),
        ("SELECT * FROM t /* ORDER BY\n id */ LIMIT 3", False),
        ("SELECT ' ORDER BY ' AS x FROM t", False),
        ('SELECT "order by" FROM t', False),
        ("SELECT row_number() OVER (ORDER BY id) FROM t", False),
        ("WITH a AS (SELECT * FROM t ORDER BY id) SELECT * FROM a", False),
        ("SELECT * FROM border by_id", False),
    ],
)
def test_an_order_is_the_whole_query_s_own(query, ordered):
    assert is_ordered(query) is ordered


def test_rows_of_a_query_are_divided_by_what_stands_in_them_where_they_have_an_order(tmp_path):
    address, query = sqlite(tmp_path), "SELECT x, y FROM rows"
    for text in (f"{query} ORDER BY id", f"{query} order\n by 1"):
        parts = stoker.open(address, query=text, label="y").split(0.5, group="x", seed=1)
        assert sum(survey(part, keep_bytes=1 << 20).num_rows for part in parts) == ROWS
    stoker.open(address, query=query, label="y", where="x > 1")
    stoker.open(address, query=query, label="y").split(0.5)
    rows = stoker.open(address, query=query, label="y")
    for divide in (
        lambda: rows.split(0.5, group="y"),
        lambda: rows.folds(2, stratify="y"),
        lambda: rows.where("x > 1"),
        lambda: rows.shard(0, 2),
    ):
        with pytest.raises(OptionError, match=r"nothing says that they come in the same order.* ORDER BY"):
            divide()


@pytest.mark.parametrize(
    "divide",
    [
        lambda rows: rows.split(0.5, group="y")[0],
        lambda rows: rows.folds(2, stratify="y")[1][0],
        lambda rows: rows.where("x > 1"),
        lambda rows: rows.shard(0, 2),
    ],
)
def test_rows_that_came_since_a_query_was_divided_are_told(tmp_path, divide, monkeypatch):
    def insert() -> None:
        with closing(sqlite3.connect(tmp_path / "rows.db")) as connection, connection:
            connection.execute("INSERT INTO rows SELECT * FROM rows LIMIT 1")

    part = divide(stoker.open(sqlite(tmp_path), query="SELECT x, y FROM rows ORDER BY id", label="y"))
    if isinstance(part.view.steps[0], ShardSpec):
        count = Pass._count_slots
        monkeypatch.setattr(Pass, "_count_slots", lambda *own: (count(*own), insert())[0])
    else:
        insert()
    with pytest.raises(ChangedDataError, match=r"there were 2,000 rows .* and now there are 2,001"):
        survey(part, keep_bytes=1 << 20)
