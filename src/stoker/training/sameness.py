"""Whether a run that is to go on is the one that began: files, rows, order, transforms, options."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from stoker.checkpoints import Identity
from stoker.contrasts import (
    Files,
    between,
    chosen_rows,
    condition_differences,
    file_differences,
    plain,
    row_differences,
    transform_differences,
)
from stoker.differing import differences, order_differences, settings_differences
from stoker.errors import RunError
from stoker.feed import BaseFeed
from stoker.runrecords import FileRecord, RunRecord
from stoker.training.changed_files import look_surveyed, refuse_files, refuse_tested
from stoker.training.learning import model_settings
from stoker.training.taken import refuse_plan

__all__ = ["learning_settings", "refuse_other_checkpoint", "refuse_other_run"]


def learning_settings(model: Any, feed: Any, validation: Any) -> dict[str, Any]:
    """What decides what is learned and told beside files and variables, as plain data."""
    weights = feed.stage.class_weights if isinstance(feed, BaseFeed) else None
    tested = chosen_rows(validation.stage.source.describe()) if isinstance(validation, BaseFeed) else None
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
    refuse_plan(directory, _condition_differences(there, here))
    if [file.digest for file in there.files] != [file.digest for file in here.files]:
        files = _by_digest(there.files), _by_digest(here.files)
        refuse_files(directory, there, files, look_surveyed(feed.stage.survey), by_size=False)
    tested = [file.digest for file in there.validation_files]
    if tested != [file.digest for file in here.validation_files]:
        files = _by_digest(there.validation_files), _by_digest(here.validation_files)
        validates = bool(here.training.get("validated"))
        trained = _by_digest(here.files)
        refuse_tested(directory, there, files, by_size=False, validates=validates, trained=trained)
    refuse_plan(directory, _differences(there, here))


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
    found = list(_identity_differences(there, here))
    if found:
        raise RunError(
            f"{directory}: run.json is not that of the checkpoint of step {step:,}: {'; '.join(found)}. "
            "Restore run.json as the run wrote it, or choose another run="
        )


def _identity_differences(there: Identity, here: Identity) -> Iterator[str]:
    yield from between("backend", there.backend, here.backend)
    if there.order is None or here.order is None:
        yield from between("order of rows", plain(there.order), plain(here.order))
    else:
        yield from order_differences(asdict(there.order), asdict(here.order))
    for name, word in (("rows", "rows of the files"), ("validation_rows", "rows to validate on")):
        old, new = (_read(getattr(each, name)) for each in (there, here))
        yield from row_differences(word, old, new)
    for name in ("files", "validation_files"):
        old, new = (
            [(f"number {place}", digest) for place, digest in enumerate(getattr(each, name), 1)]
            for each in (there, here)
        )
        yield from (f"validation {text}" if name != "files" else text for text in file_differences(old, new))
    yield from transform_differences("transform", there.transform, here.transform)
    yield from settings_differences(there.settings, here.settings)


def _read(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return text  # of a checkpoint that somebody wrote to


def _condition_differences(there: RunRecord, here: RunRecord) -> Iterator[str]:
    """By which other conditions files were opened, so that they cannot but have other digests."""
    rows = [chosen_rows(each.source) for each in (there, here)]
    tested = [each.training.get("validation_rows") for each in (there, here)]
    yield from condition_differences("rows of the files", *rows)
    yield from condition_differences("rows to validate on", *tested)


def _differences(there: RunRecord, here: RunRecord) -> Iterator[str]:
    yield from differences(there, here)
    yield from settings_differences(there.training, here.training)


def _by_digest(files: Sequence[FileRecord]) -> Files:
    return [(file.path, file.digest) for file in files]


def _digest(array: Any) -> str:
    return hashlib.blake2b(np.ascontiguousarray(array).tobytes(), digest_size=8).hexdigest()
