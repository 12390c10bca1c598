"""Where data sets are kept, and what is recorded of them there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import platformdirs

from stoker.datasets.catalogue import CATALOGUE
from stoker.datasets.entries import Dataset
from stoker.errors import FetchError, OptionError
from stoker.similar import most_like

__all__ = [
    "RECORD_NAME",
    "Part",
    "Received",
    "Record",
    "data_directory",
    "describe_parts",
    "difference",
    "find",
    "read_record",
]

RECORD_NAME = "fetched.json"
_CHUNK = 1 << 20


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was downloaded.

    Attributes
    ----------
    url
        From where.
    num_bytes, sha256
        What it was.
    held_to
        What its digest was compared with; empty where there was nothing to compare it with.
    """

    url: str
    num_bytes: int
    sha256: str
    held_to: str


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the data set, or all files of one folder in the order of their names."""

    num_files: int
    num_bytes: int
    sha256: str


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What ``fetched.json`` says of the folder that it lies in."""

    name: str
    downloads: tuple[Received, ...]
    parts: dict[str, Part]
    rows: dict[str, int]


def data_directory(directory: str | os.PathLike[str] | None = None) -> Path:
    """The folder of all data sets: as given, else ``STOKER_DATA``, else the user's data directory.

    Examples
    --------
    >>> data_directory("corpora").as_posix()
    'corpora'
    """
    if directory is not None:
        return Path(directory)
    chosen = os.environ.get("STOKER_DATA")
    return Path(chosen or platformdirs.user_data_dir("stoker", appauthor=False))


def find(name: str) -> Dataset:
    """The catalogue's entry of a data set, with or without the ``@``.

    Raises
    ------
    OptionError
        There is none; names the nearest.

    Examples
    --------
    >>> find("@ag_news").title
    "AG's News"
    """
    wanted = name.removeprefix("@")
    entry = CATALOGUE.get(wanted)
    if entry is not None:
        return entry
    folded = wanted.strip().casefold().replace("-", "_").replace(" ", "_")
    near = most_like(folded, CATALOGUE)
    hint = f"the catalogue has {', '.join(CATALOGUE)}" if near is None else f"did you mean {near}?"
    raise OptionError(f"there is no data set {wanted!r} in the catalogue; {hint}")


def read_record(folder: Path) -> Record | None:
    """What was recorded when a data set was fetched; None where nothing was, or it cannot be read."""
    try:
        return msgspec.json.decode((folder / RECORD_NAME).read_bytes(), type=Record)
    except (FileNotFoundError, NotADirectoryError, msgspec.MsgspecError):
        return None


def describe_parts(folder: Path) -> dict[str, Part]:
    """What a folder holds, but for the record: its files, and its folders as a whole."""
    groups: dict[str, list[Path]] = {}
    for path in _files(folder):
        parent = path.parent.relative_to(folder).as_posix()
        groups.setdefault(path.name if parent == "." else parent, []).append(path)
    return {name: _describe(paths) for name, paths in groups.items() if name != RECORD_NAME}


def difference(folder: Path, record: Record) -> str | None:
    """The first thing in which a folder is not what was recorded of it; None where there is none."""
    try:
        parts = describe_parts(folder)
    except OSError as error:
        raise FetchError(f"{error.filename}: {(error.strerror or 'cannot be read').lower()}") from error
    for name, was in record.parts.items():
        now = parts.get(name)
        if now is None:
            return f"{name} is gone"
        if (now.num_files, now.num_bytes) != (was.num_files, was.num_bytes):
            return f"{name} was {_amount(was)} and is {_amount(now)}"
        if now.sha256 != was.sha256:
            return f"{name} holds other bytes than it did"
    return None


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            yield Path(parent, name)


def _describe(paths: list[Path]) -> Part:
    """For one file the digest is its own; for several, names and sizes are in it too."""
    digest, total = hashlib.sha256(), 0
    for path in paths:
        if len(paths) > 1:
            digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                total += len(chunk)
    return Part(num_files=len(paths), num_bytes=total, sha256=digest.hexdigest())


def _amount(part: Part) -> str:
    return f"{part.num_bytes:,} bytes" + (f" in {part.num_files:,} files" if part.num_files > 1 else "")
