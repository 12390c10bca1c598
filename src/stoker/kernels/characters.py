r"""What each character of a text becomes: lower case, accents off, and whether it belongs to a word.

As scikit-learn does it: `str.lower` first, then NFKD without the combining characters, then words are runs of
``\w``. Each of these looks at one code point at a time, but for the Greek sigma at the end of a word; texts
with a capital sigma are lowered by Python beforehand. So a table from code points to bytes is exact; it is
made of Python's own `unicodedata`, one page of 256 code points when it is first met.
"""

from __future__ import annotations

import threading
import unicodedata
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stoker.kernels.compiling import bare_kernel, inner_kernel, kernel
from stoker.kernels.words import load_word

__all__ = ["CharacterArrays", "Characters", "characters", "decode", "fold_ascii", "load_bytes"]

_PAGES = 0x1100
_NO_PAGE = -1
_SIGMA = 0x3A3
_TOPS = np.uint64(0x8080808080808080)
_ADD_A, _ADD_Z = np.uint64(0x3F3F3F3F3F3F3F3F), np.uint64(0x2525252525252525)  # to 0x80, to 0x7F
_ADD_LOW_A, _ADD_LOW_Z = np.uint64(0x1F1F1F1F1F1F1F1F), np.uint64(0x0505050505050505)
_ADD_0, _ADD_9 = np.uint64(0x5050505050505050), np.uint64(0x4646464646464646)
_UNDERSCORES, _ADD_1 = np.uint64(0x5F5F5F5F5F5F5F5F), np.uint64(0x7F7F7F7F7F7F7F7F)


class CharacterArrays(NamedTuple):
    """The table as kernels take it.

    Attributes
    ----------
    lowercase
        Whether capital letters of ASCII become small ones.
    pages
        int32 of shape (4352,): which block of `entries` holds a page of 256 code points; -1 for none yet.
    entries
        int64 of shape (256 * blocks,): ``start << 8 | length`` of what becomes of a code point, in `letters`.
    letters
        uint8: UTF-8, in which a character that belongs to no word is a single 0.
    """

    lowercase: bool
    pages: npt.NDArray[np.int32]
    entries: npt.NDArray[np.int64]
    letters: npt.NDArray[np.uint8]


class Characters:
    r"""The table for one choice of `lowercase` and `strip_accents`; grows, and may be shared by threads.

    Examples
    --------
    >>> table = Characters(lowercase=True, strip_accents=True)
    >>> table.fold("Caf\u00e9 \u00bd!")
    'cafe 1 2 '
    """

    def __init__(self, *, lowercase: bool, strip_accents: bool) -> None:
        self._lowercase, self._strip = lowercase, strip_accents
        self._lock = threading.Lock()
        nothing = np.zeros(0, np.int64)
        self._arrays = CharacterArrays(
            lowercase, np.full(_PAGES, _NO_PAGE, np.int32), nothing, np.zeros(0, np.uint8)
        )

    def covering(self, data: npt.NDArray[np.uint8]) -> tuple[CharacterArrays, bool]:
        """The table with all pages that occur in UTF-8 bytes, and whether `str.lower` must come first."""
        met = np.zeros(_PAGES, np.bool_)
        any_met, sigma = mark_pages(data, met)
        if not any_met:
            return self._arrays, False
        missing = np.flatnonzero(met & (self._arrays.pages == _NO_PAGE))
        arrays = self._load(missing) if missing.size else self._arrays
        return arrays, bool(sigma and self._lowercase)

    def fold(self, text: str) -> str:
        """What a text becomes, with a blank for each character that belongs to no word."""
        text = text.lower() if self._lowercase and "Σ" in text else text
        return "".join(self._image(ord(character)).decode().replace("\0", " ") for character in text)

    def _image(self, code: int) -> bytes:
        if 0xD800 <= code < 0xE000:
            return b"\0"
        text = chr(code).lower() if self._lowercase else chr(code)
        if self._strip:
            text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
        return b"".join(c.encode() if c.isalnum() or c == "_" else b"\0" for c in text)

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
            joined = np.frombuffer(b"".join(letters), np.uint8)
            self._arrays = CharacterArrays(old.lowercase, pages, np.concatenate(entries), joined)
            return self._arrays


@cache
def characters(*, lowercase: bool, strip_accents: bool) -> Characters:
    """The one table of this process for these choices."""
    return Characters(lowercase=lowercase, strip_accents=strip_accents)


@inner_kernel
def load_bytes(data, place, end):
    """Up to eight bytes of `data` from `place` on, as a little-endian uint64; zeros from `end` on."""
    if place + 8 <= end:
        return load_word(data, np.int64(place))
    word = np.uint64(0)
    for at in range(place, end):
        word |= np.uint64(data[at]) << np.uint64(8 * (at - place))
    return word


@inner_kernel
def fold_ascii(word, lowercase):
    """Eight ASCII bytes, in lower case if asked, and a word with the top bit of each byte of no word set."""
    upper = (word + _ADD_A) & ~(word + _ADD_Z) & _TOPS
    lower = word | (upper >> np.uint64(2))
    letters = (lower + _ADD_LOW_A) & ~(lower + _ADD_LOW_Z)
    digits = (word + _ADD_0) & ~(word + _ADD_9)
    underscores = ~((word ^ _UNDERSCORES) + _ADD_1)
    outside = ~(letters | digits | underscores) & _TOPS
    return (lower if lowercase else word), outside


@inner_kernel
def _follows(data, place, end, low, high):
    return place < end and low <= data[place] <= high


@bare_kernel
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
