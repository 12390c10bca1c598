"""Whether a query that is asked again gives the same rows, in the same order."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator
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
_ALL_BITS = (1 << 64) - 1
_DROPPED_BITS = 29
"""Of a double's 52: a server's threads may sum in another order, and round the last ones otherwise."""


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
        self._known: dict[tuple[int, str], int] = {}

    def begin(self) -> None:
        """Compare from the next answer on, by which the rows are divided."""
        self._wanted = True

    def watched(
        self, batches: Generator[pa.RecordBatch], names: Collection[str]
    ) -> Generator[pa.RecordBatch]:
        """The batches of an answer; of a whole one it is told at its end if it is another.

        Parameters
        ----------
        batches
            All columns that the query gives.
        names
            Those that are used: what nobody uses may be another each time.

        Raises
        ------
        ChangedDataError
            There are as many rows as before, of which some are others or stand elsewhere.
        """
        if not self._wanted:
            yield from batches
            return
        num_rows, digests = 0, dict[str, int]()
        with closing(batches):
            for batch in batches:
                for name, digest in _digests(batch, num_rows):
                    digests[name] = (digests.get(name, 0) + digest) & _ALL_BITS
                num_rows += batch.num_rows
                yield batch
        others = [name for name, digest in digests.items() if self._is_other(num_rows, name, digest)]
        if used := [name for name in others if name in names]:
            raise ChangedDataError(
                f"{self._name}: asked again, the query gives other rows than those that were divided, or the "
                f"same in another order (column {used[0]!r} tells), and they would fall into the wrong part: "
                "give it an ORDER BY that decides between any two rows, such as a key, and have nobody write "
                "to them meanwhile, or write them to a file first (stoker convert)"
            )

    def _is_other(self, num_rows: int, name: str, digest: int) -> bool:
        """Whether a column is another than before; another number of rows is told by who counts."""
        return self._known.setdefault((num_rows, name), digest) != digest


def _digests(batch: pa.RecordBatch, first_row: int) -> Iterator[tuple[str, int]]:
    """For each column a sum over what is in it and where: batches may be cut anywhere."""
    rows = np.arange(first_row, first_row + batch.num_rows, dtype=np.uint64)
    places = mix_many(_POSITION, rows)
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        values = _hashes(column)
        if values is not None:
            yield name, int(np.add.reduce(mix_many(np.uint64(0), places ^ values)))


def _hashes(column: Any) -> Uint64Array | None:
    """A number for each value; None of a type of which nothing is made."""
    kind = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        hashes = _list_hashes(column)
    elif pa.types.is_integer(kind):
        numbers = pc.fill_null(column, 0).to_numpy(zero_copy_only=False)
        # 2**63 and beyond wraps, and is told from other numbers all the same.
        hashes = mix_many(np.uint64(0), numbers.astype(np.int64).view(np.uint64))
    elif pa.types.is_floating(kind):
        bits = pc.fill_null(column, 0).to_numpy(zero_copy_only=False).astype(np.float64).view(np.uint64)
        rounded = (bits + np.uint64(1 << (_DROPPED_BITS - 1))) >> np.uint64(_DROPPED_BITS)
        hashes = mix_many(np.uint64(0), rounded)
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
