"""The rows that a run is to score, opened as those that it was trained on were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stoker.errors import ColumnError, OptionError
from stoker.runrecords import RunRecord
from stoker.sources import Source
from stoker.sources.nameless import NAMELESS
from stoker.sources.opening import are_paths
from stoker.training.held import keeping
from stoker.training.reopen import held_like, open_like, source_like
from stoker.types import FeedSpec

__all__ = ["source_of"]


def source_of(
    record: RunRecord,
    spec: FeedSpec,
    rows: Any,
    renames: Mapping[str, str] | None,
    *,
    with_label: bool,
    keep: Sequence[str] = (),
) -> Source:
    """Open rows as a run's own: with its columns, their types and its label.

    Parameters
    ----------
    record, spec
        Of the run.
    rows
        Paths or addresses, a Source that nothing narrows, or rows in memory.
    renames
        For files: the name there, and the one that training knew.
    with_label
        Whether labels are needed.
    keep
        Columns that come along; see `keeping` and `with_kept`.

    Raises
    ------
    OptionError
        If the rows are a view, or a name is one that the run does not know or has no effect.
    ColumnError
        If a column is absent.
    DataError
        If there is no such file, or it cannot be read.
    """
    return keeping(_source(record, spec, rows, renames, with_label=with_label, keep=keep), keep)


def _source(
    record: RunRecord,
    spec: FeedSpec,
    rows: Any,
    renames: Mapping[str, str] | None,
    *,
    with_label: bool,
    keep: Sequence[str],
) -> Source:
    if not isinstance(rows, Source) and not are_paths(rows):
        if renames:
            raise OptionError("rename is for files: rename the columns of what you have")
        return held_like(record.reading, record.columns, spec, rows, with_label=with_label, keep=keep)
    known = (*spec.features, *spec.answers)
    for old, new in (renames or {}).items():
        if new not in known:
            raise OptionError(
                f"rename: {old!r} shall be {new!r}, and this run knows no such column; it knows "
                f"{', '.join(map(repr, known))}"
            )
    if not isinstance(rows, Source):
        return _opened(record, spec, rows, renames, with_label=with_label)
    if rows.view.steps:
        raise OptionError("a view of a source cannot be scored here: pass the whole source, or a feed")
    if rows.table.format in NAMELESS and renames:
        raise OptionError("rename has no effect on rows in memory or of a query: name their columns there")
    return _opened(record, spec, rows, renames, with_label=with_label)


def _opened(
    record: RunRecord, spec: FeedSpec, rows: Any, renames: Mapping[str, str] | None, *, with_label: bool
) -> Source:
    try:
        like = source_like if isinstance(rows, Source) else open_like
        return like(record.reading, record.columns, spec, rows, with_label=with_label, renames=renames)
    except ColumnError as error:
        if renames or "is absent" not in str(error):
            raise
        told = str(error)
        further = " If" if told.endswith("?") else "; if"
        raise ColumnError(f"{told}{further} it has another name there, say which with rename=") from error
