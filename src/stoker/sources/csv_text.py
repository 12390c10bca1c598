"""Text columns, row for row beside what the kernel makes of the numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.buffers import own_pages
from stoker.kernels.frozen import frozen
from stoker.kernels.texts import copy_texts, find_texts
from stoker.sources.record_starts import miscounted
from stoker.sources.schema import FileLayout
from stoker.sources.texts import decode_bytes, large_strings
from stoker.types import IntArray

__all__ = ["read_texts"]

Fault = tuple[int, int, bytes]


def read_texts(
    data: npt.NDArray[np.uint8],
    sound: npt.NDArray[np.bool_],
    layout: FileLayout,
    columns: Mapping[str, int],
    features: Collection[str] = (),
) -> tuple[dict[str, Any], list[Fault]]:
    """Texts of the chosen columns, one a record, in memory of NumPy's.

    Parameters
    ----------
    data
        Whole records, all of them sound.
    sound
        bool of shape (n,): which of the n rows wanted stand in `data`; the others come out as empty texts.
    layout
        How the file is written.
    columns
        File column by name.
    features
        Names of those that are texts to learn from: large strings, in which bytes that are not UTF-8 become
        U+FFFD and are no fault.

    Returns
    -------
    texts
        A ``pyarrow`` array of strings or large strings of length n by name; what is not UTF-8 is empty.
    faults
        (row, file column, bytes) of each text that is not UTF-8.

    Raises
    ------
    ChangedDataError
        If there are not so many records.
    """
    lenient = {columns[name] for name in features}
    places = np.array(sorted(set(columns.values())), np.int64)
    rows, dialect = np.flatnonzero(sound), layout.dialect
    spans = np.empty((len(places), len(rows), 2), np.int64)
    quote = np.uint8(dialect.quote_byte)
    found = find_texts(frozen(data), np.uint8(dialect.delimiter_byte), quote, places, spans)
    if found != len(rows):
        raise miscounted(layout.path, len(rows), found)
    faults: list[Fault] = []
    by_place = {}
    for place, span in zip(places.tolist(), spans, strict=True):
        bounds = np.empty(len(sound) + 1, np.int64)
        out = own_pages(int((span[:, 1] - span[:, 0]).sum()))
        copy_texts(frozen(data), quote, span, rows, bounds, out)
        if place in lenient:
            by_place[place] = decode_bytes(out, bounds)
        else:
            by_place[place] = _strict(out, bounds, place, faults)
    return {name: by_place[place] for name, place in columns.items()}, faults


def _strict(data: npt.NDArray[np.uint8], bounds: IntArray, place: int, faults: list[Fault]) -> Any:
    """The texts as strings; those that are not UTF-8 are faults."""
    texts = large_strings(bounds, data)
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        values = []
        for row, value in enumerate(texts.view(pa.large_binary()).to_pylist()):
            try:
                values.append(value.decode())
            except UnicodeDecodeError:
                faults.append((row, place, value))
                values.append("")
        return pa.array(values, pa.string())
    narrow = bounds.astype(np.int32)
    return pa.StringArray.from_buffers(len(narrow) - 1, pa.py_buffer(narrow), pa.py_buffer(data))
