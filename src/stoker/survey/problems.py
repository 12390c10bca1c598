"""What the survey found wrong: column, count, first place, and the option that settles it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from stoker.errors import BadRowError, ColumnError, DataError

__all__ = ["ColumnProblem", "Kind", "describe_problems", "refuse"]

Kind: TypeAlias = Literal[
    "blank",
    "not_a_number",
    "not_finite",
    "not_utf8",
    "ragged",
    "malformed",
    "negative",
    "bad_quote",
    "bad_list",
    "bad_image",
    "out_of_range",
    "text_feature",
    "array_feature",
    "constant",
    "unique",
    "large_integer",
    "inexact",
    "many_classes",
    "one_class",
    "overflow",
    "outlier",
]

_ROW_KINDS = frozenset(
    {
        "ragged",
        "malformed",
        "negative",
        "bad_quote",
        "not_utf8",
        "bad_list",
        "bad_image",
        "out_of_range",
        "not_a_number",
        "not_finite",
        "inexact",
    }
)

_IN_FULL = 12
"""Problems of one kind that a message tells in full."""

_WHAT = {
    "blank": ("blank value", "blank values"),
    "not_a_number": ("value that is no number", "values that are no numbers"),
    "not_finite": ("value that is not finite", "values that are not finite"),
    "not_utf8": ("value that is not UTF-8", "values that are not UTF-8"),
    "ragged": ("row with a wrong number of fields", "rows with a wrong number of fields"),
    "malformed": ("line that is no JSON object", "lines that are no JSON objects"),
    "negative": ("negative weight", "negative weights"),
    "bad_quote": ("value with bytes outside its quotes", "values with bytes outside their quotes"),
    "inexact": ("integer beyond 2**53", "integers beyond 2**53"),
    "bad_list": ("value that is no list of such numbers", "values that are no lists of such numbers"),
    "bad_image": ("value that is no image", "values that are no images"),
    "out_of_range": (
        "date beyond the years 1 to 9999, or time beyond a day",
        "dates beyond the years 1 to 9999, or times beyond a day",
    ),
    "array_feature": (
        "row of bytes or lists, of which nobody says what it becomes",
        "rows of bytes or lists, of which nobody says what it becomes",
    ),
    "text_feature": (
        "row of text beside numbers, of which nobody says what it becomes",
        "rows of text beside numbers, of which nobody says what it becomes",
    ),
    "constant": ("row, all with the same value", "rows, all with the same value"),
    "unique": ("row, each with another value", "rows, each with another value"),
    "large_integer": ("integer beyond 2**53, which is rounded", "integers beyond 2**53, which are rounded"),
    "many_classes": ("row, nearly as many classes as rows", "rows and nearly as many different values"),
    "one_class": ("row of one class only", "rows, all of one class"),
    "overflow": (
        "value that overflows float32 when it is squared",
        "values that overflow float32 when they are squared",
    ),
    "outlier": (
        "value so far from all others that it alone decides mean and spread",
        "values so far from all others that they alone decide mean and spread",
    ),
}

_ROWS = "on_bad_row='skip', on_bad_row='quarantine'"
_SHARED = {
    "blank": ("blank values", "na='mean', na='zero', na='drop-row', or leave them out with drop="),
    "not_a_number": ("values that are no numbers", f"{_ROWS}, or leave them out with drop="),
    "not_finite": ("values that are not finite", f"{_ROWS}, or leave them out with drop="),
    "not_utf8": ("values that are not UTF-8", f"{_ROWS}, or leave them out with drop="),
    "bad_list": ("values that are no lists of such numbers", f"{_ROWS}, or leave them out with drop="),
    "out_of_range": (
        "dates beyond the years 1 to 9999, or times beyond a day",
        f"{_ROWS}, or leave them out with drop=",
    ),
    "array_feature": (
        "bytes or lists, of which nobody says what it becomes",
        "leave them out with drop=, or transform='auto' to have it chosen",
    ),
    "text_feature": (
        "text beside numbers, of which nobody says what it becomes",
        "leave them out with drop=, types={'NAME': 'float'} for those that hold numbers, text=['NAME'] to "
        "learn from texts alone, or transform='auto' to have it chosen",
    ),
    "constant": ("the same value in every row", "leave them out with drop="),
    "unique": ("another value in every row", "leave them out with drop="),
    "large_integer": ("integers beyond 2**53, which are rounded", "leave them out with drop="),
    "overflow": (
        "values that overflow float32 when they are squared",
        "correct them, or leave them out with drop=",
    ),
    "outlier": ("one value that decides mean and spread", "correct them, or leave them out with drop="),
}
"""Of kinds that many columns may have at once: what is said of all of them, and what settles it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProblem:
    """One kind of trouble in one column, or in whole rows.

    Attributes
    ----------
    column
        The column's name; None where whole rows are concerned.
    kind
        What is wrong.
    count
        How many values (or rows) are concerned.
    file, line, row
        The first of them: path, line in the file counted from 1, row id counted from 0 over all files; None
        where all labels are meant, and line where a file has none.
    example
        The first one's text, cut to 60 characters.
    remedy
        The options that settle it, as written in Python; the command line makes flags of them.
    blocking
        Whether training is refused until one of them is given.
    among
        Which rows were looked at, where the source has others as well: ``the 1,800 rows to train on``.
    """

    column: str | None
    kind: Kind
    count: int
    file: str | None = None
    line: int | None = None
    row: int | None = None
    example: str | None = None
    remedy: str = ""
    blocking: bool = False
    among: str = ""

    def describe(self) -> str:
        """One sentence for people.

        Examples
        --------
        >>> ColumnProblem(column="age", kind="blank", count=2, file="a.csv", line=7, row=5,
        ...               remedy="na={'age': 'mean'}").describe()
        "column 'age': 2 blank values, first at a.csv, line 7 (row 5): na={'age': 'mean'}"
        """
        where = "" if self.column is None else f"column {self.column!r}: "
        what = _WHAT[self.kind][self.count != 1]
        among = f", among {self.among}" if self.among else ""
        remedy = f": {self.remedy}" if self.remedy else ""
        return f"{where}{self.count:,} {what}{among}{self.where}{remedy}"

    @property
    def where(self) -> str:
        """Place and text of the first one, as the middle of a sentence."""
        # Bytes that are no text come as \xe9 already, which repr would write as \\xe9.
        example = "" if not self.example else f", {self.example!r}".replace(r"\\x", r"\x")
        return f"{self.place}{example}"

    @property
    def place(self) -> str:
        """Where the first one is, as the middle of a sentence; empty where that says nothing."""
        if self.row is None:
            return ""
        line = "" if self.line is None else f", line {self.line:,}"
        return f", first at {self.file}{line} (row {self.row:,})"


