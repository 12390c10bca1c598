"""Queries opened as tables."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence

import pyarrow as pa

from stoker.errors import DataError, OptionError
from stoker.sources.columnar.stream import StreamUnits, stream_table
from stoker.sources.columnar.table import ColumnarTable
from stoker.sources.database.address import Address
from stoker.sources.database.ordering import is_ordered
from stoker.sources.database.rereading import Rereading
from stoker.sources.database.streams import batches_of, schema_of
from stoker.sources.nameless import QUERY, QUERY_MARK, Itself
from stoker.sources.request import COLUMNS_ALONE, Request

__all__ = ["open_query"]


def open_query(whole: str, query: str | None, request: Request) -> ColumnarTable:
    """A query's rows as a table; the database is asked for the columns alone.

    Parameters
    ----------
    whole
        The database's address, perhaps with a password.
    query
        What selects the rows.
    request
        Label, features and kinds.

    Raises
    ------
    OptionError
        There is no query, or an option has no effect.
    DataError
        The database does not answer.
    """
    if query is None:
        raise OptionError("a database is asked by a query: say which with query=, 'SELECT … FROM …'")
    request.require(COLUMNS_ALONE, "a query's rows")
    if request.written.format is not None:
        raise OptionError("format has no effect on a query's rows; leave it out")
    address = Address(whole, os.getcwd())
    if address.kind != "postgresql" and not os.path.isfile(address.place):
        raise DataError(f"{address.shown}: there is no such file; check the address")

    schema, called = schema_of(address, query), _called(address, query)
    again = Rereading(called)

    def read(names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        return again.watched(batches_of(address, query, schema), names)

    stream = StreamUnits(called, schema, read, is_ordered=is_ordered(query), divided=again.begin)
    return stream_table(QUERY, stream, request.choice, opener=Itself(stream))


def _called(address: Address, query: str) -> str:
    """A name for messages and records: the address and a few letters that tell one query from another."""
    told = hashlib.blake2b(" ".join(query.split()).encode(), digest_size=4).hexdigest()
    return f"{address.shown}{QUERY_MARK}{told}"
