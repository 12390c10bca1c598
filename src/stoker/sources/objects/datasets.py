"""Data sets of Hugging Face, and PyTorch's: whatever has a length and gives an item for a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from stoker.errors import ColumnError, DataError
from stoker.sources.columnar.batch_chunk import SEGMENT_ROWS
from stoker.sources.columnar.stream import StreamUnits
from stoker.sources.objects.filestructs import holds_files, mean_file_bytes, with_files
from stoker.sources.objects.tables import MemoryUnits, address_of
from stoker.sources.objects.tensors import flat_schema, flat_table, shapes_of

__all__ = ["LABEL", "hugging_face_stream", "hugging_face_units", "map_style_units"]

LABEL = "label"
"""What the second of two things is called that an item consists of."""
_TAKEN = {"f": "fiub", "i": "iub", "u": "iub"}
"""Of a kind of numbers in the first item, the kinds that others may have."""
_PIECE_ROWS = 1_024
_BATCH_ROWS = 1_024
_FEW_ROWS = 32
_SAMPLED = 16
_PIECE_BYTES = 1 << 22


def hugging_face_units(dataset: Any) -> MemoryUnits:
    """A `datasets.Dataset`, with its selection and order of rows; transforms set on it are left aside.

    Raises
    ------
    DataError
        It has no rows.
    """
    if not len(dataset):
        raise DataError("the data set has no rows; give one with rows")
    plain = dataset.with_format("arrow")

    def rows(start: int, stop: int, names: Sequence[str]) -> pa.RecordBatch:
        part = flat_table(with_files(plain[start:stop].select(list(names)))).combine_chunks()
        return part.to_batches()[0]

    of_files, schema = mean_file_bytes(plain[:_SAMPLED]), dataset.features.arrow_schema.remove_metadata()

    return MemoryUnits(
        path=f"datasets://{dataset.split or 'rows'}",
        schema=flat_schema(schema),
        shapes=shapes_of(schema),
        num_rows=len(dataset),
        slice=rows,
        held_bytes=int(dataset.data.nbytes + of_files * len(dataset)),
        piece_rows=max(1, min(SEGMENT_ROWS, int(_PIECE_BYTES / max(1, of_files)))),
    )


def hugging_face_stream(dataset: Any) -> StreamUnits:
    """A `datasets.IterableDataset`, which is begun anew for each pass over it.

    Raises
    ------
    DataError
        It does not tell its columns.
    """
    if dataset.features is None:
        raise DataError(
            "the data set does not tell its columns before it is read: give it features=, or use "
            "datasets.load_dataset without streaming=True"
        )

    # Files that are named by their paths are read a few at a time.
    rows = _FEW_ROWS if any(map(holds_files, dataset.features.arrow_schema.types)) else _BATCH_ROWS

    def read(names: Sequence[str]) -> Any:
        for part in dataset.with_format("arrow").iter(batch_size=_BATCH_ROWS):
            for start in range(0, part.num_rows, rows):
                yield from flat_table(with_files(part.slice(start, rows))).to_batches()

    schema = flat_schema(dataset.features.arrow_schema.remove_metadata())
    return StreamUnits("datasets://stream", schema, read)


def map_style_units(dataset: Any) -> MemoryUnits:
    """Anything with ``len()`` and items by number: a mapping each, or features and a label.

    Items must be the same each time: an item that was changed at random is not what the survey saw.

    Raises
    ------
    DataError
        It has no items, or they are nothing of which columns could be made.
    """
    if not len(dataset):
        raise DataError("the data set has no items; give one with items")
    first = _parts(dataset[0], 0)
    schema = pa.schema([field for name, value in first.items() for field in _fields(name, value)])

    def rows(start: int, stop: int, names: Sequence[str]) -> pa.RecordBatch:
        items = [_alike(_parts(dataset[place], place), first, place) for place in range(start, stop)]
        columns: dict[str, Any] = {}
        for name, value in first.items():
            stacked = np.stack([item[name] for item in items]).reshape(len(items), -1)
            for field, column in zip(_fields(name, value), np.ascontiguousarray(stacked.T), strict=True):
                columns[field.name] = pa.array(column, field.type)
        return pa.RecordBatch.from_arrays([columns[name] for name in names], list(names))

    return MemoryUnits(
        path=address_of(dataset, type(dataset).__name__),
        schema=schema,
        num_rows=len(dataset),
        slice=rows,
        held_bytes=0,
        piece_rows=_PIECE_ROWS,
    )


def _parts(item: Any, place: int) -> dict[str, Any]:
    """What an item consists of, by name; ``""`` for features without one."""
    if isinstance(item, Mapping):
        parts = {str(name): value for name, value in item.items()}
    elif not isinstance(item, tuple | list):
        parts = {"": item}
    elif len(item) == 2:
        parts = {"": item[0], LABEL: item[1]}
    else:
        raise ColumnError(
            f"item {place:,} of the data set has {len(item)} parts: give two, features and label, "
            "or a mapping"
        )
    return {name: _values(value, name, place) for name, value in parts.items()}


def _values(value: Any, name: str, place: int) -> Any:
    found = value if isinstance(value, str | bytes) else getattr(value, "numpy", lambda: value)()
    array = np.asarray(found)
    if array.dtype.kind not in "buifUS":
        what = f"{name!r} of item {place:,}" if name else f"item {place:,}"
        raise DataError(
            f"{what} of the data set is {type(value).__name__}, of which no columns are made; give numbers, "
            "arrays or texts, for example through a transform"
        )
    return array


def _fields(name: str, value: Any) -> list[pa.Field]:
    kind = pa.string() if value.dtype.kind in "US" else pa.from_numpy_dtype(value.dtype.newbyteorder("="))
    if value.ndim == 0:
        return [pa.field(name or "#0", kind)]
    return [pa.field(f"{name}[{i}]" if name else f"#{i}", kind) for i in range(value.size)]


def _alike(item: Mapping[str, Any], first: Mapping[str, Any], place: int) -> dict[str, Any]:
    """An item with the types of the first; refused where it has other parts, or its values do not fit."""
    found = {name: value.shape for name, value in item.items()}
    expected = {name: value.shape for name, value in first.items()}
    if found != expected:
        raise DataError(
            f"item {place:,} of the data set has the shapes {found}, and the first {expected}: give items "
            "that are alike"
        )
    return {name: _as_first(value, first[name].dtype, name, place) for name, value in item.items()}


def _as_first(value: Any, dtype: np.dtype[Any], name: str, place: int) -> Any:
    """An array in the type of the first item's: texts are texts, floats take every number."""
    if value.dtype == dtype or (dtype.kind in "US" and value.dtype.kind == dtype.kind):
        return value
    if value.dtype.kind in _TAKEN.get(dtype.kind, ""):
        cast = value.astype(dtype)
        if dtype.kind == "f" or np.array_equal(cast, value):
            return cast
    what = f"{name!r} of item {place:,}" if name else f"item {place:,}"
    raise DataError(
        f"{what} of the data set is {value.dtype.name}, and of item 0 {dtype.name}, which does not hold it: "
        "give every item the same type, for example float(…) for all of them"
    )
