"""What is wrong with values in columns, as issues that can show them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from stoker.sources.issues import IssueKind, RowIssues

__all__ = ["Faults", "ValueIssues"]

_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueIssues(RowIssues):
    """Issues whose text is no part of a chunk's bytes; ``offsets`` are rows within the file.

    Attributes
    ----------
    shown
        Gives the value of a column, by its place in `names`, in a row of the file.
    """

    shown: Callable[[int, int], str] = field(repr=False)

    def text(self, place: int) -> str:
        """The value, shortened; empty for a blank; of what is no image why it is none."""
        if self.kinds[place] == IssueKind.BLANK:
            return ""
        text = self.shown(int(self.columns[place]), int(self.offsets[place]))
        is_whole = self.kinds[place] == IssueKind.BAD_IMAGE or len(text) <= _SHOWN
        return text if is_whole else text[:_SHOWN] + "…"


class Faults:
    """Collects what is wrong, column by column.

    Parameters
    ----------
    names
        Of the used columns.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._rows: list[npt.NDArray[np.int64]] = [np.empty(0, np.int64)]
        self._columns: list[npt.NDArray[np.int64]] = [np.empty(0, np.int64)]
        self._kinds: list[npt.NDArray[np.uint8]] = [np.empty(0, np.uint8)]

    def add(self, name: str, kind: IssueKind, where: npt.NDArray[np.bool_] | None) -> None:
        """What is wrong in the rows that a mask of shape (n,) marks."""
        if where is None:
            return
        rows = np.flatnonzero(where)
        self._rows.append(rows)
        self._columns.append(np.full(len(rows), self._names.index(name), np.int64))
        self._kinds.append(np.full(len(rows), kind, np.uint8))

    def issues(
        self, *, file_index: int, first_row: int, offset: int, shown: Callable[[int, int], str]
    ) -> ValueIssues:
        """All of it in the order of rows, and of columns within a row.

        Parameters
        ----------
        file_index, first_row, offset
            Number of the file, and id and number within the file of the first row.
        shown
            As of `ValueIssues`, but for rows counted from the first.
        """
        rows, columns = np.concatenate(self._rows), np.concatenate(self._columns)
        kinds = np.concatenate(self._kinds)
        order = np.lexsort((columns, rows))
        rows, nothing = rows[order], np.zeros(len(rows), np.int64)
        return ValueIssues(
            rows=rows + first_row,
            columns=columns[order],
            kinds=kinds[order],
            offsets=rows + offset,
            lengths=nothing,
            found=nothing,
            file_index=file_index,
            names=self._names,
            expected=len(self._names),
            data=np.empty(0, np.uint8),
            base=0,
            shown=lambda column, row: shown(column, row - offset),
        )
