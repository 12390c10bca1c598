"""A cache that is written while the rows are read for the first time, before all of them are known."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker import folders
from stoker.cache.contents import NUMBERS, Columns, Contents, row_bytes
from stoker.cache.filling import PieceWriter, piece_bytes, rows_per_piece
from stoker.cache.mapped import CachedRows
from stoker.cache.places import check_room, file_name, folders_of
from stoker.ledger import Ledger
from stoker.sources.held import held_bytes
from stoker.types import LONG, Rows, is_number

__all__ = ["Draft"]

_DIGEST_BYTES = 32
_MAGIC_BYTES = 8
_END_BYTES = 10
"""An Arrow file ends with the length of its footer in four bytes, and six letters."""
_MOST_PIECES = 8
"""Texts that wait may take the bytes of so many pieces: texts of the file's first rows may be short ones."""
_BROKEN = (OSError, pa.ArrowException, KeyError, ValueError)


class Draft:
    """The cache of rows that are being surveyed: a `RowSink` that `finish` makes the cache of.

    Nothing is written before the first rows come. What goes wrong, a full disk above all, drops the draft and
    raises nothing: the cache can still be built of the surveyed rows, byte for byte the same.

    What is known only in the end is guessed: the type of the matrix by the rows so far, and by the first
    texts how long texts are. Where a guess was wrong, what stands in the file is copied, not parsed again.

    Parameters
    ----------
    columns
        What the rows have.
    spare
        How many times the room that is needed must be free.
    directory
        As in `stoker.cache.find`.
    ledger
        Charged for rows that are not yet written.
    """

    def __init__(
        self,
        columns: Columns,
        *,
        spare: int = 1,
        directory: str | os.PathLike[str] | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        self._columns, self._spare, self._ledger = columns, spare, ledger
        self._folders = folders_of(columns, directory)
        self._growing: _Growing | None = None
        self._mean = 0
        self._is_over = False

    def __enter__(self) -> Draft:
        return self

    def __exit__(self, *exception: object) -> None:
        self.drop()

    def bytes_beside(self, path: str | os.PathLike[str]) -> int:
        """Bytes that the draft takes of the disk on which a file or folder lies."""
        if self._growing is not None:
            with suppress(OSError):
                mine = os.stat(self._growing.path)
                return mine.st_size if mine.st_dev == os.stat(path).st_dev else 0
        return 0

    def add(self, rows: Rows, *, num_slots: int) -> None:
        """Take in the next rows, a chunk as it was parsed; `num_slots` is an estimate of the rows in all."""
        if self._is_over:
            return
        try:
            self._add(rows, num_slots)
        except _BROKEN:
            self.drop()

    def finish(self, contents: Contents) -> bool:
        """Make the draft the cache of these rows, if it holds them; gives whether it did.

        Parameters
        ----------
        contents
            The survey of the rows.
        """
        growing, self._is_over = self._growing, True
        if growing is None or contents.source_key != self._columns.source_key:
            self.drop()
            return False
        try:
            mean = contents.text_bytes // max(1, contents.num_slots)
            if growing.dtype != contents.dtype or growing.num_rows != self._rows_for(contents.dtype, mean):
                growing = self._copy(growing, contents.dtype, mean)
            growing.finish(contents)
        except _BROKEN:
            self.drop()
            return False
        self._growing = None
        return True

    def drop(self) -> None:
        """Remove what was written; idempotent."""
        self._is_over = True
        if self._growing is not None:
            self._growing.drop()
            self._growing = None

    def _add(self, rows: Rows, num_slots: int) -> None:
        matrix, dtype = None, np.dtype(np.uint8)
        if rows.matrix is not None:
            width = rows.matrix.num_columns
            matrix = rows.matrix.values[: rows.num_rows * width].reshape(rows.num_rows, width)
            dtype = matrix.dtype
        if self._growing is None:
            self._mean = self._mean_text_bytes(rows)
            self._growing = self._begin(dtype, num_slots)
        widest = np.promote_types(dtype, self._growing.dtype)
        if widest != self._growing.dtype:
            self._growing = self._copy(self._growing, widest, self._mean)
        self._growing.add(rows.num_rows, matrix, rows.columns)
        if self._growing.text_bytes > _MOST_PIECES * piece_bytes(self._ledger):
            self.drop()

    def _mean_text_bytes(self, rows: Rows) -> int:
        long = [column.name for column in self._columns.others if column.kind in LONG]
        held = sum(held_bytes(rows.columns[name]) for name in (*self._columns.large_texts, *long))
        return held // max(1, rows.num_rows)

    def _rows_for(self, dtype: np.dtype[Any], mean_text_bytes: int) -> int:
        return rows_per_piece(self._columns, dtype, mean_text_bytes, self._ledger)

    def _begin(self, dtype: np.dtype[Any], num_slots: int) -> _Growing:
        """Begin to write where there is room."""
        wanted = self._spare * num_slots * (row_bytes(self._columns, dtype) + self._mean)
        for folder in self._folders:
            folders.clean(folder)
            with suppress(OSError):
                check_room(folder, wanted)
                final = folder / file_name(self._columns)
                return _Growing(final, self._columns, dtype, self._rows_for(dtype, self._mean), self._ledger)
        raise OSError("no disk has the room")

    def _copy(self, old: _Growing, dtype: np.dtype[Any], mean_text_bytes: int) -> _Growing:
        """Go on in another file, which begins with what stands in this one."""
        num_rows = self._rows_for(dtype, mean_text_bytes)
        new = _Growing(old.final, self._columns, dtype, num_rows, self._ledger)
        try:
            old.close()
            for count, matrix, columns in old.rows():
                new.add(count, matrix, columns)
        except BaseException:
            new.drop()
            raise
        old.drop()
        return new


class _Growing(PieceWriter):
    """The file of a draft, under a name of its own until it is finished."""

    def __init__(
        self, final: Path, columns: Columns, dtype: np.dtype[Any], num_rows: int, ledger: Ledger | None
    ) -> None:
        self.final = final
        self._columns = columns
        self._stands_in = secrets.token_hex(_DIGEST_BYTES)
        self._stack = ExitStack()
        self._file = self._stack.enter_context(folders.staged_file(final))
        try:
            super().__init__(self._file, columns, dtype, num_rows, digest=self._stands_in, ledger=ledger)
        except BaseException:
            self._remove()
            raise

    @property
    def path(self) -> Path:
        """Where it is now."""
        return Path(self._file.name)

    def close(self) -> None:
        """Write the rows that wait, and the end of the file."""
        super().close()
        self._file.flush()

    def rows(self) -> Iterator[tuple[int, npt.NDArray[Any] | None, dict[str, Any]]]:
        """What was written, a piece at a time, when it is closed: rows, matrix, other columns."""
        width = len(self._columns.features)
        with pa.memory_map(os.fspath(self.path)) as mapped:
            written = pa.ipc.open_file(mapped)
            for number in range(written.num_record_batches):
                batch = written.get_batch(number)
                arrays, matrix = batch.columns, None
                if width:
                    matrix = _numbers(arrays.pop(0).values, self.dtype).reshape(-1, width)
                columns = {
                    column.name: _numbers(array, NUMBERS[column.kind]) if is_number(column.kind) else array
                    for column, array in zip(self._columns.others, arrays, strict=True)
                }
                yield batch.num_rows, matrix, columns

    def finish(self, contents: Contents) -> None:
        """Give the file its name.

        Raises
        ------
        OSError, pyarrow.ArrowException, KeyError, ValueError
            If it is not of these rows, or cannot be written.
        """
        self.close()
        self._sign(contents.data_digest)
        CachedRows(self.path, contents)
        self._stack.close()

    def drop(self) -> None:
        """Remove the file, unless it is finished; idempotent."""
        self.forget()
        self._remove()

    def _remove(self) -> None:
        self._stack.__exit__(_DroppedError, _DroppedError(), None)

    def _sign(self, digest: str) -> None:
        """Put the data's digest where something stands in for it: before the first row, behind the last."""
        old, new = self._stands_in.encode(), digest.encode()
        if len(old) != len(new):
            raise ValueError("a digest of another length")
        with open(self.path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(size - _END_BYTES)
            footer = int.from_bytes(file.read(4), "little")
            begins = (0, size - _END_BYTES - footer)
            for begin, length in zip(begins, (_MAGIC_BYTES + self.header_bytes, footer), strict=True):
                file.seek(begin)
                data = file.read(length)
                if data.count(old) != 1:
                    raise ValueError("the digest's place is not known")
                self._file.seek(begin + data.index(old))
                self._file.write(new)
        self._file.flush()


def _numbers(array: pa.Array, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    return np.frombuffer(array.buffers()[1], dtype, len(array))


class _DroppedError(Exception):
    """Has a file that is being written removed."""
