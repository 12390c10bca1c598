"""Rows of a query: streamed, in one snapshot, and never a part of them taken for the whole."""

import json
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

import postgresql_server
import stoker
from reading import column, dense
from stoker.cli import main
from stoker.errors import ChangedDataError, ColumnError, DataError, OptionError
from stoker.sources.database import streams
from stoker.sources.database.address import Address
from stoker.sources.database.plain_types import plain_batch
from stoker.survey import survey

pytestmark = pytest.mark.timeout(100)

ROWS = 2_000
VALUES = [(row, row / 7, f"text {row}", row % 3) for row in range(ROWS)]


@pytest.fixture(scope="module")
def postgresql():
    """The address of a server of this module's own."""
    with postgresql_server.running() as address:
        yield address


@pytest.fixture
def run(postgresql):
    """Executes statements."""
    import adbc_driver_postgresql.dbapi as driver

    def execute(*statements: str) -> None:
        with driver.connect(postgresql, autocommit=True) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    return execute


def sqlite(folder: Path) -> str:
    with sqlite3.connect(folder / "rows.db") as connection:
        connection.execute("CREATE TABLE rows (id INTEGER, x REAL, t TEXT, y INTEGER)")
        connection.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", VALUES)
    connection.close()
    return f"sqlite://{folder / 'rows.db'}"


def duck(folder: Path) -> str:
    with duckdb.connect(str(folder / "rows.duckdb")) as connection:
        connection.execute("CREATE TABLE rows (id INTEGER, x DOUBLE, t VARCHAR, y INTEGER)")
        connection.execute(
            f"INSERT INTO rows SELECT i, i / 7.0::DOUBLE, 'text ' || i, i % 3 FROM range({ROWS}) AS r(i)"
        )
    return f"duckdb://{folder / 'rows.duckdb'}"


@pytest.mark.parametrize("make", [sqlite, duck])
def test_a_query_of_a_database_in_a_file_is_a_table(make, here):
    source = stoker.open(make(here), query="SELECT * FROM rows ORDER BY id;", label="y")
    assert source.random_access == "stream"
    rows = [source.parse(chunk, np.float64).rows for chunk in source.chunks(1 << 16)]
    assert np.allclose(np.concatenate([dense(part) for part in rows]), [(i, x) for i, x, _, _ in VALUES])
    assert [text for part in rows for text in column(part, "t")] == [text for _, _, text, _ in VALUES]
    assert [y for part in rows for y in column(part, "y")] == [y for *_, y in VALUES]


@pytest.mark.parametrize(
    ("made", "kind", "values"),
    [
        ("ARRAY[i, i + 1]::int2[]", "ints", [[1, 2], [2, 3], [3, 4]]),
        ("CASE WHEN i <> 2 THEN ARRAY[i]::int8[] END", "ints", [[1], [], [3]]),
        ("ARRAY[[i, 2], [3, 4]]", "ints", [[i, 2, 3, 4] for i in (1, 2, 3)]),
        ("ARRAY[i > 2, NULL IS NULL]", "ints", [[0, 1], [0, 1], [1, 1]]),
        ("ARRAY[i / 2.0]::float4[]", "floats", [[0.5], [1.0], [1.5]]),
        ("CASE WHEN i > 1 THEN ARRAY[i / 2.0, i]::numeric[] END", "floats", [[], [1.0, 2.0], [1.5, 3.0]]),
        ("CASE WHEN i > 1 THEN decode('00ff', 'hex') END", "bytes", [b"", b"\0\xff", b"\0\xff"]),
    ],
)
def test_arrays_and_bytes_of_postgresql_are_lists_and_bytes(postgresql, made, kind, values):
    query = f"SELECT i % 2 AS y, {made} AS v FROM generate_series(1, 3) AS s(i)"
    source = stoker.open(postgresql, query=query, label="y")
    assert source.kind_of("v") == kind
    (chunk,) = source.chunks(1 << 16)
    parsed = source.parse(chunk, np.float64)
    assert column(parsed.rows, "v") == values
    assert not len(parsed.issues)


