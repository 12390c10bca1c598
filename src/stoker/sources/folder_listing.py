"""The files of a folder of texts or images: their names, classes and sizes, and what they hold."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from stoker.errors import ChangedDataError, DataError
from stoker.given import beside, located
from stoker.sources.access import not_read
from stoker.sources.csv_scan import MAX_RECORD_BYTES
from stoker.sources.files import FileIdentity, identify
from stoker.sources.folder_contents import TEXTS, FolderContents, contents_of, is_image, is_passed_over
from stoker.sources.folder_elsewhere import by_class, file_elsewhere, files_elsewhere, read_elsewhere
from stoker.sources.remote.names import is_remote, is_remote_folder
from stoker.types import IntArray
from stoker.waits import Wait

__all__ = ["Listing", "has_folders", "has_images", "list_files", "same_contents"]

_WITHOUT_LABEL = "unsup"
"""Of texts that nobody labelled, among movie reviews: no class of its own."""
_INODE_BITS = 63


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Listing:
    """The files of one folder when it was looked at.

    Attributes
    ----------
    path
        The folder.
    contents
        What its files are.
    names
        Paths of the files within it, sorted bytewise.
    classes
        Names of the class folders, sorted bytewise; empty where the files stand in the folder itself.
    codes
        int64, one a file: its class.
    sizes, offsets
        int64, one a file: its bytes, and those of all files before it.
    identity
        Of all files together.
    is_file
        Whether a file was named, which is all that there is.
    """

    path: str
    contents: FolderContents
    names: Sequence[str]
    classes: tuple[str, ...]
    codes: IntArray
    sizes: IntArray
    offsets: IntArray
    identity: FileIdentity
    is_file: bool = False

    @property
    def given(self) -> str:
        """What was named: the folder, or its one file."""
        return beside(self.path, os.path.join(self.path, self.names[0])) if self.is_file else self.path

    @property
    def has_classes(self) -> bool:
        """Whether files stand in folders by class."""
        return bool(self.classes)

    def groups(self, target_bytes: int) -> Iterator[tuple[int, int]]:
        """Runs [start, stop) of consecutive files, each of at most so many bytes unless it is one file."""
        start, count = 0, len(self.names)
        ends = self.offsets + self.sizes
        while start < count:
            stop = int(np.searchsorted(ends, self.offsets[start] + target_bytes, side="right"))
            stop = min(max(stop, start + 1), count)
            yield start, stop
            start = stop

    def read(self, places: IntArray) -> npt.NDArray[np.uint8]:
        """What the files at `places` hold, one behind the other.

        Raises
        ------
        ChangedDataError
            A file is gone, or longer or shorter than it was.
        """
        sizes = self.sizes[places].tolist()
        data = np.empty(sum(sizes), np.uint8)
        if is_remote(self.path):
            read_elsewhere([self.path + self.names[place] for place in places.tolist()], sizes, data)
            return data
        view, filled = data.data.cast("B") if len(data) else memoryview(b""), 0
        for place, size in zip(places.tolist(), sizes, strict=True):
            path = beside(self.path, os.path.join(self.path, self.names[place]))
            try:
                with Wait("reads {}", path), open(located(path), "rb", buffering=0) as file:
                    count = 0
                    while count < size and (read := file.readinto(view[filled + count : filled + size])):
                        count += read
                    is_whole = count == size and not file.read(1)
            except OSError as error:
                raise ChangedDataError(
                    f"{path} was there when its folder was opened and cannot be read now ({error.strerror}); "
                    "put it back, or open the folder again"
                ) from error
            if not is_whole:
                raise ChangedDataError(
                    f"{path} changed since its folder was opened: it had {size} bytes; restore it, or open "
                    "the folder again"
                )
            filled += size
        return data


def list_files(path: str, *, with_label: bool) -> Listing:
    """Look into a folder of texts or of images; a file is taken by itself where classes are not needed.

    Parameters
    ----------
    path
        A folder with a folder of files for each class. Names that begin with a dot, files beside the class
        folders, a folder called ``unsup``, and ``Thumbs.db`` are passed over.
    with_label
        Whether the classes are needed; if not, and there is no class folder, the folder's own files are
        taken.

    Raises
    ------
    DataError
        There is no file, or no class, a class folder holds a folder, an unreadable or too long file, or one
        of another sort than the others.
    """
    if os.path.isfile(located(path)) or (is_remote(path) and not is_remote_folder(path)):
        if not with_label:
            return _list_one(path)
        raise DataError(
            f"{path} is a file, and the files of a class are named by their folder: "
            f"{os.path.dirname(path) or os.curdir}{'/' * is_remote(path)}"
        )
    if is_remote(path):
        return _list_elsewhere(path, with_label=with_label)
    here = _entries(path)
    folders = sorted((entry.name for entry in here if entry.is_dir()), key=os.fsencode)
    folders = [name for name in folders if name != _WITHOUT_LABEL] or folders
    if not folders and with_label:
        raise _without_folders(path)
    rows: list[tuple[str, int, os.stat_result]] = []
    for code, folder in enumerate(folders or [""]):
        rows += _files(path, folder, code)
    if not rows:
        raise DataError(f"{path}: there is no file in any of its folders; give a folder with files")
    rows.sort(key=lambda row: os.fsencode(row[0]))
    sizes = [status.st_size for _, _, status in rows]
    return _listing(path, folders, [name for name, _, _ in rows], sizes, _identity(path, rows))


def _list_one(path: str) -> Listing:
    """A file as if it were all that stands in its folder."""
    found = file_elsewhere(path) if is_remote(path) else identify(path)
    name = path.replace(os.sep, "/").rpartition("/")[2]
    if found.size > MAX_RECORD_BYTES:
        raise _too_long(path, found.size)
    folder = beside(path, path[: len(path) - len(name)])
    return replace(_listing(folder, [], [name], [found.size], found), is_file=True)


def _list_elsewhere(path: str, *, with_label: bool) -> Listing:
    """As `list_files`, of a folder in a store."""
    files, identity = files_elsewhere(path)
    folders, rows = by_class(files, _WITHOUT_LABEL)
    if not folders and with_label:
        raise _without_folders(path)
    for one in rows:
        if one.name.count("/") > 1:
            raise _too_deep(path + one.name.rpartition("/")[0])
        if one.size > MAX_RECORD_BYTES:
            raise _too_long(path + one.name, one.size)
    return _listing(path, folders, [one.name for one in rows], [one.size for one in rows], identity)


def _listing(
    path: str, folders: Sequence[str], names: Sequence[str], sizes: Sequence[int], identity: FileIdentity
) -> Listing:
    code_of = {name: code for code, name in enumerate(folders)}
    counts = np.array(sizes, np.int64)
    return Listing(
        path=path,
        contents=_one_sort(path, names),
        names=names,
        classes=tuple(folders),
        codes=np.array([code_of.get(name.partition("/")[0], 0) for name in names], np.int64),
        sizes=counts,
        offsets=np.cumsum(counts) - counts,
        identity=identity,
    )


def _without_folders(path: str) -> DataError:
    return DataError(
        f"{path} holds no folders, and texts or images by class stand in a folder for each class "
        f"({os.path.join(path, 'pos', '1.txt')}); name files, for example {os.path.join(path, '*.csv')!r}"
    )


def _too_deep(path: str) -> DataError:
    return DataError(
        f"{path} is a folder within a class's folder, and files stand in the class's own; move them, or open "
        "another folder"
    )


def _too_long(path: str, size: int) -> DataError:
    said = f"{size:,} bytes, and one file may have {MAX_RECORD_BYTES >> 20} MiB"
    return DataError(f"{path} has {said}; split it, or move it away")


def has_folders(path: str) -> bool:
    """Whether a path is that of a folder with folders in it; an address, of any folder."""
    return is_remote_folder(path) or (
        os.path.isdir(located(path)) and any(one.is_dir() for one in _entries(path))
    )


def has_images(path: str) -> bool:
    """Whether a path is that of a folder with images in it."""
    return os.path.isdir(located(path)) and any(is_image(entry.name) for entry in _entries(path))


def _one_sort(path: str, names: Sequence[str]) -> FolderContents:
    """What all files are.

    Raises
    ------
    DataError
        Some are texts, and some are images.
    """
    found = {name: contents_of(os.path.join(path, name)) for name in names}
    first = next(iter(found.values()))
    other = next((name for name, contents in found.items() if contents is not first), None)
    if other is None:
        return first
    text, image = (names[0], other) if first is TEXTS else (other, names[0])
    raise DataError(
        f"{path} holds texts ({text}) and images ({image}), and the files of a folder are of one sort: move "
        "those of the other to a folder of their own"
    )


def same_contents(listings: Sequence[Listing], wanted: FolderContents, known: str) -> FolderContents:
    """What all folders hold.

    Parameters
    ----------
    listings
        What stands in each.
    wanted, known
        What they must hold, and who does.

    Raises
    ------
    DataError
        One holds something else.
    """
    for listing in listings:
        if listing.contents is not wanted:
            raise DataError(
                f"{listing.path} holds {listing.contents.many}, and {known} {wanted.many}: folders of one "
                "source hold the same"
            )
    return wanted


def _entries(path: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(located(path)) as found:
            return [entry for entry in found if not is_passed_over(entry.name)]
    except OSError as error:
        raise not_read(path, error) from error


def _files(path: str, folder: str, code: int) -> list[tuple[str, int, os.stat_result]]:
    found = []
    for entry in _entries(beside(path, os.path.join(path, folder))):
        if entry.is_dir():
            if not folder:
                continue
            raise _too_deep(os.path.join(path, folder, entry.name))
        try:
            status = entry.stat()
        except OSError as error:
            raise DataError(
                f"{os.path.join(path, folder, entry.name)}: cannot be read ({error.strerror}); "
                "remove it or mend it"
            ) from error
        if not stat.S_ISREG(status.st_mode):
            raise DataError(f"{entry.path} is a pipe or a device, and rows are read many times; move it away")
        if status.st_size > MAX_RECORD_BYTES:
            raise _too_long(os.path.join(path, folder, entry.name), status.st_size)
        found.append((os.path.join(folder, entry.name), code, status))
    if folder and not found:
        raise DataError(f"{os.path.join(path, folder)} is empty: a class needs files; fill it, or remove it")
    return found


def _identity(path: str, rows: Sequence[tuple[str, int, os.stat_result]]) -> FileIdentity:
    """Of all files as of one: its inode is a digest of names, sizes and inodes."""
    hashed = hashlib.blake2b(digest_size=8)
    for name, _, status in rows:
        hashed.update(f"{status.st_ino} {status.st_size} ".encode() + os.fsencode(name) + b"\0")
    return FileIdentity(
        path=path,
        size=sum(status.st_size for _, _, status in rows),
        mtime_ns=max(status.st_mtime_ns for _, _, status in rows),
        ctime_ns=max(status.st_ctime_ns for _, _, status in rows),
        inode=int.from_bytes(hashed.digest(), "little") >> (64 - _INODE_BITS),
    )
