"""Numeric columns to float32 arrays, with a rule for blanks: the base of all that scales them.

A blank (NaN) is handled by `na`, for all columns or by name; a replacement takes the place of the blank
before scaling, and `indicator` adds a column that tells where one was. That is how imputing and scaling go
together: ``Standardize(na="median", indicator=True)``. Statistics are of the values that are there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from stoker.errors import ColumnError, OptionError
from stoker.kernels import gather
from stoker.stored import require
from stoker.transforms.base import FittedTransform, InputTransform, checked_places, same_features
from stoker.transforms.blanks import MostFrequent, NaRule, Rules, check_names, check_rules, rule_of, wants
from stoker.transforms.notfinite import check_ends, not_finite
from stoker.transforms.rowshape import checked_shape
from stoker.transforms.sampling import RowSample
from stoker.transforms.statistics import ColumnStatistics
from stoker.types import KIND_WORDS, ColumnKind, InputKind, IntArray, Rows, is_number

__all__ = ["Cast", "Impute", "NaRule"]

Float32Array: TypeAlias = npt.NDArray[np.float32]
FloatArray: TypeAlias = npt.NDArray[np.float64]

_FLOAT32_ERROR = 1e-5
"""How far rounding what is subtracted to float32 may move a result before float64 is used instead."""


@dataclass(frozen=True, slots=True, eq=False)
class _Affine:
    """What `apply` computes with, of shape (k,): a blank's replacement, what is taken off, and the factor.

    `narrow` has the latter two in float32 where that is near enough; `gaps` are columns with an indicator.
    """

    fill: FloatArray
    subtract: FloatArray
    multiply: FloatArray
    plain: bool
    narrow: tuple[Float32Array, Float32Array] | None
    gaps: IntArray


class Cast(InputTransform):
    """The columns as they are, as float32.

    Parameters
    ----------
    na
        What becomes of a blank: ``"error"`` (the default), ``"mean"``, ``"median"``, ``"most_frequent"`` (of
        equals the least), ``"zero"``, or a mapping from column names to these; columns that it does not name
        are ``"error"``. Medians are exact up to 65,536 rows, see `stoker.transforms.sampling.RowSample`.
    indicator
        Whether a column of 0 and 1 is added for each one that had a blank when this was fitted, in their
        order, as scikit-learn's ``SimpleImputer(add_indicator=True)`` adds it.

    Attributes
    ----------
    features_
        Names of the k columns.
    statistics_
        `ColumnStatistics` of the rows seen.
    shape_
        Shape of a row of the array whose columns these are, where it has more than one dimension: a feed
        says it. Rows have it unless indicators stand behind the columns.
    """

    name = "cast"

    def __init__(self, *, na: Rules = "error", indicator: bool = False) -> None:
        check_rules(na)
        if not isinstance(indicator, bool):
            raise OptionError(f"indicator must be True or False, got {indicator!r:.40}")
        self.na = na
        self.indicator = indicator
        self.shape_: tuple[int, ...] | None = None
        self.reset()

    def reset(self) -> None:
        """Forget what was learned."""
        self.statistics_ = ColumnStatistics(distinct=False)
        self.features_: tuple[str, ...] = ()
        self._sample = RowSample() if self._has_quantiles or wants(self.na, "median") else None
        self._modes = MostFrequent() if wants(self.na, "most_frequent") else None
        self._affine: _Affine | None = None

    def begin_part(self, first: int) -> Self:
        """See `FittedTransform.begin_part`."""
        self.reset()
        self.statistics_ = ColumnStatistics(distinct=False, apart=True)
        self._sample = None if self._sample is None else RowSample(first)
        return self

    @property
    def _has_quantiles(self) -> bool:
        """Whether quantiles are what is subtracted or multiplied by."""
        return False

    @property
    def needs_rows(self) -> bool:
        """Whether it learns from rows, and `fit_statistics` does not do."""
        return self._sample is not None or self._modes is not None

    @property
    def num_bytes(self) -> int:
        """Memory that a sample for quantiles, or counts of values, take."""
        return sum(held.num_bytes for held in (self._sample, self._modes) if held is not None)

    def partial_fit(self, rows: Rows) -> Self:
        """Learn from the next rows."""
        self.statistics_.update(rows)
        if self._sample is not None:
            self._sample.update(rows)
        if self._modes is not None:
            self._modes.update(rows, self.na)
        return self._learn()

    def finish(self) -> Self:
        """Refuse columns that float32 cannot hold once they are transformed."""
        if self.is_fitted:
            use, seen = self._prepared(), self.statistics_
            fill = np.where(seen.blanks > 0, use.fill, np.nan)
            with np.errstate(all="ignore"):
                ends = (np.stack([seen.minimum, seen.maximum, fill]) - use.subtract) * use.multiply
            check_ends(ends, self.features_, type(self).__name__)
        return self

    def fit_statistics(self, statistics: ColumnStatistics) -> Self:
        """Learn from statistics that were taken elsewhere, such as the survey's; see `needs_rows`."""
        if self.needs_rows:
            raise OptionError(
                f"{type(self).__name__} with {self.options()} learns from rows, and there are only "
                "statistics: call its fit before, or give the columns to stoker.Columns"
            )
        self.statistics_ = statistics.copy()
        return self._learn()

    def merge(self, other: FittedTransform) -> Self:
        """Take in what `other` learned from the rows that follow; see `ColumnStatistics.merge`."""
        self._check_merge(other)
        assert isinstance(other, Cast)
        self.statistics_.merge(other.statistics_)
        if self._sample is not None and other._sample is not None:
            self._sample.merge(other._sample)
        if self._modes is not None and other._modes is not None:
            self._modes.merge(other._modes)
        return self._learn()

    def check_kind(self, column: str, kind: ColumnKind) -> None:
        """Refuse what is no number.

        Raises
        ------
        ColumnError
            If the column holds text, bytes or lists.
        """
        if not is_number(kind):
            raise ColumnError(
                f"column {column!r} holds {KIND_WORDS[kind]}, and {type(self).__name__} is for numbers: give "
                f"it a transform of {KIND_WORDS[kind]}, or open the data with types={{{column!r}: 'float'}} "
                "if these are numbers"
            )

    @property
    def is_fitted(self) -> bool:
        """Whether `apply` may be called."""
        return self.statistics_.features is not None

    @property
    def output(self) -> InputKind:
        """Dense arrays."""
        return "dense"

    @property
    def num_outputs(self) -> int:
        """Columns that `apply` gives: k, and the indicators."""
        return len(self.features_) + (self._prepared().gaps.size if self.indicator else 0)

    @property
    def affine_(self) -> tuple[FloatArray, FloatArray]:
        """What is subtracted from each column, and by what it is multiplied then; of shape (k,)."""
        use = self._prepared()
        return use.subtract, use.multiply

    @property
    def made_of(self) -> tuple[tuple[str, bool], ...]:
        """Of each column that `apply` gives: what it is made of, and whether it marks the blanks of that."""
        gaps = self._prepared().gaps.tolist() if self.indicator else []
        numbers = [(name, False) for name in self.features_]
        return (*numbers, *((self.features_[place], True) for place in gaps))

    @property
    def row_shape(self) -> tuple[int, ...]:
        """`shape_`, or (num_outputs,)."""
        numbers = self.num_outputs
        return (numbers,) if self.shape_ is None or prod(self.shape_) != numbers else self.shape_

    def apply(self, rows: Rows, take: IntArray, out: Float32Array | None = None) -> Float32Array:
        """Float32 of shape (len(take), *row_shape): a fresh array, or `out`, which is contiguous and written.

        Arithmetic is in float64; for integers of 8 and 16 bits in float32 where that costs at most 1e-5.

        Raises
        ------
        ColumnError
            If the transform is not fitted, or was fitted on other columns.
        DataError
            If a blank has no rule, or a value is beyond float32.
        """
        if not self.is_fitted:
            raise OptionError(f"{type(self).__name__} is not fitted: call fit, or feed.prepare()")
        same_features(self.features_, rows.features, type(self).__name__)
        places, use = checked_places(rows, take), self._prepared()
        if out is None:
            out = np.empty((places.size, *self.row_shape), np.float32)
        if rows.matrix is not None:
            self._write(rows, places, use, out.reshape(places.size, self.num_outputs))
        return out

    def _write(self, rows: Rows, places: IntArray, use: _Affine, out: Float32Array) -> None:
        assert rows.matrix is not None
        where = (*gather.storage_of(rows.matrix), places)
        values = rows.matrix.values
        if values.dtype.kind == "f":
            if gather.gather_filled(*where, use.fill, use.subtract, use.multiply, out):
                raise not_finite(
                    where,
                    out,
                    features=self.features_,
                    na=self.na,
                    num_rows=self.statistics_.num_rows,
                    called=type(self).__name__,
                )
        elif use.plain:
            gather.gather_cast(*where, out)
        elif use.narrow is not None and values.dtype.itemsize <= 2:
            gather.gather_affine(*where, *use.narrow, out)
        else:
            gather.gather_affine(*where, use.subtract, use.multiply, out)
        if self.indicator and use.gaps.size:
            gather.gather_gaps(*where, use.gaps, out)

    def inverse(self, values: npt.NDArray[Any]) -> FloatArray:
        """What `apply` would make these of: float64 of shape (n, k), of the first k columns of `values`.

        Raises
        ------
        OptionError
            If the transform is not fitted.
        """
        if not self.is_fitted:
            raise OptionError(f"{type(self).__name__} is not fitted: call fit, or feed.prepare()")
        use = self._prepared()
        scaled = np.asarray(values[:, : len(self.features_)], np.float64)
        return np.asarray(scaled / use.multiply + use.subtract, np.float64)

    def options(self) -> dict[str, Any]:
        """Keyword arguments of an unfitted equal, as plain data."""
        return {
            "na": dict(self.na) if isinstance(self.na, Mapping) else self.na,
            "indicator": self.indicator,
        }

    def state(self) -> dict[str, Any]:
        """Options, statistics and what else was learned, as plain data."""
        learned: dict[str, Any] = {"statistics": self.statistics_.state()}
        if self._sample is not None:
            learned["sample"] = self._sample.state()
        if self._modes is not None:
            learned["modes"] = self._modes.state()
        if self.shape_ is not None:
            learned["shape"] = list(self.shape_)
        return {"name": self.name, "options": self.options(), **learned}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """An equal transform."""
        made = cls(**state["options"])
        made.statistics_ = ColumnStatistics.from_state(state["statistics"])
        features = made.statistics_.features
        if made._sample is not None:
            made._sample = RowSample.from_state(state["sample"])
            require(made._sample.features == features, "a sample of other columns")
        if made._modes is not None:
            made._modes = MostFrequent.from_state(state["modes"], made.na, features)
        if state.get("shape") is not None:
            made.shape_ = checked_shape(state["shape"], len(features or ()))
        return made._learn()

    def _coefficients(self, seen: ColumnStatistics) -> tuple[FloatArray, FloatArray]:
        """What to subtract, and by what to multiply then; float64 of shape (k,)."""
        width = len(self.features_)
        return np.zeros(width), np.ones(width)

    def _quantiles(self, *levels: float) -> FloatArray:
        """Of each column, (levels, k); NaN where it has no value."""
        assert self._sample is not None
        found = self._sample.quantiles(levels)
        return found if found.size else np.full((len(levels), len(self.features_)), np.nan)

    def _learn(self) -> Self:
        self.features_ = self.statistics_.features or ()
        if self.is_fitted:
            check_names(self.na, self.features_)
        self._affine = None
        # What sorts a sample waits until it is wanted; a part of the rows tells no mean.
        if not self.needs_rows and not self.statistics_.apart:
            self._prepared()
        return self

    def _prepared(self) -> _Affine:
        """What `apply` computes with; two threads that come first would make the same."""
        if self._affine is None:
            subtract, multiply = self._coefficients(self.statistics_)
            with np.errstate(all="ignore"):
                narrow = subtract.astype(np.float32), multiply.astype(np.float32)
                near = np.abs(narrow[0] - subtract) * multiply <= _FLOAT32_ERROR
            self._affine = _Affine(
                fill=self._fills(),
                subtract=subtract,
                multiply=multiply,
                plain=not subtract.any() and bool((multiply == 1).all()),
                narrow=narrow if near.all() else None,
                gaps=np.flatnonzero(self.statistics_.blanks),
            )
        return self._affine

    def _fills(self) -> FloatArray:
        """What takes the place of a blank in each column, NaN where nothing does."""
        width = len(self.features_)
        replacements = {"error": np.full(width, np.nan), "zero": np.zeros(width)}
        replacements["mean"] = self.statistics_.mean
        if wants(self.na, "median"):
            replacements["median"] = self._quantiles(0.5)[0]
        if self._modes is not None:
            replacements["most_frequent"] = self._modes.values(self.features_)
        chosen = [replacements[rule_of(self.na, name)][place] for place, name in enumerate(self.features_)]
        return np.array(chosen, np.float64)


class Impute(Cast):
    """The columns as they are, with a value in the place of each blank.

    As `Cast`, but `na` is ``"mean"`` unless given. Like scikit-learn's ``SimpleImputer``. Whatever scales
    takes the same options: ``Standardize(na="median", indicator=True)`` imputes, and then standardises.

    Examples
    --------
    >>> from stoker.types import Matrix
    >>> rows = Rows(num_rows=3, features=("x",), matrix=Matrix.of(np.array([[1.0], [np.nan], [3.0]])))
    >>> Impute(na="median", indicator=True).fit(rows).apply(rows, np.array([1, 2]))
    array([[2., 1.],
           [3., 0.]], dtype=float32)
    """

    name = "impute"

    def __init__(self, *, na: Rules = "mean", indicator: bool = False) -> None:
        super().__init__(na=na, indicator=indicator)
