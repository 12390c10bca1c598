"""The tables that stand in a folder which was named in their place, for messages."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

from stoker.given import located
from stoker.sources.folder_contents import is_image, is_passed_over
from stoker.sources.packing import PACKINGS

__all__ = ["tables_instead"]

_TEXT = ".txt"
"""A table may be called so, and a text among those of a class."""
_SHOWN = 3
_MOST = 10_000
"""Names that are looked at."""


def tables_instead(path: str, suffixes: Collection[str]) -> str | None:
    """What stands in a folder, and how its tables are named: a sentence; None where it holds none.

    Parameters
    ----------
    path
        A folder of this machine.
    suffixes
        Those of tables, in lower case.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> temporary = tempfile.TemporaryDirectory()
    >>> folder = pathlib.Path(temporary.name)
    >>> for name in ("a.csv", "b.csv", "notes.md"):
    ...     _ = (folder / name).write_text("")
    >>> said = tables_instead(str(folder), [".csv"])
    >>> said.replace(str(folder), "data").split(": ")[0]
    'data holds 2 .csv files (a.csv, b.csv) and 1 other file (notes.md)'
    >>> said.replace(str(folder), "data").split(": ")[1]
    "name those that hold the rows, for example 'data/*.csv' with the quotes"
    >>> temporary.cleanup()
    """
    files, folders = _names(path)
    deeper = {folder: _names(os.path.join(path, folder))[0] for folder in folders}
    if any(is_image(name) or name.lower().endswith(_TEXT) for names in deeper.values() for name in names):
        return None  # texts or images by class
    held = [(name, os.path.join(path, "*")) for name in files]
    tables = _tables(held, suffixes)
    if not tables:
        held = [
            (os.path.join(folder, name), os.path.join(path, folder, "*"))
            for folder, names in deeper.items()
            for name in names
        ]
        tables, files, folders = _tables(held, suffixes), [], []
    if not tables:
        return None
    known = {name for names, _ in tables.values() for name in names}
    told = [_counted(names, f"{suffix} file") for suffix, (names, _) in tables.items()]
    others = [name for name in files if name not in known]
    told += [_counted(others, "other file")] if others else []
    told += [_counted(folders, "folder")] if folders else []
    patterns = [repr(os.path.normpath(pattern)) for _, pattern in tables.values()][:_SHOWN]
    return (
        f"{path} holds {_listed(told, 'and')}: name those that hold the rows, for example "
        f"{_listed(patterns, 'or')} with the quotes"
    )


def _tables(
    held: Collection[tuple[str, str]], suffixes: Collection[str]
) -> Mapping[str, tuple[list[str], str]]:
    """By suffix, that of the compression included, the tables and a pattern of the first one's folder."""
    found: dict[str, tuple[list[str], str]] = {}
    for name, pattern in held:
        stem, last = os.path.splitext(name)
        kind = os.path.splitext(stem)[1].lower() if last.lower() in PACKINGS else last.lower()
        if kind in suffixes and kind != _TEXT:
            written = os.path.splitext(stem)[1] + last if last.lower() in PACKINGS else last
            found.setdefault(written, ([], pattern + written))[0].append(name)
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def _names(path: str) -> tuple[list[str], list[str]]:
    """Names of files and of folders, sorted; none where nobody may look."""
    found: tuple[list[str], list[str]] = ([], [])
    try:
        with os.scandir(located(path)) as entries:
            for _, entry in zip(range(_MOST), entries, strict=False):
                if not is_passed_over(entry.name):
                    found[entry.is_dir()].append(entry.name)
    except OSError:
        return [], []
    return sorted(found[0]), sorted(found[1])


def _counted(names: Collection[str], what: str) -> str:
    shown = ", ".join(list(names)[:_SHOWN]) + ", …" * (len(names) > _SHOWN)
    return f"{len(names):,} {what}{'s' * (len(names) != 1)} ({shown})"


def _listed(parts: list[str], last: str) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}"
