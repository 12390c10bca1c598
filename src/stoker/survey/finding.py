"""Rows by id as they stand in their files: path, line, text, values, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from stoker.ledger import Ledger, allocated_bytes
from stoker.prefetch import available_cores, prefetch
from stoker.sources import Chunk, ParsedChunk, RowIssues, Source
from stoker.sources.files import is_folder
from stoker.sources.packing import read_head
from stoker.survey.lines import count_ends
from stoker.survey.unpacking import charge_unpacking
from stoker.types import IntArray, Progress, Uint64Array

__all__ = ["FoundRow", "Piece", "Walk", "find_rows"]

_CHUNK_BYTES = 4 << 20
_SMALL_CHUNK_BYTES = 1 << 19
"""Where rows are looked for, of which a chunk may hold many: a row found takes some hundred bytes."""
_LEAST_CHUNK_BYTES = 1 << 16
_CHUNK_SHARE = 64
"""Where there is a ledger, a chunk takes at most this part of its memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRow:
    r"""A row as it stands in its file.

    Attributes
    ----------
    row
        Its id: the record slot, counted from 0 over all files.
    file, record, line
        The path, the record slot counted from 0 in this file, and the line, counted from 1, at which the
        record begins; headers, blank lines and line ends within quotes are lines like others. In a file
        without lines every record counts as one.
    text
        What stands there, without the line end; bytes that are not UTF-8 as ``\xe9``.
    label
        The label's value, of several labels a mapping by column; None without a label.
    values
        The features by name, numbers or texts, and what the row weighs; NaN where there is none.
    problems
        Of each field that is blank or wrong: the column, None where the whole row is meant, whether it makes
        the row a bad one, and a clause that says what is wrong.
    """

    row: int
    file: str
    record: int
    line: int
    text: str
    label: Any
    values: Mapping[str, Any]
    problems: tuple[tuple[str | None, bool, str], ...] = ()


