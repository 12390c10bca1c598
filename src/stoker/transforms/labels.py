"""The label column to arrays: class indices, one-hot rows, or a number to regress on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stoker.errors import ColumnError, DataError, OptionError
from stoker.kernels.lookup import index_sorted
from stoker.stored import require
from stoker.transforms.base import FittedTransform, checked_places, nearest
from stoker.types import IntArray, Rows

__all__ = ["LabelEncoder", "OneHot", "Passthrough"]

Label: TypeAlias = "int | str"


class LabelEncoder(FittedTransform):
    """Labels to class indices, int32 of shape (n,).

    Parameters
    ----------
    column
        Name of the label column: integers, floats that are integers, or text.

    Attributes
    ----------
    classes_
        The labels, sorted: integers by value, text by its UTF-8 bytes; a label's index here is its class.
    counts_
        How often each was seen, int64 of shape (classes,).

    Examples
    --------
    >>> rows = Rows(num_rows=3, features=(), matrix=None, columns={"kind": pa.array(["cat", "ant", "cat"])})
    >>> encoder = LabelEncoder("kind").fit(rows)
    >>> encoder.classes_, encoder.apply(rows, np.arange(3)).tolist()
    (('ant', 'cat'), [1, 0, 1])
    """

    name = "labels"

    def __init__(self, column: str) -> None:
        self.column = column
        self.reset()

    @classmethod
    def from_counts(cls, column: str, classes: Mapping[Label, int] | Iterable[Label]) -> Self:
        """A fitted encoder of known labels, in any order: with their counts, or without."""
        made = cls(column)
        made._add(dict(classes) if isinstance(classes, Mapping) else dict.fromkeys(classes, 0))
        return made

    def reset(self) -> None:
        """Forget what was learned."""
        self.classes_: tuple[Label, ...] = ()
        self.counts_: IntArray = np.zeros(0, np.int64)

    def partial_fit(self, rows: Rows) -> Self:
        """Learn the labels of the next rows."""
        labels = _labels(rows, self.column, None)
        if isinstance(labels, np.ndarray):
            values, counts = np.unique(labels, return_counts=True)
            self._add(dict(zip(values.tolist(), counts.tolist(), strict=True)))
        else:
            counted = pc.value_counts(labels)
            names = counted.field("values").to_pylist()
            self._add(dict(zip(names, counted.field("counts").to_pylist(), strict=True)))
        return self

    def merge(self, other: FittedTransform) -> Self:
        """Take in the labels of the rows that follow."""
        self._check_merge(other)
        assert isinstance(other, LabelEncoder)
        self._add(dict(zip(other.classes_, other.counts_.tolist(), strict=True)))
        return self

    @property
    def is_fitted(self) -> bool:
        """Whether `apply` may be called."""
        return bool(self.classes_)

    def apply(self, rows: Rows, take: IntArray) -> npt.NDArray[Any]:
        """Class indices, int32 of shape (len(take),).

        Raises
        ------
        ColumnError
            If the rows have no such column.
        DataError
            If a label is blank, no integer, or none of the classes.
        """
        return self._indices(rows, take)

    def options(self) -> dict[str, Any]:
        """Keyword arguments of an unfitted equal, as plain data."""
        return {"column": self.column}

    def state(self) -> dict[str, Any]:
        """Column, classes and counts as plain data."""
        return {
            "name": self.name,
            "options": self.options(),
            "classes": list(self.classes_),
            "counts": self.counts_.tolist(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """An equal encoder."""
        classes, counts = state["classes"], np.array(state["counts"], np.int64)
        require(
            all(type(label) in (int, str) for label in classes), "labels that are neither text nor integers"
        )
        require(len(set(classes)) == len(classes) == counts.size, "labels that are not counted")
        return cls.from_counts(
            _name(state["options"]["column"]), dict(zip(classes, counts.tolist(), strict=True))
        )

    def _add(self, counts: dict[Label, int]) -> None:
        together = dict(zip(self.classes_, self.counts_.tolist(), strict=True))
        for label, count in counts.items():
            together[label] = together.get(label, 0) + count
        if len({isinstance(label, str) for label in together}) > 1:
            raise DataError(
                f"label column {self.column!r} holds both numbers and text: hold it as text with "
                f"types={{{self.column!r}: 'text'}}"
            )
        self.classes_ = tuple(sorted(together, key=_sort_key))
        text = bool(self.classes_) and isinstance(self.classes_[0], str)
        self._known: Any = pa.array(self.classes_, pa.string()) if text else np.array(self.classes_, np.int64)
        self.counts_ = np.array([together[label] for label in self.classes_], np.int64)

    def _indices(self, rows: Rows, take: IntArray) -> npt.NDArray[np.int32]:
        if not self.is_fitted:
            raise OptionError(f"{type(self).__name__} is not fitted: call fit, or feed.prepare()")
        labels = _labels(rows, self.column, take)
        if isinstance(labels, np.ndarray) != isinstance(self._known, np.ndarray):
            raise self._unknown(labels, np.ones(len(labels), np.bool_))
        if isinstance(labels, np.ndarray):
            indices = np.empty(labels.size, np.int32)
            misses = index_sorted(self._known, labels, indices)
        else:
            found = pc.index_in(labels, value_set=self._known.cast(labels.type))
            indices = np.array(pc.fill_null(found, -1), np.int32)
            misses = found.null_count
        if misses:
            raise self._unknown(labels, indices < 0)
        return indices

    def _unknown(self, labels: Any, unknown: npt.NDArray[np.bool_]) -> DataError:
        if isinstance(labels, np.ndarray):
            strange = np.unique(labels[unknown]).tolist()
        else:
            strange = sorted(set(labels.filter(pa.array(unknown)).to_pylist()))
        named = ", ".join(map(repr, strange[:5])) + (" and others" if len(strange) > 5 else "")
        known = ", ".join(map(repr, self.classes_[:5])) + (", ..." if len(self.classes_) > 5 else "")
        return DataError(
            f"label column {self.column!r} holds {named}, not among the {len(self.classes_)} classes of "
            f"training ({known}): correct these labels, leave their rows out, or train on data that has them"
        )


class OneHot(LabelEncoder):
    """Labels to rows of zeros with a one at the class, float32 of shape (n, classes).

    Parameters and attributes are those of `LabelEncoder`.
    """

    name = "one-hot"

    def apply(self, rows: Rows, take: IntArray) -> npt.NDArray[Any]:
        """Float32 of shape (len(take), classes); errors as in `LabelEncoder.apply`."""
        indices = self._indices(rows, take)
        out = np.zeros((indices.size, len(self.classes_)), np.float32)
        out[np.arange(indices.size), indices] = 1.0
        return out


class Passthrough(FittedTransform):
    """A numeric column as it is, float32 of shape (n,): what a regression answers.

    Parameters
    ----------
    column
        Name of the column.
    """

    name = "passthrough"

    def __init__(self, column: str) -> None:
        self.column = column

    @property
    def is_fitted(self) -> bool:
        """Always: nothing is learned."""
        return True

    def reset(self) -> None:
        """Nothing is learned."""

    def partial_fit(self, rows: Rows) -> Self:
        """Check that the column is there and numeric."""
        self.numbers(rows, None)
        return self

    def merge(self, other: FittedTransform) -> Self:
        """Nothing is learned."""
        self._check_merge(other)
        return self

    def apply(self, rows: Rows, take: IntArray) -> npt.NDArray[np.float32]:
        """Float32 of shape (len(take),).

        Raises
        ------
        ColumnError
            If there is no such column, or it is text.
        DataError
            If a value is blank or beyond float32.
        """
        values = self.numbers(rows, take)
        with np.errstate(over="ignore"):
            out = values.astype(np.float32)
        if not np.isfinite(out).all():
            at = int(np.flatnonzero(~np.isfinite(out))[0])
            what = "no value" if np.isnan(values[at]) else f"{values[at]}, beyond float32"
            raise DataError(
                f"label column {self.column!r} holds {what} (row {at} of this batch): correct the value or "
                "leave its row out"
            )
        return out

    def numbers(self, rows: Rows, take: IntArray | None) -> npt.NDArray[Any]:
        """The column's values as they are held, of the row numbers `take`, or of all rows.

        Raises
        ------
        ColumnError
            If there is no such column, or it is text.
        """
        values = _column(rows, self.column, take)
        if not isinstance(values, np.ndarray):
            raise ColumnError(
                f"label column {self.column!r} holds text, which no regression can answer: train with "
                "task='classes'"
            )
        return values

    def options(self) -> dict[str, Any]:
        """Keyword arguments of an unfitted equal, as plain data."""
        return {"column": self.column}

    def state(self) -> dict[str, Any]:
        """The column's name."""
        return {"name": self.name, "options": self.options()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """An equal transform."""
        return cls(_name(state["options"]["column"]))


def _name(stored: Any) -> str:
    require(isinstance(stored, str), "a label column without a name")
    return str(stored)


def _sort_key(label: Label) -> Any:
    return label.encode() if isinstance(label, str) else label


def _column(rows: Rows, name: str, take: IntArray | None) -> Any:
    """Values of a column beside the matrix: a NumPy or Arrow array of the rows asked for."""
    if name not in rows.columns:
        raise ColumnError(
            f"the rows have no label column {name!r}{nearest(name, rows.columns)}; beside the numbers "
            f"they have {', '.join(map(repr, rows.columns)) or 'none'}: open the data with label={name!r}"
        )
    column, places = rows.columns[name], checked_places(rows, take)
    if isinstance(column, np.ndarray):
        return column[places]
    taken = column.take(pa.array(places))
    return taken.combine_chunks() if isinstance(taken, pa.ChunkedArray) else taken


def _labels(rows: Rows, name: str, take: IntArray | None) -> Any:
    """Labels without blanks: int64 or an Arrow array of strings."""
    labels = _column(rows, name, take)
    if not isinstance(labels, np.ndarray):
        if labels.null_count:
            at = int(np.flatnonzero(labels.is_null().to_numpy(zero_copy_only=False))[0])
            raise DataError(f"label column {name!r} is blank at row {at} of those given: leave such rows out")
        return labels
    if labels.dtype.kind != "f":
        return labels.astype(np.int64, copy=False)
    odd = np.flatnonzero(~((labels == np.floor(labels)) & (np.abs(labels) < 2.0**63)))
    if odd.size:
        value = labels[odd[0]]
        what = "is blank" if np.isnan(value) else f"holds {value}, no class"
        raise DataError(
            f"label column {name!r} {what}, at row {odd[0]} of those given: leave such rows out, "
            "or train with task='regression'"
        )
    return labels.astype(np.int64)
