"""The files of a run directory by their names: of what each is, which count, and in which order they come."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from stoker.asides import is_aside

__all__ = [
    "RECORD",
    "is_model",
    "is_name",
    "is_of_checkpoint",
    "is_of_run",
    "may_go",
    "names_in",
    "place_in_order",
    "whole_of",
]

RECORD = "run.json"
_CHECKPOINTS, _MANIFEST = "checkpoints", "manifest.json"
_LAST = ("epochs.csv", RECORD)
"""Of the files that are no checkpoint's these come last, as they are written here."""
_OF_RUN = frozenset(
    (
        *("transform.json", "contents.json", "quarantine.csv", *_LAST),
        *("model.keras", "last.keras"),
    )
)
_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*(/[A-Za-z0-9_][\w.-]*)*")


def is_name(name: str) -> bool:
    """Whether a file here has such a name; hidden ones are nobody else's.

    Examples
    --------
    >>> is_name("before-1/run.json"), is_name("checkpoints/.building-step-5/arrays.bin")
    (True, False)
    """
    return _NAME.fullmatch(name) is not None


def names_in(folder: Path) -> set[str]:
    """The files of a run directory, but for hidden ones and damaged checkpoints."""
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {name for name in found if is_name(name) and "/damaged-" not in name}


def place_in_order(name: str) -> tuple[bool, bool, str, bool, str]:
    """Records behind models, checkpoints behind those, and each one's manifest behind its arrays.

    Examples
    --------
    >>> sorted(["checkpoints/step-1/manifest.json", "run.json", "model.keras"], key=place_in_order)
    ['model.keras', 'run.json', 'checkpoints/step-1/manifest.json']
    """
    folder, _, file = name.rpartition("/")
    return bool(folder), name in _LAST, folder, file == _MANIFEST, file


def is_of_checkpoint(name: str) -> bool:
    """Whether it is a file of a checkpoint, or beside them."""
    return name.startswith(f"{_CHECKPOINTS}/")


def is_model(name: str) -> bool:
    """Whether it is a model, of now or of before."""
    return name.endswith(".keras")


def is_of_run(name: str) -> bool:
    """Whether a run writes such a file; what it was before has the same ones, in a folder of its own.

    Examples
    --------
    >>> [is_of_run(name) for name in ("run.json", "before-2/run.json", "scores/run.json", "notes.txt")]
    [True, True, False, False]
    """
    folder, _, file = name.rpartition("/")
    return is_of_checkpoint(name) or (file in _OF_RUN and (not folder or is_aside(folder)))


def whole_of(there: Collection[str]) -> set[str]:
    """The files that count: of a checkpoint none does whose manifest is not there.

    Examples
    --------
    >>> whole_of(["run.json", "checkpoints/step-1/arrays.bin"])
    {'run.json'}
    """
    return {name for name in there if not is_of_checkpoint(name) or _manifest_of(name) in there}


def may_go(name: str) -> bool:
    """Whether a run removes such files by itself."""
    return is_of_checkpoint(name) or is_aside(name.partition("/")[0])


def _manifest_of(name: str) -> str:
    """The manifest without which a file of a checkpoint is none; other files there stand for themselves."""
    folder = name.rpartition("/")[0]
    return name if folder == _CHECKPOINTS else f"{folder}/{_MANIFEST}"
