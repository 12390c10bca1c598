"""Text columns by PyArrow, row for row beside what the kernel makes of the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from stoker.sources.dialect import split_records
from stoker.sources.schema import FileLayout
from stoker.types import IntArray

__all__ = ["read_texts"]

Fault = tuple[int, int, bytes]


def read_texts(
    data: npt.NDArray[np.uint8],
    num_records: int,
    layout: FileLayout,
    columns: Mapping[str, int],
    wanted: IntArray | None,
) -> tuple[dict[str, Any], list[Fault]]:
    """Texts of the chosen columns of all records, or of the `wanted` ones.

    Parameters
    ----------
    data
        Whole records.
    num_records
        How many they are.
    layout
        How the file is written.
    columns
        File column by name.
    wanted
        int64 ordinals, strictly ascending; None for all.

    Returns
    -------
    texts
        A ``pyarrow`` string array by name; ragged rows and what is not UTF-8 are empty.
    faults
        (row, file column, bytes) of each text that is not UTF-8.
    """
    places = sorted(set(columns.values()))
    try:
        arrays, ragged = _read(data, layout, places, pa.string())
    except pa.ArrowInvalid:
        arrays, ragged = _read(data, layout, places, pa.binary())
    if len(arrays[0]) + len(ragged) != num_records:
        arrays, ragged = _split(data, layout, places)
    take = None if wanted is None and not ragged else _alignment(num_records, ragged, wanted)
    faults: list[Fault] = []
    by_place = {}
    for place, array in zip(places, arrays, strict=True):
        aligned = array if take is None else pc.fill_null(array.take(pa.array(take, mask=take < 0)), "")
        if pa.types.is_binary(array.type):
            aligned = _decode(aligned, place, faults)
        by_place[place] = aligned
    return {name: by_place[place] for name, place in columns.items()}, faults


def _alignment(num_records: int, ragged: Sequence[int], wanted: IntArray | None) -> IntArray:
    """Row of the parsed table for each record, -1 for the ragged ones."""
    is_sound = np.ones(num_records, np.bool_)
    is_sound[list(ragged)] = False
    take = np.where(is_sound, np.cumsum(is_sound) - 1, -1)
    return take if wanted is None else take[wanted]


def _read(
    data: npt.NDArray[np.uint8], layout: FileLayout, places: Sequence[int], dtype: Any
) -> tuple[list[Any], list[int]]:
    ragged: list[int] = []

    def skip(row: Any) -> str:
        ragged.append(row.number - 1)
        return "skip"

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
            invalid_row_handler=skip,
        ),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(chosen, dtype), include_columns=chosen, strings_can_be_null=False
        ),
    )
    return [_whole(column, dtype) for column in table.columns], ragged


def _whole(column: Any, dtype: Any) -> Any:
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], dtype)


def _split(
    data: npt.NDArray[np.uint8], layout: FileLayout, places: Sequence[int]
) -> tuple[list[Any], list[int]]:
    """The same by `split_records`, for bytes about whose records Arrow and the kernel disagree."""
    records, _ = split_records(data.tobytes().decode("latin-1"), layout.dialect)
    width = len(layout.names)
    ragged = [ordinal for ordinal, record in enumerate(records) if len(record) != width]
    sound = [record for record in records if len(record) == width]
    arrays = [
        pa.array([record[place].encode("latin-1") for record in sound], pa.binary()) for place in places
    ]
    return arrays, ragged


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
