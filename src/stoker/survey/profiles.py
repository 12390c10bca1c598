"""What columns of text hold, told in one pass and little memory: what a choice of transforms goes by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stoker.kernels.checksum import checksum_segments
from stoker.kernels.frozen import frozen
from stoker.kernels.lengths import add_lengths
from stoker.stored import require, require_counts
from stoker.transforms.chunks import as_texts, text_buffers
from stoker.types import IntArray, Uint64Array

__all__ = ["TextProfile", "merge_profiles", "profiles_from_state", "profiles_of"]

_HELD = 1_024
_FEW = 64
_ENOUGH_ROWS = 50
"""Rows from which on it is remarkable that no two have the same value."""
_RARE = 0.99
_ABOUT_ALL = 0.9
"""Of rows, told by an estimate: three standard errors of it below all of them."""
_HASHES = float(1 << 64)
_DIGITS = r"^\d+$"
_DECIMALS = r"^-?(\d+(,\d+)?|\d{1,3}(\.\d{3})+,\d+)$"
_OTHER_DATE = r"^(\d{1,2}[./-]\d{1,2}[./-]\d{4}|\d{4}[./]\d{1,2}[./]\d{1,2})([T ]\d{1,2}:\d{2}(:\d{2})?)?$"
_DATE = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$"


class TextProfile:
    """Of one column of text: blanks, words, and how many different values there are.

    Different values are counted by the 1,024 least of their hashes (XXH64), each with how often it came:
    exactly below 1,024 of them, and beyond to about 3 % (one standard error). Merging is exact, in any order.

    Attributes
    ----------
    num_rows, blanks, words, num_bytes
        Rows, those without a text, and words and bytes of all of them.
    dates, digits
        Whether every text is a date or a time as ISO 8601 writes them, or made of digits alone; True where
        there is no text.
    decimals, other_dates
        Whether every text looks like a number, perhaps with a decimal comma, or like a date in another
        spelling; as before.

    Examples
    --------
    >>> import pyarrow as pa
    >>> seen = TextProfile().update(pa.array(["Ulm", "Bonn", "Ulm", ""]))
    >>> seen.num_rows, seen.blanks, seen.distinct, seen.unique
    (4, 1, 2, False)
    """

    def __init__(self) -> None:
        self.num_rows = self.blanks = self.words = self.num_bytes = 0
        self.dates = self.digits = self.decimals = self.other_dates = True
        self._hashes: Uint64Array = np.empty(0, np.uint64)
        self._counts: IntArray = np.empty(0, np.int64)

    def update(self, texts: Any) -> Self:
        """Take in rows: an Arrow array of strings."""
        held = as_texts(texts)
        data, bounds = text_buffers(held)
        offsets = bounds.astype(np.int64, copy=False)
        lengths = np.diff(offsets)
        words = np.zeros(lengths.size, np.int64)
        add_lengths(frozen(offsets), data, np.zeros_like(words), words)
        hashes = np.empty(lengths.size, np.uint64)
        checksum_segments(data, offsets, hashes)
        there = lengths > 0
        self.dates = self.dates and _all_match(held, there, _DATE)
        self.digits = self.digits and _all_match(held, there, _DIGITS)
        self.decimals = self.decimals and _all_match(held, there, _DECIMALS)
        self.other_dates = self.other_dates and _all_match(held, there, _OTHER_DATE)
        self.num_rows += lengths.size
        self.blanks += int(lengths.size - np.count_nonzero(there))
        self.words += int(words.sum())
        self.num_bytes += int(lengths.sum())
        self._take_in(*np.unique(hashes[there], return_counts=True))
        return self

    def merge(self, other: TextProfile) -> Self:
        """Take in what another has seen."""
        self.dates, self.digits = self.dates and other.dates, self.digits and other.digits
        self.decimals = self.decimals and other.decimals
        self.other_dates = self.other_dates and other.other_dates
        self.num_rows += other.num_rows
        self.blanks += other.blanks
        self.words += other.words
        self.num_bytes += other.num_bytes
        self._take_in(other._hashes, other._counts)
        return self

    @property
    def present(self) -> int:
        """Rows with a text."""
        return self.num_rows - self.blanks

    @property
    def is_exact(self) -> bool:
        """Whether `distinct` is exact."""
        return self._hashes.size < _HELD

    @property
    def distinct(self) -> int:
        """How many different texts there are; about, where `is_exact` is false."""
        if self.is_exact:
            return int(self._hashes.size)
        return min(self.present, round((_HELD - 1) * _HASHES / (float(self._hashes[-1]) + 1.0)))

    @property
    def unique(self) -> bool:
        """Whether 99 % of rows have a text of their own, of at least 50 rows; about, as `distinct` is."""
        least = (_RARE if self.is_exact else _ABOUT_ALL) * self.present
        return self.present >= _ENOUGH_ROWS and self.distinct >= least and self._are_rare

    @property
    def _are_rare(self) -> bool:
        return bool((self._counts == 1).mean() >= _RARE)

    @property
    def words_each(self) -> float:
        """Words of a text, the mean."""
        return self.words / max(1, self.present)

    def state(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "rows": self.num_rows,
            "blanks": self.blanks,
            "words": self.words,
            "bytes": self.num_bytes,
            "dates": self.dates,
            "digits": self.digits,
            "decimals": self.decimals,
            "other_dates": self.other_dates,
            "hashes": self._hashes.tolist(),
            "counts": self._counts.tolist(),
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
        made.num_rows, made.blanks, made.words = state["rows"], state["blanks"], state["words"]
        made.num_bytes = state.get("bytes", 0)  # of a survey of before they were counted
        for number in (made.num_rows, made.blanks, made.words, made.num_bytes):
            require_counts(number, what="a profile")
        require(made.blanks <= made.num_rows, "more blanks than rows")
        made.dates, made.digits = bool(state["dates"]), bool(state["digits"])
        # Of a survey of before they were looked for nothing is said.
        made.decimals = bool(state.get("decimals", False))
        made.other_dates = bool(state.get("other_dates", False))
        made._hashes = np.array(state["hashes"], np.uint64)
        made._counts = np.array(state["counts"], np.int64)
        sizes = made._hashes.shape == made._counts.shape and made._hashes.ndim == 1
        require(sizes and made._hashes.size <= _HELD, "other values than counts")
        require(bool((made._hashes[1:] > made._hashes[:-1]).all()), "values in no order")
        require(bool((made._counts > 0).all()) and int(made._counts.sum()) <= made.present, "a wrong count")
        return made

    def _take_in(self, hashes: Uint64Array, counts: IntArray) -> None:
        """Further hashes and how often they came; the least of all are kept."""
        together = np.concatenate([self._hashes, hashes])
        least, places = np.unique(together, return_inverse=True)
        summed = np.zeros(least.size, np.int64)
        np.add.at(summed, places.reshape(-1), np.concatenate([self._counts, counts]))
        self._hashes, self._counts = least[:_HELD], summed[:_HELD]


def _all_match(texts: Any, there: npt.NDArray[np.bool_], pattern: str) -> bool:
    """Whether all texts that are not empty match; a few are looked at first, which settles most columns."""
    few = np.flatnonzero(there)[:_FEW]
    if not few.size or not pc.all(pc.match_substring_regex(texts.take(pa.array(few)), pattern)).as_py():
        return not few.size
    matched = pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)
    return bool(matched[there].all())


def profiles_of(columns: Mapping[str, Any], names: Sequence[str]) -> dict[str, TextProfile]:
    """Of each of the named columns, Arrow arrays of strings, what it holds."""
    return {name: TextProfile().update(columns[name]) for name in names}


def merge_profiles(
    first: dict[str, TextProfile] | None, other: dict[str, TextProfile] | None
) -> dict[str, TextProfile] | None:
    """What both have seen together, in the first."""
    if first is None or other is None:
        return other if first is None else first
    for name, profile in other.items():
        first[name].merge(profile)
    return first


def profiles_from_state(state: Mapping[str, Any] | None) -> dict[str, TextProfile] | None:
    """Profiles by column, as a survey stores them.

    Raises
    ------
    ValueError, TypeError, KeyError, OverflowError
        If one is damaged.
    """
    return None if state is None else {name: TextProfile.from_state(held) for name, held in state.items()}
