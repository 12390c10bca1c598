"""Folders that a new run cannot have, told before anything is read; without Keras, which takes seconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stoker.differing import between, file_differences, order_differences, plain
from stoker.feed import Feed
from stoker.rundir import RunDirectory
from stoker.runrecords import RunRecord
from stoker.sources import Source

__all__ = ["refuse_taken"]


def refuse_taken(directory: Path, feed: Any) -> None:
    """Refuse, before anything is read, a folder that holds a run, and say what is known to differ by now.

    Parameters
    ----------
    directory
        Where the run is to be written.
    feed
        What is to be trained on; of a `stoker.Feed` files, columns, label and order are compared.

    Raises
    ------
    RunError
        If there is a run, or something that a run would write over.
    """
    known = isinstance(feed, Feed)
    RunDirectory(directory).check_free(
        lambda there: _known_differences(there, feed) if known else (),
        of_same="of what looks like the same plan" if known else "",
    )


def _known_differences(there: RunRecord, feed: Feed) -> Iterator[str]:
    """What differs as far as it can be told before the survey; a file's content is told by its size alone."""
    if there.plan is None or there.spec is None:
        yield "what is trained on: a generator there, files here"
        return
    source, asked, order = feed.source, feed.options.plan, there.plan.order
    sizes = [file.size for file in source.identity()]
    yield from file_differences(
        [(file.path, file.num_bytes) for file in there.files], list(zip(source.paths, sizes, strict=True))
    )
    kind = asked.shuffle if isinstance(asked.shuffle, str) else "block" if asked.shuffle else "sequential"
    size = order.batch_size if feed.options.batches == "usual" else asked.batch_size
    here = {"kind": kind, "seed": asked.seed, "batch_size": size}
    yield from order_differences(asdict(order), here)
    pairs = (
        ("rows of the files", there.source.get("view"), source.view.describe()),
        ("columns", [column.name for column in there.columns], _columns_like(there, source)),
        ("label", there.spec.labels, source.labels),
        ("sample weight", there.spec.sample_weight, source.sample_weight),
    )
    for name, old, new in pairs:
        yield from between(name, plain(old), plain(new))


def _columns_like(there: RunRecord, source: Source) -> list[str]:
    """Columns of the source, but those that a choice of transforms may leave out again, as it did there."""
    kept = {column.name for column in there.columns}
    return [column.name for column in source.columns if column.name in kept or not there.choices]
