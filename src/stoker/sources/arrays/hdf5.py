"""HDF5 files: every dataset of numbers or texts whose rows lie along the first axis."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.errors import ChangedDataError, DataError
from stoker.given import located
from stoker.sources.arrays.stored import PlainArray, StoredArray, UnusableArray, checked_dtype, opening
from stoker.sources.remote import is_remote
from stoker.sources.remote.names import RUN_BLOCKS
from stoker.sources.remote.schedule import Schedule, schedule_of
from stoker.waits import Wait

__all__ = ["hdf5_arrays"]

_lock = threading.RLock()
"""HDF5 lets one thread in at a time; waiting for it here is told. A reader that is given up may be collected,
and its file closed, by the very thread that is in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dataset:
    """A dataset in chunks or compressed, or of texts: read through the HDF5 library."""

    path: str
    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    is_packed: bool = False

    def blocks(self, first_row: int, rows: int) -> Iterator[npt.NDArray[Any]]:
        """See `StoredArray`."""
        width = int(np.prod(self.shape[1:], dtype=np.int64))
        is_text = self.dtype.kind == "U"
        with self._told(), Wait("opens {}", self.path), _lock:
            file, elsewhere = _opened(self.path)
        try:
            with self._told(), Wait("reads {}", self.path), _lock:
                found = file[self.name]
                if found.shape != self.shape:
                    raise ChangedDataError(f"{self.path}: {self.name} has another shape now; open it again")
                _expect(elsewhere, found)
                rows_of = found.asstr("utf-8") if is_text else found
            for start in range(first_row, self.shape[0], rows):
                with self._told(), Wait("reads {}", self.path), _lock:
                    block = rows_of[start : min(start + rows, self.shape[0])]
                yield np.asarray(block, None if is_text else self.dtype).reshape(-1, width)
        finally:
            with _lock:
                file.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell what the library says of damage."""
        try:
            yield
        except UnicodeError as error:
            raise DataError(
                f"{self.path}: {self.name} holds texts that are not UTF-8 ({error}); write them as UTF-8"
            ) from error
        except (OSError, KeyError, RuntimeError) as error:
            raise DataError(f"{self.path}: {self.name} cannot be read ({error}); restore the file") from error


def _opened(path: str) -> tuple[Any, Any]:
    """A file, wherever it is, and what reads one that is elsewhere."""
    import h5py

    if not is_remote(path):
        return h5py.File(located(path), "r"), None
    from stoker.sources.remote.reader import RemoteFile

    raw = RemoteFile(path)
    raw.reader.expect(Schedule((), RUN_BLOCKS))
    return h5py.File(raw, "r"), raw.reader


def _expect(reader: Any, dataset: Any) -> None:
    """Have the chunks of a dataset elsewhere come ahead."""
    if reader is None or dataset.chunks is None:
        return
    chunks = [dataset.id.get_chunk_info(number) for number in range(dataset.id.get_num_chunks())]
    chunks.sort(key=lambda chunk: chunk.chunk_offset)
    reader.expect(schedule_of([(chunk.byte_offset, chunk.byte_offset + chunk.size)] for chunk in chunks))


def hdf5_arrays(path: str) -> Mapping[str, StoredArray]:
    """The datasets of a file by their path in it, without what is no array of rows.

    Raises
    ------
    DataError
        It is no HDF5 file, or holds none.
    """
    import h5py

    found: dict[str, StoredArray] = {}

    def visit(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset) and node.shape:
            try:
                found[name] = _stored(path, name, node)
            except DataError as error:
                found[name] = UnusableArray(path=path, error=error)

    try:
        with Wait("opens {}", path), opening(path), _lock, _opened(path)[0] as file:
            file.visititems(visit)
    except OSError as error:
        said = str(error).splitlines()[0]
        raise DataError(f"{path} is no HDF5 file, or a damaged one ({said}); write it again") from error
    if not found:
        raise DataError(f"{path} holds no arrays with rows; name a file with datasets")
    return found


def _stored(path: str, name: str, node: Any) -> StoredArray:
    import h5py

    if h5py.check_string_dtype(node.dtype) is not None:
        return _Dataset(path=path, name=name, dtype=np.dtype("U"), shape=node.shape)
    dtype = checked_dtype(path, repr(name), node.dtype)
    offset = node.id.get_offset()
    if offset is not None and node.chunks is None and node.id.get_create_plist().get_external_count() == 0:
        return PlainArray(path=path, dtype=dtype, shape=node.shape, offset=offset)
    return _Dataset(path=path, name=name, dtype=dtype.newbyteorder("="), shape=node.shape)
