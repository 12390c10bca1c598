"""What is wrong with single fields and rows, as arrays; the survey counts them, readers raise them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from stoker.kernels import issues as kernel_kinds
from stoker.types import IntArray

__all__ = ["IssueKind", "RowIssues"]

_SHOWN = 60


class IssueKind(IntEnum):
    """What is wrong. All but `BLANK` make the row a bad one."""

    BLANK = kernel_kinds.BLANK
    """No value: NaN in a numeric column, an empty text in a label."""
    NOT_A_NUMBER = kernel_kinds.NOT_A_NUMBER
    """Text, a number with leading zeros, or a fraction among integers."""
    NOT_FINITE = kernel_kinds.NOT_FINITE
    """``inf``, or a number that float64 cannot hold, such as ``1e400``."""
    RAGGED = kernel_kinds.RAGGED
    """A record with more or fewer fields than the file has columns."""
    BAD_QUOTE = kernel_kinds.BAD_QUOTE
    """Bytes behind a closing quote in a numeric column."""
    INEXACT = kernel_kinds.INEXACT
    """An integer label beyond 2**53."""
    BAD_TEXT = 8
    """Bytes that are not UTF-8 in a text column."""
    MALFORMED = 9
    """A line that is no JSON object, or names a key twice."""
    BAD_IMAGE = 11
    """Bytes that are no whole image."""
    BAD_LIST = 10
    """In a column of lists no list, or one with what is no number there: a fraction among integers."""
    NEGATIVE = 12
    """What a row weighs, below zero."""
    OUT_OF_RANGE = 13
    """A date or timestamp outside of the years 1 to 9999, or a time outside of a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowIssues:
    """Issues in the order in which they stand in the file; all arrays of shape (n,).

    Attributes
    ----------
    rows
        int64 row ids.
    columns
        int64 places in `names`; -1 where the whole row is meant.
    kinds
        uint8 `IssueKind` values.
    offsets, lengths
        int64: where the text stands in its file, and how many bytes it has.
    found
        int64: fields found in a ragged row, 0 otherwise.
    file_index
        The file all of them stand in.
    names
        Names of the source's columns.
    expected
        Fields that every record of the file has.
    data, base
        Bytes of the chunk, and their offset in the file.
    shows_records
        Whether a record as a whole may be shown to people: not where it holds a user's texts.
    """

    rows: IntArray
    columns: IntArray
    kinds: npt.NDArray[np.uint8]
    offsets: IntArray
    lengths: IntArray
    found: IntArray
    file_index: int
    names: tuple[str, ...]
    expected: int
    data: npt.NDArray[np.uint8]
    base: int
    shows_records: bool = True

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def is_bad(self) -> npt.NDArray[np.bool_]:
        """Which of them make their row a bad one, bool of shape (n,)."""
        return np.asarray(self.kinds != IssueKind.BLANK)

    def bad_rows(self) -> IntArray:
        """Distinct ids of the bad rows, ascending."""
        return np.unique(self.rows[self.is_bad])

    def column(self, place: int) -> str | None:
        """Name of the column of issue number `place`; None where the whole row is meant."""
        column = int(self.columns[place])
        return None if column < 0 else self.names[column]

    def text(self, place: int) -> str:
        """What stands in the file, shortened, with escapes for what is not UTF-8; nothing of texts."""
        if not self.shows_records and int(self.columns[place]) < 0:
            return ""
        start = int(self.offsets[place]) - self.base
        length = int(self.lengths[place])
        piece = (
            self.data[start : start + min(length, 4 * _SHOWN)].tobytes().decode("utf-8", "backslashreplace")
        )
        return piece if len(piece) <= _SHOWN and length <= 4 * _SHOWN else piece[:_SHOWN] + "…"

    def explain(self, place: int) -> str:
        """One clause without file and line, such as ``column 'age' holds 'x', which is not a number``."""
        kind, column, text = IssueKind(int(self.kinds[place])), self.column(place), _quoted(self.text(place))
        record = f": {text}" if self.shows_records else ""
        if kind is IssueKind.RAGGED:
            return f"the record has {int(self.found[place])} fields instead of {self.expected}{record}"
        if kind is IssueKind.MALFORMED:
            return f"the line is no JSON object, or names a key twice{record}"
        if kind is IssueKind.BAD_IMAGE:
            return f"column {column!r} holds no image: {self.text(place)}"
        said = {
            IssueKind.BLANK: "which is blank",
            IssueKind.NOT_A_NUMBER: "which is not a number",
            IssueKind.NOT_FINITE: "which is not finite",
            IssueKind.BAD_QUOTE: "which has bytes outside its quotes",
            IssueKind.INEXACT: "which is too large an integer to be exact (beyond 2**53)",
            IssueKind.BAD_TEXT: "which is not UTF-8",
            IssueKind.BAD_LIST: "which is no list of such numbers",
            IssueKind.NEGATIVE: "which is negative, and no row weighs less than nothing",
            IssueKind.OUT_OF_RANGE: "which is no date of the years 1 to 9999, or no time of a day",
        }[kind]
        if (
            kind is IssueKind.NOT_A_NUMBER
            and text[1:-1].lstrip("+-")[:1] == "0"
            and text[1:-1].lstrip("+-").isdigit()
        ):
            said = "a number with leading zeros, which is text unless its type is given"
        return f"column {column!r} holds {text}, {said}"


def _quoted(text: str) -> str:
    """Between quotes and on one line; escapes that are there already stay as they are."""
    return "'" + text.replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t") + "'"
