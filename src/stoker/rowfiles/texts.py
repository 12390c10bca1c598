"""Values as text, whole columns at a time: as they stand in CSV and in JSON."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["is_text", "joined", "plain_texts"]

_EXPONENT_FROM = 1e10
"""From here on Arrow writes an exponent, as in ``1e+10``."""


def is_text(kind: Any) -> bool:
    """Whether a ``pyarrow`` type is one of strings."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def plain_texts(column: Any) -> Any:
    """An array's values as strings, nulls as nulls; what is float is seen to be: ``1.0``, not ``1``.

    Numbers are as short as may be for their type to read them back.

    Examples
    --------
    >>> plain_texts(pa.array([1.0, 0.1, None], pa.float32())).to_pylist()
    ['1.0', '0.1', None]
    """
    texts = column.cast(pa.string())
    if not pa.types.is_floating(column.type):
        return texts
    values = column.fill_null(0.5).to_numpy(zero_copy_only=False)
    whole = (np.floor(values) == values) & (np.abs(values) < _EXPONENT_FROM)
    if not whole.any():
        return texts
    behind = pa.array(["", ".0"]).take(pa.array(whole.view(np.uint8)))
    return pc.binary_join_element_wise(texts, behind, "")


def joined(*parts: Any) -> bytes:
    """The strings of arrays of equal length, and of single strings between them, row after row.

    Examples
    --------
    >>> joined(pa.array(["a", "b"]), "=", pa.array(["1", "2"]), ";")
    b'a=1;b=2;'
    """
    rows = pc.binary_join_element_wise(*parts, "")
    data = rows.buffers()[2]
    if data is None:
        return b""
    # The rows stand one behind the other already.
    offsets = np.frombuffer(rows.buffers()[1], np.int32)[rows.offset : rows.offset + len(rows) + 1]
    return bytes(memoryview(data)[int(offsets[0]) : int(offsets[-1])])
