"""What may be read of files that stoker stored: data of known types and bounds, written by whomsoever.

Whoever decodes such a file asks for a type, checks what the type cannot say with `require`, and takes all of
`DAMAGE` for what it is: a damaged file.
"""

from __future__ import annotations

import os
import tokenize
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
_NO_ARRAY = (
    ArithmeticError,
    EOFError,
    MemoryError,
    RecursionError,
    SyntaxError,
    ValueError,
    tokenize.TokenError,
)


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
    try:
        mapped = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except _NO_ARRAY as error:
        raise ValueError(f"{os.path.basename(path)} cannot be read as an array") from error
    wanted = np.dtype(dtype)
    if mapped.dtype != wanted or mapped.ndim != 1:
        raise ValueError(f"{os.path.basename(path)} holds {mapped.dtype}, and {wanted} is wanted")
    return mapped


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
