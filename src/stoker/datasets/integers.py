"""Small integers as CSV, a few thousand rows at a time."""

from __future__ import annotations

from typing import IO

import numpy as np
import numpy.typing as npt

__all__ = ["write_integers"]

_WRITTEN = np.array([list(f"{value:>3},".encode()) for value in range(256)], np.uint8)
_NEEDED = np.not_equal(_WRITTEN, ord(" "))


def write_integers(file: IO[bytes], table: npt.NDArray[np.uint8]) -> None:
    r"""Write rows of integers with commas between them.

    Parameters
    ----------
    file
        Open for writing bytes.
    table
        uint8 of shape (rows, columns).

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> write_integers(file, np.array([[1, 20], [255, 0]], np.uint8))
    >>> file.getvalue()
    b'1,20\n255,0\n'
    """
    text = _WRITTEN[table]
    text[:, -1, -1] = ord("\n")
    file.write(text[_NEEDED[table]].tobytes())
