"""Taking what is wanted out of an archive, and nothing else.

Nothing is extracted by the archive's own paths, modes or owners: every member's name is checked, those that
are wanted are copied into files whose names the catalogue gives, and not a byte more than announced. One
member that reaches out of the folder, is a link or a device, or announces more than the data set can have
condemns the whole archive, wanted or not.
"""

from __future__ import annotations

import fnmatch
import gzip
import lzma
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Protocol, Self

from stoker.datasets.entries import Kept, Packing
from stoker.errors import FetchError
from stoker.types import Progress

__all__ = ["unpack"]

_CHUNK = 1 << 20
_MOST_MEMBERS = 1_000_000
_LONGEST_NOTE = 1 << 20
_NOTES = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
_ENCRYPTED = 0x1
_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    gzip.BadGzipFile,
    EOFError,
    NotImplementedError,
)
_UNSAFE = re.compile(r"^[/\\~]|^[A-Za-z]:|\\|[\x00-\x1f]|(^|/)\.\.(/|$)")


class _Member(tarfile.TarInfo):
    """A member of a tar archive; what is noted of the next one is read whole, so that it must be short."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Read a header.

        Raises
        ------
        tarfile.ReadError
            If it announces a note that no member can need.
        """
        member = super().frombuf(buf, encoding, errors)
        if member.type in _NOTES and not 0 <= member.size <= _LONGEST_NOTE:
            raise tarfile.ReadError(f"a note of {member.size:,} bytes on one of its files")
        return member


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(slots=True)
class _Unpacking:
    """What is taken, and how much came of it."""

    archive: Path
    target: Path
    kept: Sequence[Kept]
    limit: int
    progress: Progress
    announced: int = 0
    members: int = 0
    written: int = 0
    found: set[int] = field(default_factory=set)

    def refuse(self, reason: str) -> FetchError:
        return FetchError(f"{self.archive.name} is not unpacked: {reason}")

    def admit(self, name: str, num_bytes: int) -> None:
        """Check a member's name and announced size."""
        if not name or _UNSAFE.search(name):
            raise self.refuse(f"it holds {name!r}, a path out of the folder")
        self.announced += max(num_bytes, 0)
        self.members += 1
        if self.announced > self.limit:
            raise self.refuse(
                f"it announces {self.announced:,} bytes and more, and {self.limit:,} are the most it may have"
            )
        if self.members > _MOST_MEMBERS:
            raise self.refuse(f"it holds more than {_MOST_MEMBERS:,} files")

    def wanted(self, name: str) -> str | None:
        """What a member is called here; None where it is not wanted."""
        parts = PurePosixPath(name).parts
        for place, kept in enumerate(self.kept):
            depth = kept.pattern.count("/") + 1
            last = parts[-depth:]
            if len(last) == depth and all(map(fnmatch.fnmatchcase, last, kept.pattern.split("/"))):
                self.found.add(place)
                return kept.name or "/".join(last)
        return None

    def copy(self, stream: _Readable, name: str, num_bytes: int | None) -> None:
        """Write a member, which has exactly `num_bytes` bytes where that is announced."""
        path = self.target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        most = self.limit - self.written if num_bytes is None else num_bytes
        size = 0
        if path.exists():
            raise self.refuse(f"it holds {name} twice")
        with open(path, "xb") as file:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                if size > most:
                    raise self.refuse(f"{name} unpacks to more than the {most:,} bytes that it may have")
                file.write(chunk)
                self.progress(self.written + size, max(self.announced, self.written + size))
        if num_bytes is not None and size < num_bytes:
            raise self.refuse(f"it is broken: {name} ends at {size:,} of {num_bytes:,} bytes")
        self.written += size


def unpack(
    archive: Path,
    packing: Packing,
    target: Path,
    *,
    kept: Sequence[Kept],
    limit: int,
    progress: Progress | None = None,
) -> int:
    """Write the wanted members of an archive into a folder.

    Parameters
    ----------
    archive
        The downloaded file.
    packing
        ``"tar"`` (plain or compressed in any way that the standard library reads), ``"zip"``, or
        ``"gzip"``: one compressed file, called as the archive is without its suffix.
    target
        A folder of its own; the wanted members must not be there yet.
    kept
        What is wanted of it; every required pattern must match.
    limit
        The most bytes that it may announce or unpack to.
    progress
        Called with the bytes written and those announced so far.

    Returns
    -------
    The bytes written.

    Raises
    ------
    FetchError
        The archive is broken, unsafe, too large, or lacks something.
    """
    work = _Unpacking(archive, target, kept, limit, progress or (lambda done, total: None))
    openers: dict[Packing, Callable[[_Unpacking], None]] = {"tar": _tar, "zip": _zip, "gzip": _gzip}
    with _told_if_broken(work):
        openers[packing](work)
    lacking = [wish.pattern for place, wish in enumerate(kept) if wish.required and place not in work.found]
    if lacking and packing != "gzip":
        raise work.refuse(f"it lacks {', '.join(lacking)}")
    return work.written


@contextmanager
def _told_if_broken(work: _Unpacking) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise work.refuse(f"it is broken: {error or type(error).__name__}") from error
    except OSError as error:
        if error.errno is not None:
            raise
        # What bz2 says of damaged data; errors of the system have a number.
        raise work.refuse(f"it is broken: {error or type(error).__name__}") from error


def _tar(work: _Unpacking) -> None:
    with tarfile.open(work.archive, "r:*", tarinfo=_Member) as archive:
        while (member := archive.next()) is not None:
            # Else it remembers every member, a hundred thousand of them.
            archive.members = []  # type: ignore[attr-defined]
            work.admit(member.name, member.size)
            if member.isdir():
                continue
            if not member.isreg() or member.issparse():
                raise work.refuse(f"it holds {member.name!r}, which is {_kind(member)} and no plain file")
            tarfile.data_filter(member, os.fspath(work.target))
            name = work.wanted(member.name)
            if name is not None:
                stream = archive.extractfile(member)
                assert stream is not None
                work.copy(stream, name, member.size)
        _read_to_the_end(work, archive)


def _read_to_the_end(work: _Unpacking, archive: tarfile.TarFile) -> None:
    """The last member ends before the compressed file does, whose own checksum comes at the very end."""
    rest, stream = 0, archive.fileobj
    while stream is not None and (chunk := stream.read(_CHUNK)):
        rest += len(chunk)
        if rest > work.limit:
            raise work.refuse(f"more than {work.limit:,} bytes follow its last file")


def _kind(member: tarfile.TarInfo) -> str:
    if member.issym() or member.islnk():
        return f"a link to {member.linkname!r}"
    return "a device" if member.isdev() else "a special file"


def _zip(work: _Unpacking) -> None:
    with zipfile.ZipFile(work.archive) as archive:
        members = archive.infolist()
        for member in members:
            work.admit(member.filename, member.file_size)
            mode = member.external_attr >> 16
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise work.refuse(f"it holds {member.filename!r}, which is a link or special file")
            if member.flag_bits & _ENCRYPTED:
                raise work.refuse(f"it holds {member.filename!r}, which is encrypted")
        for member in members:
            name = None if member.is_dir() else work.wanted(member.filename)
            if name is not None:
                with archive.open(member) as stream:
                    work.copy(stream, name, member.file_size)


def _gzip(work: _Unpacking) -> None:
    with gzip.open(work.archive) as stream:
        work.copy(stream, work.archive.name.removesuffix(".gz"), None)
