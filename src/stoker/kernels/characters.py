r"""What each character of a text becomes before the text is cut into words.

Each code point becomes some bytes of its own, whatever stands around it: so a table from code points to bytes
is exact. It is made by Python, one page of 256 code points when that is first met. Only the Greek sigma has a
small form that depends on its neighbours: texts with a capital one are lowered by Python beforehand.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stoker.kernels.compiling import helper_kernel, inner_kernel

__all__ = ["DECODE", "NO_ENTRY", "SEPARATOR", "CharacterArrays", "Characters", "decode", "entry_of"]

SEPARATOR, DECODE = 0xFF, 0xFE
"""Bytes that UTF-8 never holds: between words, and where a character beyond ASCII begins."""
NO_ENTRY = -1
"""Instead of an entry where a page must be loaded, or a text lowered, before a character is looked up."""

_PAGES = 0x1100
_NO_PAGE = -1
_SIGMA = 0x3A3
_REPLACEMENT = 0xFFFD


class CharacterArrays(NamedTuple):
    """The table as kernels take it.

    Attributes
    ----------
    actions
        uint8 of shape (256,): what a byte becomes, or `DECODE`.
    pages
        int32 of shape (4352,): which block of `entries` holds a page of 256 code points; -1 for none yet.
    entries
        int64 of shape (256 * blocks,): ``start << 8 | length`` of what becomes of a code point, in `letters`;
        or `NO_ENTRY`.
    letters
        uint8: UTF-8, and `SEPARATOR` for what belongs to no word.
    """

    actions: npt.NDArray[np.uint8]
    pages: npt.NDArray[np.int32]
    entries: npt.NDArray[np.int64]
    letters: npt.NDArray[np.uint8]


class Characters:
    r"""The table of all code points; it grows, and may be shared by threads.

    Parameters
    ----------
    image
        What a character becomes: UTF-8 with `SEPARATOR` for what belongs to no word. A character of ASCII
        becomes a single byte.
    lower
        Whether texts with a capital sigma must be lowered first.

    Examples
    --------
    >>> table = Characters(lambda character: character.lower().encode(), lower=True)
    >>> table.fold("Caf\u00c9!") == "caf\u00e9!".encode()
    True
    """

    def __init__(self, image: Callable[[str], bytes], *, lower: bool) -> None:
        self._of, self._lower = image, lower
        self._lock = threading.Lock()
        self._growth = 1
        ascii_images = [image(chr(code)) for code in range(128)]
        assert all(len(each) == 1 for each in ascii_images)
        actions = np.full(256, DECODE, np.uint8)
        actions[:128] = np.frombuffer(b"".join(ascii_images), np.uint8)
        self._arrays = CharacterArrays(
            actions, np.full(_PAGES, _NO_PAGE, np.int32), np.zeros(0, np.int64), np.frombuffer(b"", np.uint8)
        )

    @property
    def growth(self) -> int:
        """Bytes that a byte of text becomes at most, with the pages met so far."""
        return self._growth

    @property
    def arrays(self) -> CharacterArrays:
        """The table with the pages met so far."""
        return self._arrays

    def needs_lowering(self, code: int) -> bool:
        """Whether a text with this character must be lowered by Python before it is looked up here."""
        return self._lower and code == _SIGMA

    def fold(self, text: str) -> bytes:
        """What a text becomes."""
        text = text.lower() if self._lower and "Σ" in text else text
        return b"".join(self._image(ord(character)) for character in text)

    def _image(self, code: int) -> bytes:
        return bytes([SEPARATOR]) if 0xD800 <= code < 0xE000 else self._of(chr(code))

    def load(self, *pages: int) -> CharacterArrays:
        """The table with these pages of 256 code points, too."""
        with self._lock:
            old = self._arrays
            places, entries, letters = old.pages.copy(), [old.entries], [old.letters.tobytes()]
            end = old.letters.size
            for page in pages:
                if places[page] != _NO_PAGE:
                    continue
                codes = range(page * 256, page * 256 + 256)
                images = [self._image(code) for code in codes]
                lengths = np.array([len(image) for image in images], np.int64)
                made = (end + np.cumsum(lengths) - lengths) << 8 | lengths
                made[[self.needs_lowering(code) for code in codes]] = NO_ENTRY
                places[page] = old.entries.size // 256 + len(entries) - 1
                entries.append(made)
                letters.append(b"".join(images))
                end += len(letters[-1])
                # U+FFFD may stand for a single byte, any other character beyond ASCII takes two.
                fewest = 1 if page == _REPLACEMENT >> 8 else 2
                self._growth = max(self._growth, -(-int(lengths.max()) // fewest))
            joined = np.frombuffer(b"".join(letters), np.uint8)  # read-only as the first
            self._arrays = CharacterArrays(old.actions, places, np.concatenate(entries), joined)
            return self._arrays


@inner_kernel
def _follows(data, place, end, low, high):
    return place < end and low <= data[place] <= high


@helper_kernel
def decode(data, place, end):
    """Code point of the UTF-8 sequence at `place`, whose first byte is above 127, and its length in bytes.

    What is no valid sequence (an overlong one and a surrogate included) is U+FFFD; its length is that of the
    longest beginning of a valid one, at least 1, as `bytes.decode` with ``errors="replace"`` has it.
    """
    lead = np.int64(data[place])
    if lead < 0xC2 or lead > 0xF4:
        return np.int64(0xFFFD), np.int64(1)
    if lead < 0xE0:
        code, more = lead & 0x1F, 1
    elif lead < 0xF0:
        code, more = lead & 0x0F, 2
    else:
        code, more = lead & 0x07, 3
    low = 0xA0 if lead == 0xE0 else 0x90 if lead == 0xF0 else 0x80
    high = 0x9F if lead == 0xED else 0x8F if lead == 0xF4 else 0xBF
    for step in range(1, more + 1):
        if not _follows(data, place + step, end, low, high):
            return np.int64(0xFFFD), np.int64(step)
        code = code << 6 | np.int64(data[place + step]) & 0x3F
        low, high = 0x80, 0xBF
    return code, np.int64(more + 1)


@inner_kernel
def entry_of(pages, entries, code):
    """The entry of a code point, or `NO_ENTRY`."""
    block = np.int64(pages[code >> 8])
    return entries[block * 256 + (code & 0xFF)] if block >= 0 else np.int64(NO_ENTRY)
