"""Where labels stand that training never saw: looked for only when they were counted already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stoker.sources import Chunk, ParsedChunk, Source
from stoker.survey.result import Survey
from stoker.types import IntArray

__all__ = ["first_unknown", "first_unknown_in"]

_CHUNK_BYTES = 4 << 20


def first_unknown(found: Survey, label: str, classes: Sequence[Any]) -> tuple[str, Any] | None:
    """File and line of the first row, excluded ones aside, whose label is none of `classes`; and the label.

    Reads the files up to there.

    Parameters
    ----------
    found
        A survey of rows with labels.
    label
        The column.
    classes
        The labels that are known.
    """
    source = found.source.whole
    for chunk in source.chunks(_CHUNK_BYTES):
        ids = np.arange(chunk.first_row, chunk.first_row + chunk.num_records)
        good = np.flatnonzero(~np.isin(ids, found.excluded))
        place = first_unknown_in(source, chunk, source.parse(chunk), label, classes, good)
        if place is not None:
            return place
    return None


def first_unknown_in(
    source: Source, chunk: Chunk, parsed: ParsedChunk, label: str, classes: Sequence[Any], good: IntArray
) -> tuple[str, Any] | None:
    """The same within the `good` rows of one chunk, int64 ordinals."""
    labels = pa.array(parsed.rows.columns[label])
    known = pc.is_in(labels, value_set=pa.array(list(classes)).cast(labels.type)).to_numpy(
        zero_copy_only=False
    )
    unknown = good[~np.asarray(known, np.bool_)[good]]
    if not len(unknown):
        return None
    row = int(unknown[0])
    offset = source.table.record_offset(chunk, row)
    place = source.place_of_row(chunk.file_index, offset, chunk.first_row + row)
    return place, labels[row].as_py()
