"""The texts and labels of a view from its first row to its last: a pass outside of any feed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stoker.errors import BadRowError, ColumnError, OptionError
from stoker.sources.chunks import ParsedChunk
from stoker.sources.issues import IssueKind
from stoker.sources.views import HeadSpec
from stoker.types import IntArray

if TYPE_CHECKING:
    from stoker.sources.base import Source
    from stoker.sources.bound import BoundView

__all__ = ["TextBatch", "text_batches"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TextBatch:
    """Consecutive rows of a view.

    Attributes
    ----------
    columns
        A ``pyarrow`` array of large strings of length n for each column, in file order.
    labels
        Of the first label: int64 or float64 of shape (n,), a ``pyarrow`` string array of length n, or None
        without one.
    ids
        int64 of shape (n,): row ids, ascending.
    stop
        The id behind the last row that was read for this, left out or not.
    file_bytes
        Bytes of the files that were read for this, compressed as they are.
    """

    columns: dict[str, pa.LargeStringArray]
    labels: Any
    ids: IntArray
    stop: int
    file_bytes: int

    @property
    def texts(self) -> pa.LargeStringArray:
        """One text a row: the columns joined by a blank."""
        parts = list(self.columns.values())
        return (
            parts[0]
            if len(parts) == 1
            else pc.binary_join_element_wise(*parts, pa.scalar(" ", pa.large_string()))
        )


def text_batches(
    source: Source,
    columns: Sequence[str] | None,
    *,
    chunk_bytes: int,
    on_bad_row: Literal["error", "skip"],
) -> Iterator[TextBatch]:
    """The texts of a source's view; see `Source.text_batches`."""
    names = tuple(source.text_features) if columns is None else tuple(columns)
    if on_bad_row not in ("error", "skip"):
        raise OptionError(f"on_bad_row must be error or skip, got {on_bad_row!r}")
    if not names:
        raise ColumnError("the source has no text to learn from: name its columns with text=")
    for name in names:
        if name not in source.text_features:
            raise ColumnError(f"column {name!r} is no text to learn from: name it with text=")
    return _batches(source, names, chunk_bytes, on_bad_row == "skip")


def _batches(source: Source, names: tuple[str, ...], chunk_bytes: int, skips: bool) -> Iterator[TextBatch]:
    view = _bound(source, chunk_bytes)
    for chunk in source.chunks(chunk_bytes):
        take = np.ones(chunk.num_records, np.bool_)
        if view is not None:
            if chunk.first_row >= view.num_slots:
                return
            take = view.mask(chunk.first_row, chunk.num_records)
        if not take.any():
            continue
        parsed = source.parse(chunk)
        _leave_out(source, parsed, take, skips)
        places = None if take.all() else np.flatnonzero(take)
        ids = chunk.first_row + (np.arange(chunk.num_records) if places is None else places)
        if len(ids):
            found = parsed.rows.columns
            yield TextBatch(
                columns={name: _taken(found[name].cast(pa.large_string()), places) for name in names},
                labels=None if source.label is None else _taken(found[source.label], places),
                ids=ids,
                stop=chunk.first_row + chunk.num_records,
                file_bytes=chunk.file_bytes,
            )


def _bound(source: Source, chunk_bytes: int) -> BoundView | None:
    """The rows to take, None for all; their files are read to be counted where the number of rows decides."""
    steps = source.view.steps
    if not steps:
        return None
    firsts = [step.count for step in steps if isinstance(step, HeadSpec)]
    if len(firsts) == len(steps):
        return source.view.bind(min(firsts))
    return source.view.bind(sum(chunk.num_records for chunk in source.chunks(chunk_bytes)))


def _leave_out(source: Source, parsed: ParsedChunk, take: npt.NDArray[np.bool_], skips: bool) -> None:
    """Leave bad rows, and those without a label, out of those to take; or refuse the first of them."""
    issues = parsed.issues
    if not len(issues):
        return
    answers = np.isin(issues.columns, [issues.names.index(name) for name in source.answers])
    concerns = issues.is_bad | ((issues.kinds == IssueKind.BLANK) & answers)
    rows = issues.rows - parsed.first_row
    bad = np.flatnonzero(concerns & take[rows])
    if len(bad) and not skips:
        place = int(bad[0])
        where = source.place_of(issues.file_index, int(issues.offsets[place]))
        raise BadRowError(f"{where}: {issues.explain(place)}; correct the row, or say on_bad_row='skip'")
    take[rows[bad]] = False


def _taken(values: Any, places: IntArray | None) -> Any:
    if places is None:
        return values
    return values[places] if isinstance(values, np.ndarray) else values.take(pa.array(places))