def test_a_query_of_postgresql_is_a_table(postgresql, run):
    run(
        "DROP TABLE IF EXISTS sold",
        "CREATE TABLE sold AS SELECT i AS id, CASE WHEN i % 10 = 0 THEN NULL ELSE i * 0.5 END AS x, "
        "(i * 1.5)::numeric(9, 2) AS price, i % 2 = 0 AS even, date '2024-01-01' + i AS day, 'a' || i AS t "
        "FROM generate_series(1, 3000) AS s(i)",
    )
    source = stoker.open(postgresql, query="SELECT * FROM sold ORDER BY id", label="even")
    kinds = {spec.name: spec.kind for spec in source.columns}
    assert kinds == {"id": "int", "x": "float", "price": "float", "day": "text", "t": "text", "even": "int"}
    chunk = next(iter(source.chunks(1 << 16)))
    parsed = source.parse(chunk)
    assert dense(parsed.rows)[:3].tolist() == [[1, 0.5, 1.5], [2, 1.0, 3.0], [3, 1.5, 4.5]]
    assert column(parsed.rows, "day")[0] == "2024-01-02"
    assert column(parsed.rows, "even")[:4] == [0, 1, 0, 1]
    assert np.isnan(dense(parsed.rows)[9, 1])
    assert parsed.issues.rows[0] == 9


def test_moments_of_postgresql_that_no_calendar_has_make_bad_rows(postgresql):
    query = (
        "SELECT * FROM (VALUES ('2024-05-01'::timestamp, 1), ('infinity', 2), ('-infinity', 3), "
        "('0044-03-15 BC', 4), ('12024-05-02', 5)) AS moments(t, x)"
    )
    source = stoker.open(postgresql, query=query)
    found = source.parse(next(iter(source.chunks(1 << 16))))
    assert column(found.rows, "t") == ["2024-05-01T00:00:00", "", "", "", ""]
    assert found.issues.bad_rows().tolist() == [1, 2, 3, 4]


def test_a_feed_is_shuffled_and_read_in_one_snapshot(postgresql, run, here, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(here / "cache"))
    run(
        "DROP TABLE IF EXISTS points",
        "CREATE TABLE points AS SELECT i AS x, i % 2 AS y FROM generate_series(1, 5000) AS s(i)",
    )
    source = stoker.open(postgresql, query="SELECT * FROM points", label="y")
    feed = stoker.Feed(source, transform=stoker.Cast(), batch_size=256, epochs=2).prepare()
    run("DELETE FROM points WHERE x > 10", "UPDATE points SET x = 0")
    for epoch in (0, 1):
        seen = np.concatenate([batch.x[:, 0] for batch in feed.epoch(epoch)])
        assert sorted(seen.tolist()) == list(range(1, 5001))
    feed.close()


def test_a_table_that_changes_between_two_passes_is_noticed(postgresql, run, here, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(here / "cache"))
    run(
        "DROP TABLE IF EXISTS small",
        "CREATE TABLE small AS SELECT i AS x FROM generate_series(1, 50) AS s(i)",
    )
    source = stoker.open(postgresql, query="SELECT * FROM small ORDER BY x")
    found = survey(source, stored=False, role="predict")
    run("UPDATE small SET x = 0 WHERE x = 7")
    with pytest.raises(DataError, match="changed since it was surveyed"):
        source.reader(found.index, None, np.dtype(np.float64)).read(np.arange(50))


class Breaking:
    """A driver's answer that ends with an error after some batches."""

    schema = pa.schema([("x", pa.int64())])

    def __iter__(self):
        import adbc_driver_manager

        for _ in range(3):
            yield pa.record_batch({"x": list(range(100))})
        raise adbc_driver_manager.OperationalError(
            "server closed the connection unexpectedly; password=hidden", status_code=10
        )


def test_a_connection_that_is_lost_is_told_and_nothing_is_taken_for_the_whole(here, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(here / "cache"))
    source = stoker.open(duck(here), query="SELECT id AS x FROM rows")
    from contextlib import nullcontext

    monkeypatch.setattr(streams, "_connected", lambda address: nullcontext(lambda statement: Breaking()))
    with pytest.raises(DataError, match=r"the connection was lost after 300 rows .*none of them is kept"):
        survey(source, stored=False, role="predict", keep_bytes=1 << 20)


