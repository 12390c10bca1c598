"""What may be read of files that stoker stored: data of known types and bounds, written by whomsoever.

Whoever decodes such a file asks for a type, checks what the type cannot say with `require`, and takes all of
`DAMAGE` for what it is: a damaged file.
"""

from __future__ import annotations

import os
import re
from typing import Annotated, Any, TypeAlias, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

__all__ = ["DAMAGE", "MOST", "Count", "Seconds", "decoded", "mapped_array", "require", "require_counts"]

T = TypeVar("T")

MOST = 1 << 60
"""Greater than any count of rows, steps or bytes."""
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=MOST)]
"""How many there are of something."""
Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0.0)]
"""How long something took."""

DAMAGE: tuple[type[Exception], ...] = (
    msgspec.MsgspecError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What comes of reading something else than what was written: stoker's own data errors are ValueErrors."""
_ARRAY_START = b"\x93NUMPY\x01\x00"
_ARRAY_HEADER = re.compile(
    rb"\{'descr': '([<>|=]?\w+)', 'fortran_order': False, 'shape': \((\d{1,18}),\), \} *\n"
)
"""What NumPy writes in front of an array of one dimension; nothing else is evaluated."""


def decoded(data: bytes, kind: type[T]) -> T:
    r"""JSON as a value of a type.

    Parameters
    ----------
    data
        The content of a file.
    kind
        What it must be.

    Raises
    ------
    ValueError
        If it is not; the message says where. Depth is bounded: what is nested too deeply is refused.

    Examples
    --------
    >>> decoded(b'{"rows": 3}', dict[str, Count])
    {'rows': 3}
    >>> decoded(b"-1", Count)
    Traceback (most recent call last):
    ...
    ValueError: Expected `int` >= 0
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except (msgspec.MsgspecError, ValueError, OverflowError) as error:
        raise ValueError(str(error)) from error


def mapped_array(path: str | os.PathLike[str], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """A mapped ``.npy`` file of one dimension and a type of numbers; nothing is read until it is needed.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it holds something else.
    """
    name, wanted = os.path.basename(path), np.dtype(dtype)
    with open(path, "rb") as file:
        start = file.read(len(_ARRAY_START) + 2)
        header = file.read(int.from_bytes(start[-2:], "little"))
        size = os.fstat(file.fileno()).st_size
    known = _ARRAY_HEADER.fullmatch(header)
    if known is None or not start.startswith(_ARRAY_START):
        raise ValueError(f"{name} cannot be read as an array of one dimension")
    stored, length, offset = known[1].decode("latin-1"), int(known[2]), len(start) + len(header)
    if stored != wanted.str:
        raise ValueError(f"{name} holds {stored:.20}, and {wanted.str} is wanted")
    if size < offset + length * wanted.itemsize:
        raise ValueError(f"{name} is cut off: it has {size:,} bytes, and tells of {length:,} values")
    try:
        return np.asarray(np.memmap(path, wanted, "r", offset, (length,)))
    except MemoryError as error:
        raise ValueError(f"{name} cannot be mapped: {error}") from error


def require(holds: Any, otherwise: str) -> None:
    """Raise `ValueError` unless something holds of what was stored.

    Examples
    --------
    >>> require(2 > 1, "numbers are others here")
    """
    if not holds:
        raise ValueError(otherwise)


def require_counts(*numbers: Any, what: str) -> None:
    """Raise ValueError unless each is a `Count`: an integer, at least 0 and at most `MOST`.

    Examples
    --------
    >>> require_counts(3, True, what="rows")
    Traceback (most recent call last):
    ...
    ValueError: rows: True
    """
    for number in numbers:
        require(type(number) is int and 0 <= number <= MOST, f"{what}: {number!r:.40}")
