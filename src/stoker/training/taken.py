"""What a run directory is refused for before anything is read: by its record alone, and without Keras.

A new run cannot have a folder that holds one, and a run that goes on must be the one that began. After the
survey all is compared again, with what only that tells (`stoker.training.sameness`), in the same words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stoker import backends
from stoker.checkpoints import CheckpointStore
from stoker.contrasts import (
    Files,
    between,
    chosen_rows,
    condition_differences,
    file_differences,
    name_differences,
    row_differences,
)
from stoker.differing import backend_differences, order_differences, settings_differences
from stoker.errors import RunError
from stoker.feed import Feed
from stoker.rundir import RunDirectory
from stoker.runrecords import FileRecord, RunRecord, require_feed
from stoker.sources import Source
from stoker.sources.nameless import asks_otherwise
from stoker.training.changed_files import (
    Compares,
    compared_unseen,
    look_into,
    refuse_files,
    refuse_tested,
)
from stoker.training.own_folder import refuse_shared_folder
from stoker.types import Position

__all__ = ["refuse_fewer_epochs", "refuse_other_begun", "refuse_plan", "refuse_taken"]


def refuse_taken(directory: Path, feed: Any) -> None:
    """Refuse, before anything is read, a folder that holds a run, or data, and say what is known to differ.

    Parameters
    ----------
    directory
        Where the run is to be written.
    feed
        What is to be trained on; of a `stoker.Feed` files, columns, label and order are compared.

    Raises
    ------
    RunError
        If there is a run, something that a run would write over, or files among which it would lie.
    """
    known = isinstance(feed, Feed)
    RunDirectory(directory).check_free(
        lambda there: _known_differences(there, feed) if known else (),
        of_same="of what looks like the same plan" if known else "",
    )
    refuse_shared_folder(directory, feed)


def refuse_other_begun(
    directory: Path,
    feed: Feed,
    validation: Any,
    *,
    epochs: int,
    settings: Mapping[str, Any],
    compares: Compares = compared_unseen,
) -> None:
    """Refuse, before the survey, to go on with a run that is known by its record to be another.

    Parameters
    ----------
    directory
        The run.
    feed, validation
        What is to be trained and validated on; a feed that is not prepared, and where it is a Source, its
        files are compared, too.
    epochs
        The epoch at which training ends.
    settings
        What decides what is learned and is known by now, as run.json has it under ``training``.
    compares
        Shows how far files have been compared, of which one has another size.

    Raises
    ------
    ChangedDataError
        If a file has another size, naming the first chunk that differs, or there are more or fewer files.
    RunError
        If it was made by another plan, as far as that is known, has no feed, is damaged, or fewer epochs are
        asked for than were begun.
    """
    there = RunDirectory(directory).read()
    require_feed(str(directory), there)
    source = feed.source
    files = _by_size(there.files), _sizes(source)
    if _contents(files[0]) != _contents(files[1]):
        look = look_into(source, feed.options.plan.memory_bytes, compares)
        refuse_files(directory, there, files, look, by_size=True)
    if isinstance(validation, Source):
        apart = validation.table is not source.table
        tested = _by_size(there.validation_files), _sizes(validation) if apart else []
        if _contents(tested[0]) != _contents(tested[1]):
            refuse_tested(directory, there, tested, by_size=True, validates=True, trained=files[1])
    refuse_plan(directory, _begun_differences(there, feed, validation, settings))
    _refuse_passed(directory, there, epochs)


def refuse_plan(directory: Path, differences: Iterable[str]) -> None:
    """Refuse to go on with a run that was made by another plan.

    Raises
    ------
    RunError
        If there are differences, naming all of them.
    """
    if found := list(differences):
        raise RunError(
            f"{directory} was made by another plan, and cannot be resumed by this one: {'; '.join(found)}. "
            "Give what it had, or choose another run="
        )


def refuse_fewer_epochs(directory: Path, position: Position, epochs: int) -> None:
    """Refuse to end a run at an epoch that it has passed.

    Raises
    ------
    RunError
        If it has begun more of them.
    """
    if (begun := _begun(position)) > epochs:
        raise RunError(
            f"{directory} is in epoch {begun} already, and epochs={epochs} is less: ask for as many or more"
        )


def _refuse_passed(directory: Path, there: RunRecord, epochs: int) -> None:
    """Refuse to end a run before the checkpoint that it goes on from, which is read only to be refused."""
    store = CheckpointStore(directory)
    step = store.newest_step()
    if there.plan is None or step is None or _begun(_position(there, step)) <= epochs:
        return
    if (newest := store.newest()) is not None:  # the one that is named last may be torn
        refuse_fewer_epochs(directory, newest.manifest.position, epochs)


def _begun(position: Position) -> int:
    return position.epoch + (position.batches > 0)


def _position(there: RunRecord, step: int) -> Position:
    """Where a run is behind so many steps."""
    assert there.plan is not None
    epoch, batches = divmod(step, max(1, there.plan.order.num_batches))
    return Position(epoch=_initial_epoch(there) + epoch, batches=batches)


def _initial_epoch(there: RunRecord) -> int:
    found = there.training.get("initial_epoch", 0)
    return found if isinstance(found, int) else 0


def _known_differences(there: RunRecord, feed: Feed) -> Iterator[str]:
    """What differs as far as it can be told before the survey; a file's content is told by its size alone."""
    if there.plan is None or there.spec is None:
        name = "a generator" if there.generator is None else f"the generator {there.generator.name}"
        yield f"what is trained on: {name} there, files here"
        return
    yield from file_differences(_by_size(there.files), _sizes(feed.source))
    if any(asks_otherwise(*paths) for paths in zip(_paths(there.files), feed.source.paths, strict=False)):
        yield "query: another here"
    yield from _asked_differences(there, feed)
    yield from name_differences(
        "columns", [column.name for column in there.columns], _columns_like(there, feed.source)
    )


