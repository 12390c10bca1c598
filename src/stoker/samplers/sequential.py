"""Rows in the order of the files."""

from __future__ import annotations

import numpy as np

from stoker.samplers.base import BaseSampler
from stoker.types import IntArray

__all__ = ["SequentialSampler"]


class SequentialSampler(BaseSampler):
    """Place p of every epoch is position p."""

    def _read(self, epoch: int, window: int, start: int, stop: int) -> tuple[IntArray, IntArray]:
        return np.array([[start, stop]], np.int64), np.arange(stop - start, dtype=np.int64)
