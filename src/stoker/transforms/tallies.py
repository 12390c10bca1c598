"""How often each value of a column was met: exact, in bounded memory, the same for any cutting of rows."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from stoker.errors import DataError, OptionError
from stoker.kernels.dictionary import LETTERS
from stoker.kernels.values import count_values
from stoker.stored import MOST, require
from stoker.transforms.packing import from_packed, to_packed
from stoker.transforms.valuebytes import ValueBytes, ValueKind, decoded_values, encoded_values
from stoker.transforms.wordlists import Dictionary, WordList
from stoker.types import IntArray

__all__ = ["MOST_LETTERS", "MOST_VALUES", "Tally"]

MOST_VALUES = 1 << 18
"""Different values of a column that are counted, at most."""
MOST_LETTERS = 1 << 25
"""Bytes that these take together, each rounded up to eight, at most."""


class Tally:
    """How often each value of one column was met.

    Memory is at most about 120 bytes a different value besides the value itself; beyond 262,144 different
    values, or 32 MiB of them, an error names the way out.

    Parameters
    ----------
    name
        Of the column, for errors.
    way_out
        What to do about a column of too many values, as errors say it.

    Attributes
    ----------
    kind
        ``"text"``, ``"int"`` or ``"float"``; None as long as nothing was seen.
    blanks
        Rows without a value.
    """

    def __init__(self, name: str, way_out: str) -> None:
        self.name, self.way_out = name, way_out
        self.kind: ValueKind | None = None
        self.blanks = 0
        self._held = Dictionary()

    def __len__(self) -> int:
        return len(self._held)

    @property
    def num_bytes(self) -> int:
        """Memory that the counts take."""
        return self._held.nbytes

    def update(self, values: ValueBytes) -> None:
        """Count the values of the next rows.

        Raises
        ------
        DataError
            If there are more different ones than are counted, or they are of another kind than before.
        """
        self._meet(values.kind)
        self.blanks += values.blanks
        for data, offsets, begin, stop in values.readable():
            while begin < stop:
                held = self._held
                begin = int(
                    count_values(
                        data, offsets, begin, stop,
                        held.slots, held.counts, held.entries, held.letters, held.state,
                    )
                )  # fmt: skip
                if begin < stop:
                    held.grow()
                self._check_room()

    def merge(self, other: Tally) -> None:
        """Take in what was counted in the rows that follow."""
        if other.kind is None:
            return
        self._meet(other.kind)
        self.blanks += other.blanks
        self._held.absorb(other._held.words())
        self._check_room()

    def sorted(self) -> tuple[list[Any], IntArray]:
        """The values, ascending (texts by their UTF-8 bytes), and how often each was met, int64.

        Raises
        ------
        DataError
            If texts are no UTF-8.
        """
        if self.kind is None:
            return [], np.zeros(0, np.int64)
        words = self._held.words()
        values = decoded_values(self.kind, words.spelled(), self.name)
        if self.kind == "text":  # UTF-8 sorts as code points do, and Python compares these
            order = np.array(sorted(range(len(values)), key=values.__getitem__), np.int64)
        else:
            order = np.argsort(np.array(values))
        return [values[place] for place in order.tolist()], words.counts[order]

    def state(self) -> dict[str, Any]:
        """Plain data that JSON holds without a change of bits."""
        values, counts = self.sorted()
        plain = to_packed(np.array(values, np.float64)) if self.kind == "float" else values
        return {"kind": self.kind, "blanks": self.blanks, "values": plain, "counts": to_packed(counts)}

    @classmethod
    def from_state(cls, state: dict[str, Any], name: str, way_out: str) -> Self:
        """The counts that `state` describes.

        Raises
        ------
        ValueError, KeyError, TypeError, OverflowError
            If it describes none.
        """
        made, kind = cls(name, way_out), state["kind"]
        require(kind in (None, "text", "int", "float"), f"values of the kind {kind!r:.40}")
        made.kind, made.blanks = kind, state["blanks"]
        require(type(made.blanks) is int and 0 <= made.blanks <= MOST, "an odd number of blanks")
        counts = from_packed(state["counts"], np.int64)
        values = state["values"]
        if kind == "float":
            values = from_packed(values, np.float64).tolist()
        _check_values(kind, values, counts)
        if values:
            words = WordList.of(encoded_values(kind, values))
            made._held.absorb(WordList(counts, words.entries, words.letters))
        return made

    def _meet(self, kind: ValueKind) -> None:
        if self.kind not in (None, kind):
            raise DataError(
                f"column {self.name!r} holds values of the kind {kind}, and held {self.kind} before: open "
                f"all data with the same types=, such as types={{{self.name!r}: 'text'}}"
            )
        self.kind = kind

    def _check_room(self) -> None:
        if len(self._held) > MOST_VALUES or 8 * int(self._held.state[LETTERS]) > MOST_LETTERS:
            raise OptionError(
                f"column {self.name!r} has more different values than are counted ({MOST_VALUES:,}, or "
                f"{MOST_LETTERS >> 20} MiB of them): {self.way_out}"
            )


def _check_values(kind: ValueKind | None, values: Any, counts: npt.NDArray[Any]) -> None:
    require(isinstance(values, list) and len(values) == counts.size, "other values than counts")
    require(len(values) <= MOST_VALUES and (kind is not None or not values), "more values than are counted")
    wanted = {"text": str, "int": int, "float": float, None: object}[kind]
    require(all(type(value) is wanted for value in values), f"values that are no {kind}")
    require(all(one < other for one, other in pairwise(values)), "unsorted values")
    require(kind != "text" or not values or values[0], "an empty text among values")
    require(((counts > 0) & (counts <= MOST)).all(), "counts below 1")
