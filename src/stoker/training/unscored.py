"""Rows that a model has no answer for: counted as pieces go by, and written to a file on demand."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator

import numpy as np

from stoker.errors import OptionError
from stoker.sources import Source
from stoker.survey.quarantine import check_quarantine, write_quarantine
from stoker.training.callers import users_stack_level
from stoker.training.pieces import Piece, fills_blanks
from stoker.transforms.base import FittedTransform, told_unread
from stoker.types import IntArray

__all__ = ["UnreadValuesWarning", "UnscoredRows", "quarantine_of"]


class UnreadValuesWarning(UserWarning):
    """Values that are there count as blanks, for nothing could be read of them."""


class UnscoredRows:
    """Counts the rows that cannot be scored, as pieces go by, and keeps the first one's place.

    Attributes
    ----------
    count, scored
        Rows that could not be scored so far, and that could.
    first
        Where the first of them stands, and why it cannot; None while there is none.
    """

    def __init__(self) -> None:
        self.count = self.scored = 0
        self.first: str | None = None
        self._unread: dict[str, tuple[int, str]] = {}
        self._rows = 0
        self._ids: list[IntArray] = []

    def count_in(self, piece: Piece) -> None:
        """Take in the next piece."""
        self.count += piece.num_rows - len(piece.good)
        if len(piece.good) < piece.num_rows:
            missing = np.setdiff1d(np.arange(piece.num_rows), piece.good, assume_unique=True)
            self._ids.append(missing + self._rows)
        self._rows += piece.num_rows
        self.scored += len(piece.good)
        if self.first is None and piece.tell_first_bad is not None:
            self.first = piece.tell_first_bad()
        for found in piece.unread:
            count, first = self._unread.get(found.column) or (0, found.tell_first())
            self._unread[found.column] = count + found.count, first

    def counted(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """The same pieces."""
        for piece in pieces:
            self.count_in(piece)
            yield piece

    def warn(self) -> tuple[str, ...]:
        """Warn of values that counted as blanks though they are none, a sentence a column; and give these."""
        told = tuple(told_unread(column, *found) for column, found in self._unread.items())
        for sentence in told:
            warnings.warn(sentence, UnreadValuesWarning, stacklevel=users_stack_level())
        return told

    def write(self, path: str | os.PathLike[str], source: Source, inputs: FittedTransform) -> None:
        """Write them, which were rows of a source's files, to a file."""

        def is_wanted(column: str | None, is_bad: bool) -> bool:
            if is_bad or column is None:
                return is_bad
            return column in source.answers or not fills_blanks(inputs, column)

        write_quarantine(path, source, np.concatenate([np.empty(0, np.int64), *self._ids]), is_wanted)


def quarantine_of(
    path: str | os.PathLike[str] | None, on_bad_row: str, *, of_files: bool
) -> str | os.PathLike[str] | None:
    """Where rows that cannot be scored are to be written, if anywhere; checked before anything is read.

    Raises
    ------
    OptionError
        If a file is named and has no effect, or is needed and not named or cannot be.
    """
    if on_bad_row != "quarantine":
        if path is not None:
            raise OptionError("quarantine has no effect without on_bad_row='quarantine'")
        return None
    if path is None:
        raise OptionError("on_bad_row='quarantine' needs a file for the rows: say quarantine='bad.csv'")
    if not of_files:
        raise OptionError("on_bad_row='quarantine' is for rows of files: give their paths, or say 'skip'")
    check_quarantine(path)
    return path