def describe_problems(problems: Iterable[ColumnProblem], *, limit: int = 8) -> list[str]:
    """Sentences for people; many columns with one trouble share a sentence.

    Parameters
    ----------
    problems
        As the survey gives them.
    limit
        Columns named in a shared sentence. From more than these on every trouble shares one; constant and
        unique columns do from two on.
    """
    grouped: dict[tuple[str, bool, bool], list[ColumnProblem]] = {}
    for problem in problems:
        key = (problem.kind, problem.blocking, "drop=" in problem.remedy)
        grouped.setdefault(key, []).append(problem)
    lines = []
    for (kind, _, _), group in grouped.items():
        least = 1 if kind in ("constant", "unique") else limit
        if len(group) > least and kind in _SHARED:
            lines.append(_describe_together(group, *_SHARED[kind], limit))
        else:
            lines += [problem.describe() for problem in group]
    return lines


def _describe_together(group: Sequence[ColumnProblem], what: str, remedy: str, limit: int) -> str:
    names = ", ".join(repr(problem.column) for problem in group[:limit])
    more = f" and {len(group) - limit:,} more" if len(group) > limit else ""
    settled = {problem.remedy for problem in group}
    remedy = settled.pop() if len(settled) == 1 else remedy
    first = min(group, key=lambda problem: -1 if problem.row is None else problem.row)
    return f"{len(group):,} columns with {what}: {names}{more}{first.place}: {remedy}"


def refuse(problems: Sequence[ColumnProblem], *, paths: Sequence[str]) -> None:
    """Raise one error that lists every blocking problem, if there is any.

    Raises
    ------
    BadRowError
        If every blocking problem lies in rows that could be left out.
    ColumnError
        If a column cannot be used as it is.
    DataError
        If the label has one class only.
    """
    blocking = [problem for problem in problems if problem.blocking]
    if not blocking:
        return
    shown = paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
    kinds = {problem.kind for problem in blocking}
    error: type[DataError] = ColumnError
    if kinds <= _ROW_KINDS:
        error = BadRowError
    elif kinds == {"one_class"}:
        error = DataError
    lines = [f"{shown} cannot be used as it is:"]
    for kind in dict.fromkeys(problem.kind for problem in blocking):
        lines += _listed([problem for problem in blocking if problem.kind == kind])
    raise error("\n  ".join(lines))


def _listed(group: Sequence[ColumnProblem]) -> list[str]:
    """Problems of one kind: the first ones in full, every further column by name and count."""
    lines = [problem.describe() for problem in group[:_IN_FULL]]
    further = group[_IN_FULL:]
    if further:
        names = ", ".join(f"{problem.column!r} ({problem.count:,})" for problem in further)
        lines.append(f"{len(further):,} more columns with {_WHAT[group[0].kind][1]}: {names}")
    if further and (words := [word for word in ("mean", "zero", "drop-row") if _settles(word, group)]):
        *others, last = (f"na={word!r}" for word in words)
        lines.append("for all columns at once: " + (f"{', '.join(others)} or {last}" if others else last))
    return lines


def _settles(word: str, blanks: Sequence[ColumnProblem]) -> bool:
    """Whether the remedy of every column has this word of na=."""
    return all(f": {word!r}}}" in problem.remedy for problem in blanks)
