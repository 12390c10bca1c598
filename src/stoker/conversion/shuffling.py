"""Rows in a random order that is arithmetic, through the disk where they do not fit the memory.

Row q of the view goes to place p of the output, q being the image of p under the permutation of the exact
order's epoch 0. Rows are scattered, in runs that fit the memory, to buckets of consecutive places; then each
bucket is read whole, sorted and handed on, or, where it does not fit the memory, scattered to buckets of its
own. No bit of that depends on runs, buckets, chunks or workers.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from stoker import folders
from stoker.cache.filling import numbers_array
from stoker.conversion.sizes import Runs
from stoker.errors import MemoryBudgetError, RunError
from stoker.ledger import Charge, Ledger
from stoker.prefetch import prefetch
from stoker.samplers.base import epoch_key
from stoker.samplers.exact import permuted, unpermuted
from stoker.types import IntArray

__all__ = ["Buckets", "Order", "buckets_beside", "require_room", "scratch_beside"]

_SCRATCH = "scratch"
_PLACE = ""
"""Name of the column that holds a row's place within its bucket; no column of a table is called so."""
_SPARE_BYTES = 64 << 20


class Order:
    """The permutation of an exact order.

    Parameters
    ----------
    num_rows, seed
        Of `stoker.types.OrderSpec`; the epoch is 0.

    Examples
    --------
    >>> order = Order(5, seed=7)
    >>> order.rows(np.arange(5)).tolist()
    [3, 1, 0, 4, 2]
    >>> order.places(np.array([3, 1, 0, 4, 2])).tolist()
    [0, 1, 2, 3, 4]
    """

    def __init__(self, num_rows: int, seed: int) -> None:
        self._size, self._key = num_rows, epoch_key(seed, 0)

    def rows(self, places: IntArray) -> IntArray:
        """Positions in the view of the rows that come to places of the output."""
        return permuted(places, self._size, self._key)

    def places(self, rows: IntArray) -> IntArray:
        """Places in the output of the rows at positions of the view."""
        return unpermuted(rows, self._size, self._key)


def require_room(folder: Path, num_bytes: int) -> None:
    """Refuse to begin what the disk has not got the room for.

    Raises
    ------
    MemoryBudgetError
        It has less.
    """
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if num_bytes + _SPARE_BYTES > free:
        raise MemoryBudgetError(
            f"shuffling writes {num_bytes / 1e6:,.0f} MB of temporary files beside the output, and {folder} "
            f"has {free / 1e6:,.0f} MB free: write to a larger disk, or raise memory= until the rows fit"
        )


@contextmanager
def buckets_beside(final: Path, schema: pa.Schema, runs: Runs, ledger: Ledger) -> Iterator[Buckets]:
    """Buckets in a temporary folder beside a file, which goes with them.

    Raises
    ------
    RunError
        As of `scratch_beside`.
    """
    with scratch_beside(final) as folder, (folder / "runs").open("wb") as file:
        yield Buckets(file, folder / "runs", schema, runs, ledger)


@contextmanager
def scratch_beside(final: Path) -> Iterator[Path]:
    """A temporary folder beside a file, which is removed when the block ends.

    What a killed process left there is removed first.

    Raises
    ------
    RunError
        The folder cannot be made.
    """
    folders.clean(final.parent, _SCRATCH)
    try:
        scratch = folders.scratch_folder(final.parent)
        folder = scratch.__enter__()
    except OSError as error:
        raise _not_written(final, error) from error
    try:
        yield folder
    finally:
        scratch.__exit__(None, None, None)