def test_a_server_that_is_stopped_in_mid_query_is_told(postgresql, run):
    source = stoker.open(
        postgresql,
        query="SELECT i AS x, repeat('x', 1000) AS t FROM generate_series(1, 2000000) AS s(i)",
        drop=["t"],
    )
    chunks = source.chunks(1 << 20)
    next(chunks)
    run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE query LIKE '%generate_series(1, 2000000)%' AND pid <> pg_backend_pid()"
    )
    with pytest.raises(DataError, match=r"the connection was lost after [\d,]+ rows"):
        for _ in chunks:
            pass


@pytest.mark.parametrize(
    ("query", "error", "said"),
    [
        ("SELECT missing FROM rows", DataError, "no such column"),
        ("SELECT * FROM nowhere", DataError, "no such table"),
        ("  ; ", OptionError, "query is empty"),
        (None, OptionError, "a database is asked by a query"),
        ("SELECT * FROM rows WHERE id < 0", DataError, "holds no rows"),
    ],
)
def test_what_a_database_does_not_answer_is_told(here, query, error, said):
    with pytest.raises(error, match=said):
        survey(stoker.open(sqlite(here), query=query), stored=False, role="predict")


def test_a_wrong_query_of_a_file_points_at_no_credentials(here):
    with pytest.raises(DataError, match=r"no such table.*; check the query$"):
        stoker.open(sqlite(here), query="SELECT * FROM nowhere")


