"""What a table of numbers is like, or a folder of images: its columns and their statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import msgspec

from stoker.errors import ColumnError
from stoker.images.sizes import ImageSizes
from stoker.sources import Source
from stoker.survey import LabelCounts, Survey, survey
from stoker.survey.problems import describe_problems
from stoker.types import ColumnKind, ColumnSpec, Progress

__all__ = ["ColumnReport", "ImageReport", "ListsReport", "TableReport", "explore_table"]

_MOST_SIZES = 20


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
class ImageReport:
    """One column of images.

    Attributes
    ----------
    name
        Its name.
    num_images, num_grey, num_others
        Images, those of one channel, and values that are none.
    sizes
        (width, height, images) of the most frequent sizes.
    formats
        Images of each format.
    summary
        Sizes and formats, for people.
    """

    name: str
    num_images: int
    num_grey: int
    num_others: int
    sizes: tuple[tuple[int, int, int], ...]
    formats: Mapping[str, int]
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListsReport:
    """A column of lists.

    Attributes
    ----------
    name, kind
        What it is called; ``"ints"`` or ``"floats"``.
    blanks
        Rows without a list, or with an empty one.
    least, longest
        Numbers of the shortest list that is not empty, and of the longest.
    minimum, maximum
        The least and the greatest number of all lists; None where there is none.
    """

    name: str
    kind: ColumnKind
    blanks: int
    least: int
    longest: int
    minimum: float | None
    maximum: float | None


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
        The label's values and how often each occurs, of several labels the first's; None without a label.
    class_names
        What the classes 1, 2, … are called, where a file beside the data says so.
    columns
        The columns of numbers.
    images
        The columns of images.
    texts
        Names of the columns of text, which are not looked at.
    lists
        The columns of lists.
    notes
        Values so extreme that they spoil what is computed of their column, with their places.
    more_labels
        The same as `labels` of the further labels, by column.
    """

    paths: tuple[str, ...]
    num_bytes: int
    num_rows: int
    num_left_out: int
    labels: LabelCounts | None
    class_names: tuple[str, ...] | None
    columns: tuple[ColumnReport, ...]
    images: tuple[ImageReport, ...]
    texts: tuple[str, ...]
    lists: tuple[ListsReport, ...] = ()
    notes: tuple[str, ...] = ()
    more_labels: Mapping[str, LabelCounts] = field(default_factory=dict)

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
    r"""Look at a table of numbers, or at images, once.

    Parameters
    ----------
    source
        Its columns of text and of lists are passed over.
    on_bad_row
        Whether rows that cannot be parsed are an error or are left out and counted.
    progress
        Called with the bytes done and the bytes in all.

    Raises
    ------
    BadRowError
        A row cannot be parsed.
    ColumnError
        There are columns of text alone, or one is not what its first rows promise.

    Examples
    --------
    >>> import stoker, tempfile, pathlib
    >>> temporary = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(temporary.name, "tiny.csv")
    >>> _ = path.write_text("x,y\n1,0\n3,1\n,0\n")
    >>> report = explore_table(stoker.open(path, label="y"))
    >>> [(column.name, column.mean, column.blanks) for column in report.columns], report.labels.counts
    ([('x', 2.0, 1)], (2, 1))
    >>> temporary.cleanup()
    """
    looked_at, texts = _by_kind(source)
    if not looked_at:
        shown = ", ".join(map(repr, texts[:8])) + (", …" if len(texts) > 8 else "")
        raise ColumnError(
            f"{source.paths[0]} has no column of numbers but text in {shown}: say text=[{texts[0]!r}]"
        )
    table = source.table.with_schema(replace(source.table.schema, features=looked_at))
    found = survey(
        replace(source, table=table),
        role="inspect",
        na="mean",
        on_bad_row=on_bad_row,
        progress=progress,
        stored=False,
        spool=None,
        texts="given",
    )
    return TableReport(
        paths=found.paths,
        num_bytes=found.num_bytes,
        num_rows=found.num_rows,
        num_left_out=found.excluded.size,
        labels=found.view_labels,
        more_labels={name: found.view_counts[name] for name in source.labels[1:]},
        class_names=source.class_names,
        columns=_columns(found),
        images=tuple(_image_report(name, seen) for name, seen in found.images.items()),
        texts=texts,
        lists=_lists(found),
        notes=tuple(
            describe_problems(
                problem for problem in found.problems if problem.kind in ("overflow", "outlier")
            )
        ),
    )


def _by_kind(source: Source) -> tuple[tuple[ColumnSpec, ...], tuple[str, ...]]:
    """The features that are no text, and the names of those that are."""
    features = source.table.schema.features
    return tuple(column for column in features if column.kind != "text"), source.text_features


def _image_report(name: str, seen: ImageSizes) -> ImageReport:
    return ImageReport(
        name=name,
        num_images=seen.num_images,
        num_grey=seen.num_grey,
        num_others=seen.num_bad,
        sizes=tuple((width, height, count) for (width, height), count in seen.common[:_MOST_SIZES]),
        formats=seen.formats,
        summary=seen.describe(),
    )


def _lists(found: Survey) -> tuple[ListsReport, ...]:
    return tuple(
        ListsReport(
            name=name,
            kind=found.source.kind_of(name),
            blanks=seen.num_blank,
            least=seen.least,
            longest=seen.longest,
            minimum=seen.minimum,
            maximum=seen.maximum,
        )
        for name, seen in found.values.items()
        if name in found.source.table.schema.lists
    )


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
