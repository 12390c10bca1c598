"""Which kind of column an Arrow type means, and the columns that a schema has."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

import numpy as np
import pyarrow as pa

from stoker.errors import ColumnError
from stoker.sources.choice import Choice
from stoker.sources.dialect import Dialect
from stoker.sources.inference import Sample
from stoker.sources.resolving import resolve
from stoker.sources.schema import PLAIN_KINDS, FileLayout, Schema
from stoker.types import LISTS, ColumnKind

__all__ = [
    "FILE_BYTES",
    "ArrowColumn",
    "arrow_columns",
    "as_lists",
    "can_be",
    "column_kind",
    "holds_lists",
    "is_binary",
    "layout_of",
    "resolve_columns",
    "unsupported",
]


FILE_BYTES = "bytes"
"""Field of a struct that holds a file, as Hugging Face writes images."""


@dataclass(frozen=True, slots=True)
class ArrowColumn:
    """A column as stoker names it, and where its values are.

    Attributes
    ----------
    name
        The field's own, or ``name[2]`` for the third element of lists of a fixed size.
    source
        Name of the field.
    element
        Which element of its lists; -1 where the field holds no lists.
    type
        Of the values.
    """

    name: str
    source: str
    element: int
    type: pa.DataType


def column_kind(kind: pa.DataType) -> ColumnKind | None:
    """Kind of the values of an Arrow type; None where there is none.

    Examples
    --------
    >>> column_kind(pa.bool_()), column_kind(pa.decimal128(9, 2)), column_kind(pa.timestamp("us"))
    ('int', 'float', 'text')
    >>> column_kind(pa.binary()), column_kind(pa.list_(pa.int8()))
    ('bytes', 'ints')
    >>> column_kind(pa.struct([("x", pa.int8())])) is None
    True
    """
    types = pa.types
    if types.is_dictionary(kind):
        return column_kind(kind.value_type)
    if types.is_integer(kind) or types.is_boolean(kind):
        return "int"
    if types.is_floating(kind) or types.is_decimal(kind) or types.is_null(kind):
        return "float"
    is_text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    is_time = types.is_timestamp(kind) or types.is_date(kind) or types.is_time(kind)
    if is_text or is_time:
        return "text"
    if is_binary(kind):
        return "bytes"
    return _LISTS_OF.get(column_kind(kind.value_type)) if holds_lists(kind) else None


def is_binary(kind: pa.DataType) -> bool:
    """Whether values are bytes, however they are stored."""
    types = pa.types
    return bool(
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_binary_view(kind)
        or types.is_fixed_size_binary(kind)
    )


def holds_lists(kind: pa.DataType) -> bool:
    """Whether values are lists, however they are stored."""
    types = pa.types
    return bool(
        types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_list_view(kind)
        or types.is_large_list_view(kind)
        or types.is_fixed_size_list(kind)
    )


_LISTS_OF: dict[ColumnKind | None, ColumnKind] = {"int": "ints", "float": "floats"}


def arrow_columns(schema: pa.Schema) -> list[ArrowColumn]:
    """The columns of a schema, in order; lists of a fixed size are one for each element.

    Structs of ``bytes`` and ``path``, as Hugging Face writes images, are columns of these bytes.
    """
    columns = []
    for entry in schema:
        kind = _bytes_of_file(entry.type) or entry.type
        if pa.types.is_fixed_size_list(kind) and column_kind(kind.value_type) is not None:
            columns += [
                ArrowColumn(f"{entry.name}[{place}]", entry.name, place, kind.value_type)
                for place in range(kind.list_size)
            ]
        else:
            columns.append(ArrowColumn(entry.name, entry.name, -1, kind))
    return columns


def _bytes_of_file(kind: pa.DataType) -> pa.DataType | None:
    """The type of the bytes of a struct of a file's bytes and its path; None for any other."""
    if not pa.types.is_struct(kind) or {field.name for field in kind} - {"path"} != {FILE_BYTES}:
        return None
    held = kind.field(FILE_BYTES).type
    return held if is_binary(held) else None


def as_lists(columns: Sequence[ArrowColumn], names: Collection[str]) -> list[ArrowColumn]:
    """The columns, those of the fields `names` that are lists of a fixed size as one column of lists each."""
    found: dict[str, ArrowColumn] = {}
    for column in columns:
        if column.element < 0 or column.source not in names:
            found[column.name] = column
        else:
            size = sum(other.source == column.source for other in columns)
            whole = pa.list_(column.type, size)
            found[column.source] = ArrowColumn(column.source, column.source, -1, whole)
    return list(found.values())


def layout_of(path: str, columns: Sequence[ArrowColumn]) -> FileLayout:
    """What messages about columns need of a file."""
    return FileLayout(
        path=path,
        dialect=Dialect(delimiter=",", quote='"'),
        has_header=True,
        names=tuple(column.name for column in columns),
        data_offset=0,
        size=0,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Typed(Sample):
    """Kinds by Arrow types instead of records."""

    layout: FileLayout
    columns: Sequence[ArrowColumn]
    inferred: Mapping[str, ColumnKind] = field(default_factory=dict)

    def kind_of(self, place: int, *, strict: bool) -> ColumnKind:
        column = self.columns[place]
        found = self.inferred.get(column.name) or column_kind(column.type)
        if found is None:
            raise ColumnError(f"{self.layout.path}: {unsupported(column)}")
        return found


def unsupported(column: ArrowColumn, kind: ColumnKind | None = None) -> str:
    """Why a column cannot be used, or not as one of a kind."""
    if kind is not None and column_kind(column.type) is not None:
        return f"column {column.name!r} holds {column.type}, and no {kind} can be made of it"
    if isinstance(column.type, pa.OpaqueType):
        return (
            f"column {column.name!r} holds {column.type.type_name}, which comes in the database's own form: "
            f"have the query give it as a number or a text, CAST({column.name} AS numeric) or "
            f"CAST({column.name} AS text), or leave it out with drop=[{column.name!r}]"
        )
    return (
        f"column {column.name!r} holds {column.type}, of which nothing is made here: leave it out with "
        f"drop=[{column.name!r}], or write what you need of it to a column of its own"
    )


def can_be(column: ArrowColumn, kind: ColumnKind) -> bool:
    """Whether a column's values can be taken for those of a kind."""
    found = column_kind(column.type)
    if kind in LISTS:
        return found in LISTS
    if kind == "bytes":
        is_string = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        return found == "bytes" or is_string or pa.types.is_string_view(column.type)
    return found in PLAIN_KINDS or (found is not None and kind == "text")


def resolve_columns(choice: Choice, path: str, columns: Sequence[ArrowColumn]) -> Schema:
    """Settle features, label and kinds from the first file's columns.

    Raises
    ------
    ColumnError
        A column is absent, or of a type that cannot be used.
    OptionError
        A kind was given for a column that is not used.
    """
    listed = {name for name, kind in choice.types.items() if kind in LISTS}
    columns = as_lists(columns, listed)
    layout = layout_of(path, columns)
    sample = _Typed(parts=(), plain=np.zeros(0, np.bool_), layout=layout, columns=columns)
    schema = resolve(choice, layout, sample, get_args(ColumnKind))
    by_name = {column.name: column for column in columns}
    for spec in schema.columns:
        if not can_be(by_name[spec.name], spec.kind):
            raise ColumnError(f"{path}: {unsupported(by_name[spec.name], spec.kind)}")
    return schema
