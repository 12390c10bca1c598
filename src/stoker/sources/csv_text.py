"""Text columns by PyArrow, row for row beside what the kernel makes of the numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from stoker.sources.dialect import split_records
from stoker.sources.record_starts import miscounted
from stoker.sources.schema import FileLayout
from stoker.sources.texts import decode_texts

__all__ = ["read_texts"]

Fault = tuple[int, int, bytes]


def read_texts(
    data: npt.NDArray[np.uint8],
    sound: npt.NDArray[np.bool_],
    layout: FileLayout,
    columns: Mapping[str, int],
    features: Collection[str] = (),
) -> tuple[dict[str, Any], list[Fault]]:
    """Texts of the chosen columns, one a record.

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
    """
    lenient = {columns[name] for name in features}
    places = sorted(set(columns.values()))
    count = int(np.count_nonzero(sound))
    arrays = _read(data, count, layout, places) if count else [pa.array([], pa.string()) for _ in places]
    faults: list[Fault] = []
    by_place = {}
    for place, array in zip(places, arrays, strict=True):
        spread = array if count == len(sound) else _spread(array, sound)
        if place in lenient:
            by_place[place] = decode_texts(spread)
        else:
            by_place[place] = _decode(spread, place, faults) if pa.types.is_binary(array.type) else spread
    return {name: by_place[place] for name, place in columns.items()}, faults


def _spread(array: Any, sound: npt.NDArray[np.bool_]) -> Any:
    places = pa.array(np.cumsum(sound) - 1, mask=~sound)
    return pc.fill_null(array.take(places), b"" if pa.types.is_binary(array.type) else "")


def _read(data: npt.NDArray[np.uint8], count: int, layout: FileLayout, places: Sequence[int]) -> list[Any]:
    """The columns as strings, or as bytes where they are not UTF-8 or Arrow sees other records."""
    for dtype in (pa.string(), pa.binary()):
        try:
            arrays = _read_with_arrow(data, layout, places, dtype)
        except pa.ArrowInvalid:
            continue
        if len(arrays[0]) == count:
            return arrays
    records, _ = split_records(data.tobytes().decode("latin-1"), layout.dialect)
    if len(records) != count:
        raise miscounted(layout.path, count, len(records))
    return [
        pa.array([record[place].encode("latin-1") for record in records], pa.binary()) for place in places
    ]


def _read_with_arrow(
    data: npt.NDArray[np.uint8], layout: FileLayout, places: Sequence[int], dtype: Any
) -> list[Any]:
    names = [str(place) for place in range(len(layout.names))]
    chosen = [names[place] for place in places]
    quote = layout.dialect.quote
    table = pa.csv.read_csv(
        pa.BufferReader(pa.py_buffer(data)),
        read_options=pa.csv.ReadOptions(
            use_threads=False, column_names=names, block_size=max(len(data) + 1, 1_024)
        ),
        parse_options=pa.csv.ParseOptions(
            delimiter=layout.dialect.delimiter,
            quote_char=quote or False,
            double_quote=bool(quote),
            newlines_in_values=bool(quote),
            ignore_empty_lines=True,
        ),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(chosen, dtype), include_columns=chosen, strings_can_be_null=False
        ),
    )
    return [_whole(column, dtype) for column in table.columns]


def _whole(column: Any, dtype: Any) -> Any:
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], dtype)


def _decode(array: Any, place: int, faults: list[Fault]) -> Any:
    try:
        return array.cast(pa.string())
    except pa.ArrowInvalid:
        texts = []
        for row, value in enumerate(array.to_pylist()):
            try:
                texts.append(value.decode())
            except UnicodeDecodeError:
                faults.append((row, place, value))
                texts.append("")
        return pa.array(texts, pa.string())
