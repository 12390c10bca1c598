"""How large the pictures of a column are: counted picture by picture, the same in any order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from stoker.images.headers import BadImageError, ImageHeader, read_header
from stoker.stored import MOST, require, require_counts

__all__ = ["MOST_SIDE", "ImageSizes", "sizes_of"]

MOST_SIDE = 224
"""Pixels of a side at most where nobody says the size: what most published networks take."""
_HELD = 1_024
_LONGEST = 1_024
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
_FIGURES = ("num_images", "num_grey", "decoding_bytes", "num_bad")


class ImageSizes:
    """Sizes, formats and channels of pictures, in bounded memory; merging is exact, in any order.

    Of at most 1,024 different sizes each is counted; of more, those whose hash is least. Medians are exact up
    to 1,024 pixels.

    Attributes
    ----------
    num_images, num_grey, num_bad
        Pictures, those of one channel, and values that are none.
    decoding_bytes
        The most memory that decoding one of them takes.
    formats
        How many there are of each format.
    first_bad
        Number of the first value that is none and what is wrong with it; None where there is none.

    Examples
    --------
    >>> seen = ImageSizes()
    >>> for width in (640, 640, 32):
    ...     seen.add(ImageHeader("PNG", width, 480))
    >>> seen.size, seen.common
    ((224, 224), [((640, 480), 2), ((32, 480), 1)])
    """

    def __init__(self) -> None:
        self.num_images = self.num_grey = self.decoding_bytes = self.num_bad = 0
        self.formats: dict[str, int] = {}
        self.first_bad: tuple[int, str] | None = None
        self.is_exact = True
        self._sizes: dict[tuple[int, int], int] = {}
        self._sides = np.zeros((2, _LONGEST + 1), np.int64)

    def add(self, header: ImageHeader) -> None:
        """Count a picture."""
        self.num_images += 1
        self.num_grey += header.is_grey
        self.decoding_bytes = max(self.decoding_bytes, header.decoding_bytes)
        self.formats[header.format] = self.formats.get(header.format, 0) + 1
        size = header.width, header.height
        for side, length in zip(self._sides, size, strict=True):
            side[min(length, _LONGEST)] += 1
        self._sizes[size] = self._sizes.get(size, 0) + 1
        if len(self._sizes) > 2 * _HELD:
            self._shorten()

    def add_bad(self, row: int, reason: str) -> None:
        """Count a value that is no picture."""
        self.num_bad += 1
        if self.first_bad is None or row < self.first_bad[0]:
            self.first_bad = row, reason

    def merge(self, other: ImageSizes, *, rows_before: int = 0) -> Self:
        """Take in what another has seen, in rows that come so many behind its own first."""
        self.num_images += other.num_images
        self.num_grey += other.num_grey
        self.decoding_bytes = max(self.decoding_bytes, other.decoding_bytes)
        self.is_exact = self.is_exact and other.is_exact
        self._sides += other._sides
        for name, count in other.formats.items():
            self.formats[name] = self.formats.get(name, 0) + count
        for size, count in other._sizes.items():
            self._sizes[size] = self._sizes.get(size, 0) + count
        self._shorten()
        if other.first_bad is not None:
            self.add_bad(other.first_bad[0] + rows_before, other.first_bad[1])
            self.num_bad += other.num_bad - 1
        return self

    @property
    def size(self) -> tuple[int, int]:
        """Height and width that pictures of these sizes are brought to: the medians, 224 at most."""
        width, height = (self._quantile(side, 0.5) for side in self._sides)
        return min(height, MOST_SIDE), min(width, MOST_SIDE)

    @property
    def common(self) -> list[tuple[tuple[int, int], int]]:
        """Widths and heights with how many pictures have them, the most frequent first."""
        self._shorten()
        return sorted(self._sizes.items(), key=lambda each: (-each[1], each[0]))

    @property
    def holds_images(self) -> bool:
        """Whether there are images, and nothing else."""
        return bool(self.num_images) and not self.num_bad

    @property
    def is_grey(self) -> bool:
        """Whether every picture has one channel."""
        return bool(self.num_images) and self.num_grey == self.num_images

    def describe(self) -> str:
        """How many there are of which size, and of which format, for people.

        Examples
        --------
        >>> seen = ImageSizes()
        >>> seen.add(ImageHeader("PNG", 28, 28, is_grey=True))
        >>> seen.describe()
        'all 28 × 28 · PNG · grey'
        """
        common = self.common
        if not common:
            return "none"
        shown = [f"{count:,} of {width} × {height}" for (width, height), count in common[:3]]
        rest = self.num_images - sum(count for _, count in common[:3])
        if len(common) == 1:
            sizes = "all {} × {}".format(*common[0][0])
        else:
            height, width = (self._told_median(side) for side in self._sides[::-1])
            more = [] if not rest else [f"{rest:,} of {'' if self.is_exact else 'about '}others"]
            sizes = f"{', '.join(shown + more)}; {width} × {height} in the middle"
        formats = sorted(self.formats.items(), key=lambda each: (-each[1], each[0]))
        kinds = (
            formats[0][0] if len(formats) == 1 else ", ".join(f"{count:,} {name}" for name, count in formats)
        )
        grey = f"{self.num_grey:,} grey" if self.num_grey < self.num_images else "grey"
        return " · ".join([sizes, kinds, *([grey] if self.num_grey else [])])

    def state(self) -> dict[str, Any]:
        """Plain data."""
        self._shorten()
        places = [np.flatnonzero(side) for side in self._sides]
        return {
            **{name: getattr(self, name) for name in _FIGURES},
            "formats": dict(sorted(self.formats.items())),
            "first_bad": None if self.first_bad is None else list(self.first_bad),
            "is_exact": self.is_exact,
            "sizes": [[*size, count] for size, count in sorted(self._sizes.items())],
            "sides": [[at.tolist(), side[at].tolist()] for at, side in zip(places, self._sides, strict=True)],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """An equal one from what `state` gave.

        Raises
        ------
        ValueError, TypeError, KeyError, OverflowError
            If it is nothing that `state` gives.
        """
        made = cls()
        for name in _FIGURES:
            require_counts(state[name], what=name)
            setattr(made, name, state[name])
        made.formats = dict(state["formats"])
        require(set(made.formats) <= set(_FORMATS), "unknown formats")
        made.is_exact = bool(state["is_exact"])
        if state["first_bad"] is not None:
            row, reason = state["first_bad"]
            made.first_bad = int(row), str(reason)
        require((made.first_bad is None) == (made.num_bad == 0), "a wrong number of bad values")
        for width, height, count in state["sizes"]:
            require(0 < width <= MOST and 0 < height <= MOST and 0 < count <= MOST, "a wrong size")
            made._sizes[int(width), int(height)] = int(count)
        require(len(made._sizes) == len(state["sizes"]) <= _HELD, "too many sizes")
        for side, (places, counts) in zip(made._sides, state["sides"], strict=True):
            at = np.array(places, np.int64)
            require(bool(((at > 0) & (at <= _LONGEST)).all()), "a wrong side")
            side[at] = np.array(counts, np.int64)
            require(bool((side >= 0).all()) and int(side.sum()) == made.num_images, "a wrong count")
        return made

    def _quantile(self, side: Any, share: float) -> int:
        counted = np.cumsum(side)
        return max(1, int(np.searchsorted(counted, share * counted[-1])))

    def _told_median(self, side: Any) -> str:
        middle = self._quantile(side, 0.5)
        return f"{middle:,}" if middle < _LONGEST else f"over {_LONGEST:,}"

    def _shorten(self) -> None:
        """Leave out all sizes but those whose hashes are least, which are the same in any order."""
        if len(self._sizes) > _HELD:
            least = sorted(self._sizes, key=_hash)[:_HELD]
            self._sizes = {size: self._sizes[size] for size in least}
            self.is_exact = False


def _hash(size: tuple[int, int]) -> tuple[int, int, int]:
    width, height = size
    mixed = (width * 0x9E3779B97F4A7C15 + height * 0xC2B2AE3D27D4EB4F) & 0xFFFFFFFFFFFFFFFF
    mixed = (mixed ^ mixed >> 29) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
    return mixed ^ mixed >> 32, width, height


def sizes_of(values: Any, good: npt.NDArray[np.bool_] | None = None, *, first_row: int = 0) -> ImageSizes:
    """The sizes of a column's images.

    Parameters
    ----------
    values
        An Arrow array of bytes.
    good
        bool of shape (n,): which of them to look at; None for all.
    first_row
        Number of the first one.
    """
    seen = ImageSizes()
    for row, value in enumerate(values):
        if good is not None and not good[row]:
            continue
        try:
            seen.add(read_header(value.as_buffer().to_pybytes()))
        except BadImageError as error:
            seen.add_bad(first_row + row, str(error))
    return seen
