"""A column of lists to rows of one length, as ``keras.utils.pad_sequences`` makes them."""

from __future__ import annotations

from typing import Any, Literal, Self, get_args

import numpy as np
import numpy.typing as npt

from stoker.errors import ColumnError, OptionError
from stoker.kernels.sequences import extents, pad_numbers, pad_sequences
from stoker.stored import require, require_counts
from stoker.transforms.base import FittedTransform, InputTransform, RowValueError
from stoker.transforms.listcolumns import Lists, list_kinds, lists_of
from stoker.transforms.scaling import Standardize
from stoker.transforms.vocabulary import End
from stoker.types import KIND_WORDS, LISTS, ColumnKind, InputKind, IntArray, Matrix, Rows

__all__ = ["PadSequences"]

Made = Literal["auto", "tokens", "dense"]
Unknown = Literal["zeros", "error"]
_GREATEST = (1 << 31) - 2
"""The greatest id: one more must be an int32, too."""


class PadSequences(InputTransform):
    """Lists of any length to rows of one length, with the zeros and cuts of ``keras.utils.pad_sequences``.

    Lists of integers are taken for ids, as those of words: int32 of shape (n, length), which a model embeds.
    An id of 0 cannot be told from padding. Lists of numbers become float32 of that shape, with mean 0 and
    deviation 1 over all numbers of the lists to train on, so that padding is the mean. A blank is an empty
    list, a row of zeros.

    Parameters
    ----------
    length
        Of the rows; None: of the longest list to train on, `max_length` at most.
    max_length
        See `length`; None for no limit.
    padding, truncating
        Whether zeros come first (``"pre"``) or last (``"post"``); whether the first numbers of a long list
        are cut off, or the last.
    output
        ``"tokens"`` for ids, ``"dense"`` for numbers; ``"auto"``: tokens of lists of integers.
    unknown
        What becomes of an id that is greater than any to train on: ``"zeros"``, it is 0 as padding is, or
        ``"error"``.
    standardize
        Whether numbers are standardised; False leaves them as they are. It is nothing for ids.

    Attributes
    ----------
    columns_
        The name of the column: the only one of lists that the rows had.
    kind_
        What its lists hold, ``"ints"`` or ``"floats"``.
    longest_, greatest_
        Numbers of the longest list, and the greatest of all ids.
    scale_
        The `Standardize` of the lists' numbers.

    Raises
    ------
    OptionError
        If an option cannot be.

    Examples
    --------
    >>> import pyarrow as pa
    >>> lists = pa.array([[7, 8], [], [1, 2, 3]], pa.large_list(pa.int64()))
    >>> rows = Rows(num_rows=3, features=(), matrix=None, columns={"words": lists})
    >>> words = PadSequences().fit(rows)
    >>> words.num_tokens, words.apply(rows, np.arange(3)).tolist()
    (9, [[0, 7, 8], [0, 0, 0], [1, 2, 3]])
    """

    name = "pad"

    def __init__(
        self,
        *,
        length: int | None = None,
        max_length: int | None = 500,
        padding: End = "pre",
        truncating: End = "pre",
        output: Made = "auto",
        unknown: Unknown = "zeros",
        standardize: bool = True,
    ) -> None:
        for option, most in (("length", length), ("max_length", max_length)):
            if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 1):
                raise OptionError(f"{option} must be an integer of at least 1, or None, got {most!r:.40}")
        words: list[tuple[str, Any, Any]] = [("padding", padding, End), ("truncating", truncating, End)]
        for option, given, known in (*words, ("output", output, Made), ("unknown", unknown, Unknown)):
            if given not in get_args(known):
                raise OptionError(f"{option} must be {' or '.join(get_args(known))}, got {given!r:.40}")
        if not isinstance(standardize, bool):
            raise OptionError(f"standardize must be True or False, got {standardize!r:.40}")
        if output == "tokens" and not standardize:
            raise OptionError("standardize has no effect with output='tokens': ids are never standardised")
        self.length, self.max_length, self.unknown = length, max_length, unknown
        self.padding, self.truncating, self._made = padding, truncating, output
        self.standardize = standardize
        self.reset()

    def reset(self) -> None:
        """Forget what was learned."""
        self.columns_: tuple[str, ...] = ()
        self.kind_: ColumnKind = "ints"
        self.longest_ = self.greatest_ = self._num_rows = self._before = 0
        self.scale_ = Standardize()

    def begin_part(self, first: int) -> Self:
        """See `FittedTransform.begin_part`."""
        self.reset()
        self._before = first
        return self

    @property
    def learns_in_parts(self) -> bool:
        """Not where numbers are standardised: rows have different numbers of them."""
        return self._made == "tokens" or not self.standardize

    def partial_fit(self, rows: Rows) -> Self:
        """Learn from the next rows.

        Raises
        ------
        ColumnError
            If the rows have no column of lists, or several.
        RowValueError
            If an id is negative, or beyond int32.
        OptionError
            If it is another column than before.
        """
        known = list_kinds(rows)
        if len(known) != 1:
            names = ", ".join(map(repr, known)) or "none"
            raise ColumnError(
                f"the rows have {len(known)} columns of lists ({names}), and PadSequences is for one: give "
                "each one of its own in stoker.Columns"
            )
        ((name, kind),) = known.items()
        self._meet((name,), kind)
        lists = lists_of(rows, name, None)
        if self._are_ids:
            error = self._refusal(lists, _GREATEST)
            if error is not None:
                raise error.learned_from(self._before + self._num_rows)
        elif self.standardize:
            numbers = lists.numbers()
            self.scale_.partial_fit(
                Rows(num_rows=len(numbers), features=(name,), matrix=Matrix.of(numbers.reshape(-1, 1)))
            )
        longest, greatest = extents(*lists)
        return self._learn(longest, int(greatest) if self._are_ids else 0, rows.num_rows)

    def finish(self) -> Self:
        """Refuse numbers that float32 cannot hold once they are standardised."""
        self.scale_.finish()
        return self

    def merge(self, other: FittedTransform) -> Self:
        """Take in what `other` learned from the rows that follow."""
        self._check_merge(other)
        assert isinstance(other, PadSequences)
        if other.is_fitted:
            self._meet(other.columns_, other.kind_)
            self._learn(other.longest_, other.greatest_, other._num_rows)
            self.scale_.merge(other.scale_)
        return self

    def check_kind(self, column: str, kind: ColumnKind) -> None:
        """Refuse whatever is no list, and ids that are no integers.

        Raises
        ------
        ColumnError
            If the column holds something else.
        """
        if kind not in LISTS or (kind == "floats" and self._made == "tokens"):
            wanted = "lists of integers" if self._made == "tokens" else "lists"
            raise ColumnError(
                f"column {column!r} holds {KIND_WORDS[kind]}, and PadSequences is for {wanted}: give it "
                "another transform"
            )

    @property
    def is_fitted(self) -> bool:
        """Whether `apply` may be called."""
        return bool(self.columns_)

    @property
    def length_(self) -> int:
        """Numbers of a row, 1 at least."""
        if self.length is not None:
            return self.length
        most = self.longest_ if self.max_length is None else min(self.longest_, self.max_length)
        return max(1, most)

    @property
    def refuses(self) -> bool:
        """Whether integers may be no ids: negative, beyond int32, or unknown where that is an error."""
        return self._are_ids

    @property
    def output(self) -> InputKind:
        """Tokens or dense arrays."""
        return "tokens" if self._are_ids else "dense"

    @property
    def num_outputs(self) -> int:
        """Numbers of a row."""
        return self.length_

    @property
    def num_tokens(self) -> int | None:
        """One more than the greatest id to train on; None for numbers."""
        return self.greatest_ + 1 if self._are_ids else None

    @property
    def _are_ids(self) -> bool:
        return self._made == "tokens" or (self._made == "auto" and self.kind_ == "ints")

    def apply(self, rows: Rows, take: IntArray) -> npt.NDArray[Any]:
        """Rows of shape (len(take), length), int32 of ids and float32 of numbers.

        Raises
        ------
        ColumnError
            If the rows lack the column, or it holds other lists.
        RowValueError
            If an id is negative, or beyond int32; or unknown, where that is an error.
        OptionError
            If the transform is not fitted.
        """
        if not self.is_fitted:
            raise OptionError("PadSequences is not fitted: call fit, or feed.prepare()")
        name = self.columns_[0]
        lists = lists_of(rows, name, take)
        shape, ends = (len(lists.take), self.length_), (self.padding == "pre", self.truncating == "pre")
        if not self._are_ids:
            return self._numbers(lists, ends, np.empty(shape, np.float32))
        most = self.greatest_ if self.unknown == "error" else _GREATEST
        error = self._refusal(lists, most)
        if error is not None:
            raise error
        out = np.empty(shape, np.int32)
        pad_sequences(*lists, *ends, lists.values.dtype.type(self.greatest_), out)
        return out

    def options(self) -> dict[str, Any]:
        """Keyword arguments of an unfitted equal, as plain data."""
        return {
            "length": self.length,
            "max_length": self.max_length,
            "padding": self.padding,
            "truncating": self.truncating,
            "output": self._made,
            "unknown": self.unknown,
            "standardize": self.standardize,
        }

    def state(self) -> dict[str, Any]:
        """Options, the column, and what was learned of its lists as plain data."""
        return {
            "name": self.name,
            "options": self.options(),
            "columns": list(self.columns_),
            "kind": self.kind_,
            "longest": self.longest_,
            "greatest": self.greatest_,
            "rows": self._num_rows,
            "scale": self.scale_.state() if self.scale_.is_fitted else None,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """An equal transform."""
        # One that was stored before there was the option left numbers as they were.
        made = cls(**{"standardize": state["options"]["output"] == "tokens", **state["options"]})
        columns = tuple(state["columns"])
        require(len(columns) <= 1 and all(isinstance(name, str) for name in columns), "other than a column")
        require(state["kind"] in LISTS, f"lists of {state['kind']!r:.40}")
        made.columns_, made.kind_ = columns, state["kind"]
        made.longest_, made.greatest_, made._num_rows = state["longest"], state["greatest"], state["rows"]
        require_counts(made.longest_, made.greatest_, made._num_rows, what="lists")
        require(made.greatest_ <= _GREATEST, "an id beyond int32")
        if made.standardize and state["scale"] is not None:
            made.scale_ = Standardize.from_state(state["scale"])
            require(made.scale_.features_ == columns, "numbers of other columns")
        return made

    def _numbers(
        self, lists: Lists, ends: tuple[bool, bool], out: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """Numbers less their mean, divided by their deviation, if they are to be; `out`, written."""
        subtract, multiply = 0.0, 1.0
        if self.scale_.is_fitted:
            subtract, multiply = (float(part[0]) for part in self.scale_.affine_)
        row = int(pad_numbers(*lists, *ends, subtract, multiply, out))
        if row >= 0:
            raise RowValueError(
                f"column {self.columns_[0]!r} holds what is beyond float32",
                f": correct it, or leave the column out: drop=[{self.columns_[0]!r}]",
                np.flatnonzero(~np.isfinite(out).all(axis=1)),
            )
        return out

    def _refusal(self, lists: Lists, greatest: int) -> RowValueError | None:
        """What to say of ids that are none, or greater than one, if there are any."""
        rows, found = lists.outside(0, greatest)
        if not rows.size:
            return None
        column = f"column {self.columns_[0]!r} holds"
        if 0 <= found <= _GREATEST:
            way_out = f", and the greatest to train on was {self.greatest_:,}: correct it, or train with "
            return RowValueError(
                f"{column} the id {found:,}", f"{way_out}PadSequences(unknown='zeros')", rows
            )
        way_out = f", and ids are from 0 to {_GREATEST:,}: correct it, or say PadSequences(output='dense') "
        return RowValueError(f"{column} {found:,}", f"{way_out}if these are no ids but numbers", rows)

    def _meet(self, columns: tuple[str, ...], kind: ColumnKind) -> None:
        if self.columns_ and (columns, kind) != (self.columns_, self.kind_):
            raise OptionError(
                f"PadSequences learned from {KIND_WORDS[self.kind_]} in the column {self.columns_[0]!r} and "
                f"was given {KIND_WORDS[kind]} in {columns[0]!r}: give it the same"
            )
        self.check_kind(columns[0], kind)
        self.columns_, self.kind_ = columns, kind

    def _learn(self, longest: int, greatest: int, num_rows: int) -> Self:
        self.longest_, self.greatest_ = max(self.longest_, longest), max(self.greatest_, greatest)
        self._num_rows += num_rows
        return self
