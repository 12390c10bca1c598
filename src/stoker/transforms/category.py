"""Columns of categories, texts or integers, to numbers that stand for them, or to one-hot rows."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from stoker.errors import ColumnError, OptionError
from stoker.kernels.values import bucket_values
from stoker.stored import require
from stoker.transforms.base import FittedTransform, InputTransform, RowValueError, checked_places
from stoker.transforms.categoryoptions import Encoding, check_options
from stoker.transforms.codebook import Codebook, Unknown
from stoker.transforms.tallies import Tally
from stoker.transforms.valuebytes import ValueBytes, column_bytes
from stoker.types import KIND_WORDS, ColumnKind, InputKind, IntArray, Rows, is_number

__all__ = ["Category"]

_WIDEST = 4_096
_WAY_OUT = "use Category(encode='hash', num_buckets=...), which counts nothing, or leave the column out"


class Category(InputTransform):
    """Each column's values to codes: what was met often enough has one of its own.

    Categories are numbered in ascending order, integers by value and texts by their UTF-8 bytes; the blank, a
    null or an empty text, is a category like any other and comes last of them, and then the bucket. Counts
    are exact, in at most about 120 bytes a different value besides the value itself; a column with more than
    262,144 different values, or 32 MiB of them, is an error that names ``encode="hash"``.

    Where some value is rare, codes are those of scikit-learn's ``OneHotEncoder(min_frequency=min_count,
    max_categories=max_categories, handle_unknown="infrequent_if_exist")``; where none is, the bucket is one
    more column.

    Parameters
    ----------
    min_count
        A value that was met less often has no code of its own.
    max_categories
        Codes of a column at most, the bucket among them: the values met most often keep theirs, and of equals
        the greater. Default: as many as there are.
    unknown
        What becomes of a value without a code of its own, rare or new: ``"bucket"``, one code for all of
        them; ``"zeros"``, a row of zeros (for ``"index"`` the number 0); or ``"error"``, which goes with
        neither `min_count` nor `max_categories`.
    encode
        ``"index"``: int32 of shape (n, k), 0 for none, the codes of the first column from 1 on, those of the
        second behind them, and so on, as an embedding takes them. ``"onehot"``: float32 of shape (n, codes of
        all columns), at most 4,096 of them. ``"hash"``: as ``"index"``, but the code of a value is the
        remainder of its hash (XXH64) by `num_buckets`: nothing is counted, and different values may share
        one.
    num_buckets
        Codes of a column, for ``"hash"`` alone.

    Attributes
    ----------
    columns_
        Names of the k columns: all that the rows had, those of the matrix first.

    Examples
    --------
    >>> import pyarrow as pa
    >>> texts = pa.array(["Ulm", "Bonn", "Ulm", None])
    >>> rows = Rows(num_rows=4, features=(), matrix=None, columns={"city": texts})
    >>> city = Category(min_count=2).fit(rows)
    >>> city.categories_, city.apply(rows, np.arange(4)).ravel().tolist(), city.num_tokens
    ((('Ulm',),), [1, 2, 1, 2], 3)
    """

    name = "category"
    makes_codes = True

    def __init__(
        self,
        *,
        min_count: int = 1,
        max_categories: int | None = None,
        unknown: Unknown = "bucket",
        encode: Encoding = "index",
        num_buckets: int | None = None,
    ) -> None:
        check_options(min_count, max_categories, unknown, encode, num_buckets)
        self.min_count = min_count
        self.max_categories = max_categories
        self.unknown = unknown
        self.encode = encode
        self.num_buckets = num_buckets
        self.reset()

    def reset(self) -> None:
        """Forget what was learned."""
        self.columns_: tuple[str, ...] = ()
        self._tallies: tuple[Tally, ...] = ()
        self._books: tuple[Codebook, ...] | None = None

    def partial_fit(self, rows: Rows) -> Self:
        """Count the values of the next rows.

        Raises
        ------
        ColumnError
            If the rows have other columns than before, or one holds numbers that are no integers.
        OptionError
            If a column has more different values than are counted.
        """
        self._meet((*rows.features, *rows.columns))
        self._books = None
        places = None if rows.index is None else checked_places(rows, None)
        for tally in self._tallies:
            tally.update(_values(rows, tally.name, places))
        return self

    def merge(self, other: FittedTransform) -> Self:
        """Take in what `other` counted in the rows that follow."""
        self._check_merge(other)
        assert isinstance(other, Category)
        if other.is_fitted:
            self._meet(other.columns_)
            self._books = None
            for mine, others in zip(self._tallies, other._tallies, strict=True):
                mine.merge(others)
        return self

    def check_kind(self, column: str, kind: ColumnKind) -> None:
        """Refuse bytes and lists with a `ColumnError`."""
        if not is_number(kind) and kind != "text":
            held = KIND_WORDS[kind]
            raise ColumnError(f"column {column!r} holds {held}, and Category is for texts and integers")

    @property
    def is_fitted(self) -> bool:
        """Whether `apply` may be called."""
        return bool(self.columns_)

    @property
    def books_(self) -> tuple[Codebook, ...]:
        """The codes of each column; none where they are hashed.

        Raises
        ------
        OptionError
            If one-hot rows would be too wide.
        """
        if self._books is None:
            made = tuple(
                Codebook.of(
                    tally,
                    min_count=self.min_count,
                    max_categories=self.max_categories,
                    unknown=self.unknown,
                )
                for tally in self._tallies
            )
            width = sum(book.num_codes for book in made)
            if self.encode == "onehot" and width > _WIDEST:
                raise OptionError(
                    f"one-hot rows of {', '.join(map(repr, self.columns_))} would have {width:,} numbers, "
                    f"and {_WIDEST:,} is the most: give max_categories=, min_count=, or encode='index'"
                )
            self._books = made
        return self._books

    @property
    def categories_(self) -> tuple[tuple[Any, ...], ...]:
        """Values with a code of their own, of each column; None is the blank."""
        return tuple(book.categories for book in self.books_)

    @property
    def refuses(self) -> bool:
        """Whether a value that the training rows do not have is an error."""
        return self.unknown == "error"

    @property
    def output(self) -> InputKind:
        """``"dense"`` for one-hot rows, ``"tokens"`` for numbers."""
        return "dense" if self.encode == "onehot" else "tokens"

    @property
    def num_outputs(self) -> int:
        """Columns that `apply` gives."""
        return sum(self._widths()) if self.encode == "onehot" else len(self.columns_)

    @property
    def num_tokens(self) -> int | None:
        """Of numbers, one more than the greatest; None for one-hot rows."""
        return None if self.encode == "onehot" else 1 + sum(self._widths())

    @property
    def num_bytes(self) -> int:
        """Memory that the counts take."""
        return sum(tally.num_bytes for tally in self._tallies)

    def fills_blank(self, column: str) -> bool:
        """A blank is a category."""
        return True

    def apply(self, rows: Rows, take: IntArray) -> npt.NDArray[Any]:
        """Fresh numbers or one-hot rows for the row numbers `take`; see `encode`.

        Raises
        ------
        ColumnError
            If the rows lack a column.
        DataError
            If a value is unknown and that is an error, or a column holds values of another kind.
        OptionError
            If the transform is not fitted.
        """
        if not self.is_fitted:
            raise OptionError("Category is not fitted: call fit, or feed.prepare()")
        places, widths = checked_places(rows, take), self._widths()
        one_hot = self.encode == "onehot"
        width = sum(widths) if one_hot else len(widths)
        out = np.zeros((places.size, width), np.float32 if one_hot else np.int32)
        before = 0
        for at, name in enumerate(self.columns_):
            values = _values(rows, name, places)
            if self.encode == "hash":
                _hash_into(values, widths[at], 1 + before, out[:, at])
            else:
                codes = self._known(self.books_[at], values)
                if one_hot:
                    held = np.flatnonzero(codes >= 0)
                    out[held, before + codes[held]] = 1
                else:
                    out[:, at] = np.where(codes >= 0, codes + np.int32(1 + before), 0)
            before += widths[at]
        return out

    def options(self) -> dict[str, Any]:
        """Keyword arguments of an unfitted equal, as plain data."""
        return {
            "min_count": self.min_count,
            "max_categories": self.max_categories,
            "unknown": self.unknown,
            "encode": self.encode,
            "num_buckets": self.num_buckets,
        }

    def state(self) -> dict[str, Any]:
        """Options, columns and counts as plain data."""
        return {
            "name": self.name,
            "options": self.options(),
            "columns": list(self.columns_),
            "counts": [tally.state() for tally in self._tallies],
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """An equal transform."""
        made = cls(**state["options"])
        columns = tuple(state["columns"])
        require(all(isinstance(name, str) for name in columns), "columns without names")
        require(len(set(columns)) == len(columns), "a column twice")
        made.columns_ = columns
        counted = columns if made.encode != "hash" else ()
        require(len(state["counts"]) == len(counted), "counts of other columns")
        made._tallies = tuple(
            Tally.from_state(held, name, _WAY_OUT)
            for name, held in zip(counted, state["counts"], strict=True)
        )
        made.books_  # noqa: B018  what is too wide is refused
        return made

    def _meet(self, columns: tuple[str, ...]) -> None:
        if not self.columns_:
            if not columns:
                raise OptionError("Category was given rows without a column")
            self.columns_ = columns
            counted = columns if self.encode != "hash" else ()
            self._tallies = tuple(Tally(name, _WAY_OUT) for name in counted)
        elif columns != self.columns_:
            raise OptionError(
                f"Category learned from the columns {', '.join(map(repr, self.columns_))} and was given "
                f"{', '.join(map(repr, columns))}: give it the same ones"
            )

    def _widths(self) -> tuple[int, ...]:
        if self.num_buckets is not None:
            return (self.num_buckets,) * len(self.columns_)
        return tuple(book.num_codes for book in self.books_)

    def _known(self, book: Codebook, values: ValueBytes) -> npt.NDArray[np.int32]:
        codes = book.codes(values)
        if self.unknown == "error" and (codes < 0).any():
            unknown = np.flatnonzero(codes < 0)
            raise RowValueError(
                f"column {book.name!r} holds {values.told(int(unknown[0]))}",
                ", which the training rows do not: correct it, or train with Category(unknown='bucket')",
                unknown,
            )
        return codes


def _values(rows: Rows, name: str, places: IntArray | None) -> ValueBytes:
    return column_bytes(rows, name, places)


def _hash_into(values: ValueBytes, num_buckets: int, first: int, out: npt.NDArray[Any]) -> None:
    for data, offsets, begin, stop in values.readable():
        found = np.empty(stop - begin, np.int32)
        bucket_values(data, offsets[begin : stop + 1], np.uint64(num_buckets), first, found)
        out[begin:stop] = found
