"""Rows to score, piece by piece in their order: from files in one pass, or from a frame in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.errors import BadRowError, ColumnError, DataError, OptionError
from stoker.prefetch import prefetch
from stoker.sources import Chunk, IssueKind, ParsedChunk, Source
from stoker.survey.whereabouts import first_unknown_in
from stoker.training.frames import (
    columns_of,
    common_length,
    kept_of,
    labels_of,
    numbers_of,
    texts_of,
    values_of,
)
from stoker.training.imagerows import decodes_images, inputs_of, parts_of
from stoker.transforms.base import FittedTransform, InputTransform, nearest
from stoker.transforms.labels import LabelEncoder
from stoker.transforms.targets import TargetColumns
from stoker.transforms.texts import TextTransform
from stoker.types import ColumnKind, IntArray, Matrix, Progress, Rows, is_number

__all__ = ["Piece", "file_pieces", "fills_blanks", "frame_pieces"]

_CHUNK_BYTES = 4 << 20
_FRAME_ROWS = 1 << 16
_WORKERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Consecutive rows, ready to score.

    Attributes
    ----------
    num_rows
        Rows, bad ones included.
    good
        int64 (g,): which of them can be scored, ascending.
    x, y
        Inputs and targets of the good rows, of sparse ones a SciPy CSR matrix; y is None where there is no
        label, and of several outputs a mapping by label.
    weights
        What the good rows weigh, float32 (g,); None where nothing says it.
    kept
        Columns that come along, Arrow arrays of shape (num_rows,).
    tell_first_bad
        Says where the first row that cannot be scored stands, and why; None where all can.
    """

    num_rows: int
    good: IntArray
    x: Any
    y: Any = None
    weights: npt.NDArray[np.float32] | None = None
    kept: Mapping[str, Any] = field(default_factory=dict)
    tell_first_bad: Callable[[], str] | None = None


def file_pieces(
    source: Source,
    inputs: FittedTransform,
    target: FittedTransform | None = None,
    weight: FittedTransform | None = None,
    *,
    on_bad_row: str = "skip",
    progress: Progress | None = None,
) -> Iterator[Piece]:
    """Every row of a source's files, read once and parsed ahead in threads; the view is ignored.

    Parameters
    ----------
    source
        The files; its kept columns come along.
    inputs, target, weight
        Fitted transforms of the features, the label, and what rows weigh.
    on_bad_row
        ``"error"`` raises at the first bad row, ``"skip"`` and ``"quarantine"`` leave it out of `Piece.good`.
    progress
        Called with bytes done and bytes in all.

    Raises
    ------
    BadRowError
        Under ``"error"``: naming file, line and what is wrong.
    DataError
        For a label that training never saw.
    """
    strict = _is_strict(on_bad_row)
    total = sum(identity.size for identity in source.identity())
    kept = source.table.schema.kept if hasattr(source.table.schema, "kept") else ()

    def make(task: tuple[Chunk, ParsedChunk | None, slice | None]) -> tuple[Piece, int]:
        chunk, parsed, part = task
        parsed = source.parse(chunk) if parsed is None else parsed
        part = slice(0, parsed.num_records) if part is None else part
        good, tell = _good_rows(source, parsed, inputs)
        good = good[(good >= part.start) & (good < part.stop)]
        tell = tell if len(good) < part.stop - part.start else None
        x, good, bad = inputs_of(inputs, parsed.rows, good)
        if bad is not None and tell is None:
            tell = partial(_tell_image, source, chunk, *bad)
        if strict and tell is not None:
            raise _bad_row(tell)
        piece = Piece(
            num_rows=part.stop - part.start,
            good=good - part.start,
            x=x,
            y=None if target is None else _targets(source, chunk, parsed, target, good),
            weights=None if weight is None else weight.apply(parsed.rows, good),
            kept={name: parsed.rows.columns[name][part] for name in kept},
            tell_first_bad=tell,
        )
        return piece, chunk.file_bytes if part.stop == parsed.num_records else 0

    def tasks() -> Iterator[tuple[Chunk, ParsedChunk | None, slice | None]]:
        for chunk in source.chunks(_CHUNK_BYTES):
            if decodes_images(inputs):
                parsed = source.parse(chunk)
                yield from ((chunk, parsed, part) for part in parts_of(inputs, parsed.num_records))
            else:
                yield chunk, None, None

    done = 0
    with prefetch(make, tasks(), workers=_WORKERS, in_flight=_WORKERS + 1, name="score") as made:
        for piece, size in made:
            yield piece
            done += size
            if progress is not None:
                progress(min(done, total), total)


