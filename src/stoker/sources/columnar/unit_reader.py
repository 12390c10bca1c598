"""Random access to rows in units: whole pieces of units are decoded, and the last few of them kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.errors import BadRowError, ChangedDataError, DataError
from stoker.sources.columnar.batch_chunk import SEGMENT_ROWS, changed, chunk_of, require_values
from stoker.sources.columnar.batch_parse import parse_batch
from stoker.sources.columnar.columns import FileColumns
from stoker.sources.columnar.cursor import Cursor
from stoker.sources.columnar.held_pieces import HeldPieces, Piece
from stoker.sources.columnar.units import pieces_of
from stoker.sources.files import FileIdentity
from stoker.sources.held import join_values
from stoker.sources.index import RowIndex, checked_ids
from stoker.sources.issues import IssueKind
from stoker.sources.number_columns import join_numbers
from stoker.sources.remote import is_remote
from stoker.sources.schema import Schema
from stoker.types import IntArray, Matrix, Rows

__all__ = ["DECODED_AT_ONCE", "UnitReader"]

DECODED_AT_ONCE = 2
"""Files of which units are decoded at a time, and which stay open behind it."""

_PIECE_BYTES = 1 << 20
_NEAR_PIECES = 8
"""So many pieces before a wanted one are kept: other threads may ask for them next."""


class UnitReader:
    """A `RowReader` over files in units; safe to use from several threads.

    A thread that needs rows of a file waits while another decodes some of it: what that one passes may be
    what this one needs. Units of two files at most are decoded at a time, for each takes memory.

    Parameters
    ----------
    files
        The files and their used columns.
    schema
        What is wanted.
    index
        What the survey found.
    excluded
        int64 of shape (e,): ids of bad rows, ascending, which may be read all the same.
    dtype
        The matrix's type.
    verify
        Whether to compare checksums.
    """

    def __init__(
        self,
        files: Sequence[FileColumns],
        schema: Schema,
        index: RowIndex,
        excluded: IntArray,
        dtype: np.dtype[Any],
        *,
        verify: bool,
    ) -> None:
        self._files, self._schema, self._index = tuple(files), schema, index
        self._excluded, self._dtype, self._verify = np.asarray(excluded, np.int64), dtype, verify
        self._pieces = [self._pieces_in(number) for number in range(len(files))]
        self._locks = [threading.Lock() for _ in files]
        self._decoding = threading.Semaphore(DECODED_AT_ONCE)
        self._held = HeldPieces()
        self._seen: list[FileIdentity | None] = [None] * len(files)
        self._bookkeeping = threading.Lock()
        self._cursors: OrderedDict[int, Cursor] = OrderedDict()

    @property
    def num_slots(self) -> int:
        """Rows, bad ones included."""
        return self._index.num_records

    def read(self, ids: IntArray) -> Rows:
        """Rows of strictly ascending ids, in that order.

        Raises
        ------
        OptionError
            The ids are not strictly ascending, or lie outside [0, num_slots).
        ChangedDataError
            The values are not those of the survey.
        BadRowError
            A row that is not among the excluded ones is bad.
        """
        ids = checked_ids(ids, self.num_slots)
        schema = self._schema
        matrix = np.empty((len(ids), len(schema.numeric)), self._dtype)
        parts: dict[str, list[Any]] = {column.name: [] for column in schema.arrays}
        numbers: list[dict[str, npt.NDArray[Any]]] = []
        for first, last, piece in self._pieces_for(ids):
            places = ids[first:last] - piece.first_row
            self._require_sound(piece, ids[first:last])
            rows, take = piece.parsed.rows, _run(places)
            if rows.matrix is not None:
                matrix[first:last] = rows.matrix.values.reshape(rows.num_rows, -1)[take]
            for name, taken in parts.items():
                taken.append(_taken(rows.columns[name], take))
            numbers.append({each.name: rows.columns[each.name][take] for each in schema.answer_numbers})
        columns: dict[str, Any] = {
            name: join_values(taken, schema.array_types[name]) for name, taken in parts.items()
        }
        columns |= join_numbers(schema.answer_numbers, numbers)
        packed = Matrix.of(matrix) if matrix.shape[1] else None
        return Rows(num_rows=len(ids), features=schema.numeric, matrix=packed, columns=columns)

    def close(self) -> None:
        """Close files and let go of what is decoded; idempotent. A later `read` opens them again."""
        for number, lock in enumerate(self._locks):
            with lock, self._bookkeeping:
                cursor = self._cursors.pop(number, None)
            if cursor is not None:
                cursor.close()
        self._held.clear()

    def _pieces_in(self, number: int) -> IntArray:
        """Rows of a file at which pieces begin, and its rows."""
        file = self._files[number].file
        count = int(self._index.file_rows[number + 1] - self._index.file_rows[number])
        width = max(1, len(self._schema.used))
        rows = self._files[number].segment_rows
        if rows == SEGMENT_ROWS:
            rows = max(1, _PIECE_BYTES // (8 * width) // SEGMENT_ROWS) * SEGMENT_ROWS
        units = np.array([count], np.int64) if file.unit_rows is None else file.unit_rows
        if int(units.sum()) != count:
            raise changed(file.path, f"it held {count:,} rows, and holds {int(units.sum()):,}")
        return pieces_of(units, rows)

    def _pieces_for(self, ids: IntArray) -> Iterator[tuple[int, int, Piece]]:
        """The pieces that hold the ids, each with the range of ids in it."""
        cuts = np.searchsorted(ids, self._index.file_rows)
        for number in np.flatnonzero(cuts[1:] > cuts[:-1]).tolist():
            self._look_again(number)
            bounds = self._pieces[number] + self._index.file_rows[number]
            low, high = int(cuts[number]), int(cuts[number + 1])
            at = np.searchsorted(bounds, ids[low:high], side="right") - 1
            for place in np.unique(at).tolist():
                first, last = np.searchsorted(at, [place, place + 1])
                yield low + int(first), low + int(last), self._piece(number, place)

    def _piece(self, number: int, place: int) -> Piece:
        found = self._held.get(number, place)
        if found is None:
            with self._locks[number]:
                found = self._held.get(number, place)
                if found is None:
                    with self._decoding:
                        found = self._decode(number, place)
        return found

    def _decode(self, number: int, place: int) -> Piece:
        """Decode a piece, and keep it; the caller has the file's lock."""
        bounds, columns = self._pieces[number], self._files[number]
        cursor = self._cursor(number, place)
        try:
            while True:
                at = cursor.piece
                wanted = at > place - _NEAR_PIECES
                batch = cursor.take(int(bounds[at + 1] - bounds[at]), keep=wanted)
                if batch is not None:
                    piece = self._parsed(number, at, batch)
                    self._held.keep(number, at, piece)
                    if at == place:
                        return piece
        except ChangedDataError:
            self._drop(number)
            raise
        except DataError as error:
            self._drop(number)
            raise changed(columns.file.path, str(error)) from error

    def _cursor(self, number: int, place: int) -> Cursor:
        """What decodes the file, at a piece of the same unit, or before it."""
        columns, row = self._files[number], int(self._pieces[number][place])
        units = columns.file.unit_rows
        starts = np.zeros(1, np.int64) if units is None else np.cumsum(np.append(0, units[:-1]))
        unit = int(np.searchsorted(starts, row, side="right")) - 1
        begin = int(starts[unit])
        with self._bookkeeping:
            known = self._cursors.pop(number, None)
        if known is not None and (known.piece > place or known.row < begin):
            known.close()
            known = None
        if known is None:
            first = int(np.searchsorted(self._pieces[number], begin, side="left"))
            known = Cursor(columns, unit, begin, first)
        with self._bookkeeping:
            self._cursors[number] = known
            over = [self._cursors.popitem(last=False)[1] for _ in range(len(self._cursors) - DECODED_AT_ONCE)]
        del over  # who decodes with one of them still has it
        return known

    def _look_again(self, number: int) -> None:
        """Decode a file anew that was touched; refuse one that is gone, or of another size.

        Files elsewhere are asked for once: what is read of them is held to the version that was opened.
        """
        file = self._files[number].file
        if self._seen[number] is not None and is_remote(file.path):
            return
        try:
            now = file.identity()
        except DataError as error:
            raise ChangedDataError(
                f"{file.path} was there when it was surveyed and cannot be read now ({error}); put it back, "
                "or survey again"
            ) from error
        if now.size != file.size:
            raise changed(file.path, f"it had {file.size:,} bytes, and has {now.size:,}")
        if self._seen[number] in (None, now):
            self._seen[number] = now
            return
        with self._locks[number]:
            self._drop(number)
            self._held.drop(number)
            self._seen[number] = now

    def _drop(self, number: int) -> None:
        with self._bookkeeping:
            cursor = self._cursors.pop(number, None)
        if cursor is not None:
            cursor.close()

    def _parsed(self, number: int, place: int, batch: pa.RecordBatch) -> Piece:
        index, path = self._index, self._files[number].file.path
        row, first = int(self._pieces[number][place]), int(index.file_rows[number])
        low = int(np.searchsorted(index.anchor_rows, first + row))
        high = int(np.searchsorted(index.anchor_rows, first + row + batch.num_rows))
        chunk = chunk_of(
            batch, file_index=number, first_row=first, row=row, anchors=index.anchor_offsets[low:high]
        )
        if self._verify:
            require_values(index, chunk, chunk.checksums(), low, path)
        parsed = parse_batch(chunk, self._schema, self._dtype)
        if parsed.dtype != self._dtype:
            raise changed(path, f"rows from {row:,} on need {parsed.dtype}, the survey found {self._dtype}")
        issues, used = parsed.issues, self._schema.used
        answers = np.isin(issues.columns, [used.index(column.name) for column in self._schema.answers])
        bad = issues.is_bad | (answers & (issues.kinds == IssueKind.BLANK))
        rows = np.unique(issues.rows[bad])
        known = self._excluded[
            slice(*np.searchsorted(self._excluded, [chunk.first_row, chunk.first_row + chunk.num_records]))
        ]
        matrix = parsed.rows.matrix
        size = sum(int(column.nbytes) for column in parsed.rows.columns.values())
        size += 0 if matrix is None else int(matrix.values.nbytes)
        return Piece(chunk.first_row, parsed, np.setdiff1d(rows, known, assume_unique=True), size)

    def _require_sound(self, piece: Piece, ids: IntArray) -> None:
        if not len(piece.bad):
            return
        found = ids[np.isin(ids, piece.bad)]
        if not len(found):
            return
        issues, row = piece.parsed.issues, int(found[0])
        first = int(np.argmax(issues.rows == row))
        path = self._files[issues.file_index].file.path
        raise BadRowError(
            f"{path}, row {int(issues.offsets[first]):,}: {issues.explain(first)}; the survey did not report "
            "this row, so survey the file again"
        )


def _run(places: IntArray) -> slice | IntArray:
    """Ascending places as a slice where none is left out between them, which spares a copy."""
    is_run = int(places[-1] - places[0]) == len(places) - 1
    return slice(int(places[0]), int(places[-1]) + 1) if is_run else places


def _taken(texts: Any, take: slice | IntArray) -> Any:
    return texts[take] if isinstance(take, slice) else texts.take(pa.array(take))
