"""Random access to rows of delimited files through the sparse index, without converting them.

Row ids become segments, neighbouring segments one read, and the reads of one *piece* are joined in a buffer
that is checked and parsed at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.errors import BadRowError, ChangedDataError
from stoker.sources.files import ByteReader, FilePool, line_of
from stoker.sources.held import join_values
from stoker.sources.index import RowIndex, checked_ids, checksums_of
from stoker.sources.number_columns import join_numbers
from stoker.sources.parsed_block import Block
from stoker.sources.record_parser import RecordParser
from stoker.sources.spool import unpacked
from stoker.types import IntArray, Matrix, Rows

__all__ = ["CsvReader"]

PIECE_BYTES = 1 << 17
"""Bytes that are read and parsed at a time: they stay in a core's cache. A longer segment is a piece."""
_MOST_PIECE_BYTES = 1 << 19
_PIECE_ROWS = 1 << 14
"""Of numbers alone, which take less memory than texts, so many rows are a piece: threads that must wait for
the interpreter's lock after every few microseconds do little else.
"""
_NEAR = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Piece:
    """The requested rows [first, last) and the s segments of one file that hold them, ascending.

    ``bounds``, int64 of shape (s + 1,), says where in the piece each segment begins and the last one ends.
    """

    file_index: int
    first: int
    last: int
    segments: IntArray
    bounds: IntArray

    @property
    def is_one_run(self) -> bool:
        """Whether the segments are neighbours."""
        return int(self.segments[-1] - self.segments[0]) == len(self.segments) - 1

    @property
    def runs(self) -> list[int]:
        """Places in `segments` where a run of neighbours begins."""
        if self.is_one_run:
            return [0]
        return [0, *(np.flatnonzero(self.segments[1:] - self.segments[:-1] != 1) + 1).tolist()]


