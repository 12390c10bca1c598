"""Lines of many places in a file, counted in one sweep."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from stoker.sources.files import SequentialFile

__all__ = ["count_ends", "lines_at"]

_LF, _CR = 10, 13
_PIECE = 1 << 22
_BLOCK = 1 << 17
"""Bytes that are looked at together: what is found of them stays in a core's cache."""


def lines_at(path: str, offsets: Sequence[int]) -> list[int]:
    r"""Line, counted from 1, of each byte offset; LF, CRLF and a lone CR end lines.

    Parameters
    ----------
    path
        The file, which is read once, up to the last of the places.
    offsets
        In any order.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> temporary = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(temporary.name, "t.csv")
    >>> _ = path.write_bytes(b"a\r\nb\nc")
    >>> lines_at(str(path), [5, 0, 3])
    [3, 1, 2]
    >>> temporary.cleanup()
    """
    order = np.argsort(np.asarray(offsets, np.int64), kind="stable")
    lines = [1] * len(offsets)
    line, position, before = 1, 0, 0
    buffer = np.empty(_PIECE, np.uint8)
    with SequentialFile(path) as file:
        for place in order.tolist():
            while position < offsets[place]:
                wanted = min(_PIECE, offsets[place] - position)
                count = file.read_into(buffer[:wanted])
                if count == 0:
                    break
                line += count_ends(buffer[:count], before)
                before = int(buffer[count - 1])
                position += count
            lines[place] = line
    return lines


def count_ends(piece: npt.NDArray[np.uint8], before: int) -> int:
    """Line ends in a piece that follows the byte `before`; the LF of a CRLF ends no further line."""
    ends = 0
    for start in range(0, len(piece), _BLOCK):
        block = piece[start : start + _BLOCK]
        feeds, returns = block == _LF, block == _CR
        ends += int(np.count_nonzero(feeds)) - int(before == _CR and feeds[0])
        if returns.any():
            ends += int(np.count_nonzero(returns)) - int(np.count_nonzero(feeds[1:] & returns[:-1]))
        before = int(block[-1])
    return ends
