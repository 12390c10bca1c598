"""How long the values of a column of bytes or of lists are: what plans and transforms go by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.sources.held import held_numbers, value_bounds
from stoker.stored import require, require_counts
from stoker.survey.lengthcounts import LengthCounts
from stoker.types import LONG, ColumnSpec, IntArray

__all__ = ["ValueLengths", "lengths_from_state", "lengths_of", "merge_lengths"]

_NUMBER_BYTES = 8


@dataclass(slots=True)
class ValueLengths:
    """Lengths of one column's values, in bytes or in numbers: of all rows, bad ones too.

    Attributes
    ----------
    width
        Bytes of what is counted: 1, or 8 for the numbers of lists.
    num_rows, num_blank
        Values, and those of them that are empty, as one that is missing is.
    least, longest, total
        The shortest value that is not empty (0 where there is none), the longest, and all together.
    minimum, maximum
        The least and the greatest number of all lists; None where there is none.
    counts
        How many have which length.

    Examples
    --------
    >>> seen = ValueLengths(8).update(pa.array([[1, 2, 3], [], [4]], pa.large_list(pa.int64())))
    >>> seen.num_blank, seen.least, seen.longest, seen.num_bytes, seen.maximum
    (1, 1, 3, 32, 4)
    """

    width: int
    num_rows: int = 0
    num_blank: int = 0
    least: int = 0
    longest: int = 0
    total: int = 0
    minimum: float | None = None
    maximum: float | None = None
    counts: LengthCounts = field(default_factory=LengthCounts, repr=False)

    @property
    def num_bytes(self) -> int:
        """Of all values."""
        return self.width * self.total

    def update(self, column: Any) -> ValueLengths:
        """Take in values: an Arrow array of bytes or lists."""
        for piece in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
            lengths = np.diff(value_bounds(piece))
            filled = lengths[lengths > 0]
            self.counts.update(lengths)
            self.num_rows += len(lengths)
            self.num_blank += len(lengths) - len(filled)
            if len(filled):
                self._include(filled, held_numbers(piece))
        return self

    def _include(self, lengths: IntArray, numbers: npt.NDArray[Any]) -> None:
        """Take in the lengths of values that are not empty, and the numbers of lists."""
        least = int(lengths.min())
        self.least = min(self.least, least) if self.least else least
        self.longest = max(self.longest, int(lengths.max()))
        self.total += int(lengths.sum())
        if len(numbers):
            self._widen(numbers.min().item(), numbers.max().item())

    def _widen(self, minimum: float, maximum: float) -> None:
        self.minimum = minimum if self.minimum is None else min(self.minimum, minimum)
        self.maximum = maximum if self.maximum is None else max(self.maximum, maximum)

    def merge(self, other: ValueLengths) -> ValueLengths:
        """Take in what another has seen."""
        self.num_rows += other.num_rows
        self.num_blank += other.num_blank
        self.least = min(self.least, other.least) if self.least and other.least else self.least or other.least
        self.longest = max(self.longest, other.longest)
        self.total += other.total
        if other.minimum is not None and other.maximum is not None:
            self._widen(other.minimum, other.maximum)
        self.counts.merge(other.counts)
        return self

    def longest_first(self) -> tuple[tuple[int, int], ...]:
        """(bytes, rows) with the longest first: so many rows, none longer than that."""
        return tuple((self.width * length, rows) for length, rows in self.counts.longest_first(self.longest))

    def state(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "width": self.width,
            "rows": self.num_rows,
            "blank": self.num_blank,
            "least": self.least,
            "longest": self.longest,
            "total": self.total,
            "minimum": self.minimum,
            "maximum": self.maximum,
            "counts": self.counts.state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> ValueLengths:
        """An equal one from what `state` gave.

        Raises
        ------
        ValueError, TypeError, KeyError
            If it is nothing that `state` gives.
        """
        known = [state[name] for name in ("width", "rows", "blank", "least", "longest", "total")]
        for number in known:
            require_counts(number, what="lengths of values")
        width, rows, blank, least, longest, total = known
        ends = state["minimum"], state["maximum"]
        for end in ends:
            require(end is None or type(end) in (int, float), f"numbers to {end!r:.40}")
        counts = LengthCounts.from_state(state["counts"], rows)
        return cls(width, rows, blank, least, longest, total, *ends, counts)


def lengths_of(columns: Mapping[str, Any], features: Sequence[ColumnSpec]) -> dict[str, ValueLengths]:
    """Of each feature that is bytes or lists, what rows hold of it."""
    return {name: ValueLengths(width).update(columns[name]) for name, width in _measured(features)}


def merge_lengths(
    one: dict[str, ValueLengths] | None, other: dict[str, ValueLengths]
) -> dict[str, ValueLengths]:
    """What both have seen."""
    return other if one is None else {name: seen.merge(other[name]) for name, seen in one.items()}


def lengths_from_state(
    state: Mapping[str, Any] | None, features: Sequence[ColumnSpec]
) -> dict[str, ValueLengths]:
    """Lengths that were stored of these features.

    Raises
    ------
    ValueError, TypeError, KeyError
        If they are of others, or damaged.
    """
    found = {name: ValueLengths.from_state(each) for name, each in (state or {}).items()}
    wanted = dict(_measured(features))
    require({name: seen.width for name, seen in found.items()} == wanted, "it knows values of other columns")
    return found


def _measured(features: Sequence[ColumnSpec]) -> Iterator[tuple[str, int]]:
    """Names of the features that are measured, and what is counted of each in bytes."""
    for column in features:
        if column.kind in LONG:
            yield column.name, 1 if column.kind == "bytes" else _NUMBER_BYTES
