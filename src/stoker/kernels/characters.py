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

from stoker.kernels.compiling import helper_kernel, inner_kernel, kernel
from stoker.kernels.words import load_word

__all__ = ["DECODE", "SEPARATOR", "CharacterArrays", "Characters", "decode"]

SEPARATOR, DECODE = 0xFF, 0xFE
"""Bytes that UTF-8 never holds: between words, and where a character beyond ASCII begins."""

_PAGES = 0x1100
_NO_PAGE = -1
_SIGMA = 0x3A3
_REPLACEMENT = 0xFFFD
_TOPS = np.uint64(0x8080808080808080)


class CharacterArrays(NamedTuple):
    """The table as kernels take it.

    Attributes
    ----------
    actions
        uint8 of shape (256,): what a byte becomes, or `DECODE`.
    pages
        int32 of shape (4352,): which block of `entries` holds a page of 256 code points; -1 for none yet.
    entries
        int64 of shape (256 * blocks,): ``start << 8 | length`` of what becomes of a code point, in `letters`.
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
            actions, np.full(_PAGES, _NO_PAGE, np.int32), np.zeros(0, np.int64), np.zeros(0, np.uint8)
        )

    @property
    def growth(self) -> int:
        """Bytes that a byte of text becomes at most, with the pages met so far."""
        return self._growth

    def covering(self, data: npt.NDArray[np.uint8]) -> tuple[CharacterArrays, bool]:
        """The table with all pages that occur in UTF-8 bytes, and whether `str.lower` must come first.

        The bytes may be those of several texts: they need not be told where one ends.
        """
        met = np.zeros(_PAGES, np.bool_)
        any_met, sigma = mark_pages(data, met)
        if not any_met:
            return self._arrays, False
        # A character that the end of its text cuts off may look whole together with the next text.
        met[_REPLACEMENT >> 8] = True
        missing = np.flatnonzero(met & (self._arrays.pages == _NO_PAGE))
        arrays = self._load(missing) if missing.size else self._arrays
        return arrays, bool(sigma and self._lower)

    def fold(self, text: str) -> bytes:
        """What a text becomes."""
        text = text.lower() if self._lower and "Σ" in text else text
        return b"".join(self._image(ord(character)) for character in text)

    def _image(self, code: int) -> bytes:
        return bytes([SEPARATOR]) if 0xD800 <= code < 0xE000 else self._of(chr(code))

    def _load(self, missing: npt.NDArray[np.int64]) -> CharacterArrays:
        with self._lock:
            old = self._arrays
            pages, entries, letters = old.pages.copy(), [old.entries], [old.letters.tobytes()]
            end, blocks = old.letters.size, old.entries.size // 256
            for page in missing.tolist():
                if pages[page] != _NO_PAGE:
                    continue
                images = [self._image(page * 256 + code) for code in range(256)]
                lengths = np.array([len(image) for image in images], np.int64)
                entries.append((end + np.cumsum(lengths) - lengths) << 8 | lengths)
                letters.append(b"".join(images))
                end, pages[page], blocks = end + len(letters[-1]), blocks, blocks + 1
                # U+FFFD may stand for a single byte, any other character beyond ASCII takes two.
                fewest = 1 if page == _REPLACEMENT >> 8 else 2
                self._growth = max(self._growth, -(-int(lengths.max()) // fewest))
            joined = np.frombuffer(b"".join(letters), np.uint8)
            self._arrays = CharacterArrays(old.actions, pages, np.concatenate(entries), joined)
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


@kernel
def mark_pages(data, met):
    """Note which pages of code points the bytes above 127 belong to.

    Parameters
    ----------
    data
        UTF-8, uint8.
    met
        bool of shape (4352,). Written.

    Returns
    -------
    Whether there are any; whether a capital sigma is among them.
    """
    place, end = np.int64(0), np.int64(data.shape[0])
    any_met, sigma = False, False
    while place < end:
        if place + 32 <= end:
            first = load_word(data, place) | load_word(data, place + 8)
            if (first | load_word(data, place + 16) | load_word(data, place + 24)) & _TOPS == np.uint64(0):
                place += 32
                continue
        stop = min(place + 32, end)
        while place < stop:
            if data[place] < 0x80:
                place += 1
                continue
            code, length = decode(data, place, end)
            met[code >> 8] = True
            any_met = True
            sigma |= code == _SIGMA
            place += length
    return any_met, sigma
