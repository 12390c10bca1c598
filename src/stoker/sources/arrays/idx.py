"""IDX, the format in which MNIST is given out: a header that tells the shape, then the values, big-endian.

Source: http://yann.lecun.com/exdb/mnist, "the IDX file format".
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, cast

import numpy as np

from stoker.errors import DataError
from stoker.sources.arrays.stored import (
    PackedArray,
    PlainArray,
    StoredArray,
    array_file,
    opening,
    unpacking,
)
from stoker.sources.files import identify
from stoker.waits import Wait

__all__ = ["idx_array"]

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP = b"\x1f\x8b"


def idx_array(path: str) -> StoredArray:
    """The array of an IDX file, gzipped or not.

    Raises
    ------
    DataError
        It is none, damaged or cut off.
    """
    with Wait("opens {}", path), opening(path), array_file(path) as file:
        is_packed = file.read(2) == _GZIP
    with unpacking(path), _opened(path, is_packed=is_packed) as file:
        head = file.read(4)
        if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _DTYPES or not head[3]:
            raise DataError(
                f"{path} is no IDX file: it begins with {head.hex(' ')} and not with 00 00, a type "
                "from 08 to 0e and the number of axes; fetch it again, or give it the right suffix"
            )
        sizes = file.read(4 * head[3])
    if len(sizes) < 4 * head[3]:
        raise DataError(f"{path} is cut off within its header; fetch it again")
    dtype, shape = np.dtype(_DTYPES[head[2]]), tuple(np.frombuffer(sizes, ">u4").tolist())
    offset = 4 + 4 * head[3]
    if is_packed:
        opener = partial(_opened, path, is_packed=True, in_order=True)
        return PackedArray(path=path, dtype=dtype, shape=shape, opener=opener, skipped=offset)
    needed, size = offset + int(np.prod(shape, dtype=object)) * dtype.itemsize, identify(path).size
    if size != needed:
        raise DataError(
            f"{path}: its header tells of {shape[0]:,} rows, {needed:,} bytes, and the file has {size:,}; "
            "fetch it again"
        )
    return PlainArray(path=path, dtype=dtype, shape=shape, offset=offset)


@contextmanager
def _opened(path: str, *, is_packed: bool, in_order: bool = False) -> Iterator[IO[bytes]]:
    with array_file(path, in_order=in_order) as file:
        if not is_packed:
            yield file
            return
        with gzip.open(file, "rb") as unpacked:
            yield cast(IO[bytes], unpacked)
