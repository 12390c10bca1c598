"""Parts of a view by what stands in a column: every value divided in the same ratio, or kept together."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stoker.errors import DataError
from stoker.kernels.groups import GROUP
from stoker.kernels.mixing import mix_many
from stoker.sources.bound import BoundView
from stoker.sources.groups import GROUP_BYTES, in_view, value_hashes
from stoker.sources.views import FoldSpec, SplitSpec, TakeSpec
from stoker.types import IntArray, Uint64Array

if TYPE_CHECKING:
    from stoker.sources.base import Source

__all__ = ["ValueSpec", "folds_by_value", "split_by_stratum"]

_BLOCK_ROWS = 1 << 16
"""Rows that are ranked at a time."""
_STRATUM_BYTES = 50
"""What is held for each row until all are ranked, at most."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ValueSpec(TakeSpec):
    """Rows that were chosen by what stands in them.

    Attributes
    ----------
    recipe
        Plain data by which they are chosen again.
    peak_bytes
        Memory that it took to find them, which a feed of them takes down.
    """

    recipe: Mapping[str, Any]
    peak_bytes: int = 0

    def describe(self) -> dict[str, Any]:
        """The recipe; the rows by count and SHA-256."""
        digest = hashlib.sha256(self.indices.astype("<i8").tobytes()).hexdigest()
        return {**self.recipe, "count": len(self.indices), "sha256": digest}


def split_by_stratum(
    source: Source, fraction: float, seed: int, column: str, limit: int = sys.maxsize
) -> tuple[ValueSpec, ValueSpec]:
    """The two parts of a source's view in which every value of a column has its share.

    Of each 1,000 consecutive rows of one value, bad ones counted, those ``round(fraction * size)`` whose ids
    have the smallest hash are in the first part.
    `limit` is what memory it may take.

    Raises
    ------
    ColumnError
        There is no such column.
    DataError
        All rows fall into one part.
    MemoryBudgetError
        There are too many rows.
    """
    spec = SplitSpec(fraction=fraction, seed=seed, part=0)
    view, hashes, peak = _view_of(source, column, _STRATUM_BYTES, limit)
    inside = np.empty(len(hashes), np.bool_)
    for rows, ranks, sizes in _ranks(view, hashes, seed):
        inside[rows] = ranks < np.rint(float(spec.fraction) * sizes).astype(np.int64)
    del hashes
    told = {"kind": "stratum", "column": column, "fraction": float(fraction), "seed": seed}
    return (
        _part(source, inside, {**told, "part": 0}, peak),
        _part(source, ~inside, {**told, "part": 1}, peak),
    )


def folds_by_value(
    source: Source, count: int, seed: int, column: str, *, together: bool, limit: int = sys.maxsize
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
    limit
        What memory it may take.

    Raises
    ------
    ColumnError
        There is no such column.
    DataError
        A fold is empty.
    MemoryBudgetError
        There are too many rows.
    """
    FoldSpec(count=count, index=0, seed=seed, part=0)  # refuses what cannot be
    view, hashes, peak = _view_of(source, column, GROUP_BYTES if together else _STRATUM_BYTES, limit)
    fold = np.empty(len(hashes), np.uint16)
    if together:
        for start in range(0, len(hashes), _BLOCK_ROWS):
            rows = slice(start, start + _BLOCK_ROWS)
            fold[rows] = (_mixed(seed, hashes[rows]) * np.uint64(count)) >> np.uint64(53)
    else:
        for places, ranks, sizes in _ranks(view, hashes, seed):
            # The last rows of a value are fewer than folds, perhaps: which folds get them its hash decides.
            first = (_mixed(seed, hashes[places]) % np.uint64(count)).astype(np.int64)
            fold[places] = (((ranks + 1) * count - 1) // sizes + first) % count
    del hashes
    told = {"kind": "grouped fold" if together else "stratified fold", "column": column, "folds": count}
    told["seed"] = seed
    return [
        (
            _part(source, fold != index, {**told, "index": index, "part": 1}, peak),
            _part(source, fold == index, {**told, "index": index, "part": 0}, peak),
        )
        for index in range(count)
    ]


def _view_of(source: Source, column: str, row_bytes: int, limit: int) -> tuple[BoundView, Uint64Array, int]:
    """A view, bad rows included, the hashes of its rows' values, and what it takes; reads the files once."""
    hashes = value_hashes(source, column, row_bytes, limit)
    view = source.view.bind(len(hashes))
    return view, in_view(view, hashes), row_bytes * len(hashes)


def _mixed(seed: int, hashes: Uint64Array) -> Uint64Array:
    """53 bits of each hash under a seed."""
    mixed: Uint64Array = mix_many(np.uint64(seed), hashes) >> np.uint64(11)
    return mixed


def _ranks(view: BoundView, hashes: Uint64Array, seed: int) -> Iterator[tuple[IntArray, IntArray, IntArray]]:
    """For each row its rank by hash in the thousand of its value that it lies in, and that one's size.

    A block of rows at a time: their positions in the view, ranks and sizes, int64 of the same shape.
    """
    by_value = np.argsort(hashes, kind="stable")
    starts = _thousands(hashes[by_value])
    bounds = np.append(starts, len(hashes))
    first = 0
    while first < len(starts):
        # Thousands of one value follow one another, and never are there more than a thousand rows in one.
        last = max(first + 1, int(np.searchsorted(bounds, bounds[first] + _BLOCK_ROWS, side="right")) - 1)
        rows = by_value[bounds[first] : bounds[last]]
        begins = bounds[first:last] - bounds[first]
        sizes = np.diff(bounds[first : last + 1])
        thousand = np.repeat(np.arange(last - first), sizes)
        order = np.lexsort((mix_many(np.uint64(seed), view.ids_of(rows).astype(np.uint64)), thousand))
        ranks = np.empty(len(rows), np.int64)
        ranks[order] = np.arange(len(rows)) - begins[thousand]
        yield rows, ranks, sizes[thousand]
        first = last


def _thousands(ordered: Uint64Array) -> IntArray:
    """Where each thousand rows of a value begin, of values in order; the last of a value has fewer."""
    is_first = np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]
    first = np.flatnonzero(is_first)
    each = -(-np.diff(np.append(first, len(ordered))) // GROUP)
    before = np.cumsum(each) - each
    return np.repeat(first - GROUP * before, each) + GROUP * np.arange(int(each.sum()))


def _part(source: Source, inside: Any, recipe: Mapping[str, Any], peak_bytes: int) -> ValueSpec:
    indices = np.flatnonzero(inside)
    if not len(indices):
        raise DataError(
            f"{source.paths[0]}: one part of the {len(inside):,} rows is empty when they are divided by "
            f"{recipe['column']!r}: take another seed=, fraction, column or number of folds"
        )
    indices.flags.writeable = False
    return ValueSpec(indices=indices, among=len(inside), recipe=recipe, peak_bytes=peak_bytes)
