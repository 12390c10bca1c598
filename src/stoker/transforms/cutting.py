"""How texts are cut into words at separators, as Keras 2's ``text_to_word_sequence`` cuts them."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.errors import OptionError
from stoker.kernels.separated import BEFORE, BEHIND, BLOCK, DECODE, DOTTED_I, SEPARATOR, SIGMA
from stoker.transforms.texts import text_buffers
from stoker.types import IntArray

__all__ = ["FILTERS", "Cutter", "Prepared"]

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
"""What separates words unless told otherwise; the apostrophe does not."""

_PAGES = 0x1100
_LAST_PAGE_WITH_CASE = 0x200
_FROM_BEYOND_ASCII = frozenset("ik")
"""Letters of ASCII that are the lower case of others: of U+0130 and of the Kelvin sign."""
_WORST_GROWTH = 3
"""Bytes that one byte becomes at most: one that is no UTF-8 becomes U+FFFD."""


class Prepared(NamedTuple):
    """Texts and tables as the kernels of `stoker.kernels.separated` take them.

    Attributes
    ----------
    data, offsets
        The texts: uint8, and int64 of shape (n + 1,).
    tables
        Actions, pages and lowering.
    rooms
        Room for a prepared text, for its edges and for its words' hashes.
    """

    data: npt.NDArray[np.uint8]
    offsets: IntArray
    tables: tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32], npt.NDArray[np.uint32]]
    rooms: tuple[npt.NDArray[np.uint8], IntArray, npt.NDArray[np.uint64]]


class Cutter:
    r"""Where words end.

    Parameters
    ----------
    filters
        Each of these characters separates words, as `split` does.
    lower
        Whether texts are lowered first, as `str.lower` does it.
    split
        What separates words, at least one character.

    Raises
    ------
    OptionError
        If `split` is empty, or one of them is no text.

    Examples
    --------
    >>> Cutter(filters="!", lower=True, split=" ").words("Hello, World!Bye")
    ['hello,', 'world', 'bye']
    """

    def __init__(self, *, filters: str, lower: bool, split: str) -> None:
        if not isinstance(filters, str) or not isinstance(split, str):
            raise OptionError(f"filters and split must be text, got {filters!r} and {split!r}")
        if not split:
            raise OptionError("split must not be empty: give the text that separates words")
        self._lower, self._split = lower, split
        self._translation = str.maketrans(dict.fromkeys(filters, split))
        separators = set(filters) | {split}
        # The kernels know one separator a byte, and none within what a single character becomes.
        self._in_kernel = len(split) == 1 and "".join(separators).isascii()
        if lower and separators & _FROM_BEYOND_ASCII:
            self._in_kernel = False
        actions = np.arange(256, dtype=np.uint8)
        if self._in_kernel:
            for code in range(128):
                character = chr(code).lower() if lower else chr(code)
                actions[code] = SEPARATOR if character in separators else ord(character)
            actions[128:] = DECODE
        tables = lower_case() if lower and self._in_kernel else no_case()
        self._tables = (actions, *tables)

    def words(self, text: str) -> list[str]:
        """The words of a text."""
        text = text.lower() if self._lower else text
        return [word for word in text.translate(self._translation).split(self._split) if word]

    def prepare(self, texts: pa.LargeStringArray) -> Prepared:
        """Texts as the kernels take them."""
        if not self._in_kernel:
            texts = self._joined(texts)
        data, offsets = text_buffers(texts)
        return Prepared(data, offsets, self._tables, _rooms(offsets))

    def prepare_lowered(self, data: npt.NDArray[np.uint8], start: int, stop: int) -> Prepared:
        """One text, lowered by Python, as the kernels take it."""
        text = data[start:stop].tobytes().decode("utf-8", "replace").lower().encode()
        offsets = np.array([0, len(text)], np.int64)
        return Prepared(np.frombuffer(text, np.uint8), offsets, self._tables, _rooms(offsets))

    def _joined(self, texts: pa.LargeStringArray) -> pa.LargeStringArray:
        """Texts whose words Python has cut already, with a byte between them that stands for nothing else."""
        data, offsets = text_buffers(texts)
        between = bytes([SEPARATOR])
        parts = [
            between.join(
                word.encode() for word in self.words(data[start:stop].tobytes().decode("utf-8", "replace"))
            )
            for start, stop in pairwise(offsets.tolist())
        ]
        bounds = np.zeros(len(parts) + 1, np.int64)
        np.cumsum([len(part) for part in parts], out=bounds[1:])
        return pa.LargeStringArray.from_buffers(
            len(parts), pa.py_buffer(bounds), pa.py_buffer(b"".join(parts))
        )


def _rooms(offsets: IntArray) -> tuple[npt.NDArray[np.uint8], IntArray, npt.NDArray[np.uint64]]:
    longest = int(np.diff(offsets).max(initial=0))
    return (
        np.empty(BEFORE + _WORST_GROWTH * longest + BEHIND, np.uint8),
        np.empty(BLOCK + 2, np.int64),
        np.empty(BLOCK + 2, np.uint64),
    )


@cache
def no_case() -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint32]]:
    """Pages and lowering that leave all characters as they are."""
    return np.full(_PAGES, -1, np.int32), np.zeros((1, 256), np.uint32)


@cache
def lower_case() -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint32]]:
    """Pages and lowering of `str.lower`, a character at a time."""
    pages = np.full(_PAGES, -1, np.int32)
    rows: list[list[int]] = []
    for page in range(_LAST_PAGE_WITH_CASE):
        codes = range(256 * page, 256 * (page + 1))
        lowered = [chr(code).lower() for code in codes]
        if any(ord(low[0]) != code for low, code in zip(lowered, codes, strict=True)):
            pages[page] = len(rows)
            rows.append([ord(low[0]) for low in lowered])
    assert pages[DOTTED_I >> 8] >= 0
    assert pages[SIGMA >> 8] >= 0
    return pages, np.array(rows, np.uint32)