@pytest.mark.parametrize(
    ("name", "kind"), [("shop.sqlite", "sqlite"), ("s.db", "sqlite"), ("s.duckdb", "duckdb")]
)
def test_a_database_given_as_a_file_is_told_how_it_is_asked(name, kind, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(b"SQLite format 3")
    with pytest.raises(DataError, match=rf"give the address {kind}://{name} and query='SELECT … FROM …'$"):
        stoker.open(name)
    assert main(["plan", name, "--label", "y"]) == 2
    assert f"give the address {kind}://{name} and --query 'SELECT … FROM …'" in capsys.readouterr().err


def test_a_database_that_does_not_answer_is_told_without_its_password():
    with pytest.raises(
        DataError, match=r"postgresql://127\.0\.0\.1:1/base: the query was not answered"
    ) as error:
        stoker.open("postgresql://me:hidden@127.0.0.1:1/base?sslpassword=hidden2", query="SELECT 1 AS x")
    assert "hidden" not in str(error.value)
    assert error.value.__cause__ is None


def test_an_address_as_sqlalchemy_writes_it_is_read(here):
    address = sqlite(here)
    source = stoker.open(address.replace(":///", ":////"), query="SELECT x, y FROM rows", label="y")
    assert Address(address.replace(":///", ":////")).place == Address(address).place
    assert survey(source, stored=False, role="predict").num_rows == ROWS


def test_passwords_are_in_nothing_that_is_written_or_shown(here):
    address = Address("postgresql://me:hid%20den@host:5432/base?sslmode=require&sslpassword=hidden2")
    assert address.shown == "postgresql://host:5432/base?sslmode=require"
    assert "hidden" not in repr(address)
    assert address.has_secrets
    assert address.without_secrets("no hid den, no hid%20den, no hidden2") == "no …, no …, no …"
    source = stoker.open(sqlite(here), query="SELECT x, y FROM rows", label="y")
    told = json.dumps(source.describe()) + repr(source.paths)
    assert "SELECT" not in told


@pytest.mark.parametrize(
    ("whole", "shown"),
    [
        ("postgresql://me:pa#ss@host/base", "postgresql://host/base"),
        ("postgresql://me:pa?ss@host/base", "postgresql://host/base"),
        ("POSTGRESQL://me:pass@host/base", "postgresql://host/base"),
        ("postgresql://me:pa/ss@host/base", "postgresql://…"),
        ("postgresql://me:p@ss@host/base", "postgresql://…"),
        ("postgresql://host/base?user=a&PWD=pass", "postgresql://host/base?user=a"),
    ],
)
def test_no_way_to_write_a_password_is_shown(whole, shown):
    address = Address(whole)
    assert address.shown == shown
    assert address.has_secrets
    assert "ss" not in address.without_secrets(f"connecting to {whole}")


def test_limits_are_added_to_what_is_there():
    assert Address("postgresql://host/base").with_limits.startswith(
        "postgresql://host/base?connect_timeout=20&"
    )
    added = Address("postgresql://host/base?connect_timeout=3").with_limits
    assert added == "postgresql://host/base?connect_timeout=3&keepalives_idle=20&tcp_user_timeout=60000"


def test_columns_of_sqlite_whose_first_values_are_missing_have_the_types_of_those_behind(here):
    rows = [
        (None, None, None, None, i) if i < 1_200 else (i / 7, f"t{i}", b"x", None, i) for i in range(1_300)
    ]
    with closing(sqlite3.connect(here / "rows.db")) as connection, connection:
        connection.execute('CREATE TABLE late (x, "t ""q""", b, never, id)')
        connection.executemany("INSERT INTO late VALUES (?, ?, ?, ?, ?)", rows)
    source = stoker.open(f"sqlite://{here / 'rows.db'}", query="SELECT * FROM late ORDER BY id DESC -- all")
    forward = stoker.open(f"sqlite://{here / 'rows.db'}", query="SELECT * FROM late ORDER BY id")
    for found, wanted in ((source, rows[::-1]), (forward, rows)):
        kinds = [column.kind for column in found.columns]
        assert kinds == ["float", "text", "bytes", "int", "int"]
        parts = [found.parse(chunk, np.float64).rows for chunk in found.chunks(1 << 16)]
        assert [text for part in parts for text in column(part, 't "q"')] == [row[1] or "" for row in wanted]
        assert [x for part in parts for x in dense(part)[:, 2]] == [row[4] for row in wanted]


def test_uuids_of_postgresql_are_texts_and_money_is_refused_where_it_is_used(postgresql):
    one = "67cec7ce-edda-4827-bd57-a09c4e89729e"
    rows = f"('{one}'::uuid, 12.5::money, '10.0.0.1'::inet), (NULL, 1::money, NULL)"
    query = f"SELECT * FROM (VALUES {rows}) AS v(u, m, i)"
    source = stoker.open(postgresql, query=query, drop=["m", "i"])
    assert column(source.peek(2), "u") == [one, ""]
    nothing = pa.record_batch({"u": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([], pa.binary(16)))})
    assert plain_batch(nothing).num_rows == 0
    for name, other in (("m", "i"), ("i", "m")):
        with pytest.raises(
            ColumnError, match=rf"column '{name}' holds (money|inet), .*CAST\({name} AS numeric"
        ):
            stoker.open(postgresql, query=query, drop=[other])


def test_a_value_of_another_type_is_no_lost_connection(here):
    address = sqlite(here)
    with sqlite3.connect(here / "rows.db") as connection:
        connection.execute("CREATE TABLE mixed (x)")
        connection.executemany("INSERT INTO mixed VALUES (?)", [(row,) for row in range(5_000)] + [("n/a",)])
    connection.close()
    source = stoker.open(address, query="SELECT x FROM mixed -- all of it")
    with pytest.raises(DataError, match=r"not of its column's type.*CAST"):
        survey(source, stored=False, role="predict")


def test_options_without_effect_are_refused(here):
    with pytest.raises(OptionError, match="query has no effect without a database"):
        stoker.open(here / "rows.csv", query="SELECT 1")
    with pytest.raises(OptionError, match="delimiter has no effect on a query's rows"):
        stoker.open(sqlite(here), query="SELECT * FROM rows", delimiter=",")
    with pytest.raises(DataError, match="no such file"):
        stoker.open("sqlite://nowhere.db", query="SELECT 1")
    with pytest.raises(ColumnError, match="'z' is absent"):
        stoker.open(f"sqlite://{here / 'rows.db'}", query="SELECT * FROM rows", label="z")


