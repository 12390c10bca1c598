"""What becomes of the types that databases have and Arrow's own arrays have not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["plain_batch", "plain_schema"]

_TYPE = b"POSTGRESQL:type"
_MONEY = (b"money", b"_money")
_HYPHENS = (8, 13, 18, 23)
_UUID_BYTES, _UUID_DIGITS = 16, 36
_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """Names and types as they are worked with.

    PostgreSQL's exact decimals, which its driver gives as text, are numbers, and UUIDs are text; so they are
    in arrays, of which those of several dimensions are one behind the other. Values in
    the server's own form (addresses, ranges, points), and ``money``, whose point stands where the server's
    locale has it, keep a type of which nothing is made.
    """
    return pa.schema([(entry.name, _plain_type(entry)) for entry in schema])


def plain_batch(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Rows as `plain_schema` tells; columns of which nothing is made are as they were."""
    arrays = [_plain(column, entry) for column, entry in zip(batch.columns, batch.schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, batch.schema.names)


def _plain_type(entry: pa.Field) -> pa.DataType:
    kind = entry.type
    if entry.metadata is not None and entry.metadata.get(_TYPE) in _MONEY:
        return pa.opaque(kind, "money", "PostgreSQL")
    if isinstance(kind, pa.OpaqueType):
        return pa.float64() if kind.type_name == "numeric" else kind
    if isinstance(kind, pa.UuidType):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_plain_type(kind.value_field))
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _plain(array: Any, entry: pa.Field) -> Any:
    wanted = _plain_type(entry)
    if isinstance(wanted, pa.OpaqueType):
        return array
    if isinstance(entry.type, pa.UuidType):
        return _uuid_texts(array.storage)
    if pa.types.is_list(wanted) and not array.type.equals(wanted):
        values = _plain(array.values, entry.type.value_field)
        mask = array.is_null() if array.null_count else None
        return pa.ListArray.from_arrays(array.offsets, values, mask=mask)
    return (array.storage if isinstance(entry.type, pa.BaseExtensionType) else array).cast(wanted)


def _uuid_texts(array: Any) -> Any:
    """Sixteen bytes each as ``67cec7ce-edda-4827-bd57-a09c4e89729e``."""
    count = len(array)
    raw = np.frombuffer(array.buffers()[1] or b"", np.uint8)[_UUID_BYTES * array.offset :]
    raw = raw[: _UUID_BYTES * count].reshape(count, _UUID_BYTES)
    places = [place for place in range(_UUID_DIGITS) if place not in _HYPHENS]
    texts = np.full((count, _UUID_DIGITS), ord("-"), np.uint8)
    texts[:, places] = _DIGITS[np.stack([raw >> 4, raw & 15], axis=2).reshape(count, 2 * _UUID_BYTES)]
    fixed = pa.Array.from_buffers(pa.binary(_UUID_DIGITS), count, [None, pa.py_buffer(texts)])
    whole = fixed.cast(pa.binary()).cast(pa.string())
    return pc.if_else(array.is_null(), pa.scalar(None, pa.string()), whole) if array.null_count else whole
