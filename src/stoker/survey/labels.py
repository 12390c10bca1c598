"""The label's classes and how often each occurs, counted in one pass."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.errors import DataError
from stoker.types import ColumnKind

__all__ = ["MAX_CLASSES", "LabelCounts", "LabelTally", "check_class_names", "check_classes"]

MAX_CLASSES = 10_000
_COUNTED_SPAN = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCounts:
    """What the label column holds.

    Attributes
    ----------
    kind
        ``"int"``, ``"float"`` or ``"text"``.
    num_rows
        Rows with a label.
    classes
        The distinct labels, numbers in numeric order, texts in bytewise order; None when there are more than
        10,000 of them.
    counts
        Rows of each class, in the order of `classes`.
    minimum, maximum
        Of a numeric label; None for texts or without rows.
    """

    kind: ColumnKind
    num_rows: int
    classes: tuple[int, ...] | tuple[float, ...] | tuple[str, ...] | None
    counts: tuple[int, ...]
    minimum: float | None = None
    maximum: float | None = None

    @property
    def overflow(self) -> bool:
        """Whether there are too many distinct labels to be classes."""
        return self.classes is None

    @property
    def majority(self) -> tuple[Any, float] | None:
        """The most frequent class, the first of equals, and its share of the rows."""
        if not self.classes or not self.num_rows:
            return None
        place = int(np.argmax(self.counts))
        return self.classes[place], self.counts[place] / self.num_rows


class LabelTally:
    """Counts labels chunk by chunk; stops to count, but not to measure, beyond 10,000 distinct ones."""

    def __init__(self, kind: ColumnKind) -> None:
        self.kind = kind
        self._counts: dict[Any, int] | None = {}
        self._num_rows = 0
        self._minimum = np.inf
        self._maximum = -np.inf
        self._origin: float | None = None
        self._sum = self._squares = 0.0

    def update(self, labels: npt.NDArray[Any] | pa.Array | pa.ChunkedArray) -> None:
        """Count labels, none of which is blank: int64 or float64 of shape (n,), or strings of PyArrow."""
        if not len(labels):
            return
        self._num_rows += len(labels)
        if isinstance(labels, np.ndarray):
            self._minimum = min(self._minimum, float(labels.min()))
            self._maximum = max(self._maximum, float(labels.max()))
            self._measure(labels)
        if self._counts is None:
            return
        values, counts = _distinct(labels)
        for value, count in zip(values, counts, strict=True):
            self._counts[value] = self._counts.get(value, 0) + count
        if len(self._counts) > MAX_CLASSES:
            self._counts = None

    def merge(self, other: LabelTally) -> LabelTally:
        """Make the tally of both's rows."""
        both = LabelTally(self.kind)
        both._num_rows = self._num_rows + other._num_rows
        both._minimum = min(self._minimum, other._minimum)
        both._maximum = max(self._maximum, other._maximum)
        for tally in (self, other):
            both._add(tally._num_rows, tally._origin, tally._sum, tally._squares)
        if self._counts is None or other._counts is None:
            both._counts = None
            return both
        counts = dict(self._counts)
        for value, count in other._counts.items():
            counts[value] = counts.get(value, 0) + count
        both._counts = counts if len(counts) <= MAX_CLASSES else None
        return both

    @property
    def spread(self) -> tuple[float, float] | None:
        """Mean and variance of numbers, as good as what is to be told by them; None where there are none."""
        if self._origin is None:
            return None
        mean = self._sum / self._num_rows
        return self._origin + mean, max(self._squares / self._num_rows - mean * mean, 0.0)

    def _measure(self, labels: npt.NDArray[Any]) -> None:
        with np.errstate(all="ignore"):
            origin = float(labels[0])
            shifted = labels.astype(np.float64) - origin
            # Not ``shifted @ shifted``: the threads of BLAS would spin for a while after each chunk.
            self._add(len(labels), origin, float(shifted.sum()), float(np.square(shifted).sum()))

    def _add(self, count: int, origin: float | None, total: float, squares: float) -> None:
        """Take in sums of values less an origin, and of their squares, about the first origin of all."""
        if origin is None:
            return
        if self._origin is None:
            self._origin = origin
        shift = origin - self._origin
        self._sum += total + count * shift
        self._squares += squares + 2 * shift * total + count * shift * shift

    def result(self) -> LabelCounts:
        """What was counted so far."""
        numeric = self.kind != "text" and self._num_rows > 0
        limits = {"minimum": self._minimum, "maximum": self._maximum} if numeric else {}
        if self._counts is None:
            return LabelCounts(kind=self.kind, num_rows=self._num_rows, classes=None, counts=(), **limits)
        order = str.encode if self.kind == "text" else None
        classes = tuple(sorted(self._counts, key=order))
        return LabelCounts(
            kind=self.kind,
            num_rows=self._num_rows,
            classes=classes,
            counts=tuple(self._counts[value] for value in classes),
            **limits,
        )


