"""The training files read anew: is their content the run's, as far as it was read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import pairwise

import numpy as np

from stoker.audit.contents import FileContents, chunk_checksums
from stoker.audit.difference import Difference, Differs
from stoker.errors import DataError
from stoker.ledger import Ledger
from stoker.runrecords import FileRecord
from stoker.sources import Chunk, Source
from stoker.sources.columnar.table import ColumnarTable
from stoker.sources.files import is_folder
from stoker.sources.index import checksums_of
from stoker.sources.packing import read_head
from stoker.survey import Survey
from stoker.survey.finding import FoundRow, Walk, find_rows
from stoker.survey.placing import found_lines
from stoker.types import IntArray, Progress, Uint64Array

__all__ = ["FoundRow", "check_files", "check_surveyed", "read_rows"]


def check_files(
    source: Source,
    files: Sequence[FileRecord],
    contents: Sequence[FileContents] | None,
    progress: Progress | None = None,
    *,
    used: str = "trained",
    ledger: Ledger | None = None,
) -> None:
    """Read all files and compare them with what a run recorded; `used` says what it did on them.

    What is read is charged to the ledger, if there is one.

    Raises
    ------
    Differs
        At the first chunk of a file that holds something else, or cannot be read.
    """
    checks = _Checks(source, files, contents, used)
    with Walk(source, None, progress, ledger=ledger) as pieces:
        try:
            for piece in pieces:
                checks.add(piece.chunk, piece.checksums)
        except DataError as error:
            raise checks.unreadable(error) from error
    checks.finish()


def check_surveyed(
    found: Survey, files: Sequence[FileRecord], contents: Sequence[FileContents] | None
) -> None:
    """Compare files that were just surveyed with what a run recorded; they are not read once more.

    Raises
    ------
    Differs
        At the first chunk of a file that holds something else.
    """
    checks, index = _Checks(found.source, files, contents), found.index
    for number, (low, high) in enumerate(pairwise(index.file_anchors.tolist())):
        head = int(index.anchor_offsets[low]), int(index.head_checksums[number])
        checks.begin(number, int(index.file_rows[number]), head)
        checks.compare(index.checksums[low:high])
    checks.finish()


def read_rows(
    source: Source,
    ids: IntArray,
    files: Sequence[FileRecord] | None = None,
    contents: Sequence[FileContents] | None = None,
    progress: Progress | None = None,
    *,
    ledger: Ledger | None = None,
) -> list[FoundRow]:
    """Rows by id; the files are compared with what a run recorded, if that is given, as far as they are read.

    Parameters
    ----------
    source
        The files; the view is ignored.
    ids
        int64 of shape (n,), distinct, in any order.
    files, contents
        What the run recorded of the files; without it nothing is compared.
    progress
        Called with bytes done and bytes in all.
    ledger
        Charged for what is read.

    Returns
    -------
    n rows, in the order of `ids`.

    Raises
    ------
    Differs
        A file holds something else than the run recorded.
    """
    wanted = np.sort(ids)
    if files is None:
        by_id = {row.row: row for row in find_rows(source, wanted, progress, ledger=ledger)}
        return [by_id[row] for row in ids.tolist()]
    checks, found = _Checks(source, files, contents), dict[int, FoundRow]()
    with Walk(source, wanted, progress, ledger=ledger) as pieces:
        try:
            for piece in pieces:
                checks.add(piece.chunk, piece.checksums)
                found.update((row.row, row) for row in piece.rows)
                if len(found) == len(wanted) and checks.has_passed(int(wanted[-1])):
                    break
            else:
                checks.finish()
        except DataError as error:
            raise checks.unreadable(error) from error
    return [found[row] for row in ids.tolist()]


class _Checks:
    """The files' content against a run's, as chunks go by."""

    def __init__(
        self,
        source: Source,
        files: Sequence[FileRecord],
        contents: Sequence[FileContents] | None,
        used: str = "trained",
    ) -> None:
        self._source, self._files, self._contents, self._used = source, files, contents, used
        self._sizes = [identity.size for identity in source.identity()]
        self._check: _FileCheck | None = None
        self._number = -1
        self._first_row = 0

    @property
    def path(self) -> str:
        """The file that is looked at, or the first."""
        return self._source.paths[max(0, self._number)]

    def add(self, chunk: Chunk, checksums: Uint64Array) -> None:
        """Take in the next chunk."""
        if chunk.file_index != self._number:
            head_bytes = int(chunk.anchor_offsets[0])
            path = self._source.paths[chunk.file_index]
            head = np.frombuffer(read_head(path, head_bytes)[0] if head_bytes else b"", np.uint8)
            checksum = int(checksums_of(head, np.array([0, len(head)]))[0])
            self.begin(chunk.file_index, chunk.first_row, (head_bytes, checksum))
        self.compare(checksums)

    def begin(self, number: int, first_row: int, head: tuple[int, int]) -> None:
        """Come to the next file: its first row id, and bytes and checksum of what stands before its rows."""
        self.finish()
        self._number, self._first_row = number, first_row
        place = self._source.places[number]
        self._check = _FileCheck(
            self.path,
            self._sizes[number],
            self._files[number],
            None if self._contents is None else self._contents[number],
            head,
            partial(self._source.table.place_of, number) if is_folder(place) else None,
            self._used,
            self._lines,
            by_row=isinstance(self._source.table, ColumnarTable),
        )

    def compare(self, checksums: Uint64Array) -> None:
        """Compare the next segments of the file."""
        assert self._check is not None
        self._check.add(checksums)

    def has_passed(self, row: int) -> bool:
        """Whether what was compared reaches beyond a row; never where only whole files can be compared."""
        check = self._check
        return check is not None and self._first_row + check.rows_passed > row

    def unreadable(self, error: DataError) -> Differs:
        """The difference of a file that cannot be read any more."""
        text = f"{error} (it could be read when it was {self._used} on)"
        return Differs(Difference(kind="file", text=text, file=self.path))

    def _lines(self, offsets: Sequence[int]) -> list[int]:
        """Lines of bytes of the file that is looked at; nothing where it has none, or too many to count."""
        places = [(self._number, offset) for offset in offsets]
        with suppress(DataError):
            found = found_lines(self._source, places)
            return [found[place] for place in places if place in found]
        return []

    def finish(self) -> None:
        """The last file so far is complete."""
        if self._check is not None:
            self._check.finish()
            self._check = None


class _FileCheck:
    """One file's digest and chunks against the recorded ones.

    Of a folder `place_of` names the file; `lines` gives those of bytes, or nothing where there are none.
    """

    def __init__(
        self,
        path: str,
        size: int,
        record: FileRecord,
        contents: FileContents | None,
        head: tuple[int, int],
        place_of: Callable[[int], str] | None,
        used: str,
        lines: Callable[[Sequence[int]], list[int]],
        *,
        by_row: bool,
    ) -> None:
        self._used, self._lines = used, lines
        self._path, self._size, self._record, self._contents = path, size, record, contents
        self._place_of, self._by_row = place_of, by_row
        head_bytes, checksum = head
        self._hashed = hashlib.blake2b(digest_size=16)
        self._hashed.update(size.to_bytes(8, "little"))
        self._hashed.update(checksum.to_bytes(8, "little"))
        self._waiting = np.empty(0, np.uint64)
        self._passed = 0
        if contents is not None and (contents.head_bytes, contents.head) != (head_bytes, f"{checksum:016x}"):
            raise self._differs(f": its first {contents.head_bytes} bytes, which hold the header, are others")

    @property
    def rows_passed(self) -> int:
        """Record slots from the beginning that are known to be as they were."""
        return 0 if self._contents is None or not self._passed else self._contents.rows[self._passed - 1]

    def add(self, checksums: Uint64Array) -> None:
        """Compare the next segments."""
        self._hashed.update(np.ascontiguousarray(checksums, "<u8").data.cast("B"))
        if self._contents is None:
            return
        step = self._contents.segments_a_chunk
        self._waiting = np.concatenate([self._waiting, checksums])
        whole = len(self._waiting) // step * step
        self._compare(self._contents, whole)

    def finish(self) -> None:
        """Compare what is left, and the whole."""
        if self._contents is not None:
            self._compare(self._contents, len(self._waiting))
            if self._passed < len(self._contents.checksums):
                raise self._chunk_differs(self._contents, self._passed)
        if self._hashed.hexdigest() != self._record.digest:
            raise self._differs("")

    def _compare(self, contents: FileContents, count: int) -> None:
        if not count:
            return
        for found in chunk_checksums(self._waiting[:count], contents.segments_a_chunk):
            if self._passed >= len(contents.checksums) or contents.checksums[self._passed] != found:
                raise self._chunk_differs(contents, self._passed)
            self._passed += 1
        self._waiting = self._waiting[count:]

    def _chunk_differs(self, contents: FileContents, chunk: int) -> Differs:
        if chunk >= len(contents.checksums):
            behind = "row" if self._by_row else "byte"
            return self._differs(f": there is more behind {behind} {contents.ends[-1]:,}")
        start, row = (contents.ends[chunk - 1], contents.rows[chunk - 1]) if chunk else (
            contents.head_bytes, 0)  # fmt: skip
        last, last_row = contents.ends[chunk] - 1, contents.rows[chunk] - 1
        lines = self._lines((start, last))
        slots = (
            f"lines {lines[0]:,} to {lines[1]:,}" if len(lines) == 2 else f"records {row:,} to {last_row:,}"
        )
        where = f", first in bytes {start:,} to {last:,} ({slots})"
        where = f", first in rows {row:,} to {last_row:,}" if self._by_row else where
        where += "" if self._place_of is None else f", from {self._place_of(start)} on"
        return self._differs(where, start, last, row, last_row)

    def _differs(self, where: str, *places: int) -> Differs:
        size = self._record.num_bytes
        grown = "" if self._size == size else f"{size:,} bytes then and {self._size:,} now"
        text = f"{self._path} is not what was {self._used} on{': ' if grown else ''}{grown}{where}"
        names = ("first_byte", "last_byte", "first_row", "last_row")
        return Differs(
            Difference(kind="file", text=text, file=self._path, **dict(zip(names, places, strict=False)))
        )