def frame_pieces(
    frame: Any,
    features: Sequence[str],
    inputs: FittedTransform,
    *,
    keep: Sequence[str] = (),
    target: FittedTransform | None = None,
    labels: Sequence[str] = (),
    weight: str | None = None,
    on_bad_row: str = "skip",
    kinds: Mapping[str, ColumnKind] | None = None,
) -> Iterator[Piece]:
    """Rows of a pandas frame, an Arrow table, a mapping of arrays, an array of shape (n, k), or of texts.

    What the features are `kinds` tells; None where all of them are text, or all numbers, as their transform
    has it. `labels` are the columns of `target`, and `weight` is the one that says what rows weigh.

    Raises
    ------
    ColumnError
        If a column is absent, or does not hold what it should.
    OptionError
        If two columns have different lengths.
    BadRowError
        Under ``on_bad_row="error"``: naming the row and what is wrong.
    """
    strict = _is_strict(on_bad_row)
    usual: ColumnKind = "text" if isinstance(inputs, TextTransform) else "float"
    held = {name: usual if kinds is None else kinds[name] for name in features}
    columns = columns_of(frame, features)
    answers = (*labels, *(() if weight is None else (weight,)))
    used = (*features, *keep, *answers)
    for name in used:
        if name not in columns:
            raise ColumnError(f"the frame has no column {name!r}{nearest(name, columns)}")
    numbers = tuple(name for name in features if is_number(held[name]))
    beside = {name: kind for name, kind in held.items() if not is_number(kind)}
    for first, part in _frame_parts(inputs, common_length(columns, used)):
        answered = {name: labels_of(columns[name][part]) for name in labels}
        weights = None if weight is None else _frame_weights(columns[weight][part], weight, first)
        arrays, wrong = _arrays(columns, beside, part)
        rows, matrix = _frame_rows(columns, numbers, part, arrays | answered)
        good, tell = _usable(matrix, numbers, wrong, inputs, first)
        x, good, bad = inputs_of(inputs, rows, good)
        if bad is not None and tell is None:
            tell = partial("row {:,} of the frame: {}".format, first + bad[0], bad[1])
        if strict and tell is not None:
            raise _bad_row(tell)
        y = None if target is None else target.apply(rows, good)
        kept = {name: kept_of(columns[name][part]) for name in keep}
        yield Piece(
            num_rows=rows.num_rows,
            good=good,
            x=x,
            y=y,
            weights=None if weights is None else weights[good],
            kept=kept,
            tell_first_bad=tell,
        )


def _frame_parts(inputs: FittedTransform, num_rows: int) -> Iterator[tuple[int, slice]]:
    """The rows of a frame in parts, each with its first row."""
    for first in range(0, num_rows, _FRAME_ROWS):
        for part in parts_of(inputs, min(_FRAME_ROWS, num_rows - first)):
            yield first + part.start, slice(first + part.start, first + part.stop)


def _frame_rows(
    columns: Mapping[str, Any],
    numbers: tuple[str, ...],
    part: slice,
    beside: Mapping[str, Any],
) -> tuple[Rows, npt.NDArray[np.float64]]:
    """Rows of a frame as those of a file would come; the numbers among them also as an array."""
    if not numbers:
        count = len(next(iter(beside.values())))
        return Rows(num_rows=count, features=(), matrix=None, columns=beside), np.empty((count, 0))
    held = [numbers_of(columns[name][part], name) for name in numbers]
    matrix = np.ascontiguousarray(np.stack(held, axis=1))
    return Rows(num_rows=len(matrix), features=numbers, matrix=Matrix.of(matrix), columns=beside), matrix


def _arrays(
    columns: Mapping[str, Any], kinds: Mapping[str, ColumnKind], part: slice
) -> tuple[dict[str, Any], dict[str, npt.NDArray[np.bool_]]]:
    """Features that are no numbers, as files give them, and which lists of a column are none."""
    found, wrong = {}, {}
    for name, kind in kinds.items():
        if kind == "text":
            found[name] = texts_of(columns[name][part], name)
        else:
            found[name], is_wrong = values_of(columns[name][part], name, kind)
            if is_wrong is not None:
                wrong[name] = is_wrong
    return found, wrong


