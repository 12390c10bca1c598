"""A run's folder is its own: not one of data, nor the one that is worked in."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stoker.errors import RunError
from stoker.feed import Feed
from stoker.given import located
from stoker.rundir import next_run_path
from stoker.sources.packing import PACKINGS
from stoker.sources.paths import FORMATS

__all__ = ["refuse_shared_folder"]

_NOTES = (".txt", ".json")
"""Suffixes of tables that other files have as well: notes and settings may lie beside a run."""
_LOGS = (".log", ".out", ".err")
_OWN = ("quarantine.csv", "epochs.csv")
"""What a run may leave that failed in its survey, or was killed as it began: whether they are a run's,
`Quarantine.place` and `RunDirectory.check_free` look."""
_SHOWN = 3


def refuse_shared_folder(directory: Path, feed: Any) -> None:
    """Refuse a folder for a new run in which its files would lie among others.

    One of logs and hidden files is as good as an empty one.

    Parameters
    ----------
    directory
        Where the run is to be written; it need not exist.
    feed
        What is to be trained on.

    Raises
    ------
    RunError
        If it is the working folder, or one above that, and holds anything but logs; if it lies in a folder
        that is trained on; holds data, of this training or other; or cannot be listed.
    """
    source = feed.source if isinstance(feed, Feed) else None
    places = [] if source is None else [located(place) for place in source.places]
    usual = next_run_path(next(iter(places), "run"))
    instead = f"choose a folder of its own, such as run={usual!r}"
    folder = Path(os.path.realpath(directory))
    for path, place in zip(() if source is None else source.paths, places, strict=True):
        if os.path.isdir(place) and _is_within(folder, place):
            lies = "" if folder == Path(os.path.realpath(place)) else f" lies in {path}, which"
            way = f"choose a folder outside of {path}" if _is_within(usual, place) else instead
            raise RunError(
                f"{directory}{lies} is trained on, and a run's files would be data the next time: {way}"
            )
    if not folder.is_dir():
        return
    there = _names_within(folder, directory, instead)
    trained = _names_in(folder, places)
    if data := [name for name in there if name in trained or _is_data(name)]:
        raise RunError(
            f"{directory} holds data ({_listed(data)}), and a run's files would lie among them, where "
            f"epochs.csv is a table like others: {instead}"
        )
    others = [name for name in there if Path(name).suffix not in _LOGS]
    if others and Path.cwd().resolve().is_relative_to(folder):
        raise RunError(
            f"{directory} is the folder that is worked in, or one above it, and holds other files "
            f"({_listed(others)}), among which a run's would lie: {instead}"
        )


def _names_within(folder: Path, directory: Path, instead: str) -> list[str]:
    """What lies in a folder, but for what is hidden."""
    try:
        return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise RunError(
            f"{directory} cannot be listed ({error.strerror or error}), and what a run's files would lie "
            f"among is unknown: let it be read, or {instead}"
        ) from error


def _is_within(folder: str | Path, other: str) -> bool:
    """Whether a folder is another one, or lies in it."""
    return Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(other))


def _names_in(folder: Path, places: Iterable[str]) -> set[str]:
    """Names of the files that lie in a folder."""
    named: dict[str, set[str]] = defaultdict(set)
    for place in places:
        named[os.path.dirname(os.path.abspath(place))].add(os.path.basename(place))
    return {
        name for parent, names in named.items() if Path(os.path.realpath(parent)) == folder for name in names
    }


def _is_data(name: str) -> bool:
    path = Path(name.lower())
    suffix = Path(path.stem).suffix if path.suffix in PACKINGS else path.suffix
    return suffix in FORMATS and suffix not in _NOTES and name not in _OWN


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