def _begun_differences(
    there: RunRecord, feed: Feed, validation: Any, settings: Mapping[str, Any]
) -> Iterator[str]:
    """What is certain to differ, whatever the survey tells; nothing of files."""
    yield from backend_differences(there.backend, backends.choose())
    yield from _asked_differences(there, feed)
    if isinstance(validation, Source):
        tested = there.training.get("validation_rows"), chosen_rows(validation.describe())
        yield from condition_differences("rows to validate on", *tested)
    names = {column.name for column in feed.source.columns}
    known = [column.name for column in there.columns]
    if not names.issuperset(known):  # more of them may be left out again, as they were there
        yield from name_differences("columns", known, [name for name in known if name in names])
    yield from settings_differences(there.training, settings)


def _asked_differences(there: RunRecord, feed: Feed) -> Iterator[str]:
    """What differs of order, rows and labels that a run of files asks for."""
    if there.plan is None or there.spec is None:
        return
    source, asked, order = feed.source, feed.options.plan, there.plan.order
    kind = asked.shuffle if isinstance(asked.shuffle, str) else "block" if asked.shuffle else "sequential"
    size = order.batch_size if feed.options.batches == "usual" else asked.batch_size
    here = {"kind": kind, "seed": asked.seed, "batch_size": size}
    yield from order_differences(asdict(order), here)
    yield from row_differences("rows of the files", chosen_rows(there.source), chosen_rows(source.describe()))
    yield from name_differences("label", list(there.spec.labels), list(source.labels))
    yield from between("sample weight", there.spec.sample_weight, source.sample_weight)


def _by_size(files: list[FileRecord]) -> Files:
    return [(file.path, file.num_bytes) for file in files]


def _paths(files: list[FileRecord]) -> list[str]:
    return [file.path for file in files]


def _sizes(source: Source) -> Files:
    return list(zip(source.paths, [file.size for file in source.identity()], strict=True))


def _contents(files: Files) -> list[Any]:
    return [content for _, content in files]


def _columns_like(there: RunRecord, source: Source) -> list[str]:
    """Columns of the source, but those that a choice of transforms may leave out again, as it did there."""
    kept = {column.name for column in there.columns}
    return [column.name for column in source.columns if column.name in kept or not there.choices]
