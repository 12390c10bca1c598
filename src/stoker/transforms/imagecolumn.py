"""The column of rows that holds images, and the size that they are to have."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from stoker.errors import ColumnError, OptionError
from stoker.transforms.base import nearest
from stoker.types import IntArray, Rows

__all__ = ["checked_size", "image_values", "only_column"]

_LONGEST = 1 << 14


def checked_size(size: Any) -> tuple[int, int]:
    """Height and width, from both or from one number for both.

    Raises
    ------
    OptionError
        If they are none.
    """
    both = (size, size) if isinstance(size, int) else tuple(size) if isinstance(size, tuple | list) else ()
    whole = len(both) == 2 and all(type(side) is int and 1 <= side <= _LONGEST for side in both)
    if not whole or isinstance(size, bool):
        raise OptionError(
            f"size must be (height, width), whole numbers from 1 to {_LONGEST:,}, or one for both, got "
            f"{size!r:.40}"
        )
    return both[0], both[1]


def only_column(rows: Rows) -> tuple[str]:
    """The name of the only column of bytes that rows have.

    Raises
    ------
    ColumnError
        If they have none, or several.
    """
    names = [name for name, values in rows.columns.items() if _is_bytes(values)]
    if len(names) != 1:
        known = ", ".join(map(repr, names)) or "none"
        raise ColumnError(
            f"the rows have {len(names)} columns of bytes ({known}), and Image is for one: give each an "
            "Image of its own in stoker.Columns"
        )
    return (names[0],)


def image_values(rows: Rows, name: str, places: IntArray | None) -> Any:
    """The bytes at storage places (None: all rows) of a column, an Arrow array.

    Raises
    ------
    ColumnError
        If there is no such column of bytes.
    """
    values: Any = rows.columns.get(name)
    if not _is_bytes(values):
        held = "holds no bytes" if values is not None or name in rows.features else "is not there"
        raise ColumnError(f"the column of images {name!r} {held}{nearest(name, rows.columns)}")
    return values if places is None else values.take(pa.array(places))


def _is_bytes(values: Any) -> bool:
    kind = getattr(values, "type", None)
    return isinstance(kind, pa.DataType) and bool(pa.types.is_large_binary(kind) or pa.types.is_binary(kind))