def test_a_table_that_is_dropped_between_two_passes_is_told(here, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(here / "cache"))
    source = stoker.open(sqlite(here), query="SELECT id FROM rows")
    found = survey(source, stored=False, role="predict")
    for spoil, said in ((drop_table, "no such table"), (Path.unlink, "rows.db")):
        spoil(here / "rows.db")
        with pytest.raises(ChangedDataError, match=said):
            source.reader(found.index, None, np.dtype(np.float64)).read(np.arange(5))


def drop_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE rows")


def test_a_server_that_takes_connections_and_is_silent_is_told_within_the_stated_time():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"postgresql://127.0.0.1:{silent.getsockname()[1]}/base?connect_timeout=2"
        began = time.monotonic()
        with pytest.raises(DataError, match=r"not answered .*timeout expired"):
            stoker.open(address, query="SELECT 1 AS x")
        assert time.monotonic() - began < 20


def test_a_run_on_an_address_with_a_password_writes_it_nowhere(postgresql, here, monkeypatch, caplog):
    monkeypatch.setenv("XDG_CACHE_HOME", str(here / "cache"))
    whole = postgresql.replace("postgres:@", "postgres:hid%20den@")
    assert "hid%20den" in whole
    query = "SELECT i * 0.5::float8 AS x, i % 2 AS y FROM generate_series(1, 300) AS s(i)"
    feed = stoker.Feed(stoker.open(whole, query=query, label="y"), batch_size=100, cache="always")
    stoker.fit(stoker.models.linear(feed), feed, epochs=1, run=here / "run", progress="none")
    feed.close()
    written = [path for path in here.rglob("*") if path.is_file()]
    assert {"run.json", "model.keras"} <= {path.name for path in written}
    for path in written:
        assert not {word for word in (b"hid%20den", b"hid den") if word in path.read_bytes()}, path
    assert "hid" not in caplog.text


@pytest.mark.slow
def test_a_query_of_half_a_gigabyte_is_streamed_in_constant_memory(postgresql):
    script = """
import resource, sys, stoker
rows = "SELECT i AS x, repeat('x', 1000) AS t FROM generate_series(1, %d) AS s(i)"
peaks = []
for count in (100_000, 600_000):
    source = stoker.open(sys.argv[1], query=rows % count)
    assert sum(chunk.num_records for chunk in source.chunks(1 << 20)) == count
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
print(peaks[1] - peaks[0])
"""
    found = subprocess.run(
        [sys.executable, "-c", script, postgresql], capture_output=True, text=True, timeout=90, check=True
    )
    assert int(found.stdout) < 64  # MiB


@pytest.mark.slow
def test_a_million_rows_are_each_used_once_an_epoch(postgresql, here, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(here / "cache"))
    query = "SELECT i AS x, i % 2 AS y FROM generate_series(1, 1000000) AS s(i)"
    source = stoker.open(postgresql, query=query, label="y")
    feed = stoker.Feed(source, transform=stoker.Cast(), batch_size=1_000, memory="32MB", epochs=2)
    for epoch in (0, 1):
        seen = np.concatenate([batch.x[:, 0] for batch in feed.epoch(epoch)])
        assert np.array_equal(np.sort(seen), np.arange(1, 1_000_001, dtype=np.float32))
    feed.close()


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_run_is_evaluated_and_answers_from_a_query(here, capsys):
    where = sqlite(here)
    train = ["train", where, "--query", "SELECT x, y % 2 AS odd FROM rows", "--label", "odd", "--run", "run"]
    assert main([*train, "--epochs", "1", "--quiet"]) == 0
    few = "SELECT x AS x, y % 2 AS odd, id FROM rows WHERE id < 90 ORDER BY id"
    capsys.readouterr()
    assert main(["evaluate", "run", where, "--query", few, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 90
    assert main(["predict", "run", where, "--query", few, "--keep", "id", "-o", "out.csv", "--quiet"]) == 0
    lines = (here / "out.csv").read_text().split()
    assert [line.split(",")[0] for line in lines] == ["id", *map(str, range(90))]
    capsys.readouterr()
    assert main(["evaluate", "run", where]) != 0
    assert "say which with --query, 'SELECT" in capsys.readouterr().err
    assert main(["predict", "run", "postgresql://me:hidden@host/b", "--query", few, "-o", "o.csv"]) != 0
    assert "hidden" not in capsys.readouterr().err