class Buckets:
    """Takes rows with their places in the output, and gives them back in that order.

    Parameters
    ----------
    file, path
        Where runs are written, and read again.
    schema
        Of the rows.
    runs
        How they are divided.
    ledger
        Charged for what is in memory.
    """

    def __init__(self, file: BinaryIO, path: Path, schema: pa.Schema, runs: Runs, ledger: Ledger) -> None:
        self._file, self._path, self._runs, self._ledger = file, path, runs, ledger
        place = pa.uint32() if runs.rows <= 1 << 32 else pa.uint64()
        self._rows, self._schema = schema, schema.append(pa.field(_PLACE, place))
        self._waiting: list[tuple[pa.Table, IntArray, Charge]] = []
        self._held = 0
        self._ends: list[IntArray] = []
        """For each run, where each bucket's block ends in the file."""
        self.num_bytes = 0

    def add(self, table: pa.Table, places: IntArray) -> None:
        """Take in rows; they go to the disk when as many wait as a run has.

        Raises
        ------
        RunError
            They cannot be written.
        """
        num_bytes = table.nbytes + places.nbytes
        self._waiting.append((table, places, self._ledger.charge("shuffle", num_bytes)))
        self._held += num_bytes
        if self._held >= self._runs.limit:
            self.flush()

    def flush(self) -> None:
        """Divide the rows that wait and write them."""
        if not self._waiting:
            return
        with self._ledger.charge("shuffle", 2 * self._held):
            places = np.concatenate([each for _, each, _ in self._waiting])
            table = pa.concat_tables([each for each, _, _ in self._waiting]).combine_chunks()
            for *_, charge in self._waiting:
                charge.release()
            self._waiting, self._held = [], 0
            bucket = places // self._runs.rows
            kind = np.uint16 if self._runs.count <= 1 << 16 else np.int64
            order = np.argsort(bucket.astype(kind), kind="stable")
            within = (places - bucket * self._runs.rows).astype(self._schema.types[-1].to_pandas_dtype())
            divided = table.append_column(_PLACE, numbers_array(within)).take(numbers_array(order))
            self._write(divided, np.cumsum(np.bincount(bucket, minlength=self._runs.count)))

    def _write(self, divided: pa.Table, stops: IntArray) -> None:
        ends, start = np.empty(len(stops), np.int64), 0
        batch = divided.combine_chunks().to_batches()[0]
        try:
            for number, stop in enumerate(stops.tolist()):
                if stop > start:
                    self.num_bytes += self._write_block(batch.slice(start, stop - start))
                ends[number], start = self.num_bytes, stop
        except OSError as error:
            raise _not_written(self._path, error) from error
        self._ends.append(self._ledger.attach("shuffle", ends))

    def _write_block(self, batch: pa.RecordBatch) -> int:
        return self._file.write(batch.serialize())

    def tables(self, num_rows: int, piece_rows: int, work: Callable[[pa.Table], object]) -> Iterator[object]:
        """What `work` makes of all rows in the order of their places, `piece_rows` at a time.

        Raises
        ------
        RunError
            The last rows cannot be written, or what was written is not there any more.
        """
        self.flush()
        try:
            self._file.flush()
        except OSError as error:
            raise _not_written(self._path, error) from error

        sizes = [min(self._runs.rows, num_rows - start) for start in range(0, num_rows, self._runs.rows)]
        if self._runs.inner is not None:
            for number, size in enumerate(sizes):
                yield from self._divided(number, size, self._runs.inner, piece_rows, work)
            return

        def read(number: int) -> tuple[list[object], Charge]:
            table, charge = self._bucket(number, sizes[number])
            pieces = (table.slice(start, piece_rows) for start in range(0, sizes[number], piece_rows))
            return [work(piece) for piece in pieces], charge

        # One is read while the one before is written.
        with prefetch(read, range(len(sizes)), workers=1, in_flight=1, name="shuffle") as buckets:
            for pieces, charge in buckets:
                yield from pieces
                del pieces
                charge.release()

    def _divided(
        self, number: int, size: int, runs: Runs, piece_rows: int, work: Callable[[pa.Table], object]
    ) -> Iterator[object]:
        """What `work` makes of a bucket, which is scattered once more."""
        path = self._path.with_name(f"{self._path.name}-divided")
        try:
            file = path.open("wb")  # in the place of the bucket before
        except OSError as error:
            raise _not_written(path, error) from error
        with file:
            buckets = Buckets(file, path, self._rows, runs, self._ledger)
            for batch, num_bytes in self._blocks(number):
                with self._ledger.charge("shuffle", num_bytes):
                    table = pa.Table.from_batches([batch])
                    places = table[_PLACE].to_numpy().astype(np.int64)
                    buckets.add(table.drop_columns([_PLACE]), places)
            yield from buckets.tables(size, piece_rows, work)
            self.num_bytes += buckets.num_bytes

    def _blocks(self, number: int) -> Iterator[tuple[pa.RecordBatch, int]]:
        """What the runs have of a bucket, one after the other, and the bytes of each."""
        begin = 0
        with self._path.open("rb") as file:
            for ends in self._ends:
                start = int(ends[number - 1]) if number else begin
                stop, begin = int(ends[number]), int(ends[-1])
                if stop > start:
                    file.seek(start)
                    data = pa.py_buffer(file.read(stop - start))
                    yield pa.ipc.read_record_batch(data, self._schema), stop - start

    def _bucket(self, number: int, size: int) -> tuple[pa.Table, Charge]:
        """All rows of a bucket in the order of their places, and the charge for them."""
        blocks = list(self._blocks(number))
        batches = [batch for batch, _ in blocks]
        charge = self._ledger.charge("shuffle", 2 * sum(num_bytes for _, num_bytes in blocks))
        table = pa.Table.from_batches(batches, self._schema).combine_chunks()
        places = table[_PLACE].to_numpy()
        order = np.full(size, -1, np.int64)
        order[places] = np.arange(len(places))
        if len(places) != size or (size and int(order.min()) < 0):
            raise RunError(f"{self._path} does not hold what was written to it: see that the disk is sound")
        return table.drop_columns([_PLACE]).take(numbers_array(order)), charge


def _not_written(path: Path, error: OSError) -> RunError:
    return RunError(f"{path} cannot be written: {error.strerror or error}")
