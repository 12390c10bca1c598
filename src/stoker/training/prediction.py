"""Predictions written as they are made: rows in their order, bad ones empty, the file whole or not at all."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from stoker.errors import OptionError
from stoker.rowfiles import RowFile, format_of, require_place
from stoker.training.pieces import Piece
from stoker.training.scoring import Scorer, class_indices
from stoker.types import FeedSpec

__all__ = [
    "PREDICTED_NAME",
    "PREDICTION",
    "PredictionReport",
    "prediction_schema",
    "prediction_table",
    "prediction_tables",
    "write_predictions",
]

PREDICTION = "prediction"
"""Name of the column that holds the predicted label or value."""

PREDICTED_NAME = "prediction_name"
"""Name of the column that holds the predicted class's name, where classes are numbers that have names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionReport:
    """What was written: rows in all and those that could not be scored, seconds, path, the first bad row."""

    rows: int
    bad_rows: int
    seconds: float
    path: str
    first_bad: str | None = None


def prediction_tables(pieces: Iterable[Piece], scorer: Scorer, spec: FeedSpec) -> Iterator[pa.Table]:
    """Score pieces; a table for each, with as many rows as the piece."""
    for piece in pieces:
        yield prediction_table(piece, scorer(piece.x), spec)


def prediction_table(piece: Piece, outputs: Any, spec: FeedSpec) -> pa.Table:
    """Kept columns, prediction and probabilities of one piece; rows that were not scored are null.

    Parameters
    ----------
    piece
        The rows.
    outputs
        What `Scorer` gave for the good ones.
    spec
        Task and classes.
    """
    columns: dict[str, Any] = dict(piece.kept)
    clash = {PREDICTION, PREDICTED_NAME, *_probability_names(spec)} & set(columns)
    if clash:
        raise OptionError(f"column {sorted(clash)[0]!r} cannot be kept: a prediction has that name")
    missing = np.ones(piece.num_rows, np.bool_)
    missing[piece.good] = False

    def spread(values: Any) -> Any:
        full = np.zeros(piece.num_rows, values.dtype)
        full[piece.good] = values
        return full

    if spec.classes is None:
        columns[PREDICTION] = pa.array(spread(outputs), mask=missing)
        return pa.table(columns)
    chosen = pa.array(spread(class_indices(outputs)), mask=missing)
    columns[PREDICTION] = pa.array(list(spec.classes)).take(chosen)
    if spec.class_names is not None:
        columns[PREDICTED_NAME] = pa.array(list(spec.class_names), pa.string()).take(chosen)
    shares = outputs.T if outputs.ndim == 2 else (1 - outputs, outputs)
    for name, share in zip(_probability_names(spec), shares, strict=True):
        columns[name] = pa.array(spread(np.ascontiguousarray(share)), mask=missing)
    return pa.table(columns)


def prediction_schema(spec: FeedSpec, keep: Sequence[str] = ()) -> pa.Schema:
    """The schema of predictions where there are no rows to tell it."""
    fields = [pa.field(name, pa.string()) for name in keep]
    if spec.classes is None:
        return pa.schema([*fields, pa.field(PREDICTION, pa.float32())])
    fields.append(pa.field(PREDICTION, pa.array(list(spec.classes)).type))
    if spec.class_names is not None:
        fields.append(pa.field(PREDICTED_NAME, pa.string()))
    return pa.schema([*fields, *(pa.field(name, pa.float32()) for name in _probability_names(spec))])


def write_predictions(
    tables: Iterable[pa.Table], path: str | os.PathLike[str], schema: pa.Schema, *, overwrite: bool = False
) -> PredictionReport:
    """Write tables to a CSV, JSON Lines, Parquet or Arrow file, by its suffix, as they come.

    Parameters
    ----------
    tables
        Of one schema.
    path
        Ends as `stoker.rowfiles.format_of` knows; appears only when everything is written.
    schema
        What to write where there are no tables.
    overwrite
        Whether a file that is there may be replaced.

    Raises
    ------
    OptionError
        For another suffix, or a file that is there already.
    RunError
        If the file cannot be written.
    OSError
        What came of making the tables, as it is.
    """
    started, rows = time.perf_counter(), 0
    final = Path(path)
    form = format_of(final, what="predictions are")
    require_place(final, overwrite=overwrite)
    rest = iter(tables)
    first = next(rest, schema.empty_table())
    with RowFile(final, first.schema, form, overwrite=overwrite) as file:
        for table in chain([first], rest):
            file.add(file.encoded(table))
            rows += table.num_rows
    return PredictionReport(rows=rows, bad_rows=0, seconds=time.perf_counter() - started, path=str(final))


def _probability_names(spec: FeedSpec) -> Sequence[str]:
    return [f"probability_{name}" for name in spec.classes or ()]
