"""A folder of two files, a typed record and the arrays that it names, each checked by a digest."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
import numpy.typing as npt

from stoker.checkpoints.records import DTYPES, ArrayRecord
from stoker.errors import RunError
from stoker.folders import sync_folder
from stoker.kernels.checksum import checksum

__all__ = ["UnreadableError", "read_package", "write_package"]

_RECORD = "manifest.json"
_ARRAYS = "arrays.bin"
_ALIGNMENT = 64
_PIECE = 1 << 24


class UnreadableError(RunError):
    """Nobody knows whether it is whole: the system does not give it, or another stoker wrote it."""


class _Content(msgspec.Struct, kw_only=True):
    arrays: list[ArrayRecord]
    record: msgspec.Raw


class _Envelope(msgspec.Struct, kw_only=True):
    digest: str
    content: msgspec.Raw


def write_package(
    folder: Path,
    record: msgspec.Struct,
    arrays: Mapping[str, npt.NDArray[Any]],
    between: Callable[[], None] = lambda: None,
) -> None:
    """Write a record and its arrays into an existing, empty folder; all is on the disk when this returns.

    Parameters
    ----------
    folder
        Where to.
    record, arrays
        What.
    between
        Called every 16 MB; it may raise.

    Raises
    ------
    OSError
        If something cannot be written.
    """
    with open(folder / _ARRAYS, "wb") as file:
        places = [_write_array(file, name, array, between) for name, array in arrays.items()]
        _sync(file)
    content = msgspec.json.encode(_Content(arrays=places, record=msgspec.Raw(msgspec.json.encode(record))))
    with open(folder / _RECORD, "wb") as file:
        file.write(msgspec.json.encode(_Envelope(digest=_digest(content), content=msgspec.Raw(content))))
        file.write(b"\n")
        _sync(file)
    sync_folder(folder)


def read_package(folder: Path, kind: type[Any], formats: int) -> tuple[Any, dict[str, npt.NDArray[Any]]]:
    """Read what `write_package` wrote, every byte checked.

    Parameters
    ----------
    folder
        Where it lies.
    kind
        The type of the record, which has a field ``format``.
    formats
        The highest format that is known.

    Returns
    -------
    record, arrays
        The record and its arrays, which nobody else holds.

    Raises
    ------
    RunError
        If a file is absent, cut short, changed or not of this type.
    UnreadableError
        If it cannot be read, or is of a newer format.
    """
    record_file, arrays_file = folder / _RECORD, folder / _ARRAYS
    try:
        envelope = msgspec.json.decode(record_file.read_bytes(), type=_Envelope)
        if _digest(envelope.content) != envelope.digest:
            raise RunError(f"{record_file} is damaged: its content is not what its digest says")
        content = msgspec.json.decode(envelope.content, type=_Content)
        found = msgspec.json.decode(content.record, type=_Format).format
        if found > formats:
            raise UnreadableError(
                f"{record_file} has format {found}, this stoker reads up to {formats}: upgrade it"
            )
        record = msgspec.json.decode(content.record, type=kind)
        with open(arrays_file, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            _check_sizes(content.arrays, size, arrays_file)
            arrays = {place.name: _read_array(file, place, size, arrays_file) for place in content.arrays}
    except (msgspec.DecodeError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise RunError(f"{record_file} is damaged or not of stoker: {error}") from error
    except MemoryError as error:
        raise RunError(f"{folder} tells of more bytes than there is memory: {error}") from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RunError(f"{folder} cannot be read: {error.strerror}") from error
    except OSError as error:
        raise UnreadableError(f"{folder} cannot be read: {error.strerror or error}") from error
    return record, arrays


class _Format(msgspec.Struct):
    format: int


def _write_array(
    file: BinaryIO, name: str, array: npt.NDArray[Any], between: Callable[[], None]
) -> ArrayRecord:
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    data = _bytes_of(array)
    file.write(b"\0" * (-file.tell() % _ALIGNMENT))
    offset = file.tell()
    for start in range(0, len(data), _PIECE):
        between()
        file.write(data[start : start + _PIECE].data)
    return ArrayRecord(
        name=name,
        dtype=array.dtype.name,
        shape=array.shape,
        offset=offset,
        num_bytes=len(data),
        checksum=f"{int(checksum(data, 0, len(data))):016x}",
    )


def _check_sizes(arrays: list[ArrayRecord], size: int, path: Path) -> None:
    """Refuse a record that names bytes several times: each time they would take memory."""
    total = sum(max(0, place.num_bytes) for place in arrays)
    if total > size:
        raise RunError(f"{path} is cut short or described wrongly: arrays of {total:,} bytes in {size:,}")


def _read_array(file: BufferedReader, place: ArrayRecord, size: int, path: Path) -> npt.NDArray[Any]:
    dtype = _dtype(place.dtype)
    items = 0 if 0 in place.shape else 1
    for length in place.shape:
        items *= length
        if items > size:  # numbers of any length are multiplied no further
            break
    if min(place.shape, default=0) < 0 or place.offset < 0 or items * dtype.itemsize != place.num_bytes:
        raise RunError(f"{path} is described wrongly: {place.name!r} cannot be of {place.num_bytes} bytes")
    if place.offset + place.num_bytes > size:
        raise RunError(f"{path} is cut short: {place.name!r} would end behind its {size:,} bytes")
    array = np.empty(place.shape, dtype)
    data = _bytes_of(array)
    file.seek(place.offset)
    if file.readinto(data.data) != len(data):
        raise RunError(f"{path} is cut short within {place.name!r}")
    if f"{int(checksum(data, 0, len(data))):016x}" != place.checksum:
        raise RunError(f"{path} is damaged: {place.name!r} is not what its checksum says")
    return array


def _bytes_of(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    flat = np.ascontiguousarray(array).reshape(-1)
    return flat.view(np.uint8) if flat.size else np.empty(0, np.uint8)


def _dtype(name: str) -> np.dtype[Any]:
    if name not in DTYPES:
        raise RunError(f"a checkpoint names an unknown type of numbers, {name!r}")
    try:
        return np.dtype(name)
    except TypeError:
        import ml_dtypes  # registers nothing by name: its types are attributes

        found: np.dtype[Any] = np.dtype(getattr(ml_dtypes, name))
        return found


def _digest(data: bytes | msgspec.Raw) -> str:
    return hashlib.blake2b(bytes(data), digest_size=16).hexdigest()


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
