"""Views of a source's rows as recipes: split, fold, shard and take, in any nesting.

A view says which record slots it holds before anything is known of them, bad rows included; `View.bind` adds
the number of slots and the bad rows. Each step works on its parent's ordinals: the places of the parent's
slots, bad ones included, counted from 0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from stoker.errors import OptionError
from stoker.sources.bits import BitSpec, require_as_many
from stoker.sources.bound import BoundView, Step
from stoker.sources.steps import TABLE_LIMIT, HeadStep, RankStep, ShardStep, TakeStep
from stoker.types import IntArray

__all__ = ["FoldSpec", "HeadSpec", "RankSpec", "ShardSpec", "Spec", "SplitSpec", "TakeSpec", "View"]

_SEED_LIMIT = 1 << 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSpec:
    """One of the two parts of a split.

    In each group of 1,000 consecutive ordinals the ``round(fraction * size)`` with the smallest hash under
    `seed` are part 0, the others part 1.
    """

    fraction: float
    seed: int
    part: int

    def __post_init__(self) -> None:
        if isinstance(self.fraction, bool) or not isinstance(self.fraction, int | float):
            raise OptionError(f"fraction must be a number between 0 and 1, got {self.fraction!r}")
        if not 0 < self.fraction < 1:
            raise OptionError(f"fraction must lie between 0 and 1, both excluded, got {self.fraction!r}")
        _check_seed(self.seed)

    def ranks(self, size: int) -> tuple[int, int]:
        """Ranks by hash, from and up to, that belong to part 0 of `size` ordinals."""
        return 0, round(float(self.fraction) * size)

    def bind(self, total: int, table_limit: int = TABLE_LIMIT) -> Step:
        """The step over a parent of `total` ordinals, remembered by bits where they are no more."""
        return RankStep(total, self.ranks, self.seed, self.part, table_limit)

    def describe(self) -> dict[str, Any]:
        """Plain data."""
        return {"kind": "split", "fraction": float(self.fraction), "seed": self.seed, "part": self.part}


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldSpec:
    """Fold `index` of `count`, which is part 0, or the rows outside of it.

    In each group of `size` ordinals, 1,000 but for the last, it has those whose hash under `seed` has a rank
    in [⌊index·size/count⌋, ⌊(index+1)·size/count⌋).
    """

    count: int
    index: int
    seed: int
    part: int

    def __post_init__(self) -> None:
        if isinstance(self.count, bool) or not isinstance(self.count, int) or not 2 <= self.count <= 1_000:
            raise OptionError(f"folds takes a number of folds from 2 to 1,000, got {self.count!r}")
        if not 0 <= self.index < self.count:
            raise OptionError(f"a fold's index must lie in [0, count), got {self.index} of {self.count}")
        _check_seed(self.seed)

    def ranks(self, size: int) -> tuple[int, int]:
        """Ranks by hash, from and up to, that belong to part 0 of `size` ordinals."""
        return self.index * size // self.count, (self.index + 1) * size // self.count

    def bind(self, total: int, table_limit: int = TABLE_LIMIT) -> Step:
        """The step over a parent of `total` ordinals, remembered by bits where they are no more."""
        return RankStep(total, self.ranks, self.seed, self.part, table_limit)

    def describe(self) -> dict[str, Any]:
        """Plain data."""
        told = {"count": self.count, "index": self.index, "seed": self.seed, "part": self.part}
        return {"kind": "fold", **told}


def _check_seed(seed: object) -> None:
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < _SEED_LIMIT:
        raise OptionError(f"seed must be an integer in [0, 2**64), got {seed!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardSpec:
    """Part `index` of `count` equal contiguous parts: [⌊index·n/count⌋, ⌊(index+1)·n/count⌋)."""

    index: int
    count: int

    def __post_init__(self) -> None:
        for value in (self.index, self.count):
            if isinstance(value, bool) or not isinstance(value, int):
                raise OptionError(f"a shard's index and count must be integers, got {value!r}")
        if self.count < 1 or not 0 <= self.index < self.count:
            raise OptionError(f"a shard's index must lie in [0, count), got {self.index} of {self.count}")

    def bind(self, total: int) -> Step:
        """The step over a parent of `total` ordinals."""
        return ShardStep(total, self.index, self.count)

    def describe(self) -> dict[str, Any]:
        """Plain data."""
        return {"kind": "shard", "index": self.index, "count": self.count}


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSpec:
    """The first `count` ordinals; all of them where there are fewer."""

    count: int

    def __post_init__(self) -> None:
        if isinstance(self.count, bool) or not isinstance(self.count, int) or self.count < 1:
            raise OptionError(f"head needs a number of rows from 1 on, got {self.count!r}")

    def bind(self, total: int) -> Step:
        """The step over a parent of `total` ordinals."""
        return HeadStep(total, self.count)

    def describe(self) -> dict[str, Any]:
        """Plain data."""
        return {"kind": "head", "count": self.count}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TakeSpec:
    """The given ordinals, int64 of shape (n,), ascending and distinct.

    Attributes
    ----------
    indices
        They.
    among
        Of how many they were chosen, by what stood in them; None where nobody looked.
    """

    indices: IntArray
    among: int | None = None

    @classmethod
    def of(cls, indices: Sequence[int] | IntArray) -> TakeSpec:
        """Check, copy and sort indices.

        Raises
        ------
        OptionError
            They are not integers, negative, or one is given twice.
        """
        array = np.asarray(indices)
        if array.ndim != 1 or (array.size and not np.issubdtype(array.dtype, np.integer)):
            raise OptionError(
                f"take needs row numbers in one dimension, got {array.dtype} of shape {array.shape}"
                + ("; np.flatnonzero(mask) gives them" if array.dtype == np.bool_ else "")
            )
        if array.size and (int(array.min()) < 0 or int(array.max()) >= 1 << 63):
            raise OptionError(f"take needs row numbers from 0 on, got {int(array.min())}")
        ordered = np.sort(array.astype(np.int64))
        repeated = ordered[1:][ordered[1:] == ordered[:-1]]
        if repeated.size:
            raise OptionError(f"take was given row {int(repeated[0])} twice; a view holds each row once")
        ordered.flags.writeable = False
        return cls(indices=ordered)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.indices)

    def bind(self, total: int) -> Step:
        """The step over a parent of `total` ordinals."""
        return TakeStep(total, self.indices)

    def describe(self) -> dict[str, Any]:
        """Plain data; the indices by count and SHA-256 of their little-endian bytes."""
        digest = hashlib.sha256(self.indices.astype("<i8").tobytes()).hexdigest()
        return {"kind": "take", "count": len(self.indices), "sha256": digest}


RankSpec: TypeAlias = SplitSpec | FoldSpec
Spec: TypeAlias = SplitSpec | FoldSpec | ShardSpec | HeadSpec | TakeSpec | BitSpec


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """Which rows of a source, as the steps that lead there; no step is the whole source."""

    steps: tuple[Spec, ...] = field(default=())

    def then(self, step: Spec) -> View:
        """The view narrowed by one more step."""
        return View(steps=(*self.steps, step))

    def bind(
        self,
        num_slots: int,
        excluded: IntArray | None = None,
        *,
        table_limit: int = TABLE_LIMIT,
        are_counted: bool = True,
    ) -> BoundView:
        """Resolve the view against a source of `num_slots` slots.

        Parameters
        ----------
        num_slots
            Record slots of the whole source, bad rows included.
        excluded
            int64 of shape (e,): ids of bad or dropped rows, strictly ascending; None for none.
        table_limit
            Ordinals up to which a split is remembered, by one bit each, which makes rows in any order cheap.
        are_counted
            Whether there are so many slots, and not so many at most.

        Raises
        ------
        OptionError
            A row number given to `take` lies beyond the end.
        ChangedDataError
            There were more rows, or fewer, when they were divided by what stands in them.
        """
        bound: list[Step] = []
        total = num_slots
        for step in self.steps:
            if are_counted and isinstance(step, TakeSpec | BitSpec) and step.among is not None:
                require_as_many(total, step.among)
            bound.append(step.bind(total, table_limit) if isinstance(step, RankSpec) else step.bind(total))
            total = bound[-1].size
        nothing = np.empty(0, np.int64)
        return BoundView(num_slots, tuple(bound), nothing if excluded is None else excluded)

    def describe(self) -> dict[str, Any]:
        """Plain data that tells this view from every other."""
        return {"steps": [step.describe() for step in self.steps]}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, View) and self.describe() == other.describe()

    def __hash__(self) -> int:
        return hash(tuple(step["kind"] for step in self.describe()["steps"]))
