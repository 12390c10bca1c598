"""What a table of numbers is like: its columns and their statistics."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec

from stoker.errors import ColumnError
from stoker.sources import Source
from stoker.survey import LabelCounts, Survey, survey
from stoker.survey.problems import describe_problems
from stoker.types import ColumnKind, ColumnSpec, Progress

__all__ = ["ColumnReport", "TableReport", "explore_table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnReport:
    """A column of numbers.

    Attributes
    ----------
    name, kind
        What it is called; ``"int"`` or ``"float"``.
    blanks
        Rows without a value.
    minimum, mean, maximum, std
        Of its values; NaN where there are none.
    """

    name: str
    kind: ColumnKind
    blanks: int
    minimum: float
    mean: float
    maximum: float
    std: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TableReport:
    """What `explore_table` found.

    Attributes
    ----------
    paths, num_bytes
        The files, and what they take on the disk.
    num_rows, num_left_out
        Rows looked at, and rows that cannot be parsed.
    labels
        The label's values and how often each occurs; None without a label.
    class_names
        What the classes 1, 2, … are called, where a file beside the data says so.
    columns
        The columns of numbers.
    texts
        Names of the columns of text, which are not looked at.
    notes
        Values so extreme that they spoil what is computed of their column, with their places.
    """

    paths: tuple[str, ...]
    num_bytes: int
    num_rows: int
    num_left_out: int
    labels: LabelCounts | None
    class_names: tuple[str, ...] | None
    columns: tuple[ColumnReport, ...]
    texts: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        record: dict[str, Any] = msgspec.to_builtins(self)
        return record


def explore_table(
    source: Source,
    *,
    on_bad_row: Literal["error", "skip"] = "error",
    progress: Progress | None = None,
) -> TableReport:
    r"""Look at a table of numbers once.

    Parameters
    ----------
    source
        Its columns of text are passed over.
    on_bad_row
        Whether rows that cannot be parsed are an error or are left out and counted.
    progress
        Called with the bytes done and the bytes in all.

    Raises
    ------
    BadRowError
        A row cannot be parsed.
    ColumnError
        There is no column of numbers, or one is not what its first rows promise.

    Examples
    --------
    >>> import stoker, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "tiny.csv")
    >>> _ = path.write_text("x,y\n1,0\n3,1\n,0\n")
    >>> report = explore_table(stoker.open(path, label="y"))
    >>> [(column.name, column.mean, column.blanks) for column in report.columns], report.labels.counts
    ([('x', 2.0, 1)], (2, 1))
    """
    numbers, texts = _by_kind(source)
    if not numbers:
        shown = ", ".join(map(repr, texts[:8])) + (", …" if len(texts) > 8 else "")
        raise ColumnError(
            f"{source.paths[0]} has no column of numbers but text in {shown}: say text=[{texts[0]!r}]"
        )
    table = source.table.with_schema(replace(source.table.schema, features=numbers))
    found = survey(
        replace(source, table=table),
        role="valid",
        na="mean",
        on_bad_row=on_bad_row,
        progress=progress,
        stored=False,
        spool=None,
    )
    return TableReport(
        paths=found.paths,
        num_bytes=found.num_bytes,
        num_rows=found.num_rows,
        num_left_out=found.excluded.size,
        labels=found.view_labels,
        class_names=source.class_names,
        columns=_columns(found),
        texts=texts,
        notes=tuple(
            describe_problems(
                problem for problem in found.problems if problem.kind in ("overflow", "outlier")
            )
        ),
    )


def _by_kind(source: Source) -> tuple[tuple[ColumnSpec, ...], tuple[str, ...]]:
    """The features of numbers, and the names of those of text."""
    features = source.table.schema.features
    numbers = tuple(column for column in features if column.kind != "text")
    return numbers, tuple(column.name for column in features if column.kind == "text")


def _columns(found: Survey) -> tuple[ColumnReport, ...]:
    kinds = {column.name: column.kind for column in found.source.columns}
    seen = found.statistics
    return tuple(
        ColumnReport(
            name=name,
            kind=kinds[name],
            blanks=int(seen.blanks[place]),
            minimum=float(seen.minimum[place]),
            mean=float(seen.mean[place]),
            maximum=float(seen.maximum[place]),
            std=float(seen.std[place]),
        )
        for place, name in enumerate(found.features)
    )
