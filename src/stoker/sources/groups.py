"""Splits by the value of a column: rows that share it, such as the phrases of a sentence, stay together."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from stoker.errors import DataError
from stoker.kernels.mixing import mix_many
from stoker.sources.bound import BoundView
from stoker.sources.held import value_bytes
from stoker.sources.index import checksums_of
from stoker.sources.views import SplitSpec, TakeSpec
from stoker.types import Uint64Array
from stoker.types.arrow import is_list

if TYPE_CHECKING:
    from stoker.sources.base import Source

__all__ = ["GroupSpec", "in_view", "split_by_group", "value_hashes"]

Value = TypeVar("Value", bound=np.generic)
_CHUNK_BYTES = 1 << 21
_BLOCK_ROWS = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupSpec(TakeSpec):
    """One of the two parts of a split by a column: rows whose value's hash is below the fraction, or not."""

    split: SplitSpec
    column: str

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


def split_by_group(source: Source, fraction: float, seed: int, column: str) -> tuple[GroupSpec, GroupSpec]:
    """The two parts of a source's view; see `Source.split`.

    Raises
    ------
    ColumnError
        There is no such column.
    DataError
        All rows fall into one part.
    """
    first, second = (SplitSpec(fraction=fraction, seed=seed, part=part) for part in (0, 1))
    hashes = mix_many(np.uint64(seed), value_hashes(source, column))
    view = source.view.bind(len(hashes))
    inside = _is_below(in_view(view, hashes), fraction)
    del hashes
    parts = [np.flatnonzero(inside), np.flatnonzero(~inside)]
    if not all(map(len, parts)):
        raise DataError(
            f"{source.paths[0]}: all {view.num_rows:,} rows fall into one part when they are split by "
            f"{column!r}: it has too few different values; take another seed=, fraction or group="
        )
    for part in parts:
        part.flags.writeable = False
    return (
        GroupSpec(indices=parts[0], split=first, column=column),
        GroupSpec(indices=parts[1], split=second, column=column),
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


def value_hashes(source: Source, column: str) -> Uint64Array:
    """XXH64 of the bytes of each slot's value, uint64 of shape (slots,); reads the files once."""
    table = source.without_label().keeping([column]).table
    if column not in {spec.name for spec in table.schema.features}:
        table = table.with_schema(replace(table.schema, features=()))
    found = [np.empty(0, np.uint64)]
    for chunk in table.chunks(_CHUNK_BYTES):
        values = table.parse(chunk, np.dtype(np.float64)).rows.columns[column]
        if is_list(values.type):
            found.append(checksums_of(*value_bytes(values)))
            continue
        coded = values.dictionary_encode()
        known = checksums_of(*value_bytes(coded.dictionary))
        found.append(known[coded.indices.to_numpy(zero_copy_only=False)])
    return np.concatenate(found)


def _is_below(hashes: Uint64Array, fraction: float) -> npt.NDArray[np.bool_]:
    """Whether a hash, as a share of all that there are, lies below a fraction: by its highest 53 bits."""
    return np.asarray((hashes >> np.uint64(11)) < np.uint64(fraction * 2.0**53))
