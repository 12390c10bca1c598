"""Which code each value of a column has, once its values are counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from stoker.errors import DataError
from stoker.kernels.values import number_values
from stoker.transforms.tallies import Tally
from stoker.transforms.valuebytes import ValueBytes, ValueKind, encoded_values
from stoker.transforms.wordlists import Dictionary
from stoker.types import IntArray

__all__ = ["Codebook", "Unknown"]

Unknown: TypeAlias = Literal["bucket", "zeros", "error"]
Int32Array: TypeAlias = npt.NDArray[np.int32]

_UNKNOWN, _BLANK = -1, -2


@dataclass(frozen=True, slots=True, eq=False)
class Codebook:
    """The categories of one column: those of its values that have a code of their own.

    Attributes
    ----------
    name
        Of the column.
    categories
        Values in the order of their codes, 0 and up; None, the blank, is the last of them.
    counts
        int64: how often each was met.
    others
        Rows whose value has no code of its own.
    has_bucket
        Whether those share one more code, the last.
    """

    name: str
    categories: tuple[Any, ...]
    counts: IntArray
    others: int
    has_bucket: bool
    _kind: ValueKind | None
    _held: Dictionary
    _codes: Int32Array

    @classmethod
    def of(cls, tally: Tally, *, min_count: int, max_categories: int | None, unknown: Unknown) -> Self:
        """The categories among the values that were counted.

        Parameters
        ----------
        min_count
            A value that was met less often has no code of its own.
        max_categories
            Codes at most, that of the bucket among them; the values met most often stay, and of equals the
            greater, the blank before all.
        unknown
            With ``"bucket"`` there is a code for all values without one of their own.
        """
        values, counts = tally.sorted()
        if tally.blanks:
            values, counts = [*values, None], np.append(counts, tally.blanks)
        keep = counts >= min_count
        room = None if max_categories is None else max_categories - (unknown == "bucket")
        if room is not None and keep.sum() > room:
            often = np.argsort(counts, kind="stable")
            keep[often[: often.size - room]] = False
        chosen = np.flatnonzero(keep).tolist()
        known = tuple(values[place] for place in chosen)
        spelled = list(known[:-1] if known and known[-1] is None else known)
        held = Dictionary.of(encoded_values(tally.kind or "text", spelled))
        missing = len(known) if unknown == "bucket" else _UNKNOWN
        codes = np.full(len(spelled) + 2, missing, np.int32)
        codes[: len(spelled)] = np.arange(len(spelled))
        if len(known) > len(spelled):
            codes[_BLANK] = len(spelled)
        return cls(
            name=tally.name,
            categories=known,
            counts=counts[chosen],
            others=int(counts.sum() - counts[chosen].sum()),
            has_bucket=unknown == "bucket",
            _kind=tally.kind,
            _held=held,
            _codes=codes,
        )

    @property
    def num_codes(self) -> int:
        """Categories, and the bucket where there is one."""
        return len(self.categories) + self.has_bucket

    def codes(self, values: ValueBytes) -> Int32Array:
        """The code of each value, int32 of shape (n,), -1 for one that has none.

        Raises
        ------
        DataError
            If the values are of another kind than those that were counted.
        """
        if self._kind is not None and values.kind != self._kind:
            raise DataError(
                f"column {self.name!r} holds values of the kind {values.kind}, and was learned with "
                f"{self._kind}: open the data with types={{{self.name!r}: {self._kind!r}}}"
            )
        numbers = np.empty(len(values), np.int32)
        held = self._held
        for data, offsets, begin, stop in values.readable():
            number_values(data, offsets, begin, stop, held.slots, held.entries, held.letters, numbers)
        return self._codes[numbers]
