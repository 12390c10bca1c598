"""How values of each kind are held in memory as Arrow arrays: without nulls, a blank being an empty value."""

from __future__ import annotations

import pyarrow as pa

from stoker.types.columns import LISTS, ColumnKind

__all__ = ["arrow_type", "blank_value", "is_list"]

_TYPES: dict[ColumnKind, pa.DataType] = {
    "int": pa.int64(),
    "float": pa.float64(),
    "text": pa.string(),
    "bytes": pa.large_binary(),
    "ints": pa.large_list(pa.int64()),
    "floats": pa.large_list(pa.float64()),
}


def arrow_type(kind: ColumnKind) -> pa.DataType:
    """The type of a kind's values. Texts to learn from are large strings instead.

    Examples
    --------
    >>> arrow_type("bytes"), arrow_type("ints").value_type
    (DataType(large_binary), DataType(int64))
    """
    return _TYPES[kind]


def is_list(kind: pa.DataType) -> bool:
    """Whether a type is one of `stoker.types.LISTS`."""
    return any(kind == _TYPES[name] for name in LISTS)


def blank_value(kind: pa.DataType) -> pa.Scalar:
    """What stands for no value: an empty text, no bytes, an empty list.

    Examples
    --------
    >>> blank_value(pa.string()).as_py(), blank_value(arrow_type("floats")).as_py()
    ('', [])
    """
    return pa.scalar([] if is_list(kind) else b"" if pa.types.is_large_binary(kind) else "", kind)