class CsvReader:
    """A `RowReader` over raw files; safe to use from several threads.

    Parameters
    ----------
    parsers
        One a file.
    index
        Where the rows stand.
    excluded
        int64 of shape (e,): ids of bad rows, ascending, which may be read all the same.
    dtype
        The matrix's type.
    verify
        Whether to compare checksums; sizes are always compared.
    """

    def __init__(
        self,
        parsers: Sequence[RecordParser],
        index: RowIndex,
        excluded: IntArray,
        dtype: np.dtype[Any],
        verify: bool = True,
    ) -> None:
        self._parsers = tuple(parsers)
        self._index = index
        self._excluded = np.asarray(excluded, np.int64)
        self._dtype = np.dtype(dtype)
        self._verify = verify
        self._piece_bytes = _piece_bytes(index, has_texts=bool(self._parsers[0].schema.texts))
        paths = [parser.layout.path for parser in parsers]
        self._files = FilePool(paths, locate=lambda number: unpacked(paths[number], index, number))

    @property
    def num_slots(self) -> int:
        """Record slots, bad rows included."""
        return self._index.num_records

    def read(self, ids: IntArray) -> Rows:
        """Rows of strictly ascending ids, in that order.

        Raises
        ------
        OptionError
            The ids are not strictly ascending, or lie outside [0, num_slots).
        ChangedDataError
            The bytes are not those of the survey.
        BadRowError
            A row that is not among the excluded ones cannot be parsed.
        """
        ids = checked_ids(ids, self.num_slots)
        schema = self._parsers[0].schema
        matrix = np.empty((len(ids), len(schema.numeric)), self._dtype)
        numbers: list[dict[str, npt.NDArray[Any]]] = []
        texts: dict[str, list[Any]] = {name: [] for name in schema.texts}
        for piece in self._pieces(ids):
            block = self._read_piece(piece, ids[piece.first : piece.last], matrix[piece.first : piece.last])
            numbers.append(block.numbers)
            for name, array in block.texts.items():
                texts[name].append(array)
        columns: dict[str, Any] = {
            name: join_values(parts, schema.array_types[name]) for name, parts in texts.items()
        }
        columns |= join_numbers(schema.answer_numbers, numbers)
        packed = Matrix.of(matrix) if matrix.shape[1] else None
        return Rows(num_rows=len(ids), features=schema.numeric, matrix=packed, columns=columns)

    def close(self) -> None:
        """Close the files; idempotent. A later `read` opens them again."""
        self._files.close()

    def _pieces(self, ids: IntArray) -> Iterator[_Piece]:
        """Cut a request by file and then by bytes."""
        segments = np.searchsorted(self._index.anchor_rows, ids, side="right") - 1
        cuts = np.searchsorted(ids, self._index.file_rows)
        for file_index in np.flatnonzero(cuts[1:] > cuts[:-1]).tolist():
            first, last = int(cuts[file_index]), int(cuts[file_index + 1])
            needed = _with_neighbours(segments[first:last])
            bounds = self._bounds(file_index, needed)
            low = 0
            while low < len(needed):
                limit = int(bounds[low]) + self._piece_bytes
                high = max(low + 1, int(bounds.searchsorted(limit, side="right")) - 1)
                reach = first + int(segments[first:last].searchsorted(needed[high - 1], side="right"))
                if reach > first:
                    yield _Piece(
                        file_index=file_index,
                        first=first,
                        last=reach,
                        segments=needed[low:high],
                        bounds=bounds[low : high + 1] - bounds[low],
                    )
                first, low = reach, high

    def _bounds(self, file_index: int, segments: IntArray) -> IntArray:
        """Running sum of the segments' sizes, from 0 on."""
        offsets, end = self._index.anchor_offsets, int(self._index.file_anchors[file_index + 1])
        is_short = int(segments[-1]) + 1 == end
        bounds = np.zeros(len(segments) + 1, np.int64)
        inner = segments[:-1] if is_short else segments
        bounds[1 : len(inner) + 1] = offsets[inner + 1] - offsets[inner]
        if is_short:
            bounds[-1] = self._index.file_sizes[file_index] - offsets[end - 1]
        return bounds.cumsum()

    def _read_piece(self, piece: _Piece, ids: IntArray, out: npt.NDArray[Any]) -> Block:
        data = np.empty(int(piece.bounds[-1]), np.uint8)
        with self._files.lease(piece.file_index) as file:
            self._fill(file, piece, data)
        if self._verify:
            found = checksums_of(data, piece.bounds)
            self._index.require_checksums(piece.file_index, file.path, piece.segments, found)
        ordinals, num_records = self._ordinals(piece, ids)
        parser = self._parsers[piece.file_index]
        is_all = len(ordinals) == num_records
        block = parser.parse(data, num_records, self._dtype, None if is_all else ordinals, out)
        if block.matrix.dtype != self._dtype:
            raise ChangedDataError(
                f"{file.path}: rows {ids[0]} to {ids[-1]} need {block.matrix.dtype}, and the survey found "
                f"{self._dtype}; survey the file again"
            )
        self._require_sound(piece, block, data, ids, ordinals)
        return block

    def _fill(self, file: ByteReader, piece: _Piece, data: npt.NDArray[np.uint8]) -> None:
        size, is_linked = file.look()
        if not is_linked:
            raise ChangedDataError(
                f"{file.path} was deleted or replaced since it was surveyed; restore it, or survey again"
            )
        self._index.require_size(piece.file_index, file.path, size)
        runs = piece.runs
        offsets = self._index.anchor_offsets[piece.segments[runs]].tolist()
        places = [*piece.bounds[runs].tolist(), len(data)]
        for offset, start, stop in zip(offsets, places[:-1], places[1:], strict=True):
            count = file.read_into(data[start:stop], offset)
            if count < stop - start:
                self._index.require_size(piece.file_index, file.path, offset + count)

    def _ordinals(self, piece: _Piece, ids: IntArray) -> tuple[IntArray, int]:
        """Ordinals of the ids among the piece's records, and how many records it has."""
        rows, after = self._index.anchor_rows, int(piece.segments[-1]) + 1
        end = self.num_slots if after == len(rows) else int(rows[after])
        firsts = rows[piece.segments]
        if piece.is_one_run:
            return ids - firsts[0], end - int(firsts[0])
        before = np.zeros(len(firsts) + 1, np.int64)
        before[1:-1] = rows[piece.segments[:-1] + 1] - firsts[:-1]
        before[-1] = end - firsts[-1]
        before = before.cumsum()
        place = firsts.searchsorted(ids, side="right") - 1
        return ids - firsts[place] + before[place], int(before[-1])

    def _require_sound(
        self, piece: _Piece, block: Block, data: npt.NDArray[np.uint8], ids: IntArray, ordinals: IntArray
    ) -> None:
        if not len(block.issues):
            return
        parser = self._parsers[piece.file_index]
        rows = np.full(int(ordinals[-1]) + 1, -1, np.int64)
        rows[ordinals] = ids
        issues = parser.row_issues(block, data, 0, piece.file_index, rows)
        blank_label = self._is_blank_label(parser, issues)
        # Of perhaps millions that are excluded only those between the first and the last row matter here.
        low, high = np.searchsorted(self._excluded, [ids[0], ids[-1] + 1])
        known = np.isin(issues.rows, self._excluded[low:high])
        bad = np.flatnonzero((issues.is_bad | blank_label) & ~known)
        if not len(bad):
            return
        first = int(bad[0])
        segment = int(piece.bounds.searchsorted(issues.offsets[first], side="right")) - 1
        begin = self._index.anchor_offsets[piece.segments[segment]] - piece.bounds[segment]
        offset = int(begin + issues.offsets[first])
        raise BadRowError(
            f"{parser.layout.path}, line {line_of(parser.layout.path, offset)} "
            f"(row {int(issues.rows[first])}): "
            f"{issues.explain(first)}; the survey did not report this row, so survey the file again"
        )

    @staticmethod
    def _is_blank_label(parser: RecordParser, issues: Any) -> npt.NDArray[np.bool_]:
        schema = parser.schema
        return np.isin(issues.columns, [schema.used.index(column.name) for column in schema.answers])


def _piece_bytes(index: RowIndex, *, has_texts: bool) -> int:
    row_bytes = int(index.file_sizes.sum()) // max(1, index.num_records)
    return PIECE_BYTES if has_texts else max(PIECE_BYTES, min(_MOST_PIECE_BYTES, _PIECE_ROWS * row_bytes))


def _with_neighbours(segments: IntArray) -> IntArray:
    """Distinct segments, and the single ones between two of them: reading on costs less than another read."""
    low, high = int(segments[0]), int(segments[-1])
    if high - low < 1 or not (segments[1:] - segments[:-1] > 1).any():
        return np.arange(low, high + 1)
    distinct = segments[np.append(True, segments[1:] != segments[:-1])]
    between = distinct[:-1][distinct[1:] - distinct[:-1] == _NEAR] + 1
    return np.sort(np.concatenate([distinct, between])) if len(between) else distinct
