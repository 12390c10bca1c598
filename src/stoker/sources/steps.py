"""The steps of a view over a parent of known size: from own ordinals up to the parent's, and down again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.errors import OptionError
from stoker.kernels.groups import GROUP, WORDS, mark_groups, members_of, ranks_of
from stoker.types import IntArray

__all__ = ["TABLE_LIMIT", "HeadStep", "RankStep", "ShardStep", "TakeStep"]

_PAGE = 1_024  # groups that are marked at a time
TABLE_LIMIT = 1 << 23  # ordinals; their table takes 1 MiB, and a group without one a microsecond


class RankStep:
    """Those of `total` ordinals whose hash has certain ranks in its group of 1,000, or the others.

    Which ordinals belong to part 0 is remembered as one bit each, up to `table_limit` ordinals; beyond that a
    group's bits are computed whenever they are needed.

    Parameters
    ----------
    total
        Ordinals of the parent.
    ranks
        Of a group's size: the ranks [below, upto) that belong to part 0.
    seed, part
        Of the hash; 0 or 1.
    """

    def __init__(
        self,
        total: int,
        ranks: Callable[[int], tuple[int, int]],
        seed: int,
        part: int,
        table_limit: int = TABLE_LIMIT,
    ) -> None:
        self._below, self._upto = ranks(GROUP)
        self._tail = ranks(total % GROUP)
        first = total // GROUP * (self._upto - self._below) + self._tail[1] - self._tail[0]
        self.size = first if part == 0 else total - first
        self._part, self._total, self._seed = part, total, np.uint64(seed)
        groups = -(-total // GROUP) if total <= table_limit else 0
        self._table = np.empty((groups, WORDS), np.uint64)
        self._is_marked = np.zeros(-(-groups // _PAGE), np.bool_)
        self._lock = threading.Lock()
        self._made_of = total, ranks, seed, part, table_limit

    def __reduce__(self) -> tuple[Any, ...]:
        # What it remembers is arithmetic, and not worth sending.
        return type(self), self._made_of

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = threading.Lock()

    @property
    def num_bytes(self) -> int:
        """Memory that is held."""
        return self._table.nbytes + self._is_marked.nbytes

    def up(self, ordinals: IntArray) -> IntArray:
        """Parent ordinals of own ordinals."""
        size = self._upto - self._below
        size = size if self._part == 0 else GROUP - size
        self._mark(ordinals, max(1, size))
        found: IntArray = members_of(ordinals, *self._recipe(), self._part, self._table)
        return found

    def down(self, parents: IntArray) -> tuple[IntArray, npt.NDArray[np.bool_]]:
        """Own ordinals of parent ordinals, and whether they belong to this part."""
        self._mark(parents, GROUP)
        ordinals, inside = ranks_of(parents, *self._recipe(), self._part, self._table)
        return ordinals, inside

    def _recipe(self) -> tuple[np.uint64, int, int, int, int, int]:
        return self._seed, self._total, self._below, self._upto, *self._tail

    def _mark(self, numbers: IntArray, group_size: int) -> None:
        """Mark the pages from the smallest to the largest of `numbers`, counted `group_size` a group."""
        if self._is_marked.all() or not len(numbers):
            return
        last_page = len(self._is_marked) - 1
        low = min(last_page, int(numbers.min()) // group_size // _PAGE)
        high = min(last_page, int(numbers.max()) // group_size // _PAGE)
        with self._lock:
            for page in range(low, high + 1):
                if not self._is_marked[page]:
                    first = page * _PAGE
                    mark_groups(*self._recipe(), first, self._table[first : first + _PAGE])
                    self._is_marked[page] = True


class ShardStep:
    """A contiguous part of `total` ordinals; see `ShardSpec`."""

    def __init__(self, total: int, index: int, count: int) -> None:
        self._first = index * total // count
        self.size = (index + 1) * total // count - self._first

    @property
    def num_bytes(self) -> int:
        """Memory that is held."""
        return 0

    def up(self, ordinals: IntArray) -> IntArray:
        """Parent ordinals of own ordinals."""
        return ordinals + self._first

    def down(self, parents: IntArray) -> tuple[IntArray, npt.NDArray[np.bool_]]:
        """Own ordinals of parent ordinals, and whether they belong to this part."""
        ordinals = parents - self._first
        return ordinals, (ordinals >= 0) & (ordinals < self.size)


class HeadStep(ShardStep):
    """The first `count` of `total` ordinals, or all of them."""

    def __init__(self, total: int, count: int) -> None:
        super().__init__(total, 0, 1)
        self.size = min(count, total)


class TakeStep:
    """Chosen ordinals; see `TakeSpec`."""

    def __init__(self, total: int, indices: IntArray) -> None:
        if len(indices) and int(indices[-1]) >= total:
            raise OptionError(f"take was given row {int(indices[-1])}, and there are only {total} rows")
        self._indices = indices
        self.size = len(indices)

    @property
    def num_bytes(self) -> int:
        """Memory that is held."""
        return self._indices.nbytes

    def up(self, ordinals: IntArray) -> IntArray:
        """Parent ordinals of own ordinals."""
        return self._indices[ordinals]

    def down(self, parents: IntArray) -> tuple[IntArray, npt.NDArray[np.bool_]]:
        """Own ordinals of parent ordinals, and whether they belong to this part."""
        ordinals = np.searchsorted(self._indices, parents).astype(np.int64)
        inside = np.zeros(len(parents), np.bool_)
        known = ordinals < len(self._indices)
        inside[known] = self._indices[ordinals[known]] == parents[known]
        return ordinals, inside
