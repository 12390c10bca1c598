"""Arrays in batches, for validation data that are no batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from stoker.errors import DataError, OptionError
from stoker.training.generators.batches import describe

__all__ = ["ArrayBatches"]

_BATCH_SIZE = 32


class ArrayBatches:
    """A Sequence over ``(x, y)`` or ``(x, y, sample_weight)``, each an array, or a list or dict of arrays.

    Parameters
    ----------
    arrays
        All rows; SciPy's sparse matrices stay sparse until a batch is taken.
    batch_size
        Rows a batch; the last one may have fewer.

    Raises
    ------
    OptionError, DataError
        If there are not 2 or 3 of them, or none has rows.

    Examples
    --------
    >>> len(ArrayBatches((np.zeros((40, 3)), np.zeros(40))))
    2
    """

    def __init__(self, arrays: Any, batch_size: int = _BATCH_SIZE) -> None:
        if len(arrays) not in (2, 3):
            raise OptionError(
                f"validation data are (x, y), (x, y, sample_weight), a generator or a Sequence, got "
                f"{describe(arrays)}"
            )
        self._parts = tuple(_map(_array, part) for part in arrays)
        self._batch_size = batch_size
        counts = [_rows(leaf) for part in self._parts for leaf in _leaves(part)]
        if not counts or not min(counts):
            raise DataError("the validation data have no rows")
        if len(set(counts)) > 1:
            raise DataError(f"the validation data's numbers of rows differ: {counts}")
        self.num_rows = counts[0]

    def __len__(self) -> int:
        return -(-self.num_rows // self._batch_size)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        rows = slice(index * self._batch_size, (index + 1) * self._batch_size)
        return tuple(_map(lambda leaf: leaf[rows], part) for part in self._parts)


def _map(change: Any, part: Any) -> Any:
    if part is None:
        return None
    if isinstance(part, Mapping):
        return {name: _map(change, each) for name, each in part.items()}
    if isinstance(part, tuple | list) and any(hasattr(each, "shape") or each is None for each in part):
        return [_map(change, each) for each in part]
    return change(part)


def _leaves(part: Any) -> list[Any]:
    if isinstance(part, dict):
        return [leaf for each in part.values() for leaf in _leaves(each)]
    if isinstance(part, list):
        return [leaf for each in part for leaf in _leaves(each)]
    return [] if part is None else [part]


def _array(leaf: Any) -> Any:
    if hasattr(leaf, "toarray") and hasattr(leaf, "tocsr"):
        return leaf.tocsr()
    return np.asarray(leaf)


def _rows(leaf: Any) -> int:
    return int(leaf.shape[0]) if leaf.ndim else 0