def check_class_names(labels: LabelCounts, names: Sequence[str], *, path: str, every: bool) -> None:
    """Refuse names that cannot be those of the classes 1, 2, ….

    Parameters
    ----------
    labels
        Of all rows.
    names
        One a class.
    path
        The file that the labels are of.
    every
        Whether each class must occur.

    Raises
    ------
    DataError
        A label has no name, or a name no label.
    """
    if labels.classes is None:
        return
    known = range(1, len(names) + 1)
    nameless = [value for value in labels.classes if value not in known]
    absent = [names[value - 1] for value in known if value not in labels.classes] if every else []
    if not nameless and not absent:
        return
    file = os.path.join(os.path.dirname(path), "classes.txt")
    what = f"the label {nameless[0]!r} of {path} is none of these" if nameless else f"none is {absent[0]!r}"
    raise DataError(
        f"{file} names {len(names)} classes, numbered from 1, and {path} has {len(labels.classes)} different "
        f"labels: {what}; the two do not belong together: correct {file}, or move it away"
    )


def check_classes(labels: LabelCounts, *, label: str, num_classes_wanted: int | None = None) -> None:
    """Refuse labels that classes cannot be learned from.

    Parameters
    ----------
    labels
        Of the rows to train on.
    label
        The column's name, for messages.
    num_classes_wanted
        2 for a binary task; None for any number from two on.

    Raises
    ------
    DataError
        If there is one class only, there are more than can be told apart, nearly as many as rows, or not as
        many as wanted.
    """
    if labels.classes is None:
        raise DataError(
            f"the label {label!r} has over {MAX_CLASSES:,} different values in {labels.num_rows:,} rows, "
            f"too many for classes. {_way_out(labels)}"
        )
    found = len(labels.classes)
    if found == 1:
        raise DataError(one_class_message(labels, label))
    if is_nearly_unique(labels):
        raise DataError(
            f"the label {label!r} has {found:,} different values in {labels.num_rows:,} rows, nearly as many "
            f"classes as rows. {_way_out(labels)}"
        )
    if num_classes_wanted is not None and found != num_classes_wanted:
        raise DataError(
            f"the label {label!r} has {found:,} classes where the task needs {num_classes_wanted}: "
            f"{_some(labels.classes)}. Use task='classes', or leave task= out."
        )


def one_class_message(labels: LabelCounts, label: str) -> str:
    """What to say when all rows have the same label."""
    value = labels.classes[0] if labels.classes else None
    where = "the only row" if labels.num_rows == 1 else f"all {labels.num_rows:,} rows"
    return (
        f"the label {label!r} is {value!r} in {where}: with one class only there is "
        "nothing to learn. Give rows of another class too, or name another column with label=."
    )


def is_nearly_unique(labels: LabelCounts) -> bool:
    """Whether there are so many distinct labels that they can hardly be classes: more than half the rows."""
    if labels.classes is None:
        return True
    return labels.num_rows > 2 and 2 * len(labels.classes) > labels.num_rows and len(labels.classes) > 10


def _way_out(labels: LabelCounts) -> str:
    if labels.kind == "text":
        return "Name another column with label=."
    return "Use task='regression', or name another column with label=."


def _some(classes: tuple[Any, ...], limit: int = 5) -> str:
    shown = ", ".join(repr(value) for value in classes[:limit])
    return shown + (", …" if len(classes) > limit else "")


def _distinct(labels: npt.NDArray[Any] | pa.Array | pa.ChunkedArray) -> tuple[list[Any], list[int]]:
    if not isinstance(labels, np.ndarray):
        counted = labels.value_counts()
        return counted.field(0).to_pylist(), counted.field(1).to_pylist()
    if labels.dtype.kind == "i":
        low = int(labels.min())
        if int(labels.max()) - low < _COUNTED_SPAN:
            counts = np.bincount(labels - low)
            present = np.flatnonzero(counts)
            return (present + low).tolist(), counts[present].tolist()
    values, frequencies = np.unique(labels, return_counts=True)
    return values.tolist(), frequencies.tolist()
