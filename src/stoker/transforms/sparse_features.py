"""Two columns of lists, in which columns a row is not zero and what it is there, to sparse rows."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import scipy.sparse as sp

from stoker.errors import ColumnError, OptionError
from stoker.kernels.sequences import extents
from stoker.stored import require, require_counts
from stoker.transforms.base import FittedTransform, InputTransform, RowValueError
from stoker.transforms.listcolumns import Lists, list_kinds, lists_of
from stoker.types import KIND_WORDS, LISTS, ColumnKind, InputKind, IntArray, Rows

__all__ = ["SparseFeatures"]

_MOST_COLUMNS = (1 << 31) - 1


class SparseFeatures(InputTransform):
    """The rows of a sparse matrix as they are, float32: what a model takes of n-grams, of anything.

    Of two columns one has in each row the numbers of the features that are not zero, integers from 0 on, and
    the other their values. They may stand in any order; the values of a feature that stands there twice are
    added. A blank is a row of zeros. Features that no row to train on has are left out.

    Parameters
    ----------
    num_features
        How many there are; None: one more than the greatest number to train on.

    Attributes
    ----------
    columns_
        The columns of numbers and of values: the only ones of lists of integers, and of numbers.
    greatest_, longest_
        The greatest number of a feature, and how many the longest row has.

    Raises
    ------
    OptionError
        If an option cannot be.

    Examples
    --------
    >>> import pyarrow as pa
    >>> where = pa.array([[0, 2], []], pa.large_list(pa.int64()))
    >>> what = pa.array([[0.5, 2.0], []], pa.large_list(pa.float64()))
    >>> rows = Rows(num_rows=2, features=(), matrix=None, columns={"where": where, "what": what})
    >>> SparseFeatures().fit(rows).apply(rows, np.arange(2)).toarray().tolist()
    [[0.5, 0.0, 2.0], [0.0, 0.0, 0.0]]
    """

    name = "sparse"

    def __init__(self, *, num_features: int | None = None) -> None:
        is_whole = isinstance(num_features, int) and not isinstance(num_features, bool)
        if num_features is not None and not (is_whole and 1 <= num_features <= _MOST_COLUMNS):
            raise OptionError(
                f"num_features must be an integer from 1 to {_MOST_COLUMNS:,}, or None, got "
                f"{num_features!r:.40}"
            )
        self.num_features = num_features
        self.reset()

    def reset(self) -> None:
        """Forget what was learned."""
        self.columns_: tuple[str, ...] = ()
        self.greatest_ = self.longest_ = self._num_rows = self._before = 0

    def begin_part(self, first: int) -> Self:
        """See `FittedTransform.begin_part`."""
        self.reset()
        self._before = first
        return self

    def partial_fit(self, rows: Rows) -> Self:
        """Learn from the next rows.

        Raises
        ------
        ColumnError
            If the rows have not one column of lists of integers and one of numbers.
        RowValueError
            If a feature's number is negative or too great, or has no value.
        OptionError
            If there are other columns than before.
        """
        known = list_kinds(rows)
        names = {kind: [name for name, held in known.items() if held == kind] for kind in LISTS}
        if [len(names[kind]) for kind in LISTS] != [1, 1]:
            told = ", ".join(f"{name!r} ({KIND_WORDS[kind]})" for name, kind in known.items()) or "no lists"
            raise ColumnError(
                "SparseFeatures is for one column of lists of integers and one of lists of numbers, and the "
                f"rows have {told}"
            )
        self._meet((*names["ints"], *names["floats"]))
        try:
            where, _ = self._lists(rows, None)
        except RowValueError as error:
            raise error.learned_from(self._before + self._num_rows) from None
        longest, greatest = extents(*where)
        return self._learn(int(longest), int(greatest), rows.num_rows)

    def merge(self, other: FittedTransform) -> Self:
        """Take in what `other` learned from the rows that follow."""
        self._check_merge(other)
        assert isinstance(other, SparseFeatures)
        if other.is_fitted:
            self._meet(other.columns_)
            self._learn(other.longest_, other.greatest_, other._num_rows)
        return self

    def check_kind(self, column: str, kind: ColumnKind) -> None:
        """Refuse whatever is no list.

        Raises
        ------
        ColumnError
            If the column holds something else.
        """
        if kind not in LISTS:
            raise ColumnError(
                f"column {column!r} holds {KIND_WORDS[kind]}, and SparseFeatures is for lists: one column of "
                "the numbers of features, and one of their values"
            )

    @property
    def is_fitted(self) -> bool:
        """Whether `apply` may be called."""
        return bool(self.columns_)

    @property
    def refuses(self) -> bool:
        """Always: lists may not belong together, and integers may be no numbers of features."""
        return True

    @property
    def output(self) -> InputKind:
        """Sparse rows."""
        return "sparse"

    @property
    def num_outputs(self) -> int:
        """Features."""
        return self.greatest_ + 1 if self.num_features is None else self.num_features

    def most_entries(self, num_bytes: int) -> int:
        """As many as the longest row to train on has."""
        return self.longest_

    def apply(self, rows: Rows, take: IntArray) -> sp.csr_matrix:
        """A CSR matrix of shape (len(take), num_outputs), float32.

        Raises
        ------
        ColumnError
            If the rows lack a column, or it holds other lists.
        RowValueError
            If a feature's number is negative or too great, or has no value; or a value is beyond float32.
        OptionError
            If the transform is not fitted.
        """
        if not self.is_fitted:
            raise OptionError("SparseFeatures is not fitted: call fit, or feed.prepare()")
        where, what = self._lists(rows, take)
        indptr = np.append(0, np.cumsum(where.lengths))
        indices = where.numbers()
        with np.errstate(over="ignore"):
            data = what.numbers().astype(np.float32)
        if not np.isfinite(data).all():
            beyond = np.unique(np.searchsorted(indptr, np.flatnonzero(~np.isfinite(data)), side="right")) - 1
            said = f"column {self.columns_[1]!r} holds what is beyond float32"
            raise RowValueError(said, ": correct it", beyond)
        known = indices < self.num_outputs
        if not known.all():
            indptr = np.append(0, np.cumsum(known))[indptr]
            indices, data = indices[known], data[known]
        shape = len(where.take), self.num_outputs
        made = sp.csr_matrix((data, indices.astype(np.int32), indptr), shape=shape)
        made.sum_duplicates()
        return made

    def options(self) -> dict[str, Any]:
        """Keyword arguments of an unfitted equal, as plain data."""
        return {"num_features": self.num_features}

    def state(self) -> dict[str, Any]:
        """Options, the columns, and what was learned of them as plain data."""
        return {
            "name": self.name,
            "options": self.options(),
            "columns": list(self.columns_),
            "greatest": self.greatest_,
            "longest": self.longest_,
            "rows": self._num_rows,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """An equal transform."""
        made, columns = cls(**state["options"]), tuple(state["columns"])
        require(len(columns) in (0, 2) and all(isinstance(name, str) for name in columns), "not two columns")
        made.columns_, made._num_rows = columns, state["rows"]
        made.greatest_, made.longest_ = state["greatest"], state["longest"]
        require_counts(made.greatest_, made.longest_, made._num_rows, what="features")
        require(made.greatest_ < _MOST_COLUMNS, "a feature beyond int32")
        return made

    def _lists(self, rows: Rows, take: IntArray | None) -> tuple[Lists, Lists]:
        """Numbers and values of some rows, which belong together."""
        here, there = self.columns_
        where, what = lists_of(rows, here, take), lists_of(rows, there, take)
        for name, lists, kind in ((here, where, np.int64), (there, what, np.float64)):
            if lists.values.dtype != kind and len(lists.values):
                raise ColumnError(f"the column {name!r} holds other lists than those learned from")
        odd = np.flatnonzero(where.lengths != what.lengths)
        if len(odd):
            numbers, values = int(where.lengths[odd[0]]), int(what.lengths[odd[0]])
            raise RowValueError(
                f"column {here!r} holds {numbers:,} numbers of features, and {there!r} {values:,} values",
                ": each feature needs one",
                odd,
            )
        most = self.num_features or _MOST_COLUMNS
        outside, found = where.outside(0, most - 1)
        if outside.size:
            way = "" if self.num_features is None else ", or say a greater num_features="
            raise RowValueError(
                f"column {here!r} holds {found:,}",
                f", and features are numbered from 0 to {most - 1:,}: correct it{way}",
                outside,
            )
        return where, what

    def _meet(self, columns: tuple[str, ...]) -> None:
        if self.columns_ and columns != self.columns_:
            raise OptionError(
                f"SparseFeatures learned from the columns {self.columns_} and was given {columns}: give it "
                "the same"
            )
        self.columns_ = columns

    def _learn(self, longest: int, greatest: int, num_rows: int) -> Self:
        self.longest_, self.greatest_ = max(self.longest_, longest), max(self.greatest_, greatest)
        self._num_rows += num_rows
        return self
