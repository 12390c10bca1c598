"""Whether a run that is to go on is the one that began: files, rows, order, transforms, options."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from stoker.audit.contents import read_contents
from stoker.audit.difference import Differs
from stoker.audit.reading import check_files
from stoker.checkpoints import Identity
from stoker.differing import between, differences, plain
from stoker.errors import ChangedDataError, RunError
from stoker.feed import BaseFeed
from stoker.rundir import RunDirectory
from stoker.runrecords import FileRecord, RunRecord
from stoker.training.learning import model_settings
from stoker.training.lines import counted

__all__ = ["DECIDING", "learning_settings", "refuse_other_checkpoint", "refuse_other_run"]

DECIDING = (
    "monitor",
    "early_stopping",
    "validate_every",
    "validation_steps",
    "initial_epoch",
    "validation_rows",
    "loss",
    "loss_weights",
    "optimizer",
    "jit_compile",
    "run_eagerly",
    "layers",
    "class_weight",
)
"""What of ``training`` in run.json decides what is learned; epochs, time and checkpoints may be others."""


def learning_settings(model: Any, feed: Any, validation: Any) -> dict[str, Any]:
    """What decides what is learned and told beside files and variables, as plain data."""
    weights = feed.stage.class_weights if isinstance(feed, BaseFeed) else None
    tested = validation.stage.source.view.describe() if isinstance(validation, BaseFeed) else None
    return {
        "validated": validation is not None,
        "validation_rows": plain(tested),
        "class_weight": None if weights is None else _digest(weights),
        **model_settings(model),
    }


def refuse_other_run(directory: Path, there: RunRecord, here: RunRecord, feed: Any) -> None:
    """Refuse to go on with another run than the one that is there, and name every difference.

    Parameters
    ----------
    directory
        The run.
    there, here
        Its record, and what a new one would be.
    feed
        What is to be trained on.

    Raises
    ------
    ChangedDataError
        If a file holds something else; the message names the first chunk that does.
    RunError
        For any other difference.
    """
    if [file.digest for file in there.files] != [file.digest for file in here.files]:
        _refuse_files(directory, there, feed)
    tested = [file.digest for file in there.validation_files]
    if tested != [file.digest for file in here.validation_files]:
        raise ChangedDataError(_told_tested(directory, there, here))
    found = list(_differences(there, here))
    if found:
        raise RunError(
            f"{directory} was made by another plan, and cannot be resumed by this one: {'; '.join(found)}. "
            "Give what it had, or choose another run="
        )


def refuse_other_checkpoint(directory: Path, here: Identity, there: Identity, step: int) -> None:
    """Refuse a checkpoint of another run than run.json tells of: one of the two was changed or copied.

    Parameters
    ----------
    directory
        The run.
    here, there
        What run.json tells that the run is of, and what the checkpoint does.
    step
        The checkpoint's.

    Raises
    ------
    RunError
        If they differ, naming every difference.
    """
    names = ("backend", "order", "rows", "validation_rows", "files", "validation_files", "transform")
    found = [
        each
        for name in names
        for each in between(name, plain(getattr(there, name)), plain(getattr(here, name)))
    ]
    for name, value in there.settings.items():
        found += between(name, plain(value), plain(here.settings.get(name)))
    if found:
        raise RunError(
            f"{directory}: run.json is not that of the checkpoint of step {step:,}: {'; '.join(found)}. "
            "Restore run.json as the run wrote it, or choose another run="
        )


def _differences(there: RunRecord, here: RunRecord) -> Iterator[str]:
    yield from differences(there, here)
    for name in DECIDING:
        if name in there.training:  # an earlier stoker recorded less
            yield from between(name, plain(there.training[name]), plain(here.training.get(name)))


def _refuse_files(directory: Path, there: RunRecord, feed: BaseFeed) -> None:
    """Name what changed: the first chunk where there are as many files, else the files."""
    contents = read_contents(RunDirectory(directory).contents(), [file.digest for file in there.files])
    source = feed.stage.source
    if len(there.files) == len(source.paths):
        try:
            check_files(source, there.files, contents, lambda done, total: None, ledger=feed.ledger)
        except Differs as found:
            raise ChangedDataError(
                f"{found.difference.text}; {directory} was trained on what it held, and cannot be resumed on "
                f"anything else: {_ways_out(directory)}"
            ) from None
    raise ChangedDataError(_told_files(directory, there.files, _identities(feed)))


def _told_tested(directory: Path, there: RunRecord, here: RunRecord) -> str:
    """What to say where other files are validated on."""
    known, given = there.validation_files, here.validation_files
    if known and given:
        return f"of validation=, {_told_files(directory, known, given)}"
    if known:
        rows = "rows of the files that are trained on" if here.training.get("validated") else "nothing"
        names = ", ".join(file.path for file in known)
        return (
            f"{directory} was validated on {names}, and here it is on {rows}: open that as it was, by itself"
        )
    rows = "rows of what it was trained on" if there.training.get("validated") else "nothing"
    is_same = [file.digest for file in given] == [file.digest for file in here.files]
    way = "other files: give what it was validated on"
    if is_same and there.training.get("validated"):
        way = (
            "the same files in another stoker.open: give parts of one source, train, valid = source.split(…)"
        )
    return f"{directory} was validated on {rows}, and validation= is of {given[0].path}, {way}"


def _told_files(directory: Path, there: list[FileRecord], here: list[FileRecord]) -> str:
    same = {file.digest for file in there}
    other = next((file for file in here if file.digest not in same), None)
    what = (
        f"{counted(len(here), 'file')} instead of {len(there)}"
        if other is None
        else f"{other.path} holds something else"
    )
    return (
        f"{what} than when {directory} was begun: it can be resumed on the same data alone; "
        f"{_ways_out(directory)}"
    )


def _ways_out(directory: Path) -> str:
    """What can be done where the data are others."""
    if (directory / "model.keras").exists():
        return f"restore them, or begin another run with its weights, by init={str(directory)!r}"
    return "restore them, or begin another run"


def _identities(feed: BaseFeed) -> list[FileRecord]:
    found = feed.survey
    return [
        FileRecord(path=path, num_bytes=file.size, num_rows=0, digest=file.digest)
        for path, file in zip(found.paths, found.files, strict=True)
    ]


def _digest(array: Any) -> str:
    return hashlib.blake2b(np.ascontiguousarray(array).tobytes(), digest_size=8).hexdigest()
