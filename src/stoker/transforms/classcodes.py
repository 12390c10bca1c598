"""The classes of rows as numbers, before all of them are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from stoker.errors import DataError
from stoker.types import IntArray

__all__ = ["ClassCodes"]


class ClassCodes:
    """Numbers labels in the order in which they are first met.

    Examples
    --------
    >>> codes = ClassCodes()
    >>> codes.encode(["pos", "neg", "pos"]), codes.order()
    (array([0, 1, 0]), array([1, 0]))
    """

    def __init__(self) -> None:
        self._codes: dict[Any, int] = {}

    def encode(self, labels: Any) -> IntArray:
        """The number of each label, int64 of shape (n,).

        Raises
        ------
        DataError
            If a label is missing.
        """
        if isinstance(labels, pa.Array | pa.ChunkedArray):
            values = labels.to_pylist()
        else:
            values = np.asarray(labels).tolist() if isinstance(labels, np.ndarray) else list(labels)
        codes = self._codes
        for value in values:
            if value not in codes:
                if value is None or value != value:
                    raise DataError("a text has no label: leave out texts without one")
                codes[value] = len(codes)
        return np.fromiter((codes[value] for value in values), np.int64, len(values))

    def order(self) -> IntArray | None:
        """Numbers of the labels when these are sorted; None where no label was met."""
        if not self._codes:
            return None
        try:
            labels = sorted(self._codes)
        except TypeError:
            labels = sorted(self._codes, key=repr)
        return np.array([self._codes[label] for label in labels], np.int64)
