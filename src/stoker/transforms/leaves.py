"""Sums of whole leaves of rows, kept apart, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from stoker.stored import require
from stoker.transforms.packing import from_packed, to_packed
from stoker.types import IntArray

__all__ = ["Leaf", "packed_leaves", "unpacked_leaves"]

FloatArray = npt.NDArray[np.float64]
Leaf: TypeAlias = tuple[IntArray, FloatArray, FloatArray, FloatArray]
"""Of each column the count, the origin, the mean less that, and the sum of square deviations."""

_KINDS = (np.int64, np.float64, np.float64, np.float64)


def packed_leaves(leaves: Sequence[Leaf]) -> list[dict[str, Any]]:
    """Leaves as plain data: all counts, all origins, all means, all squares."""
    return [
        to_packed(np.concatenate([np.empty(0, kind), *(leaf[part] for leaf in leaves)]))
        for part, kind in enumerate(_KINDS)
    ]


def unpacked_leaves(packed: Sequence[dict[str, Any]], width: int) -> list[Leaf]:
    """The leaves that `packed_leaves` wrote, of so many columns.

    Raises
    ------
    ValueError, TypeError, KeyError
        If they are none.
    """
    require(len(packed) == len(_KINDS), "leaves without their parts")
    counts, *sums = (from_packed(part, kind) for part, kind in zip(packed, _KINDS, strict=True))
    leaves = counts.size // max(1, width)
    require(all(part.size == leaves * width for part in (counts, *sums)), "leaves of other columns")
    return list(zip(*(part.reshape(leaves, width) for part in (counts, *sums)), strict=True))
