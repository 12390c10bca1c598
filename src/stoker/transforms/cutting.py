"""Where words end: as Keras 2's ``text_to_word_sequence`` cuts texts, or as scikit-learn's vectorisers do."""

from __future__ import annotations

import unicodedata
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.errors import OptionError
from stoker.kernels.characters import SEPARATOR, CharacterArrays, Characters
from stoker.kernels.cutting import BEFORE, BEHIND, BLOCK
from stoker.kernels.frozen import frozen
from stoker.transforms.chunks import text_buffers
from stoker.types import IntArray

__all__ = ["FILTERS", "Cutter", "Prepared", "SeparatorCutter", "word_cutter"]

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
"""What separates words unless told otherwise; the apostrophe does not."""

_BETWEEN = bytes([SEPARATOR])


class Prepared(NamedTuple):
    """Texts and tables as the kernels of `stoker.kernels.separated` take them.

    Attributes
    ----------
    data, offsets
        The texts: uint8, and int64 of shape (n + 1,).
    characters
        What each character becomes.
    least
        Characters of the shortest word.
    rooms
        Room for a prepared text, for its edges and for its words' hashes.
    """

    data: npt.NDArray[np.uint8]
    offsets: IntArray
    characters: CharacterArrays
    least: int
    rooms: tuple[npt.NDArray[np.uint8], IntArray, npt.NDArray[np.uint64]]

    @property
    def likely_words(self) -> int:
        """More words than most texts of so many bytes have."""
        return int(self.offsets[-1] - self.offsets[0]) // 4 + 16


class Cutter:
    """Where words end in texts.

    Parameters
    ----------
    characters
        What each character becomes.
    least
        Characters of the shortest word, 1 or 2.
    """

    def __init__(self, characters: Characters, *, least: int) -> None:
        self.characters = characters
        self._least = least

    def prepare(self, texts: pa.LargeStringArray) -> Prepared:
        """Texts as the kernels take them."""
        data, offsets = text_buffers(texts)
        arrays = self.characters.arrays  # first: another thread may load what grows further
        return Prepared(data, offsets, arrays, self._least, _rooms(offsets, self.characters.growth))

    def prepare_for(self, code: int, prepared: Prepared) -> Prepared:
        """The same, such that the kernels need not stop at a code point without an entry."""
        if self.characters.needs_lowering(code):
            data, offsets = text_buffers(_lowered(prepared.data, prepared.offsets))
            prepared = prepared._replace(data=data, offsets=offsets)
        else:
            prepared = prepared._replace(characters=self.characters.load(code >> 8))
        return prepared._replace(rooms=_rooms(prepared.offsets, self.characters.growth))


class SeparatorCutter(Cutter):
    r"""Words are what lies between separators.

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
    >>> SeparatorCutter(filters="!", lower=True, split=" ").words("Hello, World!Bye")
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

        def image(character: str) -> bytes:
            lowered = character.lower() if lower else character
            return b"".join(_BETWEEN if each in separators else each.encode() for each in lowered)

        super().__init__(Characters(image, lower=lower), least=1)

    def words(self, text: str) -> list[str]:
        """The words of a text."""
        text = text.lower() if self._lower else text
        return [word for word in text.translate(self._translation).split(self._split) if word]

    def prepare(self, texts: pa.LargeStringArray) -> Prepared:
        """Texts as the kernels take them."""
        if len(self._split) == 1:
            return super().prepare(texts)
        # The kernels know one separator a character: Python cuts these texts.
        data, offsets = text_buffers(self._joined(texts))
        return Prepared(data, offsets, _as_they_are(), self._least, _rooms(offsets, 1))

    def _joined(self, texts: pa.LargeStringArray) -> pa.LargeStringArray:
        """Texts whose words Python has cut already, with `SEPARATOR` between them."""
        data, offsets = text_buffers(texts)
        parts = [
            _BETWEEN.join(
                word.encode() for word in self.words(data[start:stop].tobytes().decode("utf-8", "replace"))
            )
            for start, stop in pairwise(offsets.tolist())
        ]
        bounds = np.zeros(len(parts) + 1, np.int64)
        np.cumsum([len(part) for part in parts], out=bounds[1:])
        return pa.LargeStringArray.from_buffers(
            len(parts), pa.py_buffer(bounds), pa.py_buffer(b"".join(parts))
        )


@cache
def word_cutter(*, lowercase: bool, strip_accents: bool) -> Cutter:
    r"""Words are what scikit-learn's token pattern ``\w\w+`` finds; one cutter for the same choices.

    As there, texts are lowered by `str.lower`, and accents go as in NFKD without the combining characters.
    """

    def image(character: str) -> bytes:
        text = character.lower() if lowercase else character
        if strip_accents:
            text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
        return b"".join(c.encode() if c.isalnum() or c == "_" else _BETWEEN for c in text)

    return Cutter(Characters(image, lower=lowercase), least=2)


@cache
def _as_they_are() -> CharacterArrays:
    """All bytes stay as they are."""
    nothing = np.zeros(0, np.int64)
    letters = frozen(np.zeros(0, np.uint8))  # as those of `Characters`
    return CharacterArrays(np.arange(256, dtype=np.uint8), np.zeros(0, np.int32), nothing, letters)


def _lowered(data: npt.NDArray[np.uint8], offsets: IntArray) -> pa.LargeStringArray:
    """The texts in lower case, as Python makes it."""
    pieces = [data[start:stop].tobytes() for start, stop in pairwise(offsets.tolist())]
    return pa.array([piece.decode("utf-8", "replace").lower() for piece in pieces], pa.large_string())


def _rooms(offsets: IntArray, growth: int) -> tuple[npt.NDArray[np.uint8], IntArray, npt.NDArray[np.uint64]]:
    longest = int(np.diff(offsets).max(initial=0))
    return (
        np.empty(BEFORE + growth * longest + BEHIND, np.uint8),
        np.empty(BLOCK + 2, np.int64),
        np.empty(BLOCK + 2, np.uint64),
    )
