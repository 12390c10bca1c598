"""Arrays of several dimensions in each row, as Hugging Face's data sets and Arrow have them: flat lists."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

__all__ = ["flat_schema", "flat_table", "shapes_of"]


def flat_schema(schema: pa.Schema) -> pa.Schema:
    """A schema whose arrays are lists of numbers, of a fixed size where their shape is known.

    Examples
    --------
    >>> kind = pa.fixed_shape_tensor(pa.uint8(), (2, 3))
    >>> flat_schema(pa.schema([("image", kind), ("y", pa.int64())])).types
    [FixedSizeListType(fixed_size_list<item: uint8>[6]), DataType(int64)]
    """
    return pa.schema([pa.field(each.name, _flat_type(each.type)) for each in schema])


def shapes_of(schema: pa.Schema) -> Mapping[str, tuple[int, ...]]:
    """Shapes of the arrays in a row, by column, where they are known.

    Examples
    --------
    >>> shapes_of(pa.schema([("image", pa.fixed_shape_tensor(pa.uint8(), (2, 3))), ("y", pa.int64())]))
    {'image': (2, 3)}
    """
    shapes = {each.name: _shape(each.type) for each in schema}
    return {name: shape for name, shape in shapes.items() if shape and None not in shape}  # type: ignore[misc]


def flat_table(table: pa.Table) -> pa.Table:
    """A table whose arrays are flat lists, as `flat_schema` tells; a row without an array has none.

    Examples
    --------
    >>> images = pa.FixedShapeTensorArray.from_numpy_ndarray(np.arange(8).reshape(2, 2, 2))
    >>> flat_table(pa.table({"image": images}))["image"].to_pylist()
    [[0, 1, 2, 3], [4, 5, 6, 7]]
    """
    for place, entry in enumerate(table.schema):
        if _shape(entry.type):
            chunks = [_flat(chunk, _flat_type(entry.type)) for chunk in table.column(place).chunks]
            kind = _flat_type(entry.type)
            table = table.set_column(place, pa.field(entry.name, kind), pa.chunked_array(chunks, kind))
    return table


def _shape(kind: pa.DataType) -> tuple[int | None, ...]:
    """Shape of what a row of an extension type holds, of unknown lengths None; empty where it is no array."""
    found = getattr(kind, "shape", None) if isinstance(kind, pa.BaseExtensionType) else None
    return tuple(found) if isinstance(found, list | tuple) else ()


def _flat_type(kind: pa.DataType) -> pa.DataType:
    shape = _shape(kind)
    if not shape:
        return kind
    innermost = kind.storage_type
    while _is_nested(innermost):
        innermost = innermost.value_type
    return pa.list_(innermost) if None in shape else pa.list_(innermost, math.prod(shape))  # type: ignore[arg-type]


def _is_nested(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _flat(array: Any, kind: pa.DataType) -> Any:
    """The lists within lists of one chunk as one list a row."""
    storage = array.storage
    sound = np.flatnonzero(storage.is_valid().to_numpy(zero_copy_only=False))
    values, bounds = storage.take(pa.array(sound)), np.arange(len(sound) + 1)
    while _is_nested(values.type):
        inside = values.flatten()
        lengths = values.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
        bounds = np.concatenate([[0], np.cumsum(lengths)])[bounds]
        values = inside
    if pa.types.is_fixed_size_list(kind):
        flat = pa.FixedSizeListArray.from_arrays(values, type=kind)
    else:
        flat = pa.ListArray.from_arrays(pa.array(bounds, pa.int32()), values)
    if len(sound) == len(storage):
        return flat
    places = np.full(len(storage), -1)
    places[sound] = np.arange(len(sound))
    return flat.take(pa.array(places, mask=places < 0))
