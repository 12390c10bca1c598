"""What each database's driver gives: a query's columns, and its rows as Arrow record batches."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from stoker.errors import DataError, OptionError
from stoker.sources.database.address import Address
from stoker.sources.database.plain_types import plain_batch, plain_schema
from stoker.waits import Wait

__all__ = ["batches_of", "schema_of"]

_PACKAGES = {
    "postgresql": "adbc_driver_postgresql",
    "sqlite": "adbc_driver_sqlite",
    "duckdb": "duckdb",
}
_SAMPLED_ROWS = 1_000
_STORED = {"integer": pa.int64(), "real": pa.float64(), "text": pa.string(), "blob": pa.binary()}
"""Types of SQLite's values."""
_SEEDS = {pa.int64(): "0", pa.float64(): "0.0", pa.string(): "''", pa.binary(): "x''"}
_REPEATED = ("INVALID_DATA", "Type mismatch", "type mismatch", "Failed to cast", "Conversion Error")
_DRIVERS = ("adbc_driver_manager", "pyarrow", "duckdb", "_duckdb")


def schema_of(address: Address, query: str) -> pa.Schema:
    """Names and types of a query's columns; SQLite, whose columns have none, is asked for some rows.

    Raises
    ------
    DataError
        The database does not answer, or not to this.
    OptionError
        Its driver is not installed.
    """
    asked = f"SELECT * FROM ({_one(query)}\n) AS rows LIMIT"
    with (
        _told(address),
        Wait("asks {} for the columns of a query", address.shown),
        _connected(address) as execute,
    ):
        if address.kind == "sqlite":
            return _schema_of_values(execute(f"{asked} {_SAMPLED_ROWS}").read_all(), execute, query)
        return plain_schema(execute(f"{asked} 0").schema)


def _schema_of_values(sample: pa.Table, execute: Callable[[str], Any], query: str) -> pa.Schema:
    """Types by a query's first values; by the first that there is where these are all missing."""
    fields = []
    for entry, column in zip(sample.schema, sample.columns, strict=True):
        kind = entry.type
        if column.null_count == len(column) == _SAMPLED_ROWS:
            name = _quoted(entry.name)
            found = execute(
                f"SELECT typeof({name}) AS kind FROM ({_one(query)}\n) WHERE {name} IS NOT NULL LIMIT 1"
            ).read_all()
            kind = _STORED[found[0][0].as_py()] if len(found) else kind
        fields.append((entry.name, kind))
    return pa.schema(fields)


def _seeded(query: str, schema: pa.Schema) -> str:
    """The query behind one row more: SQLite's driver takes types from the first rows, which may have none."""
    values = (f"{_SEEDS.get(entry.type, 'NULL')} AS {_quoted(entry.name)}" for entry in schema)
    return f"SELECT {', '.join(values)} UNION ALL SELECT * FROM ({_one(query)}\n)"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def batches_of(address: Address, query: str, schema: pa.Schema) -> Generator[pa.RecordBatch]:
    """A query's rows, as the database has them when it is asked.

    Parameters
    ----------
    address, query
        What is asked, and what for.
    schema
        As `schema_of` gave it.

    Raises
    ------
    DataError
        The database does not answer, or breaks off: then nothing of what came is all there is.
    """
    rows = 0
    is_seeded = address.kind == "sqlite"
    with _told(address, lambda: rows), _connected(address) as execute:
        for number, batch in enumerate(execute(_seeded(query, schema) if is_seeded else _one(query))):
            plain = plain_batch(batch.slice(1) if is_seeded and not number else batch)
            rows += plain.num_rows
            yield plain


def _one(query: str) -> str:
    """The query without what ends it."""
    found = query.strip().rstrip(";").strip()
    if not found:
        raise OptionError("query is empty; give a statement that selects rows: SELECT … FROM …")
    return found


@contextmanager
def _connected(address: Address) -> Iterator[Callable[[str], Any]]:
    """What executes a statement and gives a reader of record batches."""
    driver = _driver(address.kind)
    if address.kind == "duckdb":
        with closing(driver.connect(address.place, read_only=True)) as connection:
            yield lambda statement: pa.RecordBatchReader.from_stream(connection.sql(statement))
        return
    target = address.with_limits if address.kind == "postgresql" else f"file:{quote(address.place)}?mode=ro"
    with (
        driver.connect(target, autocommit=True) as connection,
        connection.cursor() as cursor,
    ):

        def execute(statement: str) -> Any:
            cursor.execute(statement)
            return cursor.fetch_record_batch()

        yield execute


def _driver(kind: str) -> Any:
    # Three names that stand here, and none that a file or a user gives.
    try:
        if kind == "postgresql":
            import adbc_driver_postgresql.dbapi as driver
        elif kind == "sqlite":
            import adbc_driver_sqlite.dbapi as driver
        else:
            import duckdb as driver
    except ImportError as error:
        raise OptionError(
            f"{kind}:// is read with {_PACKAGES[kind]}, which is not installed: "
            "pip install 'stoker[databases]'"
        ) from error
    return driver


@contextmanager
def _told(address: Address, rows: Callable[[], int] | None = None) -> Iterator[None]:
    """Say of what a driver raises which database it was, and what to do; never with a password."""
    try:
        yield
    except (DataError, OptionError, GeneratorExit):
        raise
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in _DRIVERS and not isinstance(error, OSError):
            raise
        said = " ".join(address.without_secrets(str(error)).split())
        said = said[:300] + ("…" if len(said) > 300 else "")
        count = rows() if rows is not None else 0
        if count and any(word in said for word in _REPEATED):
            raise DataError(
                f"{address.shown}: a value behind row {count:,} is not of its column's type ({said}); have "
                "the query give one type: CAST(… AS …)"
            ) from None
        if count:
            raise DataError(
                f"{address.shown}: the connection was lost after {count:,} rows ({said}); they are not all, "
                "and none of them is kept: run the same again"
            ) from None
        server = address.kind == "postgresql"
        check = "address, credentials (PGPASSWORD, ~/.pgpass) and query" if server else "the query"
        raise DataError(f"{address.shown}: the query was not answered ({said}); check {check}") from None
