"""Integers that come as text, for a matrix of floats would round them."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal, InvalidOperation

import pyarrow as pa
import pyarrow.compute as pc

from stoker.sources.inference import BLANKS
from stoker.types import Rows

__all__ = ["HeldIntegers", "integers_of"]

_BLANKS = pa.array(sorted(BLANKS))
_LEAST_DIGITS = 19
"""Of the first integer that int64 does not hold."""


class HeldIntegers:
    """Finds out of which columns int64 holds every value: a float does not tell 2**63 from one less.

    Parameters
    ----------
    names
        Columns of integers as text.

    Examples
    --------
    >>> texts = {"a": pa.array(["9223372036854775807", ""]), "b": pa.array(["9223372036854775808", "1"])}
    >>> held = HeldIntegers(["a", "b"])
    >>> held.update(Rows(num_rows=2, features=(), matrix=None, columns=texts))
    >>> sorted(held.names)
    ['a']
    """

    def __init__(self, names: Collection[str]) -> None:
        self.names = set(names)

    def update(self, rows: Rows) -> None:
        """Take in the next rows."""
        for name in sorted(self.names):
            texts = rows.columns[name]
            if rows.index is not None:
                texts = texts.take(pa.array(rows.index))
            if not _holds_all(texts.cast(pa.string())):
                self.names.remove(name)


def integers_of(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    """Integers out of how they are written; nulls for blanks.

    Parameters
    ----------
    texts
        An array of strings.
    kind
        A type of integers that holds them all.
    """
    known = _without_blanks(texts)
    try:
        return known.cast(kind)
    except pa.ArrowInvalid:  # as +5 or 5.0 is written
        return pa.array([None if text is None else int(Decimal(text)) for text in known.to_pylist()], kind)


def _without_blanks(texts: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_in(texts, _BLANKS), pa.scalar(None, pa.string()), texts)


def _holds_all(texts: pa.Array) -> bool:
    try:
        _without_blanks(texts).cast(pa.int64())
    except pa.ArrowInvalid:
        long = texts.filter(pc.greater_equal(pc.utf8_length(texts), _LEAST_DIGITS))
        return all(map(_is_held, long.to_pylist()))
    return True


def _is_held(text: str) -> bool:
    try:
        return -(1 << 63) <= Decimal(text) < 1 << 63
    except InvalidOperation:  # no number: its row is a bad one, and is left out
        return True
