"""What is left of a run whose record is lost or damaged, and what can be done then."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["was_run", "ways_out"]


def was_run(folder: Path) -> bool:
    """Whether a folder without a record was a run's: it holds checkpoints."""
    return _newest(folder) is not None


def ways_out(folder: Path, name: str, other: str) -> str:
    """What can be done where a file is lost that only this run had, as the end of a message.

    Parameters
    ----------
    folder
        The run directory.
    name
        The file: ``run.json`` or ``transform.json``.
    other
        A folder for a new run.

    Examples
    --------
    >>> ways_out(Path("/nowhere"), "run.json", "runs/a-2")
    "; restore run.json from a copy, or begin a new run with run='runs/a-2'"
    """
    ways = f"; restore {name} from a copy, or begin a new run with run={other!r}"
    for model in ("model.keras", "last.keras"):
        if (folder / model).exists():
            file = os.fspath(folder / model)
            return f"{ways}: the weights are in {model}, which keras.models.load_model({file!r}) takes"
    newest = _newest(folder)
    return ways if newest is None else f"{ways}: {newest} is there, but what it means {name} alone tells"


def _newest(folder: Path) -> str | None:
    steps = sorted((folder / "checkpoints").glob("step-*"))
    return f"checkpoints/{steps[-1].name}" if steps else None