def find_rows(
    source: Source,
    ids: IntArray,
    progress: Progress | None = None,
    *,
    with_values: bool = True,
    ledger: Ledger | None = None,
) -> Iterator[FoundRow]:
    r"""Rows by id, ascending, with their places in the files, which are read up to the last of them.

    Parameters
    ----------
    source
        The files; the view is ignored.
    ids
        int64 of shape (n,), strictly ascending.
    progress
        Called with bytes done and bytes in all.
    with_values
        Whether label and values are wanted, besides what stands in the file.
    ledger
        Charged for what is read, of which less is then read at a time where its memory is small.

    Raises
    ------
    DataError
        A file cannot be read.

    Examples
    --------
    >>> import stoker, tempfile, pathlib
    >>> temporary = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(temporary.name, "tiny.csv")
    >>> _ = path.write_text("text,kind\n\"two\nlines\",a\nlast,b\n")
    >>> rows = find_rows(stoker.open(path, label="kind", text="text"), np.array([1]))
    >>> [(row.line, row.label, row.text) for row in rows]
    [(4, 'b', 'last,b')]
    >>> temporary.cleanup()
    """
    if not len(ids):
        return
    with Walk(source, ids, progress, with_values=with_values, ledger=ledger) as pieces:
        for piece in pieces:
            yield from piece.rows
            if piece.chunk.first_row + piece.chunk.num_records > int(ids[-1]):
                return


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk, the checksums of its segments, and the rows found in it."""

    chunk: Chunk
    checksums: Uint64Array
    rows: list[FoundRow]
    line_ends: int


class Walk:
    """The files of a source in pieces, in order, looked at in threads; a context manager that ends these.

    Parameters
    ----------
    source
        The files; the view is ignored.
    wanted
        int64 of shape (n,), strictly ascending: ids of the rows to find; None where none are, which saves
        counting lines.
    progress
        Called with bytes done and bytes in all.
    with_values, ledger
        As of `find_rows`.
    """

    def __init__(
        self,
        source: Source,
        wanted: IntArray | None,
        progress: Progress | None = None,
        *,
        with_values: bool = True,
        ledger: Ledger | None = None,
    ) -> None:
        total = sum(identity.size for identity in source.identity())
        workers = available_cores()
        target = _CHUNK_BYTES if wanted is None else _SMALL_CHUNK_BYTES
        if ledger is not None:
            target = max(_LEAST_CHUNK_BYTES, min(target, ledger.limit // _CHUNK_SHARE))
        chunks = charge_unpacking(source.chunks(target), source.paths, ledger)
        self._pieces = prefetch(
            partial(_look_at, source, wanted, with_values),
            _with_byte_before(_charged(chunks, ledger)),
            workers=workers,
            in_flight=workers + 1,
            name="find",
        )
        self._places = _Places(source)
        self._progress, self._total = progress, total

    def __enter__(self) -> Iterator[Piece]:
        return self._placed()

    def __exit__(self, *exception: object) -> None:
        self._pieces.close()

    def _placed(self) -> Iterator[Piece]:
        done = 0
        for piece in self._pieces:
            yield replace(piece, rows=self._places.of(piece))
            done += piece.chunk.file_bytes
            if self._progress is not None:
                self._progress(min(done, self._total), self._total)


def _charged(chunks: Iterator[Chunk], ledger: Ledger | None) -> Iterator[Chunk]:
    """The chunks, charged for as long as somebody holds their bytes."""
    for chunk in chunks:
        if ledger is not None:
            ledger.tie("finding", allocated_bytes(chunk.data), chunk.data)
        yield chunk


def _with_byte_before(chunks: Iterator[Chunk]) -> Iterator[tuple[Chunk, int]]:
    """Each chunk with the last byte before it, 0 at the beginning of a file: CR and LF may be parted."""
    before, file_index = 0, -1
    for chunk in chunks:
        yield chunk, before if chunk.file_index == file_index else 0
        before, file_index = int(chunk.data[-1]) if len(chunk.data) else 0, chunk.file_index


def _look_at(source: Source, wanted: IntArray | None, with_values: bool, task: tuple[Chunk, int]) -> Piece:
    """A piece; lines of its rows count from 0 at its beginning, and record slots over all files."""
    chunk, before = task
    checksums = chunk.checksums()
    if wanted is None:
        return Piece(chunk, checksums, [], 0)
    low, high = np.searchsorted(wanted, [chunk.first_row, chunk.first_row + chunk.num_records])
    found: list[FoundRow] = []
    line = place = 0
    for segment, rows in _segments(chunk, wanted[low:high]):
        parsed = source.parse(segment, np.float64)
        for row in rows.tolist():
            begin, end = _bounds(source, segment, row)
            at = segment.offset - chunk.offset + begin
            line += count_ends(chunk.data[place:at], int(chunk.data[place - 1]) if place else before)
            place = at
            made = _found(source, parsed, row, segment.text(begin, end), line)
            found.append(_with_values(made, source, parsed) if with_values else made)
    line += count_ends(chunk.data[place:], int(chunk.data[place - 1]) if place else before)
    return Piece(chunk, checksums, found, line)


def _segments(chunk: Chunk, rows: IntArray) -> Iterator[tuple[Chunk, IntArray]]:
    """The segments of a chunk that hold the rows, each as a chunk of its own, with its rows."""
    places = np.searchsorted(chunk.anchor_rows, rows, side="right") - 1
    for place in np.unique(places).tolist():
        first, offset = int(chunk.anchor_rows[place]), int(chunk.anchor_offsets[place])
        is_last = place + 1 == len(chunk.anchor_rows)
        behind = chunk.first_row + chunk.num_records if is_last else int(chunk.anchor_rows[place + 1])
        end = chunk.offset + len(chunk.data) if is_last else int(chunk.anchor_offsets[place + 1])
        segment = replace(
            chunk,
            first_row=first,
            num_records=behind - first,
            offset=offset,
            data=chunk.data[offset - chunk.offset : end - chunk.offset],
            anchor_rows=chunk.anchor_rows[place : place + 1],
            anchor_offsets=chunk.anchor_offsets[place : place + 1],
        )
        yield segment, rows[places == place]


def _bounds(source: Source, segment: Chunk, row: int) -> tuple[int, int]:
    """Where a record of a segment begins and ends among its bytes."""
    ordinal = row - segment.first_row
    begin = source.table.record_offset(segment, ordinal) - segment.offset
    if ordinal + 1 == segment.num_records:
        return begin, len(segment.data)
    return begin, source.table.record_offset(segment, ordinal + 1) - segment.offset


def _found(source: Source, parsed: ParsedChunk, row: int, raw: bytes, line: int) -> FoundRow:
    issues = parsed.issues
    return FoundRow(
        row=row,
        file=source.paths[parsed.file_index],
        record=row,
        line=line,
        text=raw.rstrip(b"\r\n").decode("utf-8", "backslashreplace"),
        label=None,
        values={},
        problems=tuple(_problem(issues, each) for each in np.flatnonzero(issues.rows == row).tolist()),
    )


def _with_values(found: FoundRow, source: Source, parsed: ParsedChunk) -> FoundRow:
    rows, place = parsed.rows, found.row - parsed.first_row
    named: dict[str, Any] = {}
    if rows.matrix is not None:
        start = place * rows.matrix.num_columns
        numbers = rows.matrix.values[start : start + rows.matrix.num_columns].tolist()
        named = dict(zip(rows.features, numbers, strict=True))
    named |= {name: _value(column, place) for name, column in rows.columns.items()}
    labels = {name: named[name] for name in source.labels}
    label = labels if len(labels) > 1 else next(iter(labels.values()), None)
    weight = () if source.sample_weight is None else (source.sample_weight,)
    return replace(found, label=label, values={name: named[name] for name in (*source.features, *weight)})


def _value(column: Any, place: int) -> Any:
    return column[place].item() if isinstance(column, np.ndarray) else column[place].as_py()


def _problem(issues: RowIssues, place: int) -> tuple[str | None, bool, str]:
    return issues.column(place), bool(issues.is_bad[place]), issues.explain(place)


class _Places:
    """Puts rows that were found in pieces into their files: record slot and line, file after file."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._file, self._line, self._first_row, self._is_folder = -1, 1, 0, False

    def of(self, piece: Piece) -> list[FoundRow]:
        """The rows of the next piece."""
        chunk = piece.chunk
        if chunk.file_index != self._file:
            self._begin(chunk)
        line = self._line
        self._line += piece.line_ends
        return [self._placed(row, chunk, line) for row in piece.rows]

    def _placed(self, row: FoundRow, chunk: Chunk, line: int) -> FoundRow:
        record = row.row - self._first_row
        if not self._source.has_lines and not self._is_folder:
            return replace(row, record=record, line=record + 1)
        if not self._is_folder:
            return replace(row, record=record, line=line + row.line)
        # A folder is one file to the index, and each of its files a record.
        path = self._source.file_of(chunk.file_index, row.row)
        return replace(row, record=record, line=1, file=path)

    def _begin(self, chunk: Chunk) -> None:
        path = self._source.places[chunk.file_index]
        self._file, self._first_row, self._is_folder = chunk.file_index, chunk.first_row, is_folder(path)
        head = read_head(path, chunk.offset)[0] if chunk.offset and not self._is_folder else b""
        self._line = 1 + count_ends(np.frombuffer(head, np.uint8), 0)
