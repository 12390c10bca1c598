"""What all transforms of text share: which columns they read, and how these are joined."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stoker.errors import ColumnError, OptionError
from stoker.kernels.texts import take_texts
from stoker.stored import require
from stoker.transforms.base import InputTransform, checked_places, nearest
from stoker.transforms.chunks import Passes, as_texts, text_buffers
from stoker.transforms.parameters import Parameters
from stoker.transforms.textshards import TextShards
from stoker.types import KIND_WORDS, ColumnKind, IntArray, Rows

__all__ = ["TextTransform", "joined_texts", "stored_columns"]


class TextTransform(Parameters, InputTransform):
    """A transform that learns from texts; see `stoker.types.Transform` for the duties.

    Parameters
    ----------
    columns
        Names of the text columns of `Rows`, in this order; None where rows have one column of text.

    Attributes
    ----------
    columns_
        Names of the columns that it was fitted on; empty where it was fitted on texts alone.
    """

    output: ClassVar[Literal["sparse", "tokens"]]
    """What `apply` gives: rows of a SciPy CSR matrix, or int32 token numbers."""

    def __init__(self, *, columns: str | Sequence[str] | None = None) -> None:
        named = (columns,) if isinstance(columns, str) else tuple(columns or ())
        if columns is not None and not named:
            raise OptionError("columns names no column: name the columns of text, or leave it out")
        if not all(isinstance(name, str) for name in named):
            raise OptionError(f"columns must be names of columns, got {columns!r:.80}")
        if len(set(named)) < len(named):
            raise OptionError(f"columns names a column twice: {', '.join(map(repr, named))}")
        self.columns = named or None
        self.columns_: tuple[str, ...] = ()

    @abstractmethod
    def transform(self, texts: Any) -> Any:
        """What `apply` gives, for texts in the forms that `as_texts` takes."""

    @abstractmethod
    def fit_passes(self, passes: Passes, **resources: Any) -> Self:
        """Forget, then learn from all texts that each call of `passes` gives in row order."""

    @property
    def learns_in_parts(self) -> bool:
        """Whether `fit_shards` may be called."""
        return False

    def fit_shards(self, shards: TextShards, **resources: Any) -> Self:
        """As `fit_passes`, of texts that others read; with the same bits.

        Raises
        ------
        OptionError
            If it does not learn so: see `learns_in_parts`.
        """
        raise OptionError(f"{type(self).__name__} does not learn from texts in parts: call fit_passes")

    def temporary_bytes(self, text_bytes: int, num_texts: int = 0, *, memory: int | None = None) -> int:
        """Temporary space that learning within `memory` takes at most, where that can be told beforehand."""
        return 0

    def check_kind(self, column: str, kind: ColumnKind) -> None:
        """Refuse what is no text: numbers and bytes may be texts all the same.

        Raises
        ------
        ColumnError
            If the column holds something else.
        """
        if kind != "text":
            raise ColumnError(
                f"column {column!r} holds {KIND_WORDS[kind]}, and {type(self).__name__} learns from texts: "
                f"open the data with types={{{column!r}: 'text'}}, or give the column another transform"
            )

    def columns_of(self, rows: Rows) -> tuple[str, ...]:
        """Names of the columns of text to fit on: those of `columns`, or the only one that `rows` have."""
        return self.columns or _only_text_column(rows)

    def texts_of(self, rows: Rows, take: IntArray | None = None) -> pa.LargeStringArray:
        """The texts of the row numbers `take` (None: of all rows), columns joined by a blank.

        Raises
        ------
        ColumnError
            If the rows lack one of the columns, or it holds no text.
        IndexError
            If a row number is outside.
        """
        return joined_texts(rows, self.columns_ or self.columns_of(rows), take)


def stored_columns(state: dict[str, Any]) -> tuple[str, ...]:
    """Names of the columns that a stored transform was fitted on.

    Raises
    ------
    ValueError, KeyError, TypeError
        If they are no names.
    """
    columns = tuple(state["columns"])
    require(all(isinstance(name, str) for name in columns), "columns without names")
    return columns


def joined_texts(rows: Rows, names: Sequence[str], take: IntArray | None = None) -> pa.LargeStringArray:
    """The texts of the named columns, joined by a blank, of the row numbers `take` (None: of all rows).

    Raises
    ------
    ColumnError
        If the rows lack one of the columns, or it holds no text.
    IndexError
        If a row number is outside.
    """
    places = None if take is None and rows.index is None else checked_places(rows, take)
    parts = [_column(rows, name, places) for name in names]
    if len(parts) == 1:
        return as_texts(parts[0])
    return as_texts(pc.binary_join_element_wise(*map(as_texts, parts), pa.scalar(" ", pa.large_string())))


def _only_text_column(rows: Rows) -> tuple[str, ...]:
    names = [name for name, values in rows.columns.items() if _is_text(values)]
    if len(names) != 1:
        known = ", ".join(map(repr, names)) or "none"
        raise ColumnError(f"the rows have {len(names)} columns of text ({known}): name them with columns=")
    return (names[0],)


def _column(rows: Rows, name: str, places: IntArray | None) -> Any:
    if name not in rows.columns:
        raise ColumnError(
            f"the rows have no text column {name!r}{nearest(name, rows.columns)}; they have "
            f"{', '.join(map(repr, rows.columns)) or 'none'}"
        )
    values = rows.columns[name]
    if not _is_text(values):
        raise ColumnError(f"column {name!r} holds numbers: open the data with types={{{name!r}: 'text'}}")
    if places is None:
        return values
    if places.size and (int(places.min()) < 0 or int(places.max()) >= len(values)):
        raise IndexError(f"a place lies outside of the {len(values)} texts of column {name!r}")
    if isinstance(values, pa.LargeStringArray) and not values.null_count:
        return _taken(values, places)
    return values.take(pa.array(places))


def _taken(texts: pa.LargeStringArray, places: IntArray) -> pa.LargeStringArray:
    """Texts without nulls at some places, in memory of NumPy's: a thread keeps what it took of Arrow's."""
    data, bounds = text_buffers(texts)
    ends = np.zeros(len(places) + 1, np.int64)
    np.cumsum(np.diff(bounds)[places], out=ends[1:])
    out = np.empty(int(ends[-1]), np.uint8)
    take_texts(data, bounds, places, ends, out)
    return pa.LargeStringArray.from_buffers(len(places), pa.py_buffer(ends), pa.py_buffer(out))


def _is_text(values: Any) -> bool:
    if isinstance(values, np.ndarray):
        return False
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_null(kind)
    )
