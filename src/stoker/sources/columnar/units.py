"""What a format of columns owes: files whose rows come in units that are decoded as a whole."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from stoker.errors import DataError
from stoker.given import located
from stoker.sources.access import not_read
from stoker.sources.columnar.arrow_kinds import ArrowColumn
from stoker.sources.columnar.batch_chunk import SEGMENT_ROWS
from stoker.sources.files import FileIdentity
from stoker.sources.remote import is_remote
from stoker.sources.remote.schedule import Span, schedule_of
from stoker.types import IntArray

__all__ = [
    "LargestBatch",
    "UnitFile",
    "anchors_of",
    "input_file",
    "largest_batch",
    "pieces_of",
    "units_file",
    "unreadable",
    "version_of",
]


class UnitFile(Protocol):
    """One file of rows in units; immutable, and safe to use from several threads.

    Attributes
    ----------
    path
        The file, or a name for what is no file; without secrets.
    columns
        What its rows have.
    unit_rows
        int64, one a unit: its rows; None where only the last row tells how many there are. That is one unit.
    size
        Its bytes when it was opened; 0 for what is no file.
    """

    @property
    def path(self) -> str:
        """The file."""
        ...

    @property
    def columns(self) -> Sequence[ArrowColumn]:
        """What its rows have."""
        ...

    @property
    def unit_rows(self) -> IntArray | None:
        """Rows of each unit."""
        ...

    @property
    def size(self) -> int:
        """Its bytes."""
        ...

    def identity(self) -> FileIdentity:
        """What the file system says of the file now."""
        ...

    def batches(self, first_unit: int, names: Sequence[str], rows: int) -> Generator[Any]:
        """The rows from a unit on as Arrow record batches, in order.

        Parameters
        ----------
        first_unit
            Where to begin.
        names
            The wanted fields of the file, in any order; others may come along.
        rows
            About as many in a batch.

        Raises
        ------
        OSError, pyarrow.ArrowException
            The file cannot be read.
        """
        ...

    def used_bytes(self, names: Sequence[str]) -> int:
        """Bytes of the file that these fields take, about."""
        ...

    def decoding_bytes(self, names: Sequence[str]) -> int:
        """Memory that decoding these fields takes, beside the batches."""
        ...

    def describe(self) -> dict[str, Any]:
        """Plain data that tells how it is read, without its path."""
        ...


class LargestBatch:
    """What the largest batch took of those that were read so far and are handed out in parts.

    Attributes
    ----------
    num_bytes
        0 where none was read.
    """

    def __init__(self) -> None:
        self.num_bytes = 0

    def note(self, batch: pa.RecordBatch) -> None:
        """Take in one that was read."""
        self.num_bytes = max(self.num_bytes, int(batch.nbytes))


def largest_batch(file: UnitFile) -> int:
    """Bytes of the largest batch so far that a file gave in parts; 0 of formats that are decoded in parts."""
    while (inner := getattr(file, "file", None)) is not None:
        file = inner
    found = getattr(file, "largest", None)
    return found.num_bytes if isinstance(found, LargestBatch) else 0


def anchors_of(unit_rows: IntArray, segment_rows: int = SEGMENT_ROWS) -> IntArray:
    """Rows of a file at which segments begin, int64: every so many of a unit."""
    starts = np.cumsum(np.append(0, unit_rows[:-1]), dtype=np.int64)
    counts = -(-unit_rows // segment_rows)
    first = np.repeat(starts, counts)
    within = np.arange(int(counts.sum()), dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts)
    return first + within * segment_rows


def pieces_of(unit_rows: IntArray, most: int) -> IntArray:
    """Rows of a file at which pieces begin that are decoded at a time, and where the last one ends: int64.

    A piece is a part of a unit, or several units, of about `most` rows, a multiple of a segment's.
    """
    found, row, begun = [0], 0, 0
    for count in unit_rows.tolist():
        if row > begun and row + count > begun + most:
            begun = row
            found.append(row)
        if count > most:
            found += range(row + most, row + count, most)
            begun = found[-1]
        row += count
    return np.array([*found, row], np.int64)


@contextmanager
def input_file(path: str, *, in_order: bool = False) -> Iterator[Any]:
    """A file as Arrow reads one, wherever it is, while the block runs.

    Parameters
    ----------
    path
        The file, or its address.
    in_order
        Whether it will be read from the beginning on.

    Raises
    ------
    OSError, DataError
        It cannot be opened.
    """
    if is_remote(path):
        from stoker.sources.remote.reader import RemoteFile

        with RemoteFile(path, in_order=in_order) as raw, _RemoteInput(raw, mode="r") as file:
            file.version = raw.reader.version
            yield file
            raw.reader.confirm()
        return
    with pa.OSFile(located(path), "rb") as file:
        yield file


class _RemoteInput(pa.PythonFile):  # type: ignore[misc]  # PyArrow has no types
    version: int | None


def version_of(file: Any) -> int | None:
    """The version of a file elsewhere that `input_file` opened; None for one on a disk here."""
    return file.version if isinstance(file, _RemoteInput) else None


@contextmanager
def units_file(
    path: str, version: int | None, units: Callable[[], Iterable[Sequence[Span]]]
) -> Iterator[Any]:
    """As `input_file`, for units of which something was read before; those of a file elsewhere come ahead.

    Parameters
    ----------
    path
        The file, or its address.
    version
        The object's that was read before.
    units
        Gives the bytes of each unit that are wanted, in order: spans that are read side by side.

    Raises
    ------
    OSError, DataError
        It cannot be opened, or is not the one that was read before.
    """
    if not is_remote(path):
        with pa.OSFile(located(path), "rb") as file:
            yield file
        return
    from stoker.sources.remote.reader import RemoteFile

    with RemoteFile(path, version=version) as raw, pa.PythonFile(raw, mode="r") as file:
        raw.reader.expect(schedule_of(units()))
        yield file
        raw.reader.confirm()


def unreadable(path: str, error: BaseException, *, behind: str = "") -> DataError:
    """What to say of a file that could not be read: the system's reason, or that it is damaged.

    Parameters
    ----------
    path
        The file.
    error
        What PyArrow raised, which reports damage as an error of the system without a number, too.
    behind
        How far it could be read, as the end of a phrase.
    """
    if isinstance(error, OSError) and error.errno:
        return not_read(path, error, behind=behind)
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    return DataError(f"{path} is damaged{behind} ({said}); restore the file, or write it again")
