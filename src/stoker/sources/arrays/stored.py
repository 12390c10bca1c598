"""One array in a file: where its values are, and how its rows are read."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol, cast

import numpy as np
import numpy.typing as npt

from stoker.errors import ChangedDataError, DataError
from stoker.given import located
from stoker.sources.access import not_read
from stoker.sources.files import open_reader
from stoker.sources.remote import is_remote
from stoker.sources.remote.schedule import Span, schedule_of
from stoker.waits import Wait

__all__ = [
    "PackedArray",
    "PlainArray",
    "StoredArray",
    "UnusableArray",
    "array_file",
    "checked_dtype",
    "opening",
]

_KINDS = "buifUS"
_NAMES = {
    "O": "Python objects, which are read by running code from the file",
    "c": "complex numbers",
    "M": "times",
    "m": "durations",
    "V": "records",
}


class StoredArray(Protocol):
    """An array whose rows lie along its first axis. Duties: immutable, safe to use from several threads."""

    @property
    def path(self) -> str:
        """Its file."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """As stored."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """As stored."""
        ...

    @property
    def is_packed(self) -> bool:
        """Whether rows can be read from the first on only."""
        ...

    def blocks(self, first_row: int, rows: int) -> Iterator[npt.NDArray[Any]]:
        """The rows from one on, so many at a time, each of shape (n, values a row) and in native byte order.

        Raises
        ------
        ChangedDataError
            The file ends before the array does.
        DataError
            It cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainArray:
    """An array whose values stand in a file one behind the other, from byte `offset` on."""

    path: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int
    is_packed: bool = False

    def blocks(self, first_row: int, rows: int) -> Iterator[npt.NDArray[Any]]:
        """See `StoredArray`; the file is read by position."""
        width = int(np.prod(self.shape[1:], dtype=np.int64))
        row_bytes = width * self.dtype.itemsize
        with open_reader(self.path, in_order=True) as file:
            for start in range(first_row, self.shape[0], rows):
                count = min(rows, self.shape[0] - start)
                data = np.empty(count * row_bytes, np.uint8)
                if file.read_into(data, self.offset + start * row_bytes) < len(data):
                    raise cut_off(self.path, self.shape[0])
                yield _native(data, self.dtype, width)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedArray:
    """An array within a compressed file, or a compressed part of one.

    Attributes
    ----------
    opener
        Opens the unpacked bytes; a file-like object that is closed behind it.
    skipped
        Unpacked bytes before the first value.
    """

    path: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    opener: Any
    skipped: int
    is_packed: bool = True

    def blocks(self, first_row: int, rows: int) -> Iterator[npt.NDArray[Any]]:
        """See `StoredArray`; everything before the first row is unpacked for it."""
        width = int(np.prod(self.shape[1:], dtype=np.int64))
        row_bytes = width * self.dtype.itemsize
        with unpacking(self.path), self.opener() as file:
            _skip(file, self.skipped + first_row * row_bytes)
            for start in range(first_row, self.shape[0], rows):
                count = min(rows, self.shape[0] - start)
                with Wait("unpacks {}", self.path):
                    data = file.read(count * row_bytes)
                if len(data) < count * row_bytes:
                    raise cut_off(self.path, self.shape[0])
                yield _native(np.frombuffer(data, np.uint8), self.dtype, width)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusableArray:
    """An array of which no columns are made, in a file whose other arrays may be used.

    Attributes
    ----------
    error
        Why.
    """

    path: str
    error: DataError
    shape: tuple[int, ...] = (0,)
    is_packed: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        """Whatever it is."""
        return np.dtype(object)

    def why(self, name: str) -> DataError:
        """What to say where it is used."""
        return DataError(f"{self.error}; or leave it out with drop=[{name!r}]")

    def blocks(self, first_row: int, rows: int) -> Iterator[npt.NDArray[Any]]:
        """Nothing: it is refused before."""
        raise self.error


@contextmanager
def array_file(path: str, *, spans: Sequence[Span] = (), in_order: bool = False) -> Iterator[BinaryIO]:
    """A file's bytes as a file object, wherever it is, while the block runs.

    Parameters
    ----------
    path
        The file, or its address.
    spans
        Bytes of a file elsewhere that will be read, one span after the other.
    in_order
        Whether all will be read, from the beginning on.

    Raises
    ------
    OSError, DataError
        It cannot be opened.
    """
    if not is_remote(path):
        with open(located(path), "rb") as here:
            yield here
        return
    from stoker.sources.remote.reader import RemoteFile

    with RemoteFile(path, in_order=in_order) as raw, io.BufferedReader(raw) as file:
        if not in_order:
            raw.reader.expect(schedule_of([span] for span in spans))
        yield cast(BinaryIO, file)
        raw.reader.confirm()


@contextmanager
def opening(path: str) -> Iterator[None]:
    """While a file is opened: say of it what the system says.

    Raises
    ------
    DataError
        The system does not open it.
    """
    try:
        yield
    except OSError as error:
        if not error.errno:
            raise
        raise not_read(path, error) from error


@contextmanager
def unpacking(path: str) -> Iterator[None]:
    """Say of what goes wrong in compressed data where it went wrong.

    Raises
    ------
    DataError
        The data are damaged, or cannot be read.
    """
    import zipfile
    import zlib

    try:
        yield
    except (zlib.error, EOFError, zipfile.BadZipFile, OSError) as error:
        raise DataError(
            f"{path}: its compressed data are damaged ({error}); fetch or write it again"
        ) from error


def _skip(file: BinaryIO | io.BufferedIOBase, count: int) -> None:
    while count > 0:
        piece = file.read(min(count, 1 << 20))
        if not piece:
            return
        count -= len(piece)


def _native(data: npt.NDArray[np.uint8], dtype: np.dtype[Any], width: int) -> npt.NDArray[Any]:
    block = data.view(dtype).reshape(-1, width)
    return block if dtype.isnative else block.astype(dtype.newbyteorder("="))


def cut_off(path: str, num_rows: int) -> ChangedDataError:
    """What to say of a file that ends before its array does."""
    return ChangedDataError(
        f"{path} ends before the last of its {num_rows:,} rows; restore it, or write it again"
    )


def checked_dtype(path: str, name: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type, if columns can be made of it.

    Raises
    ------
    DataError
        They cannot.
    """
    if dtype.kind in _KINDS and dtype.names is None:
        return dtype
    held = _NAMES.get(dtype.kind, str(dtype))
    raise DataError(
        f"{path}: {name} holds {held}, of which no columns are made; write it as numbers, for example with "
        "array.astype(numpy.float32)"
    )
