"""What run.json says of data and packages, which is known before the first step."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from stoker.audit.contents import contents_of
from stoker.audit.described import described
from stoker.errors import OptionError
from stoker.feed import BaseFeed
from stoker.rundir import set_apart
from stoker.runrecords import FileRecord, GeneratorRecord
from stoker.survey import Survey
from stoker.survey.teaching import told_hopeless
from stoker.training.generators.feeds import GeneratorFeed
from stoker.training.protocols import FeedLike
from stoker.training.reopen import describe_files
from stoker.transforms.columns import Columns
from stoker.transforms.texts import TextTransform

__all__ = ["known_of", "package_versions", "warnings_before"]

_PACKAGES = ("stoker", "keras", "jax", "tensorflow", "torch", "numpy", "numba", "pyarrow")


def known_of(
    feed: FeedLike, validation: FeedLike | None
) -> tuple[dict[str, Any], bytes | None, bytes | None]:
    """Fields of the record, what its transform has learned of texts, and what its files hold.

    Raises
    ------
    OptionError
        If the feed is none of stoker's own.
    """
    if isinstance(feed, GeneratorFeed):
        return _of_generator(feed), None, None
    trained = _recordable(feed)
    known, transform = _of_feed(trained, validation)
    return known, transform, contents_of(trained.survey, _tested_apart(trained, validation))


def warnings_before(feed: Any, validation: Any) -> list[str]:
    """What is warned of before training.

    Files that are both trained and validated on, told by what they hold, not by their names: two parts of the
    same files, as `split` makes them, are no reason to warn. Inputs that are the same in all rows. And values
    of rows to validate on that count as blanks, for nothing could be read of them.
    """
    if not isinstance(feed, BaseFeed):
        return []
    hopeless = told_hopeless(feed.survey, feed.spec.features)
    if not isinstance(validation, BaseFeed):
        return hopeless
    shared = [
        f"{mine} holds the very bytes of {theirs}, which is trained on: validation then tells what was "
        "learned by heart, not what was understood; give other files, or hold rows out of these"
        for mine, theirs in validation.survey.files_shared_with(feed.survey)
    ]
    return [*hopeless, *shared, *validation.stage.unread]


def _recordable(feed: Any) -> BaseFeed:
    if not isinstance(feed, BaseFeed):
        raise OptionError(
            f"run= needs a stoker.Feed or a generator, got {type(feed).__name__}, of which nothing is known "
            "that could be recorded"
        )
    return feed


def _of_feed(feed: BaseFeed, validation: Any) -> tuple[dict[str, Any], bytes | None]:
    """The survey and plan of a feed, as fields of the record; and what its transform has learned of texts."""
    stage = feed.stage
    state, apart = stage.inputs.state(), None
    if isinstance(stage.inputs, TextTransform | Columns):
        state, apart = set_apart(state)
    tested = _tested_apart(feed, validation)
    return {
        "reading": describe_files(stage.source),
        "source": described(stage.source),
        "policy": {"na": stage.options.na, "on_bad_row": stage.options.on_bad_row},
        "files": _files(stage.survey),
        "validation_files": [] if tested is None else _files(tested),
        "validation_reading": {} if tested is None else describe_files(tested.source),
        "validation_source": {} if tested is None else described(tested.source),
        "warnings": warnings_before(feed, validation),
        "columns": [
            column
            for column in stage.source.columns
            if column.name in (*stage.spec.features, *stage.spec.answers)
        ],
        "excluded_rows": len(stage.survey.excluded),
        "spec": stage.spec,
        "transform": state,
        "target": {} if stage.target is None else stage.target.state(),
        "choices": list(stage.choices),
        "plan": stage.plan,
    }, apart


def _tested_apart(feed: BaseFeed, validation: Any) -> Survey | None:
    """The survey of what is validated on, where that lies in files of its own."""
    tested = validation.stage.survey if isinstance(validation, BaseFeed) else None
    return None if tested is feed.stage.survey else tested


def _of_generator(feed: GeneratorFeed) -> dict[str, Any]:
    """What is known of a generator, as fields of the record."""
    return {
        "generator": GeneratorRecord(
            name=type(feed.generator).__qualname__,
            steps_per_epoch=feed.steps,
            workers=feed.workers.count,
            use_multiprocessing=feed.workers.in_processes,
        )
    }


def _files(survey: Survey) -> list[FileRecord]:
    rows = survey.index.file_rows
    counts = [int(rows[place + 1] - rows[place]) for place in range(len(survey.files))]
    return [
        FileRecord(path=path, num_bytes=file.size, num_rows=count, digest=file.digest)
        for path, file, count in zip(survey.paths, survey.files, counts, strict=True)
    ]


def package_versions() -> dict[str, str]:
    """By name, of Python and of what is installed of all that decides bits."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
