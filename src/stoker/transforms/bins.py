"""Numeric columns to bins that hold about as many rows each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Self, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from stoker.errors import ColumnError, OptionError
from stoker.kernels.gather import gather_bins, storage_of
from stoker.transforms.base import FittedTransform, InputTransform, checked_places, same_features
from stoker.transforms.sampling import RowSample
from stoker.types import KIND_WORDS, ColumnKind, InputKind, IntArray, Rows, is_number

__all__ = ["QuantileBins"]

BinEncoding: TypeAlias = Literal["index", "onehot"]

_MOST_BINS = 1 << 12
_NARROWEST = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class _Edges:
    """Inner edges of all columns one behind the other, where each column's end, and bins of each column."""

    edges: npt.NDArray[np.float64]
    ends: IntArray
    widths: IntArray


class QuantileBins(InputTransform):
    """Each column cut at its quantiles, so that about as many of the rows seen fall into each bin.

    As scikit-learn's ``KBinsDiscretizer(strategy="quantile", quantile_method="linear")``: a bin begins with
    its lower edge, what lies outside belongs to the first bin or to the last, and bins of no width are left
    out, so that a column of few values has fewer of them. Edges are exact up to 65,536 rows; of more they
    come from a sample of these, and their ranks are off by more than 1.1 % of rows once in a million times
    (see `stoker.transforms.sampling.RowSample`, which takes half a MiB a column).

    A blank is in no bin: 0 as an index, and a row of zeros.

    Parameters
    ----------
    num_bins
        Bins of a column, at most.
    encode
        ``"index"``: int32 of shape (n, k), the bins of the first column from 1 on, those of the second behind
        them, and so on, as an embedding takes them. ``"onehot"``: float32 of shape (n, bins of all columns).

    Attributes
    ----------
    features_
        Names of the k columns.

    Examples
    --------
    >>> from stoker.types import Matrix
    >>> column = np.array([[1.0], [2], [3], [1000], [np.nan]])
    >>> rows = Rows(num_rows=5, features=("x",), matrix=Matrix.of(column))
    >>> bins = QuantileBins(num_bins=2).fit(rows)
    >>> bins.edges_[0].tolist(), bins.apply(rows, np.arange(5)).ravel().tolist()
    ([2.5], [1, 1, 2, 2, 0])
    """

    name = "bins"
    makes_codes = True

    def __init__(self, *, num_bins: int = 10, encode: BinEncoding = "index") -> None:
        if type(num_bins) is not int or not 2 <= num_bins <= _MOST_BINS:
            raise OptionError(f"num_bins must be an integer from 2 to {_MOST_BINS:,}, got {num_bins!r:.40}")
        if encode not in get_args(BinEncoding):
            raise OptionError(f"encode must be 'index' or 'onehot', got {encode!r:.40}")
        self.num_bins = num_bins
        self.encode = encode
        self.reset()

    def reset(self) -> None:
        """Forget what was learned."""
        self._sample = RowSample()
        self._edges: _Edges | None = None

    def begin_part(self, first: int) -> Self:
        """See `FittedTransform.begin_part`."""
        self.reset()
        self._sample = RowSample(first)
        return self

    def partial_fit(self, rows: Rows) -> Self:
        """Learn from the next rows."""
        self._edges = None
        self._sample.update(rows)
        return self

    def finish(self) -> Self:
        """Find the edges."""
        if self.is_fitted:
            self._learned()
        return self

    def merge(self, other: FittedTransform) -> Self:
        """Take in what `other` learned from the rows that follow; see `RowSample.merge`."""
        self._check_merge(other)
        assert isinstance(other, QuantileBins)
        self._edges = None
        self._sample.merge(other._sample)
        return self

    def check_kind(self, column: str, kind: ColumnKind) -> None:
        """Refuse what is no number.

        Raises
        ------
        ColumnError
            If the column holds text, bytes or lists.
        """
        if not is_number(kind):
            raise ColumnError(
                f"column {column!r} holds {KIND_WORDS[kind]}, and QuantileBins is for numbers: give texts "
                "stoker.Category()"
            )

    def fills_blank(self, column: str) -> bool:
        """A blank is in no bin."""
        return True

    @property
    def is_fitted(self) -> bool:
        """Whether `apply` may be called."""
        return self._sample.features is not None

    @property
    def features_(self) -> tuple[str, ...]:
        """Names of the columns."""
        return self._sample.features or ()

    @property
    def edges_(self) -> list[npt.NDArray[np.float64]]:
        """Of each column the edges between its bins, ascending."""
        learned = self._learned()
        return np.split(learned.edges, learned.ends[:-1])

    @property
    def output(self) -> InputKind:
        """``"dense"`` for one-hot rows, ``"tokens"`` for numbers."""
        return "dense" if self.encode == "onehot" else "tokens"

    @property
    def num_outputs(self) -> int:
        """Columns that `apply` gives."""
        return int(self._learned().widths.sum()) if self.encode == "onehot" else len(self.features_)

    @property
    def num_tokens(self) -> int | None:
        """Of numbers, one more than the greatest; None for one-hot rows."""
        return None if self.encode == "onehot" else 1 + int(self._learned().widths.sum())

    @property
    def num_bytes(self) -> int:
        """Memory that the sample takes."""
        return self._sample.num_bytes

    def apply(self, rows: Rows, take: IntArray) -> npt.NDArray[Any]:
        """Fresh numbers or one-hot rows for the row numbers `take`; see `encode`.

        Raises
        ------
        ColumnError
            If the transform was fitted on other columns.
        OptionError
            If it is not fitted.
        """
        if not self.is_fitted:
            raise OptionError("QuantileBins is not fitted: call fit, or feed.prepare()")
        same_features(self.features_, rows.features, "QuantileBins")
        places, learned = checked_places(rows, take), self._learned()
        found = np.zeros((places.size, len(self.features_)), np.int32)
        if (held := rows.matrix) is not None:
            gather_bins(*storage_of(held), places, learned.edges, learned.ends, found)
        before = (np.cumsum(learned.widths) - learned.widths).astype(np.int32)
        if self.encode == "index":
            return np.where(found >= 0, found + before + np.int32(1), np.int32(0))
        out = np.zeros((places.size, int(learned.widths.sum())), np.float32)
        row, column = np.nonzero(found >= 0)
        out[row, before[column] + found[row, column]] = 1
        return out

    def options(self) -> dict[str, Any]:
        """Keyword arguments of an unfitted equal, as plain data."""
        return {"num_bins": self.num_bins, "encode": self.encode}

    def state(self) -> dict[str, Any]:
        """Options and the sample as plain data."""
        return {"name": self.name, "options": self.options(), "sample": self._sample.state()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """An equal transform."""
        made = cls(**state["options"])
        made._sample = RowSample.from_state(state["sample"])
        return made

    def _learned(self) -> _Edges:
        """Edges of the sample; two threads that come first would make the same."""
        if self._edges is None:
            levels = np.linspace(0, 100, self.num_bins + 1) / 100
            columns = [_inner_edges(column) for column in self._sample.quantiles(levels).T]
            sizes = np.array([edges.size for edges in columns], np.int64)
            self._edges = _Edges(
                edges=np.concatenate([np.empty(0), *columns]), ends=np.cumsum(sizes), widths=sizes + 1
            )
        return self._edges


def _inner_edges(quantiles: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Edges between bins, those left out that would bound a bin of no width."""
    if np.isnan(quantiles).any():
        return np.empty(0)
    with np.errstate(invalid="ignore"):
        wide = np.ediff1d(quantiles, to_begin=np.inf) > _NARROWEST
    return quantiles[wide][1:-1]
