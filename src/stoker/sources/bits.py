"""Chosen rows as one bit for each row of the parent: which these are, and how many stand before each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.errors import ChangedDataError, OptionError
from stoker.types import IntArray

__all__ = ["BitSpec", "BitStep", "require_as_many"]

_BLOCK = 256
"""Ordinals of which the number of chosen ones before is kept: an eighth of a bit more for each."""
_BYTES = _BLOCK // 8
_AT_ONCE = 4_096
Bits = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BitSpec:
    """Rows that satisfy a condition.

    Attributes
    ----------
    bits
        uint8 of shape (blocks, 32): bit j of block b tells of ordinal 256 b + j, lowest bits first.
    condition
        It, by which they are chosen again.
    among
        Of how many rows.
    """

    bits: Bits
    condition: str
    among: int

    @classmethod
    def of(cls, chosen: npt.NDArray[np.bool_], condition: str) -> BitSpec:
        """Of whether each ordinal is chosen, bool of shape (n,)."""
        bits = np.zeros((-(-len(chosen) // _BLOCK), _BYTES), np.uint8)
        packed = np.packbits(chosen, bitorder="little")
        bits.reshape(-1)[: len(packed)] = packed
        bits.flags.writeable = False
        return cls(bits=bits, condition=condition, among=len(chosen))

    @property
    def count(self) -> int:
        """How many are chosen."""
        return int(_counts(self.bits)[-1])

    def bind(self, total: int) -> BitStep:
        """The step over a parent of `total` ordinals."""
        return BitStep(total, self.bits)

    def describe(self) -> dict[str, Any]:
        """Plain data; the rows by count and SHA-256 of their ordinals, little-endian int64."""
        hashed, count = hashlib.sha256(), 0
        for ordinals in _ordinals(self.bits):
            hashed.update(ordinals.astype("<i8").tobytes())
            count += len(ordinals)
        told = {"kind": "where", "condition": self.condition}
        return {**told, "count": count, "sha256": hashed.hexdigest()}


class BitStep:
    """Chosen ordinals; see `BitSpec`.

    Raises
    ------
    OptionError
        One of them lies beyond the parent's end.
    """

    def __init__(self, total: int, bits: Bits) -> None:
        self._bits, self._before = bits, _counts(bits)
        self.size = int(self._before[-1])
        if self.size and (last := int(self.up(np.array([self.size - 1]))[0])) >= total:
            raise OptionError(f"row {last} was chosen, and there are only {total} rows")

    @property
    def num_bytes(self) -> int:
        """Memory that is held."""
        return self._bits.nbytes + self._before.nbytes

    def up(self, ordinals: IntArray) -> IntArray:
        """Parent ordinals of own ordinals."""
        found = np.empty(len(ordinals), np.int64)
        for start in range(0, len(ordinals), _AT_ONCE):
            part = ordinals[start : start + _AT_ONCE]
            blocks = np.searchsorted(self._before, part, side="right") - 1
            used, place = np.unique(blocks, return_inverse=True)
            rows, columns = np.nonzero(np.unpackbits(self._bits[used], axis=1, bitorder="little"))
            first = np.searchsorted(rows, np.arange(len(used)))
            within = columns[first[place] + part - self._before[blocks]]
            found[start : start + _AT_ONCE] = blocks * _BLOCK + within
        return found

    def down(self, parents: IntArray) -> tuple[IntArray, npt.NDArray[np.bool_]]:
        """Own ordinals of parent ordinals, and whether they belong to this part."""
        found, inside = np.zeros(len(parents), np.int64), np.zeros(len(parents), np.bool_)
        for start in range(0, len(parents), _AT_ONCE):
            here = slice(start, start + _AT_ONCE)
            blocks, places = np.divmod(parents[here], _BLOCK)
            known = blocks < len(self._bits)
            blocks = np.where(known, blocks, 0)
            rows, byte = self._bits[blocks], places >> 3
            held = np.take_along_axis(rows, byte[:, None], axis=1)[:, 0]
            bit = (places & 7).astype(np.uint8)
            below = np.bitwise_count(np.where(np.arange(_BYTES) < byte[:, None], rows, 0)).sum(axis=1)
            below += np.bitwise_count(held & ((np.uint8(1) << bit) - np.uint8(1)))
            found[here] = self._before[blocks] + below.astype(np.int64)
            inside[here] = known & ((held >> bit) & 1).astype(np.bool_)
        return found, inside


def require_as_many(total: int, among: int) -> None:
    """Refuse to choose among more rows, or fewer, than there were when they were chosen.

    Raises
    ------
    ChangedDataError
        There are.
    """
    if total != among:
        raise ChangedDataError(
            f"there were {among:,} rows when they were divided, and now there are "
            f"{total:,}: they changed in between; open them again, and divide them while nobody writes"
        )


def _counts(bits: Bits) -> IntArray:
    """How many ordinals are chosen before each block, and in all: int64 of shape (blocks + 1,)."""
    found = np.zeros(len(bits) + 1, np.int64)
    for start in range(0, len(bits), _AT_ONCE):
        found[start + 1 : start + 1 + _AT_ONCE] = np.bitwise_count(bits[start : start + _AT_ONCE]).sum(axis=1)
    return np.cumsum(found, out=found)


def _ordinals(bits: Bits) -> Iterator[IntArray]:
    """The chosen ordinals, ascending, some blocks at a time."""
    for start in range(0, len(bits), _AT_ONCE):
        part = np.unpackbits(bits[start : start + _AT_ONCE].reshape(-1), bitorder="little")
        yield np.flatnonzero(part) + start * _BLOCK
