"""What a cache holds and how it is laid out."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from stoker.types import ColumnSpec, IntArray, is_number
from stoker.types.arrow import arrow_type

__all__ = ["NUMBERS", "Columns", "Contents", "expected_bytes", "metadata_of", "row_bytes", "schema_of"]

_FORMAT = b"2"
_MATRIX = "features"
_ARRAY_BYTES = 16

NUMBERS = {"int": np.dtype(np.int64), "float": np.dtype(np.float64)}
"""Of the columns of numbers beside the matrix."""


class Columns(Protocol):
    """What is known of the rows before the first is read."""

    @property
    def places(self) -> tuple[str, ...]:
        """The files that the rows come from; the cache lives beside the first."""

    @property
    def source_key(self) -> str:
        """Which files are read, and how: names the cache's file."""

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the matrix's columns."""

    @property
    def others(self) -> tuple[ColumnSpec, ...]:
        """The columns beside the matrix."""

    @property
    def large_texts(self) -> Collection[str]:
        """Names of the columns of text that are large strings, whose pieces may exceed 2 GB."""


class Contents(Columns, Protocol):
    """What the cache must know of the rows that it stores; a `Survey` knows it."""

    @property
    def num_slots(self) -> int:
        """Record slots, excluded ones included."""

    @property
    def text_bytes(self) -> int:
        """Bytes of the values that are no numbers, of all slots: of texts those to learn from."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the matrix."""

    @property
    def excluded(self) -> IntArray:
        """Ascending ids of the slots that nobody reads."""

    @property
    def data_digest(self) -> str:
        """What the files hold: proves that a cache is theirs."""


def expected_bytes(contents: Contents) -> int:
    """Bytes that a cache of these rows takes on the disk, to within a few per cent."""
    rows = contents.num_slots * row_bytes(contents, contents.dtype)
    return rows + contents.text_bytes + 65_536


def row_bytes(columns: Columns, dtype: np.dtype[Any]) -> int:
    """Bytes of a row, less those of the values of any length."""
    others = sum(8 if is_number(column.kind) else _ARRAY_BYTES for column in columns.others)
    return len(columns.features) * dtype.itemsize + others


def schema_of(columns: Columns, dtype: np.dtype[Any], digest: str) -> pa.Schema:
    """The file's schema: the matrix as lists of fixed size, then the other columns.

    Parameters
    ----------
    columns
        What the rows have.
    dtype
        Of the matrix.
    digest
        `Contents.data_digest`, or as many letters in its place.
    """
    fields = []
    if columns.features:
        item = pa.field("item", pa.from_numpy_dtype(dtype), nullable=False)
        fields.append(pa.field(_MATRIX, pa.list_(item, len(columns.features)), nullable=False))
    fields += [pa.field(column.name, _type_of(column, columns), nullable=False) for column in columns.others]
    return pa.schema(fields, metadata=metadata_of(columns, dtype, digest))


def _type_of(column: ColumnSpec, columns: Columns) -> pa.DataType:
    return pa.large_string() if column.name in columns.large_texts else arrow_type(column.kind)


def metadata_of(columns: Columns, dtype: np.dtype[Any], digest: str) -> dict[bytes, bytes]:
    """What the file says of itself; all of it must be right."""
    return {
        b"stoker.format": _FORMAT,
        b"stoker.data": digest.encode(),
        b"stoker.dtype": dtype.str.encode(),
        b"stoker.features": json.dumps(columns.features).encode(),
        b"stoker.others": json.dumps([[column.name, column.kind] for column in columns.others]).encode(),
    }
