"""Targets beyond one plain label: numbers through a transform that can be undone, and several columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from stoker.errors import DataError, OptionError
from stoker.stored import require
from stoker.transforms.base import FittedTransform
from stoker.transforms.labels import LabelEncoder, Passthrough
from stoker.transforms.notfinite import SpreadError
from stoker.transforms.numeric import Cast
from stoker.transforms.scaling import Log1p, MinMax, Robust, Scale, Standardize
from stoker.types import IntArray, Matrix, Rows

__all__ = ["TARGET_WORDS", "TargetColumns", "TransformedTarget", "output_transforms", "own_unit"]

TARGET_WORDS: dict[str, type[Cast]] = {kind.name: kind for kind in (Standardize, MinMax, Robust, Log1p, Cast)}
"""What a user may say of a target in a word."""
_KINDS: dict[str, type[Cast]] = {**TARGET_WORDS, Scale.name: Scale}
_INNER = "target"
"""What the column is called within its transform, so that a label of another name can take it over."""


class TransformedTarget(FittedTransform):
    """A numeric column through a transform of numbers, float32 of shape (n,), and back.

    Parameters
    ----------
    column
        Name of the column.
    transform
        Of one column, without a rule for blanks: `Standardize`, `MinMax`, `Scale`, `Robust` or `Log1p`.

    Examples
    --------
    >>> rows = Rows(num_rows=3, features=(), matrix=None, columns={"price": np.array([100, 300, 200])})
    >>> target = TransformedTarget("price", MinMax()).fit(rows)
    >>> target.apply(rows, np.arange(3)).tolist(), target.inverse(np.array([0.25])).tolist()
    ([0.0, 1.0, 0.5], [150.0])
    """

    name = "transformed"

    def __init__(self, column: str, transform: Cast) -> None:
        if type(transform) not in _KINDS.values():
            raise OptionError(
                f"target must be one of {', '.join(kind.__name__ for kind in _KINDS.values())}, which can be "
                f"undone, got {type(transform).__name__}"
            )
        if transform.na != "error" or transform.indicator:
            raise OptionError(
                "a target takes no na= and no indicator=: nothing can take the place of a label; "
                f"na={{{column!r}: 'drop-row'}} of the feed leaves the rows of blank ones out"
            )
        self.column, self.transform = column, transform
        self._raw = Passthrough(column)

    @property
    def is_fitted(self) -> bool:
        """Whether `apply` may be called."""
        return self.transform.is_fitted

    def reset(self) -> None:
        """Forget what was learned."""
        self.transform.reset()

    def begin_part(self, first: int) -> Self:
        """See `FittedTransform.begin_part`."""
        self.transform.begin_part(first)
        return self

    def partial_fit(self, rows: Rows) -> Self:
        """Learn from the next rows."""
        with self._told():
            self.transform.partial_fit(self._as_feature(rows, None))
        return self

    def finish(self) -> Self:
        """Refuse numbers that float32 cannot hold once they are transformed."""
        with self._told():
            self.transform.finish()
        return self

    def merge(self, other: FittedTransform) -> Self:
        """Take in what `other` learned from the rows that follow."""
        self._check_merge(other)
        assert isinstance(other, TransformedTarget)
        self.transform.merge(other.transform)
        return self

    def adopt(self, other: FittedTransform) -> Self:
        """Have the transform know what the other's has learned."""
        self._check_merge(other)
        assert isinstance(other, TransformedTarget)
        self.transform.adopt(other.transform)
        return self

    def apply(self, rows: Rows, take: IntArray) -> npt.NDArray[np.float32]:
        """Float32 of shape (len(take),).

        Raises
        ------
        ColumnError
            If there is no such column, or it is text.
        DataError
            If a value is blank, or beyond float32 once it is transformed.
        """
        feature = self._as_feature(rows, take)
        with self._told():
            return self.transform.apply(feature, np.arange(feature.num_rows, dtype=np.int64))[:, 0]

    def inverse(self, values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Numbers of any shape in the column's own unit, float64."""
        return self.transform.inverse(values.reshape(-1, 1)).reshape(values.shape)

    def options(self) -> dict[str, Any]:
        """Column, and the transform's keyword arguments, as plain data."""
        return {"column": self.column, "transform": self.transform.name, **self.transform.options()}

    def state(self) -> dict[str, Any]:
        """Column and the transform's state as plain data."""
        return {"name": self.name, "column": self.column, "transform": self.transform.state()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """An equal transform."""
        column, inner = state["column"], state["transform"]
        require(isinstance(column, str), "a label column without a name")
        require(inner["name"] in _KINDS, f"{inner['name']!r:.40} cannot be undone")
        transform = _KINDS[inner["name"]].from_state(inner)
        require(transform.features_ in ((), (_INNER,)), "a target of other columns")
        return cls(column, transform)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What is wrong with the values is told under the column's own name."""
        try:
            yield
        except SpreadError as error:
            raise SpreadError(self.column, error.said, is_answer=True) from None
        except DataError as error:
            told = str(error).replace(f"column {_INNER!r}", f"label column {self.column!r}")
            raise DataError(told) from error

    def _as_feature(self, rows: Rows, take: IntArray | None) -> Rows:
        """The column as rows of one feature, float64."""
        values = self._raw.numbers(rows, take).astype(np.float64)
        return Rows(
            num_rows=len(values), features=(_INNER,), matrix=Matrix.of(values.reshape(-1, 1).copy(order="C"))
        )


class TargetColumns(FittedTransform):
    """Several label columns: side by side in one array of shape (n, k), or each by its name.

    Parameters
    ----------
    parts
        The columns' transforms, each of shape (n,).
    stacked
        Whether they are one array, which one output answers; else `apply` gives a mapping by column.

    Examples
    --------
    >>> columns = {"low": np.array([1.0, 2.0]), "high": np.array([3.0, 5.0])}
    >>> rows = Rows(num_rows=2, features=(), matrix=None, columns=columns)
    >>> TargetColumns([Passthrough("low"), Passthrough("high")], stacked=True).apply(rows, np.arange(2))
    array([[1., 3.],
           [2., 5.]], dtype=float32)
    """

    name = "targets"

    def __init__(self, parts: Sequence[FittedTransform], *, stacked: bool) -> None:
        self.parts = tuple(parts)
        self.stacked = stacked

    @property
    def is_fitted(self) -> bool:
        """Whether `apply` may be called."""
        return all(part.is_fitted for part in self.parts)

    def reset(self) -> None:
        """Forget what was learned."""
        for part in self.parts:
            part.reset()

    def partial_fit(self, rows: Rows) -> Self:
        """Learn from the next rows."""
        for part in self.parts:
            part.partial_fit(rows)
        return self

    def finish(self) -> Self:
        """Have every part settle what waits for the last row."""
        for part in self.parts:
            part.finish()
        return self

    def merge(self, other: FittedTransform) -> Self:
        """Take in what `other` learned from the rows that follow."""
        self._check_merge(other)
        assert isinstance(other, TargetColumns)
        for mine, theirs in zip(self.parts, other.parts, strict=True):
            mine.merge(theirs)
        return self

    def apply(self, rows: Rows, take: IntArray) -> Any:
        """An array of shape (len(take), k), or by column one of shape (len(take),) each."""
        made = [part.apply(rows, take) for part in self.parts]
        if self.stacked:
            return np.stack(made, axis=1)
        return {part.column: values for part, values in zip(self.parts, made, strict=True)}  # type: ignore[attr-defined]

    def inverse(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Of columns side by side, of shape (n, k), each in its own unit."""
        return np.stack([own_unit(part, values[:, place]) for place, part in enumerate(self.parts)], axis=1)

    def options(self) -> dict[str, Any]:
        """Keyword arguments of an unfitted equal, as plain data."""
        return {"stacked": self.stacked, "parts": [part.options() for part in self.parts]}

    def state(self) -> dict[str, Any]:
        """The parts' states as plain data."""
        return {
            "name": self.name,
            "stacked": self.stacked,
            "parts": [part.state() for part in self.parts],
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """An equal transform."""
        parts, stacked = state["parts"], state["stacked"]
        require(isinstance(stacked, bool) and len(parts) > 1, "labels that are not several")
        require(all(part["name"] in _PARTS for part in parts), "labels of unknown kinds")
        return cls([_PARTS[part["name"]].from_state(part) for part in parts], stacked=stacked)


_PARTS: dict[str, type[FittedTransform]] = {
    kind.name: kind for kind in (LabelEncoder, Passthrough, TransformedTarget)
}


def own_unit(transform: FittedTransform, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """What a model answers in the label's own unit: float64 where its transform is undone, or as it is.

    Parameters
    ----------
    transform
        The label's.
    values
        Of any shape; of several labels side by side (n, k).
    """
    if isinstance(transform, TransformedTarget) or (
        isinstance(transform, TargetColumns) and transform.stacked
    ):
        return transform.inverse(values)
    return values


def output_transforms(transform: FittedTransform) -> tuple[FittedTransform, ...]:
    """The transforms of what each output of a model answers."""
    is_several = isinstance(transform, TargetColumns) and not transform.stacked
    return transform.parts if isinstance(transform, TargetColumns) and is_several else (transform,)
