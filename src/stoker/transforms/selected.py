"""The columns of rows that one transform sees: numbers out of the matrix, texts from beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa

from stoker.errors import ColumnError
from stoker.kernels.gather import gather_columns, storage_of
from stoker.transforms.base import checked_places, nearest
from stoker.types import IntArray, Matrix, Rows

__all__ = ["Selection"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Some columns of rows that all have the same ones, resolved once and then used for every batch.

    Transforms of columns work on all columns of the rows that they are given; what must not be seen, such as
    the label, is left out here.

    Attributes
    ----------
    features
        Names of the matrix's columns that the rows have.
    names
        Those selected, in the order asked for.
    places
        int64: which columns of the matrix are selected, in that order.
    texts
        Names of the columns from beside the matrix that are selected, in that order.

    Examples
    --------
    >>> matrix = Matrix.of(np.array([[1, 2, 3], [4, 5, 6]]))
    >>> rows = Rows(num_rows=2, features=("a", "b", "c"), matrix=matrix, columns={"t": pa.array(["x", "y"])})
    >>> narrow = Selection.of(rows, ["c", "t", "a"]).narrow(rows, np.array([1]))
    >>> narrow.features, narrow.matrix.values.tolist(), narrow.columns["t"].to_pylist()
    (('c', 'a'), [6, 4], ['y'])
    """

    features: tuple[str, ...]
    names: tuple[str, ...]
    places: IntArray
    texts: tuple[str, ...]

    @classmethod
    def of(cls, rows: Rows, names: Iterable[str], where: Mapping[str, int] | None = None) -> Self:
        """The columns of `rows` with these names.

        Parameters
        ----------
        rows, names
            Of which rows, and which columns.
        where
            Places of the rows' features, for whoever makes many selections of the same.

        Raises
        ------
        ColumnError
            If the rows lack one of them, or one is named twice.
        """
        wanted, seen = tuple(names), set[str]()
        if where is None:
            where = {name: place for place, name in enumerate(rows.features)}
        for name in wanted:
            if name not in where and name not in rows.columns:
                known = [*rows.features, *rows.columns]
                raise ColumnError(
                    f"the rows have no column {name!r}{nearest(name, known)}; they have "
                    f"{', '.join(map(repr, known[:20])) or 'none'}"
                )
            if name in seen:
                raise ColumnError(f"the column {name!r} is named twice: name it once")
            seen.add(name)
        return cls(
            features=rows.features,
            names=wanted,
            places=np.array([where[name] for name in wanted if name in where], np.int64),
            texts=tuple(name for name in wanted if name not in where),
        )

    def narrow(self, rows: Rows, take: IntArray | None = None) -> Rows:
        """The row numbers `take` of `rows` (None: all of them), with the selected columns alone.

        Where all columns of the matrix are selected, or none, storage is that of `rows`; else the selected
        ones are copied, in the matrix's dtype.

        Raises
        ------
        ColumnError
            If the rows have other columns than those that this was made for.
        IndexError
            If a row number is outside.
        """
        self._check(rows)
        places = None if take is None and rows.index is None else checked_places(rows, take)
        columns = {name: rows.columns[name] for name in self.texts}
        shared = self.places.size in (0, len(self.features)) and bool((np.diff(self.places) > 0).all())
        if shared or rows.matrix is None:
            chosen = self.places.size > 0
            return Rows(
                num_rows=rows.num_rows if places is None else places.size,
                features=rows.features if chosen else (),
                matrix=rows.matrix if chosen else None,
                columns=columns,
                index=places,
            )
        if places is not None:
            columns = {name: _taken(values, places) for name, values in columns.items()}
        places = checked_places(rows, take) if places is None else places
        held = rows.matrix
        narrow = np.empty((places.size, self.places.size), held.values.dtype)
        gather_columns(*storage_of(held), places, self.places, narrow)
        return Rows(
            num_rows=places.size,
            features=tuple(rows.features[place] for place in self.places.tolist()),
            matrix=Matrix.of(narrow),
            columns=columns,
        )

    def _check(self, rows: Rows) -> None:
        absent = [name for name in self.texts if name not in rows.columns]
        if absent or (rows.features is not self.features and rows.features != self.features):
            raise ColumnError(
                f"the columns {', '.join(map(repr, self.names[:8]))} were chosen of rows with "
                f"{len(self.features)} numeric columns, and these have {len(rows.features)} or others"
                f"{', and no ' + repr(absent[0]) if absent else ''}: open the data with columns= as before"
            )


def _taken(values: Any, places: IntArray) -> Any:
    """Values at these places, of a NumPy array or of an Arrow one."""
    return values[places] if isinstance(values, np.ndarray) else values.take(pa.array(places))
