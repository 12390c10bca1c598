"""What each of several processes takes of a batch, and how it travels to the step that all take together."""

from __future__ import annotations

from typing import Any

import numpy as np

from stoker.group import Group, current
from stoker.training.protocols import BatchStreamLike, FeedLike
from stoker.types import Batch, Rank

__all__ = ["Share", "is_sparse_input", "share_of"]


class Share:
    """A process's places of every batch of a feed.

    Parameters
    ----------
    group
        The processes that train together.
    batch_size, num_rows
        Of the feed.

    Examples
    --------
    >>> Share(Group(0, 2, lambda frame: frame), 8, 19).counts(2)
    (3, 0)
    """

    def __init__(self, group: Group, batch_size: int, num_rows: int) -> None:
        self._group = group
        self._batch_size, self._num_rows = batch_size, num_rows
        self._rank = Rank(group.rank, group.count)
        self._places = [Rank(each, group.count).places(batch_size) for each in range(group.count)]

    def open(self, feed: Any, epoch: int, start_batch: int) -> BatchStreamLike:
        """The batches of an epoch, of each this process's rows."""
        stream: BatchStreamLike = feed.epoch(epoch, start_batch, self._rank)
        return stream

    def counts(self, batch: int) -> tuple[int, ...]:
        """How many rows of a batch each process has: none, where the last one is so short."""
        rows = min(self._batch_size, self._num_rows - batch * self._batch_size)
        return tuple(max(0, min(rows, behind) - first) for first, behind in self._places)

    def arrays(self, batch: Batch) -> tuple[Any, ...]:
        """Inputs, targets and weights of as many rows in all processes, and how many each process has.

        What stands behind the rows is zeros, which the step cuts off again. Rows whose width their batch
        alone decides are as wide as the widest of all processes.
        """
        counts = self.counts(batch.position.batches)
        room = max(counts)
        widths = self._widths(batch.x)
        x = _mapped(batch.x, lambda array: _padded(array, room, next(widths, None)))
        y = _mapped(batch.y, lambda array: _padded(array, room))
        weights = _mapped(batch.sample_weight, lambda array: _padded(array, room))
        return x, y, weights, np.array(counts, np.int32)

    def _widths(self, x: Any) -> Any:
        """The widths of inputs that have no fixed one, as agreed; nothing where all have."""
        if not _is_sparse(x):
            return iter(())
        own: list[int] = []
        _mapped(x, lambda array: own.append(array.shape[1] if array.ndim > 1 else 0))
        return map(max, zip(*self._group.words(own), strict=True))


def share_of(feed: FeedLike) -> Share | None:
    """The share that this process has of a feed; None where it trains by itself."""
    group = current()
    if group.is_alone:
        return None
    assert feed.batch_size is not None
    assert feed.num_rows is not None
    return Share(group, feed.batch_size, feed.num_rows)


def is_sparse_input(x: Any) -> bool:
    """Whether an input comes as indices and values, as wide as its batch needs."""
    return isinstance(x, dict) and x.keys() == {"indices", "values"}


def _is_sparse(x: Any) -> bool:
    """Whether some input does so."""
    if not isinstance(x, dict):
        return False
    return is_sparse_input(x) or any(map(_is_sparse, x.values()))


def _mapped(tree: Any, change: Any) -> Any:
    """A tree of arrays, each of them changed."""
    if isinstance(tree, dict):
        return {name: _mapped(part, change) for name, part in tree.items()}
    return None if tree is None else change(tree)


def _padded(array: Any, rows: int, width: int | None = None) -> Any:
    shape = (rows, *array.shape[1:]) if not width else (rows, width, *array.shape[2:])
    if array.shape == shape:
        return array
    padded = np.zeros(shape, array.dtype)
    padded[tuple(map(slice, array.shape))] = array
    return padded
