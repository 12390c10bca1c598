"""A file elsewhere, read as one on a disk is."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.errors import ChangedDataError
from stoker.prefetch import prefetch
from stoker.sources.remote.ahead import Ahead, Run, runs_of
from stoker.sources.remote.blocks import shared_cache
from stoker.sources.remote.names import AT_ONCE, BLOCK_BYTES
from stoker.sources.remote.objects import OTHER, ObjectInfo, Opened
from stoker.sources.remote.retrying import Absent, with_retries
from stoker.sources.remote.schedule import Schedule
from stoker.sources.remote.stores import store_of

__all__ = ["RemoteFile", "RemoteReader", "remote_info", "remote_is_there"]


def remote_info(url: str) -> ObjectInfo:
    """What the store says of an object now.

    Raises
    ------
    DataError
        It is not there, may not be read, or the store does not answer.
    """
    return _opened(url).info


def remote_is_there(url: str) -> bool:
    """Whether there is such an object.

    Raises
    ------
    DataError
        The store does not say.
    """
    store = store_of(url)

    def ask() -> bool:
        try:
            store.open(url)
        except Absent:
            return False
        return True

    return with_retries(ask, "asking for the size", url)


def _opened(url: str, version: int | None = None) -> Opened:
    """An object as it is now; one that was opened in this program, where its version is given."""
    known = None if version is None else _known.get((url, version))
    if known is not None:
        return known
    store = store_of(url)
    found = with_retries(lambda: store.open(url), "asking for the size", url)
    if version not in (None, found.info.version):
        raise ChangedDataError(f"{url}: {OTHER}")
    if found.info.version is not None:
        _known[url, found.info.version] = found
        with suppress(KeyError, RuntimeError):  # another thread removes one, too
            while len(_known) > _MOST_KNOWN:
                _known.pop(next(iter(_known)))
    return found


_known: dict[tuple[str, int], Opened] = {}
"""Objects that were opened in this program, by address and version."""
_MOST_KNOWN = 4096


class RemoteReader:
    """An object, read at given offsets by any number of threads at once; see `FileReader`.

    Its version is asked for when it is opened. From then on each answer must be of that version. Where the
    store's answers do not tell theirs, `confirm` asks again: behind whatever came over the net for a single
    read, and at the end of a reading in order.

    Parameters
    ----------
    path
        Its address.
    in_order
        Whether it will be read from somewhere on by one thread: then what follows is asked for ahead.
    version
        That of another reader in this program: it is that one's object then, and nobody asks for it again.
    confirms
        Whether single reads are confirmed; if not, who reads confirms them all.
    """

    def __init__(
        self, path: str, *, in_order: bool = False, version: int | None = None, confirms: bool = True
    ) -> None:
        self.path = path
        self._object = _opened(path, version)
        self._info = self._object.info
        self._cache = shared_cache()
        self._came = self._sure = 0  # answers, and how many of them are confirmed
        self._lock = threading.Lock()
        self._in_order, self._confirms = in_order, confirms
        self._num_blocks = -(-self.size // BLOCK_BYTES)
        self._ahead = Ahead(self._fetch, self._num_blocks) if in_order else None

    @property
    def size(self) -> int:
        """Bytes in the object when it was opened."""
        return self._info.size

    @property
    def version(self) -> int | None:
        """Of the object; None where its store tells none."""
        return self._info.version

    def look(self) -> tuple[int, bool]:
        """As of `FileReader`; the store was asked when the object was opened."""
        return self.size, True

    def expect(self, schedule: Schedule) -> None:
        """Ask ahead for blocks that one thread at a time will want, about in this order, and will confirm."""
        self.close()
        self._confirms = False
        self._ahead = Ahead(self._fetch, self._num_blocks, expected=schedule.runs, held=schedule.held)

    def read_into(self, out: npt.NDArray[np.uint8], offset: int) -> int:
        """Fill `out` with the bytes from `offset` on; fewer only at the end of the object.

        Returns
        -------
        The number of bytes read.

        Raises
        ------
        ChangedDataError
            The object is another one than was opened.
        DataError
            It cannot be read.
        """
        stop = min(offset + len(out), self.size)
        if stop <= offset:
            return 0
        first, last = offset // BLOCK_BYTES, (stop - 1) // BLOCK_BYTES
        for number, block in self._take(first, last + 1):
            begin = number * BLOCK_BYTES
            low, high = max(offset, begin), min(stop, begin + len(block))
            out[low - offset : high - offset] = np.frombuffer(block, np.uint8)[low - begin : high - begin]
        if stop == self.size if self._in_order else self._confirms:
            self.confirm()
        return stop - offset

    def confirm(self) -> None:
        """Make sure that all that was read is of the version that was opened.

        Raises
        ------
        ChangedDataError
            It is not.
        """
        with self._lock:
            came = self._came  # those that come while the store is asked need another look
        if came == self._sure:
            return
        try:
            with_retries(self._object.confirm, "asking for the version", self.path)
        except ChangedDataError:
            if self._info.version is not None:
                self._cache.forget(self.path, self._info.version)
            raise
        with self._lock:
            self._sure = max(self._sure, came)

    def close(self) -> None:
        """Stop asking; idempotent."""
        if self._ahead is not None:
            self._ahead.close()

    def __enter__(self) -> RemoteReader:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _take(self, first: int, behind: int) -> Iterator[tuple[int, bytes]]:
        """The blocks [first, behind), in order."""
        if self._ahead is not None:
            for number in range(first, behind):
                yield number, self._ahead.take(number)
            return
        runs = list(runs_of(first, behind))
        with prefetch(
            self._fetch, runs, workers=min(AT_ONCE, len(runs) - 1), in_flight=AT_ONCE, name="ranges"
        ) as results:
            for (begin, _), blocks in zip(runs, results, strict=True):
                yield from enumerate(blocks, begin)

    def _fetch(self, run: Run) -> list[bytes]:
        """The blocks of a run: those that are kept, and the others in as few requests as there are gaps."""
        found = [self._find(number) for number in range(*run)]
        missing = [place for place, block in enumerate(found) if block is None]
        breaks = [0, *(i + 1 for i, (a, b) in enumerate(pairwise(missing)) if b != a + 1), len(missing)]
        for low, high in pairwise(breaks):
            if high > low:
                self._ask(run[0], missing[low], missing[high - 1] + 1, found)
        return [block for block in found if block is not None]

    def _ask(self, base: int, low: int, high: int, found: list[bytes | None]) -> None:
        start = (base + low) * BLOCK_BYTES
        stop = min((base + high) * BLOCK_BYTES, self.size)
        doing = f"reading bytes {start:,} to {stop:,}"
        data = with_retries(lambda: self._object.read(start, stop), doing, self.path)
        with self._lock:
            self._came += 1
        for place in range(low, high):
            begin = (place - low) * BLOCK_BYTES
            block = data[begin : begin + BLOCK_BYTES]
            found[place] = block
            if self._info.version is not None:
                self._cache.keep(self.path, self._info.version, base + place, block)

    def _find(self, number: int) -> bytes | None:
        """A block that is kept, if it is sure to be of this version."""
        if self._info.version is None:
            return None
        return self._cache.find(self.path, self._info.version, number, self._length(number))

    def _length(self, number: int) -> int:
        return min(BLOCK_BYTES, self.size - number * BLOCK_BYTES)


class RemoteFile(io.RawIOBase):
    """The same as a file object, for one thread at a time, which confirms what it read.

    Parameters
    ----------
    path, in_order, version
        As of `RemoteReader`.
    """

    def __init__(self, path: str, *, in_order: bool = False, version: int | None = None) -> None:
        super().__init__()
        self.reader = RemoteReader(path, in_order=in_order, version=version, confirms=False)
        """What it reads with."""
        self._place = 0

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; fewer bytes only at the end."""
        count = self.reader.read_into(np.frombuffer(buffer, np.uint8), self._place)
        self._place += count
        return count

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go somewhere."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.reader.size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def tell(self) -> int:
        """Where it is."""
        return self._place

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def close(self) -> None:
        """Stop asking; what could not be opened has nobody to ask, and Python closes it all the same."""
        if "reader" in vars(self):
            self.reader.close()
        super().close()
