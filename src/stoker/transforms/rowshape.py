"""Shapes of rows that are more than numbers side by side, as stored states have them."""

from __future__ import annotations

from math import prod
from typing import Any

from stoker.stored import require

__all__ = ["checked_shape"]

_MOST_DIMENSIONS = 32


def checked_shape(shape: Any, num_columns: int) -> tuple[int, ...]:
    """The shape of a row, as a stored state has it.

    Raises
    ------
    ValueError
        It is none for so many columns.
    """
    require(
        isinstance(shape, list) and 1 < len(shape) <= _MOST_DIMENSIONS, f"rows of the shape {shape!r:.40}"
    )
    require(all(type(size) is int and size > 0 for size in shape), f"rows of the shape {shape!r:.40}")
    require(prod(shape) == num_columns, f"rows of the shape {shape} and {num_columns} columns")
    return tuple(shape)
