"""What each database's driver gives: a query's columns, and its rows as Arrow record batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from stoker.errors import DataError, OptionError
from stoker.sources.database.address import Address
from stoker.waits import Wait

__all__ = ["batches_of", "schema_of"]

_PACKAGES = {
    "postgresql": "adbc_driver_postgresql",
    "sqlite": "adbc_driver_sqlite",
    "duckdb": "duckdb",
}
_SAMPLED_ROWS = 1_000
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
    limit = _SAMPLED_ROWS if address.kind == "sqlite" else 0
    with (
        _told(address),
        Wait("asks {} for the columns of a query", address.shown),
        _connected(address) as execute,
    ):
        return _plain_schema(execute(f"SELECT * FROM ({_one(query)}\n) AS rows LIMIT {limit}").schema)


def batches_of(address: Address, query: str) -> Iterator[pa.RecordBatch]:
    """A query's rows, as the database has them when it is asked.

    Raises
    ------
    DataError
        The database does not answer, or breaks off: then nothing of what came is all there is.
    """
    rows = 0
    with _told(address, lambda: rows), _connected(address) as execute:
        for batch in execute(_one(query)):
            plain = _plain(batch)
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
        raise DataError(
            f"{address.shown}: the query was not answered ({said}); check address, credentials (PGPASSWORD, "
            "~/.pgpass) and query"
        ) from None


def _plain_schema(schema: pa.Schema) -> pa.Schema:
    return pa.schema([(entry.name, _plain_type(entry.type)) for entry in schema])


def _plain_type(kind: pa.DataType) -> pa.DataType:
    """The type that is worked with: exact decimals, which PostgreSQL's driver gives as text, are numbers."""
    if isinstance(kind, pa.BaseExtensionType):
        return pa.float64() if getattr(kind, "type_name", "") == "numeric" else kind.storage_type
    return kind


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    arrays = []
    for column in batch.columns:
        kind = _plain_type(column.type)
        stored = column.storage if isinstance(column.type, pa.BaseExtensionType) else column
        arrays.append(stored.cast(kind))
    return pa.RecordBatch.from_arrays(arrays, batch.schema.names)
