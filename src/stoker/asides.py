"""What a run had come to before it began again: folders beside its record, of which the last few are kept."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from stoker.folders import scratch_folder, staged_folder
from stoker.plurals import plural
from stoker.stored import Count, decoded

__all__ = ["MOST_ASIDE", "REMOVED", "Aside", "is_aside", "keep_aside", "next_aside"]

MOST_ASIDE = 3
"""Folders that are kept."""
REMOVED = "removed"
"""What `clean` knows folders by that were being removed."""
_RECORD = "run.json"
_NAME = re.compile(r"before-(\d{1,9})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """Where something was kept, and what of before had to go for it.

    Attributes
    ----------
    path
        The new folder.
    removed
        Those that are there no more, each with how far it had come.
    """

    path: Path
    removed: tuple[str, ...]

    def __str__(self) -> str:
        told = f"{self.path} has the record and the models of before"
        if not self.removed:
            return told
        return (
            f"{told}; removed {', '.join(self.removed)}: of such folders the last {MOST_ASIDE} are kept, the "
            "one of most steps among them (give a folder another name to keep it)"
        )


class _Outcome(msgspec.Struct):
    steps: Count = 0
    status: str = ""

    def __str__(self) -> str:
        if self.status == "running":  # killed: its record is older than its last step
            return f"at least {self._counted}" if self.steps else "steps unknown"
        return self._counted

    @property
    def _counted(self) -> str:
        return f"{self.steps:,} {plural(self.steps, 'step')}"


class _Record(msgspec.Struct):
    outcome: _Outcome


def is_aside(name: str) -> bool:
    """Whether `keep_aside` gives such a name to a folder."""
    return _NAME.fullmatch(name) is not None


def next_aside(folder: Path) -> str:
    """The name that `keep_aside` gives; numbers are not given again, so that the greatest is the last."""
    return f"before-{max((number for number, _ in _numbered(folder)), default=0) + 1}"


def keep_aside(folder: Path, told: Path, names: Collection[str]) -> Aside:
    """Keep files of a folder, as they are now, in a folder ``before-<n>`` in it; the last few of those stay.

    Parameters
    ----------
    folder, told
        The folder, and what it is called.
    names
        Of the files, of which some may be absent. A folder that lacks ``run.json``, or holds others as well,
        is never removed.

    Raises
    ------
    OSError
        If they cannot be kept; nothing is removed then.
    """
    name = next_aside(folder)
    with staged_folder(folder / name, on_disk=True) as unfinished:
        for kept in names:
            with suppress(FileNotFoundError):
                _linked(folder / kept, unfinished / kept)
    return Aside(path=told / name, removed=tuple(_removed(folder, names)))


def _removed(folder: Path, names: Collection[str]) -> Iterable[str]:
    """Remove all but the newest, and the one that came furthest; a run may begin again without end."""
    known = [(number, path) for number, path in _numbered(folder) if _is_kept(path, names)]
    outcomes = {path: _outcome(path) for _, path in known}
    furthest = max(known, key=lambda each: (outcomes[each[1]].steps, each[0]), default=None)
    older = sorted(each for each in known if each != furthest)
    for _, path in older[: max(0, len(known) - MOST_ASIDE)]:
        with suppress(OSError):
            with scratch_folder(folder, REMOVED) as removed:  # its name is gone before its first file
                os.rename(path, removed / path.name)
            told = f"; what of it cannot be removed is in {removed.name}" if removed.exists() else ""
            yield f"{path.name} ({outcomes[path]}{told})"


def _numbered(folder: Path) -> list[tuple[int, Path]]:
    with suppress(OSError):
        return [(int(found[1]), path) for path in folder.iterdir() if (found := _NAME.fullmatch(path.name))]
    return []


def _is_kept(folder: Path, names: Collection[str]) -> bool:
    """Whether it was made by `keep_aside`, and nothing was put into it."""
    try:
        there = [path.name for path in folder.iterdir()]
        return not folder.is_symlink() and _RECORD in there and all(name in names for name in there)
    except OSError:
        return False


def _outcome(folder: Path) -> _Outcome:
    with suppress(OSError, ValueError):
        return decoded((folder / _RECORD).read_bytes(), _Record).outcome
    return _Outcome(status="running")


def _linked(path: Path, other: Path) -> None:
    """Give a file, which is never written in place, a second name; where there are no such links, a copy."""
    try:
        os.link(path, other)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(path, other)
