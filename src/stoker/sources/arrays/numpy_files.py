"""NumPy's own files: ``.npy``, and ``.npz``, which is a ZIP archive of them. Nothing is unpickled."""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from stoker.errors import DataError
from stoker.sources.arrays.sparse import MATRIX, SparseArray, sparse_array
from stoker.sources.arrays.stored import (
    PackedArray,
    PlainArray,
    StoredArray,
    UnusableArray,
    array_file,
    checked_dtype,
    opening,
)
from stoker.sources.files import identify
from stoker.sources.remote.schedule import Span
from stoker.waits import Wait

__all__ = ["matrix_of", "npy_array", "npz_arrays"]

_LOCAL_HEADER = 30
_SUFFIX = ".npy"
_SPARSE = ("indptr", "indices", "data", "shape", "format")
_LONGEST_HEADER = 10_000
"""What NumPy reads."""
_OLD_BYTES = re.compile(rb"((?:'descr': |, )'[<>|=]?)a(\d*')")
"""Bytes were called ``a`` once."""
_OLD_LONG = re.compile(rb"(\d)L\b(?=[^']*\})")
"""Integers of Python 2, in the shape, which stands behind every text."""
_BESIDE = ("_is_array",)
"""What SciPy writes besides."""


def npy_array(path: str) -> StoredArray:
    """The array of an ``.npy`` file.

    Raises
    ------
    DataError
        It is none, cut off, or holds what no columns are made of.
    """
    with Wait("opens {}", path), opening(path), array_file(path) as file:
        dtype, shape = _header(path, "the array", file)
        offset = file.tell()
    _require_bytes(path, identify(path).size, offset, dtype, shape)
    return PlainArray(path=path, dtype=dtype, shape=shape, offset=offset)


def npz_arrays(path: str) -> Mapping[str, StoredArray]:
    """The arrays of an ``.npz`` file by name; those that `numpy.savez` wrote are read by position.

    One of which no columns are made is a `UnusableArray`. The parts of a sparse matrix, as
    ``scipy.sparse.save_npz`` writes it, are one array.

    Raises
    ------
    DataError
        It is no such archive, or damaged.
    """
    arrays: dict[str, StoredArray] = {}
    try:
        with (
            Wait("opens {}", path),
            opening(path),
            array_file(path) as whole,
            zipfile.ZipFile(whole) as archive,
        ):
            for member in archive.infolist():
                if member.filename.endswith(_SUFFIX):
                    name = member.filename.removesuffix(_SUFFIX)
                    try:
                        arrays[name] = _member(path, archive, member, name)
                    except DataError as error:
                        arrays[name] = UnusableArray(path=path, error=error)
            if set(_SPARSE) - {"indptr", "indices"} <= set(arrays):
                arrays = _with_matrix(path, archive, arrays)
    except zipfile.BadZipFile as error:
        raise DataError(f"{path} is no .npz archive, or a damaged one ({error}); write it again") from error
    except RuntimeError as error:  # encrypted, or compressed in a way that Python does not know
        raise DataError(
            f"{path} is an archive that cannot be unpacked ({error}); write it with numpy.savez"
        ) from error
    if not arrays:
        raise DataError(f"{path} holds no arrays; write it with numpy.savez")
    return arrays


def matrix_of(path: str) -> StoredArray:
    """The sparse matrix of an ``.npz`` file.

    Raises
    ------
    DataError
        There is none.
    """
    found = npz_arrays(path).get(MATRIX)
    if not isinstance(found, SparseArray):
        raise DataError(f"{path} holds no sparse matrix as scipy.sparse.save_npz writes it; name such a file")
    return found


def _with_matrix(
    path: str, archive: zipfile.ZipFile, arrays: dict[str, StoredArray]
) -> dict[str, StoredArray]:
    """The arrays with the matrix in the place of its parts."""

    def value(name: str) -> Any:
        try:
            with archive.open(name + _SUFFIX) as file:
                shape, _, dtype = _parsed(file)
                return np.frombuffer(file.read(), dtype, math.prod(shape)).reshape(shape)
        except ValueError as error:
            raise DataError(
                f"{path}: {name!r} is no part of a sparse matrix ({error}); "
                "write it with scipy.sparse.save_npz"
            ) from error

    layout = value("format")
    if layout.shape or layout.dtype.kind not in "SU":
        return arrays
    told = layout.astype(str).item()
    matrix = sparse_array(path, arrays, value("shape"), told)
    others = {name: array for name, array in arrays.items() if name not in (*_SPARSE, *_BESIDE)}
    return {MATRIX: matrix, **others}


def _member(path: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> StoredArray:
    with archive.open(member) as file:
        dtype, shape = _header(path, repr(name), file)
        skipped = file.tell()
    _require_bytes(path, member.file_size, skipped, dtype, shape)
    if member.compress_type != zipfile.ZIP_STORED:
        span = (member.header_offset, member.header_offset + member.compress_size)
        opener = partial(_open_member, path, member.filename, span)
        return PackedArray(path=path, dtype=dtype, shape=shape, opener=opener, skipped=skipped)
    with array_file(path) as file:
        file.seek(member.header_offset)
        head = file.read(_LOCAL_HEADER)
    # The central directory may have another length of extra fields than the header before the data.
    lengths = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
    offset = member.header_offset + _LOCAL_HEADER + lengths + skipped
    return PlainArray(path=path, dtype=dtype, shape=shape, offset=offset)


@contextmanager
def _open_member(path: str, name: str, span: Span) -> Iterator[IO[bytes]]:
    with (
        array_file(path, spans=[span]) as file,
        zipfile.ZipFile(file) as archive,
        archive.open(name) as member,
    ):
        yield member


def _header(path: str, name: str, file: IO[bytes]) -> tuple[np.dtype[Any], tuple[int, ...]]:
    try:
        shape, is_fortran, dtype = _parsed(file)
    except ValueError as error:
        said = str(error).splitlines()[0]
        raise DataError(f"{path}: {name} is no NumPy array ({said}); write it with numpy.save") from error
    checked_dtype(path, name, dtype)
    if is_fortran and len(shape) > 1:
        raise DataError(
            f"{path}: {name} is stored column by column (Fortran order), and rows are read; write it with "
            "numpy.ascontiguousarray(array)"
        )
    if not shape:
        raise DataError(f"{path}: {name} is a single value; give arrays with a row along the first axis")
    return dtype, shape


def _parsed(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether it is in Fortran order, and type of an array, as its header tells them.

    NumPy warns of the words of old ones, and whoever has warnings raise could not read them; to have it
    silent is nothing that one thread could do for itself. So it is given the words of today.
    """
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    told = file.read(2 if version == (1, 0) else 4)
    length = int.from_bytes(told, "little")
    if length > _LONGEST_HEADER:
        raise ValueError(f"its header takes {length:,} bytes")
    header = file.read(length)
    plain = _OLD_LONG.sub(rb"\1", _OLD_BYTES.sub(rb"\1S\2", header)).rstrip().ljust(len(header))
    try:
        return read(BytesIO(told + plain))
    except (SyntaxError, TokenError, TypeError, MemoryError, RecursionError) as error:
        # Of Python's parser, which NumPy asks; thousands of signs or brackets are too much for its memory.
        raise ValueError("its header is not one of NumPy's") from error


def _require_bytes(path: str, size: int, offset: int, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    needed = offset + int(np.prod(shape, dtype=object)) * dtype.itemsize
    if size < needed:
        raise DataError(
            f"{path} is cut off: its header tells of {shape[0]:,} rows, {needed:,} bytes, and it has "
            f"{size:,}; restore it, or write it again"
        )
