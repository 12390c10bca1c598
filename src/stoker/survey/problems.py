"""What the survey found wrong: column, count, first place, and the flag that settles it."""

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
    "bad_quote",
    "text_feature",
    "constant",
    "unique",
    "large_integer",
    "inexact",
    "many_classes",
    "one_class",
]

_ROW_KINDS = frozenset({"ragged", "bad_quote", "not_utf8", "not_a_number", "not_finite", "inexact"})

_WHAT = {
    "blank": ("blank value", "blank values"),
    "not_a_number": ("value that is no number", "values that are no numbers"),
    "not_finite": ("value that is not finite", "values that are not finite"),
    "not_utf8": ("value that is not UTF-8", "values that are not UTF-8"),
    "ragged": ("row with a wrong number of fields", "rows with a wrong number of fields"),
    "bad_quote": ("value with bytes outside its quotes", "values with bytes outside their quotes"),
    "inexact": ("integer beyond 2**53", "integers beyond 2**53"),
    "text_feature": (
        "row of text, which no model here can take",
        "rows of text, which no model here can take",
    ),
    "constant": ("row, all with the same value", "rows, all with the same value"),
    "unique": ("row, each with another value", "rows, each with another value"),
    "large_integer": (
        "row, some beyond 2**53, rounded",
        "rows, some with integers beyond 2**53, which are rounded",
    ),
    "many_classes": ("row, nearly as many classes as rows", "rows and nearly as many different values"),
    "one_class": ("row of one class only", "rows, all of one class"),
}


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
        where the column as a whole is meant.
    example
        The first one's text, cut to 60 characters.
    remedy
        The flags that settle it, as written on the command line; the Python arguments have the same names.
    blocking
        Whether training is refused until one of them is given.
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

    def describe(self) -> str:
        """One sentence for people.

        Examples
        --------
        >>> ColumnProblem(column="age", kind="blank", count=2, file="a.csv", line=7, row=5,
        ...               remedy="--na age=mean").describe()
        "column 'age': 2 blank values, first at a.csv, line 7 (row 5): --na age=mean"
        """
        where = "" if self.column is None else f"column {self.column!r}: "
        what = _WHAT[self.kind][self.count != 1]
        place = ""
        if self.row is not None:
            line = "" if self.line is None else f", line {self.line:,}"
            place = f", first at {self.file}{line} (row {self.row:,})"
        example = "" if not self.example else f", {self.example!r}"
        remedy = f": {self.remedy}" if self.remedy else ""
        return f"{where}{self.count:,} {what}{place}{example}{remedy}"


def describe_problems(problems: Iterable[ColumnProblem], *, limit: int = 8) -> list[str]:
    """Sentences for people; many columns with one trouble, such as constant ones, share a sentence.

    Parameters
    ----------
    problems
        As the survey gives them.
    limit
        Columns named in a shared sentence.
    """
    grouped: dict[str, list[ColumnProblem]] = {}
    for problem in problems:
        key = problem.kind if problem.kind in ("constant", "unique") else f"{problem.kind} {problem.column}"
        grouped.setdefault(key, []).append(problem)
    lines = []
    for group in grouped.values():
        if len(group) == 1:
            lines.append(group[0].describe())
            continue
        names = ", ".join(repr(problem.column) for problem in group[:limit])
        more = f" and {len(group) - limit:,} more" if len(group) > limit else ""
        what = {"constant": "the same value in every row", "unique": "another value in every row"}[
            group[0].kind
        ]
        lines.append(f"{len(group):,} columns with {what}: {names}{more}: --drop them")
    return lines


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
    lines += [f"  {problem.describe()}" for problem in blocking]
    raise error("\n".join(lines))
