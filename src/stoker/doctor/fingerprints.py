"""Rows as 64-bit numbers: XXH64 of a row's bytes, so that the same row is the same number wherever it comes.

NaN is one value whatever its bits, -0.0 is 0.0, text is its UTF-8, a sparse row is its non-zeros in the order
of their columns. A row of another dtype is another row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.errors import DataError
from stoker.kernels.checksum import checksum_segments
from stoker.kernels.mixing import mix_many
from stoker.types import Uint64Array

__all__ = ["fingerprint_rows", "is_sparse"]

_BLOCK_BYTES = 1 << 24


def fingerprint_rows(arrays: Sequence[Any]) -> Uint64Array:
    """One number for each row of several arrays that belong together.

    Parameters
    ----------
    arrays
        Arrays of shape (n, …) or SciPy sparse matrices of n rows, in an order that is always the same.

    Returns
    -------
    uint64 of shape (n,).

    Raises
    ------
    DataError
        If an array holds Python objects that have no bytes of their own.

    Examples
    --------
    >>> import numpy as np
    >>> first, second, third = fingerprint_rows([np.array([[0.0, np.nan], [1.0, 2.0], [-0.0, np.nan]])])
    >>> bool(first == third), bool(first == second)
    (True, False)
    """
    combined = _of_array(arrays[0])
    for place, array in enumerate(arrays[1:], start=1):
        combined = mix_many(np.uint64(place), combined) ^ _of_array(array)
    return combined


def is_sparse(array: Any) -> bool:
    """Whether an array is a SciPy sparse matrix or array, told without importing SciPy.

    Examples
    --------
    >>> is_sparse(np.zeros(3))
    False
    """
    return type(array).__module__.partition(".")[0] == "scipy" and hasattr(array, "tocsr")


def _of_array(array: Any) -> Uint64Array:
    if is_sparse(array):
        return _of_sparse(array.tocsr(copy=True))
    dense = np.asarray(array)
    if dense.dtype.kind in "OSUT":
        return _of_pieces([_text_bytes(row) for row in dense])
    rows = dense.shape[0]
    width = dense[:1].nbytes
    if not rows:
        return np.zeros(0, np.uint64)
    step = max(1, _BLOCK_BYTES // max(1, width))
    blocks = [_of_dense(dense[start : start + step]) for start in range(0, rows, step)]
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def _of_dense(block: npt.NDArray[Any]) -> Uint64Array:
    flat = np.ascontiguousarray(_canonical(block)).reshape(block.shape[0], -1)
    width = flat.itemsize * flat.shape[1]
    offsets = np.arange(flat.shape[0] + 1, dtype=np.int64) * width
    return _checksums(flat.reshape(-1).view(np.uint8), offsets)


def _canonical(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same values with one NaN and one zero."""
    if values.dtype.kind != "f":
        return values
    made: npt.NDArray[Any] = values + values.dtype.type(0)
    missing = np.isnan(made)
    if missing.any():
        made[missing] = np.nan
    return made


def _of_sparse(matrix: Any) -> Uint64Array:
    """Of a CSR matrix of our own: its rows' non-zeros as pairs of column and value."""
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    columns = matrix.indices.astype("<i8").view(np.uint8).reshape(-1, 8)
    values = np.ascontiguousarray(_canonical(matrix.data))
    pairs = np.hstack([columns, values.view(np.uint8).reshape(-1, values.itemsize)])
    offsets = matrix.indptr.astype(np.int64) * pairs.shape[1]
    return _checksums(np.ascontiguousarray(pairs).reshape(-1), offsets)


def _text_bytes(item: Any) -> bytes:
    """The bytes of text, or of an array of text, each word told from the next by its length."""
    if isinstance(item, str):
        return item.encode("utf-8", "surrogatepass")
    if isinstance(item, bytes):
        return item
    if isinstance(item, np.ndarray) and item.dtype.kind in "biufcmM":
        return f"{item.dtype.str}{item.shape}".encode() + _canonical(item).tobytes()
    if isinstance(item, np.generic):
        item = item.item()
    if item is None or isinstance(item, bool | int | float):
        return repr(item).encode()
    if isinstance(item, np.ndarray | list | tuple):
        parts = [_text_bytes(each) for each in item]
        return b"".join(len(part).to_bytes(8, "little") + part for part in parts)
    raise DataError(
        f"a row holds a {type(item).__module__}.{type(item).__qualname__}, which has no bytes to compare it "
        "by; yield arrays of numbers or text"
    )


def _of_pieces(pieces: Iterable[bytes]) -> Uint64Array:
    held = list(pieces)
    offsets = np.zeros(len(held) + 1, np.int64)
    np.cumsum([len(piece) for piece in held], out=offsets[1:])
    return _checksums(np.frombuffer(b"".join(held), np.uint8), offsets)


def _checksums(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> Uint64Array:
    out = np.empty(offsets.shape[0] - 1, np.uint64)
    if not data.flags.writeable:
        data = data.copy()  # one compiled kernel for all: Numba tells read-only arrays apart
    checksum_segments(data, offsets, out)
    return out
