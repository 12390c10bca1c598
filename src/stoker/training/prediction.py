"""Predictions written as they are made: rows in their order, bad ones empty, the file whole or not at all."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.errors import OptionError
from stoker.rowfiles import Format, RowFile, encoded, format_of, require_place
from stoker.training.pieces import Piece
from stoker.training.scoring import Scorer, class_indices
from stoker.types import FeedSpec, TargetSpec

__all__ = [
    "PREDICTED_NAME",
    "PREDICTION",
    "Encoded",
    "Predicted",
    "PredictionReport",
    "prediction_format",
    "prediction_schema",
    "prediction_table",
    "write_predictions",
]

PREDICTION = "prediction"
"""Name of the column that holds the predicted label or value."""

PREDICTED_NAME = "prediction_name"
"""Name of the column that holds the predicted class's name, where classes are numbers that have names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionReport:
    """What was written: rows in all and those that could not be scored, seconds, path, the first bad row.

    `unread` tells, a sentence a column, of values such as dates of which nothing could be read, and that
    counted as blanks.
    """

    rows: int
    bad_rows: int
    seconds: float
    path: str
    first_bad: str | None = None
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Rows of predictions as they are written: how many, of which columns, and what `RowFile.add` takes."""

    num_rows: int
    schema: pa.Schema
    rows: Any

    @classmethod
    def of(cls, table: pa.Table, form: Format) -> Self:
        """Those of a table."""
        return cls(num_rows=table.num_rows, schema=table.schema, rows=encoded(table, form))


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """Makes of a piece a table of predictions, or the rows of a file where `form` says of which format."""

    spec: FeedSpec
    form: Format | None

    def __call__(self, scorer: Scorer, piece: Piece) -> pa.Table | Encoded:
        """With as many rows as the piece."""
        table = prediction_table(piece, scorer(piece.x), self.spec)
        return table if self.form is None else Encoded.of(table, self.form)


def prediction_table(piece: Piece, outputs: Sequence[npt.NDArray[Any]], spec: FeedSpec) -> pa.Table:
    """Kept columns, predictions and probabilities of one piece; rows that were not scored are null.

    Parameters
    ----------
    piece
        The rows.
    outputs
        What `Scorer` gave for the good ones.
    spec
        Tasks and classes.
    """
    columns: dict[str, Any] = dict(piece.kept)
    clash = set(_fields(spec)) & set(columns)
    if clash:
        raise OptionError(f"column {sorted(clash)[0]!r} cannot be kept: a prediction has that name")
    missing = np.ones(piece.num_rows, np.bool_)
    missing[piece.good] = False

    def spread(values: Any) -> Any:
        full = np.zeros(piece.num_rows, values.dtype)
        full[piece.good] = values
        return pa.array(full, mask=missing)

    made = (
        values
        for target, found in zip(spec.targets, outputs, strict=True)
        for values in _answers(target, found, spread)
    )
    return pa.table(columns | dict(zip(_fields(spec), made, strict=True)))


def _answers(target: TargetSpec, outputs: Any, spread: Callable[[Any], Any]) -> Iterator[Any]:
    """The columns of a target's answers, in the order of `_fields`."""
    for place in range(len(target.columns)):
        own = np.ascontiguousarray(outputs[:, place]) if len(target.columns) > 1 else outputs
        if target.classes is None:
            yield spread(own)
            continue
        chosen = spread(class_indices(own))
        yield pa.array(list(target.classes)).take(chosen)
        if target.class_names is not None:
            yield pa.array(list(target.class_names), pa.string()).take(chosen)
        shares = (own,) if target.task == "labels" else own.T if own.ndim == 2 else (1 - own, own)
        for share in shares:
            yield spread(np.ascontiguousarray(share))


def _fields(spec: FeedSpec) -> dict[str, pa.DataType]:
    """Names and types of what is predicted: of one label without, of several with its name."""
    several, found = len(spec.labels) > 1, dict[str, pa.DataType]()
    for target in spec.targets:
        for name in target.columns:
            of = f"_{name}" if several else ""
            if target.classes is None:
                found[f"{PREDICTION}{of}"] = pa.float32() if target.transform is None else pa.float64()
                continue
            found[f"{PREDICTION}{of}"] = pa.array(list(target.classes)).type
            if target.class_names is not None:
                found[f"{PREDICTED_NAME}{of}"] = pa.string()
            shares = [""] if target.task == "labels" else [f"_{each}" for each in target.classes]
            found |= {f"probability{of}{share}": pa.float32() for share in shares}
    return found


def prediction_schema(spec: FeedSpec, keep: Sequence[str] = ()) -> pa.Schema:
    """The schema of predictions where there are no rows to tell it."""
    kept = {name: pa.string() for name in keep}
    return pa.schema([pa.field(name, kind) for name, kind in (kept | _fields(spec)).items()])


def write_predictions(
    parts: Iterable[Encoded], path: str | os.PathLike[str], schema: pa.Schema, *, overwrite: bool = False
) -> PredictionReport:
    """Write predictions to a CSV, JSON Lines, Parquet or Arrow file, by its suffix, as they come.

    Parameters
    ----------
    parts
        Of one schema, and of the format of the file.
    path
        Ends as `stoker.rowfiles.format_of` knows; appears only when everything is written.
    schema
        What to write where there are no parts.
    overwrite
        Whether a file that is there may be replaced.

    Raises
    ------
    OptionError
        For another suffix, or a file that is there already.
    RunError
        If the file cannot be written.
    OSError
        What came of making the parts, as it is.
    """
    started, rows = time.perf_counter(), 0
    final = Path(path)
    form = prediction_format(final)
    require_place(final, overwrite=overwrite)
    rest = iter(parts)
    first = next(rest, None) or Encoded.of(schema.empty_table(), form)
    with RowFile(final, first.schema, form, overwrite=overwrite) as file:
        for part in chain([first], rest):
            file.add(part.rows)
            rows += part.num_rows
    return PredictionReport(rows=rows, bad_rows=0, seconds=time.perf_counter() - started, path=str(final))


def prediction_format(path: str | os.PathLike[str]) -> Format:
    """The format that predictions are written in, by the suffix of the file.

    Raises
    ------
    OptionError
        It is none of those.
    """
    return format_of(path, what="predictions are")
