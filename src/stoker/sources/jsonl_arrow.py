"""JSON objects read by Arrow, all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stoker.sources.columnar.lists import as_lists_of
from stoker.sources.jsonl_lines import JsonColumn
from stoker.types import LISTS, is_number
from stoker.types.arrow import arrow_type

__all__ = ["read_with_arrow"]

_TYPES = {"bool": pa.bool_(), "int": pa.int64(), "float": pa.float64(), "text": pa.string(), "": pa.null()}
_BRACE = ord("{")
Tree = dict[str, Any]


def read_with_arrow(
    data: npt.NDArray[np.uint8], num_records: int, columns: Sequence[JsonColumn], stored: Sequence[str]
) -> list[Any] | None:
    """Values of each column, as of `read_lines` but in arrays; None where some value is not as expected.

    Parameters
    ----------
    data
        Whole lines.
    num_records
        How many they are.
    columns
        What is wanted of them.
    stored
        What each is expected to be in JSON; see `JsonLayout`.

    Returns
    -------
    ``pyarrow`` strings of texts, lists as they are held, and of numbers int64, or float64 with NaN for
    blanks.
    """
    if not num_records:
        return [
            np.empty(0, np.int64) if is_number(column.kind) else pa.array([], arrow_type(column.kind))
            for column in columns
        ]
    types = [_type_of(column, kind) for column, kind in zip(columns, stored, strict=True)]
    wider = [
        pa.float64() if type == pa.int64() and not column.is_text and column.takes_fractions else type
        for column, type in zip(columns, types, strict=True)
    ]
    for attempt in (types, wider) if wider != types else (types,):
        if None in attempt:
            return None
        found = _read(data, num_records, columns, attempt)
        if found is not None:
            return found
    return None


def _type_of(column: JsonColumn, stored: str) -> Any:
    """The Arrow type to read a column as; None where the line as it stands must be looked at."""
    if column.kind in LISTS:
        return pa.list_(arrow_type(column.kind).value_type)
    type = _TYPES.get(stored)
    if type == pa.null():
        return pa.string() if column.is_text else pa.float64()
    if column.is_text:
        return None if type == pa.float64() else type
    if type == pa.string() or (type == pa.float64() and not column.takes_fractions):
        return None
    return type


def _read(
    data: npt.NDArray[np.uint8], num_records: int, columns: Sequence[JsonColumn], types: Sequence[Any]
) -> list[Any] | None:
    schema = _schema(columns, types)
    if schema is None:
        return None
    import pyarrow.json  # it takes 20 ms, and most tables are in other formats

    try:
        table = pyarrow.json.read_json(
            pa.BufferReader(pa.py_buffer(data)),
            read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=max(len(data) + 1, 1_024)),
            parse_options=pyarrow.json.ParseOptions(
                explicit_schema=schema, unexpected_field_behavior="ignore"
            ),
        )
    except pa.ArrowInvalid:
        return None
    # A line with two objects and one with none look like two with one each: look at how lines begin.
    if table.num_rows != num_records or not _begin_with_braces(data):
        return None
    values = [_values(column, table) for column in columns]
    return None if any(value is None for value in values) else values


def _begin_with_braces(data: npt.NDArray[np.uint8]) -> bool:
    """Whether each line that is not empty begins with an object."""
    behind = np.flatnonzero(data[:-1] == ord("\n")) + 1
    first = np.concatenate([data[:1], data[behind]])
    return bool(np.isin(first, (_BRACE, ord("\n"), ord("\r"))).all())


def _schema(columns: Sequence[JsonColumn], types: Sequence[Any]) -> Any:
    """Objects within objects; None where a value is wanted both whole and in parts."""
    tree: Tree = {}
    for column, type in zip(columns, types, strict=True):
        node = tree
        for key in column.path[:-1]:
            inner = node.setdefault(key, {})
            if not isinstance(inner, dict):
                return None
            node = inner
        if node.setdefault(column.path[-1], type) is not type:
            return None
    return pa.schema(_fields(tree))


def _fields(tree: Tree) -> list[Any]:
    return [
        pa.field(key, pa.struct(_fields(inner)) if isinstance(inner, dict) else inner)
        for key, inner in tree.items()
    ]


def _values(column: JsonColumn, table: Any) -> Any:
    found = table.column(column.path[0]).combine_chunks()
    if isinstance(found, pa.ChunkedArray):
        found = pa.concat_arrays(found.chunks)
    for key in column.path[1:]:
        found = pc.struct_field(found, key)
    if column.is_text:
        return _texts(found)
    if column.kind in LISTS:
        lists, wrong = as_lists_of(found, column.kind)
        return lists if wrong is None else None
    if found.type == pa.bool_():
        found = found.cast(pa.int64())
    if found.null_count:
        found = found.cast(pa.float64(), safe=False)
    numbers = found.to_numpy(zero_copy_only=False)
    return None if numbers.dtype.kind == "f" and np.isinf(numbers).any() else numbers


def _texts(found: Any) -> Any:
    try:
        found = pc.fill_null(found.cast(pa.string()), "")
        found.validate(full=True)  # Arrow's reader takes bytes that are not UTF-8
    except pa.ArrowInvalid:
        return None
    return pa.concat_arrays([found]) if found.offset else found
