"""What a plan depends on: the data, the machine, and what the user chose."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import msgspec

from stoker.errors import OptionError
from stoker.ledger import parse_bytes
from stoker.stored import MOST

__all__ = ["CacheOption", "DataFacts", "MachineFacts", "PlanOptions", "Shuffle", "parse_bytes"]

Shuffle: TypeAlias = Literal["block", "exact"] | bool
CacheOption: TypeAlias = Literal["auto", "always", "never"]

_OFFSET_BYTES = 8


class DataFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the survey found that the plan depends on.

    ``num_rows`` are the rows of the training view; ``num_slots`` and ``num_bytes`` those of its files;
    ``num_features`` is how many numbers a row of a batch holds at most, of ``feature_bytes`` each;
    ``num_columns`` how many columns of numbers are read.
    ``row_bytes`` is one parsed row in memory without its texts; ``text_lengths`` says how long these are, as
    (bytes, rows) with the longest first; ``text_columns`` in how many columns they stand; ``value_lengths``
    the same of each column of bytes or lists.
    ``survey_seconds`` is what the survey took, 0 if it was stored.
    ``kept`` says that the rows are in memory, and ``kept_bytes`` what this feed pays for that;
    ``places_bytes`` is what it takes to find rows: index, ids of rows left out, the view's tables;
    ``transform_bytes`` what the fitted transform holds;
    ``working_bytes`` what a thread holds while it makes a batch, beside the batch;
    ``carried_bytes`` are those of a row's columns that come along with its batch;
    ``access`` says how rows are read by position, ``unit_rows`` how many are decoded for one of them, and
    ``reading_bytes`` what a reader holds for that.
    """

    num_rows: int
    num_slots: int
    num_bytes: int
    num_features: int
    num_columns: int
    row_bytes: int
    kept: bool = False
    kept_bytes: int = 0
    places_bytes: int = 0
    carried_bytes: int = 0
    survey_seconds: float = 0.0
    feature_bytes: int = 4
    transform_bytes: int = 0
    working_bytes: int = 0
    text_lengths: tuple[tuple[int, int], ...] = ()
    text_columns: int = 0
    value_lengths: tuple[tuple[tuple[int, int], ...], ...] = ()
    access: Literal["rows", "units", "stream"] = "rows"
    unit_rows: int = 1
    reading_bytes: int = 0

    def text_bytes(self, num_rows: int) -> int:
        """What the texts, bytes and lists of so many rows take at most, whichever rows these are."""
        places = _OFFSET_BYTES * (self.text_columns + len(self.value_lengths)) * num_rows
        return places + sum(_longest(lengths, num_rows) for lengths in self._lengths)

    @property
    def longest_text(self) -> int:
        """Bytes that no row's texts, bytes and lists exceed; 0 where there are none."""
        return sum(lengths[0][0] for lengths in self._lengths if lengths)

    @property
    def all_text_bytes(self) -> int:
        """Bytes of all of them together, to less than a hundredth."""
        return sum(length * count for lengths in self._lengths for length, count in lengths)

    @property
    def _lengths(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        return (self.text_lengths, *self.value_lengths)


def _longest(lengths: tuple[tuple[int, int], ...], num_rows: int) -> int:
    """Bytes of the longest of all rows, so many of them."""
    left, found = num_rows, 0
    for length, count in lengths:
        taken = min(left, count)
        found += taken * length
        left -= taken
        if not left:
            break
    return found


class MachineFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the plan may know of the machine; none of it enters the order."""

    cores: int
    free_disk_bytes: int = 0


class PlanOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the user chose; `derived` for a feed that shares the memory with the training feed beside it."""

    batch_size: int = 256
    shuffle: Shuffle = True
    seed: int = 0
    memory_bytes: int = 10**9
    cache: CacheOption = "auto"
    epochs: int = 1
    workers: int | None = None
    derived: bool = False

    def __post_init__(self) -> None:
        if self.cache not in get_args(CacheOption):
            raise OptionError(f"cache must be one of {', '.join(get_args(CacheOption))}, got {self.cache!r}")
        if not 1 <= self.epochs <= MOST:
            raise OptionError(f"epochs must be at least 1 and at most 2**60, got {self.epochs}")
        if not 0 <= self.seed < 1 << 64:
            raise OptionError(f"seed must lie in [0, 2**64), got {self.seed}")
