"""What a cache holds and how it is laid out."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from stoker.types import ColumnSpec, IntArray

__all__ = ["Contents", "expected_bytes", "metadata_of", "schema_of"]

_FORMAT = b"1"
_MATRIX = "features"
_TEXT_BYTES = 16
_TYPES = {"int": pa.int64(), "float": pa.float64(), "text": pa.string()}


class Contents(Protocol):
    """What the cache must know of the rows that it stores; a `Survey` knows it."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The files that the rows come from; the cache lives beside the first."""

    @property
    def num_slots(self) -> int:
        """Record slots, excluded ones included."""

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the matrix's columns."""

    @property
    def others(self) -> tuple[ColumnSpec, ...]:
        """The columns beside the matrix."""

    @property
    def text_bytes(self) -> int:
        """Bytes of the texts to learn from, of all slots."""

    @property
    def large_texts(self) -> Collection[str]:
        """Names of the columns of text that are large strings, whose pieces may exceed 2 GB."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the matrix."""

    @property
    def excluded(self) -> IntArray:
        """Ascending ids of the slots that nobody reads."""

    @property
    def source_key(self) -> str:
        """Which files are read, and how: names the cache's file."""

    @property
    def data_digest(self) -> str:
        """What the files hold: proves that a cache is theirs."""


def expected_bytes(contents: Contents) -> int:
    """Bytes that a cache of these rows takes on the disk, to within a few per cent."""
    others = sum(_TEXT_BYTES if column.kind == "text" else 8 for column in contents.others)
    rows = contents.num_slots * (len(contents.features) * contents.dtype.itemsize + others)
    return rows + contents.text_bytes + 65_536


def schema_of(contents: Contents) -> pa.Schema:
    """The file's schema: the matrix as lists of fixed size, then the other columns."""
    fields = []
    if contents.features:
        item = pa.field("item", pa.from_numpy_dtype(contents.dtype), nullable=False)
        fields.append(pa.field(_MATRIX, pa.list_(item, len(contents.features)), nullable=False))
    fields += [
        pa.field(column.name, _type_of(column, contents), nullable=False) for column in contents.others
    ]
    return pa.schema(fields, metadata=metadata_of(contents))


def _type_of(column: ColumnSpec, contents: Contents) -> pa.DataType:
    return pa.large_string() if column.name in contents.large_texts else _TYPES[column.kind]


def metadata_of(contents: Contents) -> dict[bytes, bytes]:
    """What the file says of itself; all of it must be right."""
    return {
        b"stoker.format": _FORMAT,
        b"stoker.data": contents.data_digest.encode(),
        b"stoker.dtype": contents.dtype.str.encode(),
        b"stoker.features": json.dumps(contents.features).encode(),
        b"stoker.others": json.dumps([[column.name, column.kind] for column in contents.others]).encode(),
        b"stoker.slots": str(contents.num_slots).encode(),
    }
