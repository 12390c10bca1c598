"""Rows to score, piece by piece in their order, in one pass over their source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from stoker.errors import DataError
from stoker.prefetch import prefetch
from stoker.sources import Chunk, IssueKind, ParsedChunk, Source
from stoker.sources.columnar.batch_chunk import SEGMENT_ROWS
from stoker.sources.nameless import IN_MEMORY
from stoker.survey.whereabouts import first_unknown_in
from stoker.training.imagerows import decodes_images, inputs_of, parts_of
from stoker.training.pieces import Piece, UnreadPlace, bad_row, fills_blanks, is_strict
from stoker.transforms.base import FittedTransform, InputTransform
from stoker.transforms.labels import LabelEncoder
from stoker.transforms.targets import TargetColumns
from stoker.types import IntArray, Progress

__all__ = ["CHUNK_BYTES", "BadPlace", "FilePieces", "file_pieces"]

CHUNK_BYTES = 4 << 20
_WORKERS = 2

Task: TypeAlias = "tuple[Chunk, ParsedChunk | None, slice | None]"


@dataclass(frozen=True, slots=True, kw_only=True)
class BadPlace:
    """Where a row that cannot be scored begins, and why it cannot; called for the words to say so.

    Attributes
    ----------
    source
        What it is a row of.
    file_index, offset, row
        The number of its file, where it begins there, and its id.
    said
        What is wrong.
    """

    source: Source
    file_index: int
    offset: int
    row: int
    said: str

    def __call__(self) -> str:
        """For people: the file and the line; reads the file up to there."""
        return f"{self.source.place_of_row(self.file_index, self.offset, self.row)}: {self.said}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePieces:
    """Makes pieces of a source's chunks; safe to call from several threads, and can be pickled.

    Attributes
    ----------
    source
        The files; its kept columns come along.
    inputs, target, weight
        Fitted transforms of the features, the label, and what rows weigh.
    on_bad_row
        ``"error"`` raises at the first bad row, ``"skip"`` and ``"quarantine"`` leave it out of `Piece.good`.

    Raises
    ------
    OptionError
        `on_bad_row` is none of these.
    """

    source: Source
    inputs: FittedTransform
    target: FittedTransform | None = None
    weight: FittedTransform | None = None
    on_bad_row: str = "skip"

    def __post_init__(self) -> None:
        is_strict(self.on_bad_row)

    def chunks(self) -> Iterator[Chunk]:
        """What pieces are made of."""
        if getattr(self.source.table, "num_rows", None) == 0:  # of a frame: a file has some
            return iter(())
        return self.source.chunks(CHUNK_BYTES)

    def tasks(self, chunk: Chunk) -> Iterator[Task]:
        """What `piece` takes, in order: of images that take much memory once decoded, a few at a time."""
        if not decodes_images(self.inputs):
            yield chunk, None, None
            return
        parsed = self.source.parse(chunk)
        yield from ((chunk, parsed, part) for part in parts_of(self.inputs, parsed.num_records))

    def piece(self, task: Task) -> tuple[Piece, int]:
        """A piece, and the bytes of the file that are done with it.

        Raises
        ------
        BadRowError
            Under ``"error"``: naming file, line and what is wrong.
        DataError
            For a label that training never saw.
        """
        chunk, parsed, part = task
        source = self.source
        parsed = source.parse(chunk) if parsed is None else parsed
        part = slice(0, parsed.num_records) if part is None else part
        good, first_bad = _good_rows(source, parsed, self.inputs)
        good = good[(good >= part.start) & (good < part.stop)]
        first_bad = first_bad if len(good) < part.stop - part.start else None
        x, good, bad = inputs_of(self.inputs, parsed.rows, good)
        if bad is not None and first_bad is None:
            first_bad = _place(source, chunk, *bad)
        if first_bad is not None and is_strict(self.on_bad_row):
            raise bad_row(first_bad())
        piece = Piece(
            num_rows=part.stop - part.start,
            good=good - part.start,
            x=x,
            y=None if self.target is None else _targets(source, chunk, parsed, self.target, good),
            weights=None if self.weight is None else self.weight.apply(parsed.rows, good),
            kept={name: parsed.rows.columns[name][part] for name in self._kept},
            tell_first_bad=first_bad,
            unread=tuple(_unread(source, chunk, parsed, self.inputs, good)),
        )
        return piece, chunk.file_bytes if part.stop == parsed.num_records else 0

    @property
    def is_few(self) -> bool:
        """Whether these are a few rows in memory, as a program asks about that answers somebody."""
        known = getattr(self.source.table, "num_rows", None)
        return self.source.table.format == IN_MEMORY and known is not None and known <= SEGMENT_ROWS

    @property
    def threads(self) -> int:
        """How many make pieces: none but the caller's for a few rows, which a start would delay."""
        return 0 if self.is_few and not decodes_images(self.inputs) else _WORKERS

    @property
    def _kept(self) -> tuple[str, ...]:
        return getattr(self.source.table.schema, "kept", ())


def file_pieces(pieces: FilePieces, *, progress: Progress | None = None) -> Iterator[Piece]:
    """Every row of a source, read once and parsed ahead in threads; the view is ignored.

    Parameters
    ----------
    pieces
        What to make of them.
    progress
        Called with bytes done and bytes in all.

    Raises
    ------
    BadRowError, DataError
        As of `FilePieces.piece`.
    """
    total = sum(identity.size for identity in pieces.source.identity())
    tasks = (task for chunk in pieces.chunks() for task in pieces.tasks(chunk))
    done = 0
    with prefetch(pieces.piece, tasks, workers=pieces.threads, in_flight=_WORKERS + 1, name="score") as made:
        for piece, size in made:
            yield piece
            done += size
            if progress is not None:
                progress(min(done, total), total)


def _good_rows(
    source: Source, parsed: ParsedChunk, inputs: FittedTransform
) -> tuple[IntArray, BadPlace | None]:
    """The rows that can be scored, and where the first other one stands."""
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
    if not len(places):
        return np.flatnonzero(good).astype(np.int64), None
    place = int(places[0])
    first = BadPlace(
        source=source,
        file_index=issues.file_index,
        offset=int(issues.offsets[place]),
        row=int(issues.rows[place]),
        said=issues.explain(place),
    )
    return np.flatnonzero(good).astype(np.int64), first


def _place(source: Source, chunk: Chunk, row: int, said: str) -> BadPlace:
    """Where a row of a chunk stands, and what is said of it."""
    return BadPlace(
        source=source,
        file_index=chunk.file_index,
        offset=source.table.record_offset(chunk, row),
        row=chunk.first_row + row,
        said=said,
    )


def _unread(
    source: Source, chunk: Chunk, parsed: ParsedChunk, inputs: FittedTransform, good: IntArray
) -> Iterator[UnreadPlace]:
    """What a transform takes for blanks in rows that are scored."""
    if isinstance(inputs, InputTransform) and inputs.leaves_unread:
        for found in inputs.unread(parsed.rows, good):
            first = _place(source, chunk, int(good[found.places[0]]), found.said)
            yield UnreadPlace(column=found.column, count=found.places.size, tell_first=first)


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
