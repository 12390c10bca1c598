"""Parts of a view by what stands in a column: every value divided in the same ratio, or kept together."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stoker.errors import DataError
from stoker.kernels.groups import GROUP
from stoker.kernels.mixing import mix_many
from stoker.sources.groups import value_hashes
from stoker.sources.views import FoldSpec, SplitSpec, TakeSpec
from stoker.types import IntArray

if TYPE_CHECKING:
    from stoker.sources.base import Source

__all__ = ["ValueSpec", "folds_by_value", "split_by_stratum"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ValueSpec(TakeSpec):
    """Rows that were chosen by what stands in them.

    Attributes
    ----------
    recipe
        Plain data by which they are chosen again.
    """

    recipe: Mapping[str, Any]

    def describe(self) -> dict[str, Any]:
        """The recipe; the rows by count and SHA-256."""
        digest = hashlib.sha256(self.indices.astype("<i8").tobytes()).hexdigest()
        return {**self.recipe, "count": len(self.indices), "sha256": digest}


def split_by_stratum(source: Source, fraction: float, seed: int, column: str) -> tuple[ValueSpec, ValueSpec]:
    """The two parts of a source's view in which every value of a column has its share.

    Of each 1,000 consecutive rows of one value, bad ones counted, those ``round(fraction * size)`` whose ids
    have the smallest hash are in the first part.

    Raises
    ------
    ColumnError
        There is no such column.
    DataError
        All rows fall into one part.
    """
    spec = SplitSpec(fraction=fraction, seed=seed, part=0)
    ids, hashes = _view_of(source, column)
    ranks, sizes = _ranks(ids, hashes, seed)
    inside = ranks < np.rint(float(spec.fraction) * sizes).astype(np.int64)
    told = {"kind": "stratum", "column": column, "fraction": float(fraction), "seed": seed}
    return (
        _part(source, inside, {**told, "part": 0}),
        _part(source, ~inside, {**told, "part": 1}),
    )


def folds_by_value(
    source: Source, count: int, seed: int, column: str, *, together: bool
) -> list[tuple[ValueSpec, ValueSpec]]:
    """The rows outside of each fold, and those in it.

    Parameters
    ----------
    source
        Its view is divided.
    count, seed
        How many folds, and of the hash.
    column
        Whose values decide.
    together
        Whether rows that share a value are in the same fold; else every fold has its share of each value.

    Raises
    ------
    ColumnError
        There is no such column.
    DataError
        A fold is empty.
    """
    FoldSpec(count=count, index=0, seed=seed, part=0)  # refuses what cannot be
    ids, hashes = _view_of(source, column)
    mixed = mix_many(np.uint64(seed), hashes) >> np.uint64(11)
    if together:
        fold = (mixed * np.uint64(count)) >> np.uint64(53)
    else:
        ranks, sizes = _ranks(ids, hashes, seed)
        # The last rows of a value are fewer than folds, perhaps: which folds get them its hash decides.
        fold = (((ranks + 1) * count - 1) // sizes).astype(np.uint64) + mixed % np.uint64(count)
        fold %= np.uint64(count)
    told = {"kind": "grouped fold" if together else "stratified fold", "column": column, "folds": count}
    told["seed"] = seed
    return [
        (
            _part(source, fold != np.uint64(index), {**told, "index": index, "part": 1}),
            _part(source, fold == np.uint64(index), {**told, "index": index, "part": 0}),
        )
        for index in range(count)
    ]


def _view_of(source: Source, column: str) -> tuple[IntArray, Any]:
    """Row ids of a view, bad rows included, and the hashes of their values; reads the files once."""
    hashes = value_hashes(source, column)
    view = source.view.bind(len(hashes))
    ids = view.ids(0, view.num_rows)
    return ids, hashes[ids]


def _ranks(ids: IntArray, hashes: Any, seed: int) -> tuple[IntArray, IntArray]:
    """For each row its rank by hash in the thousand of its value that it lies in, and that one's size."""
    by_value = np.argsort(hashes, kind="stable")
    ordered = hashes[by_value]
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])
    number = np.searchsorted(first, np.arange(len(ordered)), side="right") - 1
    thousand = np.empty(len(ids), np.int64)
    within = np.arange(len(ordered)) - first[number]
    # Thousands are numbered in the order of values: at most one of each is short.
    before = np.append(0, np.cumsum(-(-np.diff(np.append(first, len(ordered))) // GROUP)))
    thousand[by_value] = before[number] + within // GROUP
    order = np.lexsort((mix_many(np.uint64(seed), ids.astype(np.uint64)), thousand))
    sizes = np.bincount(thousand)
    starts = np.cumsum(sizes) - sizes
    ranks = np.empty(len(ids), np.int64)
    ranks[order] = np.arange(len(ids)) - starts[thousand[order]]
    return ranks, sizes[thousand]


def _part(source: Source, inside: Any, recipe: Mapping[str, Any]) -> ValueSpec:
    indices = np.flatnonzero(inside)
    if not len(indices):
        raise DataError(
            f"{source.paths[0]}: one part of the {len(inside):,} rows is empty when they are divided by "
            f"{recipe['column']!r}: take another seed=, fraction, column or number of folds"
        )
    indices.flags.writeable = False
    return ValueSpec(indices=indices, recipe=recipe)
