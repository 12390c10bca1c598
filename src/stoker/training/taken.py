"""Folders that a new run cannot have, told before anything is read; without Keras, which takes seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stoker.feed import Feed
from stoker.rundir import RunDirectory
from stoker.runrecords import RunRecord

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


def _known_differences(there: RunRecord, feed: Feed) -> list[str]:
    """What differs as far as it can be told before the survey; a file's content is told by its size alone."""
    if there.plan is None or there.spec is None:
        return ["what is trained on"]
    source, options, order = feed.source, feed.options.plan, there.plan.order
    shuffle = options.shuffle
    kind = shuffle if isinstance(shuffle, str) else "block" if shuffle else "sequential"
    size = order.batch_size if feed.options.batches == "usual" else options.batch_size
    order_there = (order.kind, order.seed, order.batch_size)
    pairs = (
        ("files", [file.num_bytes for file in there.files], [file.size for file in source.identity()]),
        ("columns", there.columns, list(source.columns)),
        ("label", there.spec.labels, source.labels),
        ("sample weight", there.spec.sample_weight, source.sample_weight),
        ("order of rows", order_there, (kind, options.seed, size)),
    )
    return [name for name, old, new in pairs if old != new]
