"""What another library holds, opened as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from stoker.errors import DataError, OptionError
from stoker.sources.columnar.arrow_kinds import resolve_columns
from stoker.sources.columnar.stream import StreamUnits, stream_table
from stoker.sources.columnar.table import ColumnarTable
from stoker.sources.nameless import IN_MEMORY, Itself
from stoker.sources.objects.datasets import hugging_face_stream, hugging_face_units, map_style_units
from stoker.sources.objects.tables import (
    MemoryUnits,
    address_of,
    array_units,
    arrow_units,
    frame_units,
    mapping_units,
)
from stoker.sources.request import COLUMNS_ALONE, Request

__all__ = ["ReadOnceError", "held_units", "open_object"]


class ReadOnceError(DataError):
    """A stream that can be read once was to be read again."""


def open_object(rows: Any, request: Request) -> ColumnarTable:
    """A frame, a table, an array, a mapping of columns, a stream or a data set as a table.

    Raises
    ------
    DataError
        It has no rows, or of a column nothing can be made.
    OptionError
        It is nothing of that kind, or an option has no effect on it.
    """
    request.require(COLUMNS_ALONE, "rows in memory")
    if request.written.format is not None:
        raise OptionError("format has no effect on rows in memory; leave it out")
    units = held_units(rows)
    if isinstance(units, StreamUnits):
        return stream_table(IN_MEMORY, units, request.choice, opener=Itself(units))
    if not units.num_rows:
        raise DataError(f"the {units.path.rpartition('/')[2]} has no rows; give one with rows")
    schema = resolve_columns(request.choice, units.path, units.columns)
    return ColumnarTable(format=IN_MEMORY, schema=schema, files=(units,), opener=Itself(units))


def held_units(rows: Any) -> MemoryUnits | StreamUnits:
    """What another library holds, as a file of rows; it may be without any.

    Raises
    ------
    DataError, OptionError
        As of `open_object`.
    """
    library = type(rows).__module__.partition(".")[0]
    if isinstance(rows, pa.RecordBatchReader):
        return _once(rows)
    if isinstance(rows, pa.Table | pa.RecordBatch):
        return arrow_units(pa.table(rows))
    if library == "pandas" and hasattr(rows, "columns"):
        return frame_units(rows)
    if library == "polars" and type(rows).__name__ == "LazyFrame":
        raise OptionError("a LazyFrame is a query that has no rows yet: give rows.collect()")
    if library == "polars" and hasattr(rows, "to_arrow") and hasattr(rows, "columns"):
        return arrow_units(rows.to_arrow())
    if isinstance(rows, bytes | bytearray | memoryview):
        raise OptionError(f"a path is text, got {type(rows).__name__}: give os.fsdecode(path)")
    if isinstance(rows, tuple) and len(rows) in (2, 3) and all(map(_is_array, rows)):
        raise OptionError(
            "a tuple of arrays has no names for its columns: give a mapping with the label among them, "
            "{'x': x, 'y': y}"
        )
    if isinstance(rows, np.ndarray):
        return array_units(rows)
    if library == "datasets" and isinstance(rows, Mapping):
        splits = list(map(repr, rows)) or ["none"]
        raise OptionError(
            f"a {type(rows).__name__} holds several data sets ({', '.join(splits)}): open one of them, "
            f"rows[{splits[0]}]"
        )
    if isinstance(rows, Mapping):
        return mapping_units(rows)
    if library == "datasets" and hasattr(rows, "with_format"):
        return hugging_face_units(rows) if hasattr(rows, "__len__") else hugging_face_stream(rows)
    if hasattr(rows, "__arrow_c_stream__"):
        return _stream(rows)
    if hasattr(rows, "__len__") and hasattr(rows, "__getitem__"):
        return map_style_units(rows)
    raise OptionError(
        "expected a path or several, a pandas or Polars frame, an Arrow table or stream, a NumPy array, a "
        f"mapping of columns, or a data set with a length and items, got {type(rows).__name__}"
    )


def _is_array(value: Any) -> bool:
    return len(getattr(value, "shape", ())) > 0


def _stream(rows: Any) -> StreamUnits:
    """What hands out a new Arrow stream each time it is asked."""
    try:
        schema = pa.RecordBatchReader.from_stream(rows).schema
    except pa.ArrowInvalid as error:
        raise OptionError(
            f"a {type(rows).__name__} has values and no columns ({error}): give a frame or a table of it, "
            "rows.to_frame() or pyarrow.table({'x': rows})"
        ) from error

    def read(names: Sequence[str]) -> Any:
        with pa.RecordBatchReader.from_stream(rows) as batches:
            yield from batches

    return StreamUnits(address_of(rows, "stream"), schema, read)


def _once(rows: pa.RecordBatchReader) -> StreamUnits:
    """A stream that is read once, by the survey."""
    is_new = [True]

    def read(names: Sequence[str]) -> Any:
        if not is_new:
            raise ReadOnceError(
                "the Arrow stream was read to its end and cannot be read again: give what makes it anew (a "
                "table, a query, an object with __arrow_c_stream__), a larger memory=, or cache='always', or "
                "convert it to a file before anything else reads it: stoker.convert(source, 'rows.parquet')"
            )
        is_new.clear()
        yield from rows

    return StreamUnits("arrow://stream", rows.schema, read)
