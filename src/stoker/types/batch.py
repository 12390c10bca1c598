"""What a model takes in one step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.types.order import Position
from stoker.types.rows import Arrays, IntArray, Uint64Array

__all__ = [
    "Batch",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a model takes in one step. The arrays belong to the receiver: stoker never writes them again.

    ``size`` is how many rows it has; of a short last batch a rank may have none, in arrays of no row.

    ``y`` is an array, or of several outputs a mapping by label. ``ids`` are the row ids, ``kept`` the columns
    that were asked to come along, both in batch order. ``digest_words`` are this batch's terms of the epoch's
    two digests, uint64 of shape (4,): the order digest's lower and upper word, then the membership digest's.
    """

    x: Arrays
    y: Arrays | None
    sample_weight: npt.NDArray[np.float32] | None = None
    size: int
    position: Position
    ids: IntArray | None = None
    digest_words: Uint64Array | None = None
    kept: Mapping[str, Any] | None = None

    @property
    def order_digest(self) -> int:
        """The batch's term of the epoch's order digest, modulo 2**128; 0 where rows have no ids."""
        return self._digest(0)

    @property
    def member_digest(self) -> int:
        """The batch's term of the epoch's membership digest, modulo 2**128; 0 where rows have no ids."""
        return self._digest(2)

    def _digest(self, first: int) -> int:
        words = self.digest_words
        return 0 if words is None else int(words[first]) + (int(words[first + 1]) << 64)
