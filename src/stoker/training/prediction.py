"""Predictions written as they are made: rows in their order, bad ones empty, the file whole or not at all."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from stoker.errors import OptionError, RunError
from stoker.folders import clean, staged_file
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

Write = Callable[[pa.Table], None]


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
    """Write tables to a CSV, Parquet or JSON Lines file, by its suffix, as they come.

    Parameters
    ----------
    tables
        Of one schema.
    path
        Ends in ``.csv``, ``.parquet`` or ``.jsonl``; appears only when everything is written.
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
    started = time.perf_counter()
    final = Path(path)
    opened = _writer_of(final)
    if final.is_file() and not overwrite:
        raise OptionError(
            f"{final} is there already: name another output, or say overwrite=True to replace it"
        )
    clean(final.parent, final.name)
    rows = 0
    try:
        with staged_file(final) as file, opened(file) as write:
            for table in _kept_apart(tables):
                write(table)
                rows += table.num_rows
            if not rows:
                write(schema.empty_table())
    except _InputError as error:
        raise error.reason from error.reason.__cause__
    except OSError as error:
        raise RunError(f"{final} cannot be written: {error.strerror or error}") from error
    return PredictionReport(rows=rows, bad_rows=0, seconds=time.perf_counter() - started, path=str(final))


class _InputError(Exception):
    """The operating system refused something while the tables were made, and not while they were written."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(reason)
        self.reason = reason


def _kept_apart(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    try:
        yield from tables
    except OSError as error:
        raise _InputError(error) from error


def _probability_names(spec: FeedSpec) -> Sequence[str]:
    return [f"probability_{name}" for name in spec.classes or ()]


def _writer_of(path: Path) -> Callable[[BinaryIO], AbstractContextManager[Write]]:
    known = {".csv": _csv, ".parquet": _parquet, ".jsonl": _json_lines}
    found = known.get(path.suffix.lower())
    if found is None:
        raise OptionError(f"predictions are written to .csv, .parquet or .jsonl, got {path.name!r}")
    return found


@contextmanager
def _csv(file: BinaryIO) -> Iterator[Write]:
    header = True

    def write(table: pa.Table) -> None:
        nonlocal header
        if header:
            file.write(_csv_lines([pa.array([name]) for name in table.column_names]))
            header = False
        for part in table.to_batches():
            file.write(_csv_lines(part.columns))

    yield write


def _csv_lines(columns: Sequence[Any]) -> bytes:
    """Rows as lines: a field is quoted where it holds a comma, a quote or a line end, and nowhere else.

    Arrow's writer quotes every text or none, and the choice would have to be made before all texts are known.
    """
    texts = [column.cast(pa.string()) for column in columns]
    fields = [
        _quoted(text) if _is_text(column) else text for text, column in zip(texts, columns, strict=True)
    ]
    fields = [pc.fill_null(field, "") for field in fields]
    if len(fields) == 1:
        # An empty line would be taken for no row at all.
        fields = [pc.if_else(pc.equal(fields[0], ""), '""', fields[0])]
    lines = pc.binary_join_element_wise(*fields, ",")
    return "".join(f"{line}\n" for line in lines.to_pylist()).encode()


def _is_text(column: Any) -> bool:
    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def _quoted(texts: Any) -> Any:
    needed = pc.match_substring_regex(texts, '[,"\r\n]')
    if not pc.any(needed).as_py():
        return texts
    doubled = pc.replace_substring(texts, '"', '""')
    return pc.if_else(needed, pc.binary_join_element_wise('"', doubled, '"', ""), texts)


@contextmanager
def _parquet(file: BinaryIO) -> Iterator[Write]:
    writers: list[Any] = []

    def write(table: pa.Table) -> None:
        if not writers:
            writers.append(pa.parquet.ParquetWriter(file, table.schema))
        writers[0].write_table(table)

    try:
        yield write
    finally:
        for writer in writers:
            writer.close()


@contextmanager
def _json_lines(file: BinaryIO) -> Iterator[Write]:
    encoder = msgspec.json.Encoder()

    def write(table: pa.Table) -> None:
        file.write(encoder.encode_lines(_shortest(table).to_pylist()))

    yield write


def _shortest(table: pa.Table) -> pa.Table:
    """The same with 0.1 for what float32 holds of 0.1, which as float64 is 0.10000000149011612."""
    for place, column in enumerate(table.columns):
        if pa.types.is_float32(column.type):
            table = table.set_column(
                place, table.column_names[place], column.cast(pa.string()).cast(pa.float64())
            )
    return table