def _frame_weights(column: Any, name: str, first_row: int) -> npt.NDArray[np.float32]:
    """What the rows of a part of a frame weigh.

    Raises
    ------
    DataError
        If that is not there, negative, or beyond float32.
    """
    weights = numbers_of(column, name)
    wrong = ~((weights >= 0) & (weights <= float(np.finfo(np.float32).max)))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"row {first_row + row:,} of the frame: column {name!r} holds {weights[row]}, and what a row "
            "weighs is a number of zero or more"
        )
    return weights.astype(np.float32)


def _is_strict(on_bad_row: str) -> bool:
    if on_bad_row not in ("error", "skip", "quarantine"):
        raise OptionError(f"on_bad_row must be error, skip or quarantine, got {on_bad_row!r}")
    return on_bad_row == "error"


def _bad_row(tell: Callable[[], str]) -> BadRowError:
    return BadRowError(f"{tell()}; on_bad_row='skip' leaves such rows without an answer")


def _good_rows(
    source: Source, parsed: ParsedChunk, inputs: FittedTransform
) -> tuple[IntArray, Callable[[], str] | None]:
    """The rows that can be scored, and what says where the first other one stands."""
    issues = parsed.issues
    bad = issues.is_bad
    # A rule for all columns is one for the features: nothing can take the place of a label.
    forgiven = np.array(
        [name not in source.answers and fills_blanks(inputs, name) for name in issues.names], np.bool_
    )
    blank = (issues.kinds == IssueKind.BLANK) & (issues.columns >= 0)
    bad = bad | (blank & ~forgiven[issues.columns]) if len(issues) else bad
    places = np.flatnonzero(bad)
    good = np.ones(parsed.num_records, np.bool_)
    good[issues.rows[places] - parsed.first_row] = False

    def tell() -> str:
        place = int(places[0])
        row, offset = int(issues.rows[place]), int(issues.offsets[place])
        where = source.place_of_row(issues.file_index, offset, row)
        return f"{where}: {issues.explain(place)}"

    return np.flatnonzero(good).astype(np.int64), tell if len(places) else None


def _tell_image(source: Source, chunk: Chunk, row: int, said: str) -> str:
    """Where a row of a chunk stands, and what is said of it."""
    offset = source.table.record_offset(chunk, row)
    return f"{source.place_of_row(chunk.file_index, offset, chunk.first_row + row)}: {said}"


def _targets(
    source: Source, chunk: Chunk, parsed: ParsedChunk, target: FittedTransform, good: IntArray
) -> Any:
    try:
        return target.apply(parsed.rows, good)
    except DataError as error:
        parts = target.parts if isinstance(target, TargetColumns) else (target,)
        encoders = [part for part in parts if isinstance(part, LabelEncoder)]
        places = (
            first_unknown_in(source, chunk, parsed, each.column, each.classes_, good) for each in encoders
        )
        place = next((place for place in places if place is not None), None)
        last = parsed.first_row + parsed.num_records - 1
        rows = f"{source.paths[parsed.file_index]}, rows {parsed.first_row:,} to {last:,}"
        raise DataError(f"{rows if place is None else place[0]}: {error}") from error


def _usable(
    matrix: npt.NDArray[np.float64],
    features: Sequence[str],
    wrong: Mapping[str, npt.NDArray[np.bool_]],
    inputs: FittedTransform,
    first_row: int,
) -> tuple[IntArray, Callable[[], str] | None]:
    """The rows that can be scored, and what says where the first other one stands."""
    strict = np.array([not fills_blanks(inputs, name) for name in features], np.bool_)
    unusable = (np.isnan(matrix) & strict) | np.isinf(matrix)
    bad = unusable.any(axis=1)
    for marked in wrong.values():
        bad |= marked

    def tell() -> str:
        row = int(np.argmax(bad))
        for name, marked in wrong.items():
            if marked[row]:
                return f"row {first_row + row:,} of the frame: column {name!r} holds no list of such numbers"
        column = int(np.argmax(unusable[row]))
        what = "is blank" if np.isnan(matrix[row, column]) else f"holds {matrix[row, column]}"
        return f"row {first_row + row:,} of the frame: column {features[column]!r} {what}"

    return np.flatnonzero(~bad).astype(np.int64), tell if bad.any() else None


def fills_blanks(inputs: FittedTransform, column: str) -> bool:
    """Whether a transform of the features has a value for a blank in a column."""
    return isinstance(inputs, InputTransform) and inputs.fills_blank(column)
