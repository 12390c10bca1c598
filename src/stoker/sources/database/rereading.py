"""Whether a query that is asked again gives the same rows, in the same order."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stoker.errors import ChangedDataError
from stoker.kernels.mixing import mix_many
from stoker.sources.held import list_bounds, value_bytes
from stoker.sources.index import checksums_of
from stoker.types import Uint64Array

__all__ = ["Rereading"]

_MISSING = np.uint64(0x9E3779B97F4A7C15)
_POSITION = np.uint64(1)


class Rereading:
    """Compares the rows of a query each time it is asked, once they are divided by one answer.

    An ``ORDER BY`` may leave the order of some rows to chance, and somebody may write to them in between:
    then rows would fall into the wrong part.

    Parameters
    ----------
    name
        What the query is called in messages.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._wanted = False
        self._known: dict[int, int] = {}

    def begin(self) -> None:
        """Compare from the next answer on, by which the rows are divided."""
        self._wanted = True

    def watched(self, batches: Generator[pa.RecordBatch]) -> Generator[pa.RecordBatch]:
        """The batches of an answer; of a whole one it is told at its end if it is another.

        Raises
        ------
        ChangedDataError
            There are as many rows as before, of which some are others or stand elsewhere.
        """
        num_rows = digest = 0
        with closing(batches):
            for batch in batches:
                if self._wanted:
                    digest += _digest(batch, num_rows)
                    num_rows += batch.num_rows
                yield batch
        if not self._wanted:
            return
        digest &= (1 << 64) - 1
        if self._known.setdefault(num_rows, digest) != digest:  # another number is told by who counts
            raise ChangedDataError(
                f"{self._name}: asked again, the query gives other rows than those that were divided, or the "
                "same in another order, and they would fall into the wrong part: give it an ORDER BY that "
                "decides between any two rows, such as a key, and have nobody write to them meanwhile, or "
                "write them to a file first (stoker convert)"
            )


def _digest(batch: pa.RecordBatch, first_row: int) -> int:
    """A sum over rows of what is in them and where they stand: batches may be cut anywhere."""
    rows = np.arange(first_row, first_row + batch.num_rows, dtype=np.uint64)
    hashes = mix_many(_POSITION, rows)
    for number, column in enumerate(batch.columns):
        values = _hashes(column)
        if values is not None:
            hashes = mix_many(np.uint64(number), hashes ^ values)
    return int(np.add.reduce(hashes))


def _hashes(column: Any) -> Uint64Array | None:
    """A number for each value; None of a type of which nothing is made."""
    kind = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        hashes = _list_hashes(column)
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        wide = np.float64 if pa.types.is_floating(kind) else np.int64
        numbers = pc.fill_null(column, 0).to_numpy(zero_copy_only=False)
        # 2**63 and beyond wraps, and is told from other numbers all the same.
        hashes = mix_many(np.uint64(0), numbers.astype(wide).view(np.uint64))
    else:
        is_binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
        try:
            held = column if is_binary else column.cast(pa.large_string())
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
            return None
        hashes = checksums_of(*value_bytes(held))
    if hashes is not None and column.null_count:
        hashes[column.is_null().to_numpy(zero_copy_only=False)] = _MISSING
    return hashes


def _list_hashes(column: Any) -> Uint64Array | None:
    """A number for each list: a sum over what is in it and where."""
    items = _hashes(column.flatten())
    if items is None:
        return None
    bounds = list_bounds(column)
    lengths = np.diff(bounds)
    places = np.arange(len(items)) - np.repeat(bounds[:-1], lengths)
    sums = np.zeros(len(items) + 1, np.uint64)
    np.cumsum(mix_many(_POSITION, items ^ mix_many(_POSITION, places.astype(np.uint64))), out=sums[1:])
    return mix_many(_POSITION, (sums[bounds[1:]] - sums[bounds[:-1]]) ^ lengths.astype(np.uint64))
