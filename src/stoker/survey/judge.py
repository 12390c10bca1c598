"""From counts to problems: what each trouble means, which flag settles it, whether it stands in the way."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from stoker.sources import Source
from stoker.survey.labels import LabelCounts, is_nearly_unique
from stoker.survey.marks import Marks
from stoker.survey.placing import found_lines
from stoker.survey.policy import Blanks, Policy
from stoker.survey.problems import ColumnProblem, Kind
from stoker.survey.tally import FirstPlace, IssueTally
from stoker.transforms.statistics import ColumnStatistics
from stoker.types import LONG

__all__ = ["array_problems", "column_problems", "label_problems", "row_problems", "text_problems"]

_ENOUGH_ROWS = 50
"""Rows from which on it is remarkable that no two have the same value."""

_SETTLED: dict[Blanks, str] = {
    "mean": "the mean takes their place",
    "zero": "zero takes their place",
    "drop-row": "their rows are left out",
    "transform": "the column's transform has something for them",
}


_SKIP = "on_bad_row='skip'"
_SKIP_OR_WRITE = f"{_SKIP} or on_bad_row='quarantine'"
_NO_ROW_LEFT = (
    "every row is bad, and none would be left: see that the file is read with the right delimiter= and quote="
)


def _na(column: str | None, word: Blanks) -> str:
    return f"na={{{column!r}: {word!r}}}"


def row_problems(
    source: Source, tally: IssueTally, policy: Policy, empty: frozenset[str], num_slots: int
) -> list[ColumnProblem]:
    """Problems of single values and rows.

    `empty` are the columns without a single value, which no mean can be taken of. Where every row is bad,
    skipping them settles nothing: it is not offered, and not accepted.
    """
    hopeless = 0 < num_slots <= tally.num_bad
    found = tally.found()
    lines = found_lines(source, [(first.file_index, first.offset) for _, _, _, first, _ in found])
    problems = []
    for column, kind, count, first, word in found:
        remedy, blocking = _settle(source, column, kind, first, word, policy, hopeless=hopeless)
        no_value = kind == "blank" and word == "error" and count == num_slots
        if no_value and column in source.answers:
            option = "label=" if column in source.labels else "sample_weight="
            remedy = f"no row has a value: name another column with {option}"
        elif no_value:
            given = policy.texts == "given"
            zero = "stoker.Impute(na='zero')" if given else _na(column, "zero")
            out = "leave it out of the transform" if given else f"drop=[{column!r}]"
            remedy = f"no row has a value: {zero} or {out}"
        elif kind == "blank" and word == "mean" and column in empty and not hopeless:
            remedy, blocking = f"no row has a value: drop=[{column!r}]", True
        problems.append(
            ColumnProblem(
                column=column,
                kind=kind,
                count=count,
                file=source.file_of(first.file_index, first.row),
                line=lines.get((first.file_index, first.offset)),
                row=first.row,
                example=first.text or None,
                remedy=remedy,
                blocking=blocking,
            )
        )
    return problems


def _settle(
    source: Source,
    column: str | None,
    kind: Kind,
    first: FirstPlace,
    word: Blanks,
    policy: Policy,
    *,
    hopeless: bool,
) -> tuple[str, bool]:
    if kind == "blank":
        if word != "error":
            return _SETTLED[word], False
        if column is not None and column in source.answers:
            if policy.may_only_skip:
                return _SKIP, True
            return _na(column, "drop-row"), True
        if policy.texts == "given":  # beside Columns na= says only which rows are left out
            makers = "stoker.Standardize(na='mean') or stoker.Impute(na='mean')"
            return f"give the column {makers}, or leave their rows out with {_na(column, 'drop-row')}", True
        words: tuple[Blanks, ...] = ("mean", "zero", "drop-row")
        return f"{', '.join(_na(column, word) for word in words)} or drop=[{column!r}]", True
    if policy.skips and not hopeless:
        return "their rows are skipped", False
    skip = _SKIP if policy.may_only_skip else _SKIP_OR_WRITE
    ways = [] if hopeless else [skip]
    if column is None:
        return " or ".join(ways) or _NO_ROW_LEFT, True
    retype = _other_type(source, column, kind, first.text)
    if retype is not None:
        ways.insert(0, f"types={{{column!r}: {retype!r}}}")
    if kind == "not_utf8":
        path = source.paths[first.file_index]
        ways.insert(0, f"convert the file (iconv -f WINDOWS-1252 -t UTF-8 {path} > utf8.csv)")
    if column not in source.answers and (kind != "bad_image" or len(source.features) > 1):
        ways.append(f"drop=[{column!r}]")
    return " or ".join(ways) or _NO_ROW_LEFT, True


def _other_type(source: Source, column: str, kind: Kind, text: str) -> str | None:
    """The kind of column that the value would be good in."""
    held = source.kind_of(column)
    if kind == "bad_list":
        return "floats" if held == "ints" else None
    if kind == "inexact":
        return "text"
    if kind != "not_a_number":
        return None
    digits = text.lstrip("+-")
    if digits.isdigit():
        return held  # leading zeros, which a type that was given takes
    try:
        float(text)
    except ValueError:
        return "text" if column in source.labels else None
    return "float" if held == "int" else None


def text_problems(
    source: Source, examples: Mapping[str, tuple[int, str]], num_rows: int
) -> list[ColumnProblem]:
    """Feature columns of text where the user did not say that texts are what to learn from."""
    problems: list[ColumnProblem] = []
    if source.is_text:
        return problems
    for name in source.text_features:
        row, example = examples[name]
        problems.append(
            ColumnProblem(
                column=name,
                kind="text_feature",
                count=num_rows,
                row=row,
                example=example if len(example.split()) == 1 else None,  # a sentence is the user's own
                remedy=f"drop=[{name!r}]{_if_numbers(name, example)}, or text=[{name!r}] to learn from it "
                "alone, or transform='auto' to have it chosen",
                blocking=True,
            )
        )
    return problems


def array_problems(source: Source, num_rows: int) -> list[ColumnProblem]:
    """Features of bytes and lists, of which nothing is made unless the user says what."""
    return [
        ColumnProblem(
            column=column.name,
            kind="array_feature",
            count=num_rows,
            row=0,
            remedy=f"drop=[{column.name!r}]"
            + (f", types={{{column.name!r}: 'text'}} if these are texts" if column.kind == "bytes" else "")
            + ", or transform='auto' to have it chosen, or stoker.Columns to say it",
            blocking=True,
        )
        for column in source.table.schema.features
        if not source.is_image and column.kind in LONG
    ]


def _if_numbers(name: str, example: str) -> str:
    """The other way out for a text column whose example reads as a number, such as 0012."""
    if not re.fullmatch(r"[+-]?\d+(\.\d*)?", example.strip()):
        return ""
    kind = "float" if "." in example else "int"
    return f", or types={{{name!r}: {kind!r}}} if these are numbers"


def column_problems(statistics: ColumnStatistics, marks: Marks) -> list[ColumnProblem]:
    """Features that teach nothing, or not what they seem to; none stands in the way."""
    if statistics.features is None or not statistics.num_rows:
        return []
    names, count, least = statistics.features, statistics.count.tolist(), statistics.minimum.tolist()
    begins, unique = marks.begins.tolist(), statistics.unique & (statistics.num_rows >= _ENOUGH_ROWS)
    problems = [
        _of_column(names[at], "constant", count[at], begins[at], f"{least[at]:.17g}")
        for at in np.flatnonzero(statistics.constant).tolist()
        if names[at] not in marks.rounded
    ]
    for at in np.flatnonzero(unique).tolist():
        problems.append(_of_column(names[at], "unique", count[at], begins[at]))
    for name in names:
        if name in marks.rounded:
            mark = marks.rounded[name]
            problems.append(_of_column(name, "large_integer", mark.count, mark.row))
    return problems


def _of_column(name: str, kind: Kind, count: int, row: int, example: str | None = None) -> ColumnProblem:
    return ColumnProblem(
        column=name, kind=kind, count=count, row=row, example=example, remedy=f"drop=[{name!r}]"
    )


def label_problems(label: str, whole: LabelCounts, seen: LabelCounts) -> list[ColumnProblem]:
    """Labels that nothing can be learned from, in all rows or in those to train on."""
    if seen.classes is not None and len(seen.classes) == 1:
        where = "add rows of another class" if whole.classes == seen.classes else "split or take other rows"
        return [
            ColumnProblem(
                column=label,
                kind="one_class",
                count=seen.num_rows,
                example=str(seen.classes[0]),
                remedy=f"{where}, or name another column with label=",
                blocking=True,
            )
        ]
    if whole.kind == "text" and is_nearly_unique(whole):
        return [
            ColumnProblem(
                column=label,
                kind="many_classes",
                count=whole.num_rows,
                remedy="name another column with label=",
                blocking=True,
            )
        ]
    return []
