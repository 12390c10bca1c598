"""Splits by the value of a column: rows that share it, such as the phrases of a sentence, stay together."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from stoker.errors import DataError, MemoryBudgetError
from stoker.kernels.mixing import mix_many
from stoker.plurals import plural
from stoker.sources.bound import BoundView
from stoker.sources.held import value_bytes
from stoker.sources.index import checksums_of
from stoker.sources.views import SplitSpec, TakeSpec
from stoker.types import Uint64Array
from stoker.types.arrow import is_list

if TYPE_CHECKING:
    from stoker.sources.base import Source

__all__ = ["GROUP_BYTES", "GroupSpec", "in_view", "split_by_group", "value_hashes"]

Value = TypeVar("Value", bound=np.generic)
_CHUNK_BYTES = 1 << 21
_BLOCK_ROWS = 1 << 18

GROUP_BYTES = 26
"""What is held for each row while rows that share a value are kept together, at most."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupSpec(TakeSpec):
    """One of the two parts of a split by a column: rows whose value's hash is below the fraction, or not.

    Attributes
    ----------
    split, column
        How they are divided.
    peak_bytes
        Memory that it took to find them, which a feed of them takes down.
    """

    split: SplitSpec
    column: str
    peak_bytes: int = 0

    def describe(self) -> dict[str, Any]:
        """Plain data; the rows by count and SHA-256."""
        digest = hashlib.sha256(self.indices.astype("<i8").tobytes()).hexdigest()
        return {
            **self.split.describe(),
            "kind": "group",
            "column": self.column,
            "count": len(self.indices),
            "sha256": digest,
        }


def split_by_group(
    source: Source, fraction: float, seed: int, column: str, limit: int = sys.maxsize
) -> tuple[GroupSpec, GroupSpec]:
    """The two parts of a source's view; see `Source.split`. `limit` is what memory it may take.

    Raises
    ------
    ColumnError
        There is no such column.
    DataError
        All rows fall into one part.
    MemoryBudgetError
        There are too many rows.
    """
    first, second = (SplitSpec(fraction=fraction, seed=seed, part=part) for part in (0, 1))
    hashes = value_hashes(source, column, GROUP_BYTES, limit)
    peak = GROUP_BYTES * len(hashes)
    hashes = mix_many(np.uint64(seed), hashes)
    view = source.view.bind(len(hashes))
    inside = _is_below(in_view(view, hashes), fraction)
    del hashes
    parts = [np.flatnonzero(inside), np.flatnonzero(~inside)]
    if not all(map(len, parts)):
        raise DataError(
            f"{source.paths[0]}: {view.num_rows:,} {plural(view.num_rows, 'row')} split by {column!r} would "
            "all be in one part: it has too few different values; take another seed=, fraction or group="
        )
    for part in parts:
        part.flags.writeable = False
    return (
        GroupSpec(indices=parts[0], among=view.num_rows, split=first, column=column, peak_bytes=peak),
        GroupSpec(indices=parts[1], among=view.num_rows, split=second, column=column, peak_bytes=peak),
    )


def in_view(view: BoundView, values: npt.NDArray[Value]) -> npt.NDArray[Value]:
    """Of one value a slot those of a view's rows, in their order; no copy where these are all."""
    if view.num_rows == len(values):
        return values
    found = np.empty(view.num_rows, values.dtype)
    for start in range(0, view.num_rows, _BLOCK_ROWS):
        stop = min(start + _BLOCK_ROWS, view.num_rows)
        found[start:stop] = values[view.ids(start, stop)]
    return found


def value_hashes(source: Source, column: str, row_bytes: int, limit: int) -> Uint64Array:
    """XXH64 of the bytes of each slot's value, uint64 of shape (slots,); reads the files once.

    Parameters
    ----------
    source, column
        Of which rows what.
    row_bytes
        What is held for each slot until the rows are divided.
    limit
        What that may come to in all.

    Raises
    ------
    MemoryBudgetError
        It comes to more.
    """
    table = source.without_label().keeping([column]).table
    if column not in {spec.name for spec in table.schema.features}:
        table = table.with_schema(replace(table.schema, features=()))
    found, most = [np.empty(0, np.uint64)], limit // row_bytes
    _require_room(source, column, getattr(table, "num_rows", None) or 0, row_bytes, most)
    for chunk in table.chunks(_CHUNK_BYTES):
        _require_room(source, column, chunk.first_row + chunk.num_records, row_bytes, most)
        values = table.parse(chunk, np.dtype(np.float64)).rows.columns[column]
        if is_list(values.type):
            found.append(checksums_of(*value_bytes(values)))
            continue
        coded = values.dictionary_encode()
        known = checksums_of(*value_bytes(coded.dictionary))
        found.append(known[coded.indices.to_numpy(zero_copy_only=False)])
    return np.concatenate(found)


def _require_room(source: Source, column: str, num_rows: int, row_bytes: int, most: int) -> None:
    if num_rows > most:
        raise MemoryBudgetError(
            f"{source.paths[0]}: {num_rows:,} rows or more cannot be divided by {column!r}: {row_bytes} "
            f"bytes are held for each until it is done, and it may take {most * row_bytes:,}; give it more "
            f"(memory='{-(-num_rows * row_bytes // 10**6)}MB' for so many), or divide rows one by one"
        )


def _is_below(hashes: Uint64Array, fraction: float) -> npt.NDArray[np.bool_]:
    """Whether a hash, as a share of all that there are, lies below a fraction: by its highest 53 bits."""
    return np.asarray((hashes >> np.uint64(11)) < np.uint64(fraction * 2.0**53))
