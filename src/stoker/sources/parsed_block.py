"""Parsed records of delimited text or JSON, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from stoker.sources.issues import IssueKind, RowIssues
from stoker.sources.schema import Schema
from stoker.types import IntArray, Matrix, Rows

__all__ = ["Block", "Found", "issues_of", "kept_records", "located"]

Found: TypeAlias = tuple[int, int, IssueKind, bytes]
"""An issue: ordinal of the record, place of the column, what is wrong, and the bytes that are."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """Parsed records.

    Attributes
    ----------
    matrix
        Shape (n, k), of one of the kernel's types.
    numbers
        Labels and weights that are numbers by name: int64 or float64 of shape (n,).
    texts
        ``pyarrow`` string arrays of length n by column name.
    issues
        int64 of shape (i, 5) as the kernel gives them, but with places in `Schema.columns` for file columns
        (-1 less the number of fields for a ragged record), in the order of the records.
    """

    matrix: npt.NDArray[Any]
    numbers: dict[str, npt.NDArray[Any]]
    texts: dict[str, Any]
    issues: IntArray

    def rows(self, schema: Schema) -> Rows:
        """As rows stored in order."""
        columns: dict[str, Any] = self.texts | self.numbers
        matrix = Matrix.of(self.matrix) if self.matrix.shape[1] else None
        return Rows(num_rows=len(self.matrix), features=schema.numeric, matrix=matrix, columns=columns)


def issues_of(
    block: Block,
    data: npt.NDArray[np.uint8],
    base: int,
    file_index: int,
    ids: IntArray,
    *,
    schema: Schema,
    width: int,
) -> RowIssues:
    """A block's issues with row ids (by record ordinal) and file offsets.

    Parameters
    ----------
    block
        Parsed records of `data`, which begins at byte `base` of file number `file_index`.
    data, base, file_index
        The records' bytes, and where they stand.
    ids
        int64, the row id of each record.
    schema, width
        What was wanted, and how many columns the file has.
    """
    raw = block.issues
    whole = raw[:, 2] == IssueKind.RAGGED
    return RowIssues(
        rows=ids[raw[:, 0]],
        columns=np.where(whole, -1, raw[:, 1]),
        kinds=raw[:, 2].astype(np.uint8),
        offsets=raw[:, 3] + base,
        lengths=raw[:, 4] - raw[:, 3],
        found=np.where(whole, -1 - raw[:, 1], 0),
        file_index=file_index,
        names=schema.used,
        expected=width,
        data=data,
        base=base,
        shows_records=not schema.learned_texts,
    )


def kept_records(
    data: npt.NDArray[np.uint8], starts: IntArray, wanted: npt.NDArray[np.bool_]
) -> npt.NDArray[np.uint8]:
    """The bytes of the wanted records, run by run."""
    edges = starts[np.flatnonzero(np.diff(wanted, prepend=False, append=False))].tolist()
    runs = [data[begin:end] for begin, end in zip(edges[::2], edges[1::2], strict=True)]
    return runs[0] if len(runs) == 1 else np.concatenate([data[:0], *runs])


def located(issue: Found, data: npt.NDArray[np.uint8], starts: IntArray) -> tuple[int, ...]:
    """An issue as the kernel writes them: with the place of its bytes in its record, or the record's."""
    ordinal, column, kind, value = issue
    begin, end = int(starts[ordinal]), int(starts[ordinal + 1])
    first = begin + max(0, data[begin:end].tobytes().find(value))
    return ordinal, column, int(kind), first, first + len(value)
