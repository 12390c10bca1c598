"""From what a user writes to a list of files: patterns, directories, suffixes."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Sequence

from stoker.errors import DataError, OptionError
from stoker.given import beside, given, located
from stoker.images.headers import SUFFIXES
from stoker.sources.access import not_read
from stoker.sources.database.address import Address, is_database
from stoker.sources.files import is_there
from stoker.sources.folder_tables import tables_instead
from stoker.sources.packing import PACKINGS
from stoker.sources.remote.names import is_remote, require_no_secrets, scheme_of

__all__ = ["FORMATS", "FORMAT_NAMES", "expand_paths", "expanded", "format_of", "require_once"]

FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".arrows": "arrow",
    ".npy": "npy",
    ".npz": "npz",
    ".idx": "idx",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
}
"""Which format a suffix means."""

FORMAT_NAMES = (
    "csv",
    "tsv",
    "zhang",
    "folder",
    "lines",
    "jsonl",
    "parquet",
    "arrow",
    "npy",
    "npz",
    "idx",
    "hdf5",
)
"""What ``format=`` takes."""

_IDX = re.compile(r"[-.]idx\d-\w+$")
"""How the files of MNIST are called: ``train-images-idx3-ubyte``."""
_ARCHIVES = {
    ".zip": "unzip",
    ".lz4": "lz4 -d",
    ".7z": "7z x",
    ".rar": "unrar x",
    ".tar": "tar -xf",
    ".tgz": "tar -xzf",
}

_DATABASES = {
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
    ".db": "sqlite",
    ".duckdb": "duckdb",
}


def expand_paths(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], *, folders: bool = False
) -> tuple[str, ...]:
    """Files in the order given; the matches of a pattern (``*``, ``?``, ``[…]``, ``**``) sorted bytewise.

    Whose folders tell something asks `expanded`.

    Parameters
    ----------
    paths
        What a user wrote.
    folders
        Whether folders may be named too.

    Raises
    ------
    DataError
        A file is missing, a directory, or a pattern matches nothing.
    OptionError
        Nothing was given, or one file twice.
    """
    return tuple(expanded(paths, folders=folders))


def require_once(file: str, seen: dict[str, str]) -> None:
    """Refuse a file that was seen already, perhaps by another name; `seen` is written.

    Raises
    ------
    OptionError
        If it was.
    """
    real = file if is_remote(file) else os.path.realpath(located(file))
    if real in seen:
        raise OptionError(f"{file} is given twice (first as {seen[real]}); every file may be used once")
    seen[real] = file


def expanded(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], *, folders: bool
) -> dict[str, str]:
    """As `expand_paths`; for each file the folder before its pattern's first wildcard, "" without one."""
    named = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not named:
        raise OptionError("no file was given; name at least one CSV or TSV file")
    seen: dict[str, str] = {}
    found: dict[str, str] = {}
    for item in named:
        for file in map(given, _expand_one(item, folders)):
            require_once(file, seen)
            pattern = os.path.expanduser(os.fspath(item))
            found[file] = "" if file == pattern or not glob.has_magic(pattern) else _fixed_part(pattern)
    return found


def _expand_one(item: str | os.PathLike[str], folders: bool) -> list[str]:
    path = os.fspath(item)
    if not isinstance(path, str) or not path:
        raise OptionError(f"a path must be a non-empty string, got {item!r}")
    if path == "-":
        raise OptionError("standard input cannot be trained on: rows are read many times; write it to a file")
    if is_remote(path):
        return _expand_remote(path)
    path = os.path.expanduser(path)
    if not os.path.exists(located(path)) and glob.has_magic(path):
        matches = [match for match in glob.glob(path, recursive=True) if os.path.isfile(match)]
        if not matches:
            raise DataError(f"{path}: no file matches this pattern (looked in {_folder_of(path)}); check it")
        return sorted(matches, key=os.fsencode)
    if folders and os.path.isdir(located(path)):
        return [beside(path, os.path.join(os.path.dirname(path), os.path.basename(path)) or path)]
    _require_file(path)
    return [path]


def _expand_remote(url: str) -> list[str]:
    if is_database(url):
        raise OptionError(
            f"{Address(url).shown}: a database is asked by a query, alone and without files: say "
            "which with query="
        )
    require_no_secrets(url)
    url = f"{scheme_of(url)}://{url.partition('://')[2]}"
    if not glob.has_magic(url.partition("://")[2].partition("?")[0] if url.startswith("http") else url):
        return [url]
    if "[" in url and is_there(url):
        return [url]  # it is called so
    from stoker.sources.remote.listing import remote_matches

    matches = remote_matches(url)
    if not matches:
        raise DataError(f"{url}: no object matches this pattern; check it")
    return matches


def _require_file(path: str) -> None:
    try:
        mode = os.stat(located(path)).st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise DataError(f"{path}: no such file (looked from {os.getcwd()}); check the path") from error
    except OSError as error:
        raise not_read(path, error) from error
    if stat.S_ISDIR(mode):
        raise DataError(
            tables_instead(path, FORMATS)
            or f"{path} is a directory, not a file; name its files, for example "
            f"{os.path.join(path, '*.csv')!r} with the quotes"
        )
    if not stat.S_ISREG(mode):
        raise DataError(f"{path} is a pipe or a device, and rows are read many times; write it to a file")


def _folder_of(pattern: str) -> str:
    return os.path.abspath(_fixed_part(pattern) or ".")


def _fixed_part(pattern: str) -> str:
    """The folder before a pattern's first wildcard."""
    folder = pattern
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)
    return folder


def format_of(path: str, chosen: str | None) -> str:
    """The format's name: `chosen`, or what the suffix means.

    Raises
    ------
    OptionError
        `chosen` is no format.
    DataError
        The file is an archive or its suffix says nothing.
    """
    if chosen is not None and chosen not in FORMAT_NAMES:
        raise OptionError(f"format must be one of {', '.join(FORMAT_NAMES)}, got {chosen!r}")
    stem, suffix = os.path.splitext(path)
    if suffix.lower() in PACKINGS:
        suffix = os.path.splitext(stem)[1]
    suffix = suffix.lower()
    if suffix in _ARCHIVES:
        packed = ", ".join(PACKINGS)
        raise DataError(
            f"{path} is an archive, and of compressed files only {packed} are read; unpack it first: "
            f"{_ARCHIVES[suffix]} {path}"
        )
    if chosen is not None:
        return chosen
    if suffix in SUFFIXES:
        raise DataError(
            f"{path} is an image: open the folder that has a folder of images for each class; a model that "
            "was trained on images takes a file by its name, as in stoker.load('runs/a').predict('a.png')"
        )
    if _IDX.search(stem) or _IDX.search(path):
        return "idx"
    if suffix in _DATABASES and not is_remote(path):
        raise DataError(
            f"{path} is a database by its name, which is asked by a query: give the address "
            f"{_DATABASES[suffix]}://{path} and query='SELECT … FROM …'"
        )
    if suffix not in FORMATS:
        known = ", ".join(FORMATS)
        shown = f"the suffix {suffix!r}" if suffix else "no suffix"
        way = "a folder's address ends with a slash; " if is_remote(path) and not suffix else ""
        shown += " before that of its compression" * (stem != path and path.lower().endswith(tuple(PACKINGS)))
        raise DataError(
            f'{path} has {shown}; known are {known}; {way}rename delimited text, or say format="csv"'
        )
    return FORMATS[suffix]
