"""A feed over arrays in memory: the protocol of a feed in fifty lines."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from stoker.types import Batch, FeedSpec, Position


@dataclass
class MemoryLedger:
    current: int = 0
    peak: int = 4096
    limit: int = 1 << 20


@dataclass
class MemoryFeed:
    """``before(epoch, batch)`` is called before each batch; it may sleep or raise."""

    x: np.ndarray
    y: np.ndarray
    spec: FeedSpec
    batch_size: int = 8
    shuffle: bool = True
    before: Callable[[int, int], None] = lambda epoch, batch: None
    always_ready: bool = True
    short_by: int = 0
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    streams: list[MemoryStream] = field(default_factory=list)

    @property
    def num_rows(self) -> int:
        return len(self.y)

    @property
    def num_batches(self) -> int:
        return math.ceil(self.num_rows / self.batch_size)

    def epoch(self, epoch: int, start_batch: int = 0) -> MemoryStream:
        self.streams.append(MemoryStream(self, epoch, start_batch))
        return self.streams[-1]

    def derive(self, source: tuple[np.ndarray, np.ndarray]) -> MemoryFeed:
        return replace(self, x=source[0], y=source[1], shuffle=False, streams=[])

    @property
    def open_streams(self) -> int:
        return sum(not stream.closed for stream in self.streams)


class MemoryStream:
    def __init__(self, feed: MemoryFeed, epoch: int, start: int) -> None:
        self.feed, self.number, self.next, self.closed = feed, epoch, start, False
        self.extra: dict[str, Any] = {}
        rows = np.arange(feed.num_rows)
        self.order = np.random.default_rng(epoch).permutation(rows) if feed.shuffle else rows

    def __iter__(self) -> Iterator[Batch]:
        return self

    def ready(self) -> bool:
        return self.feed.always_ready

    def __next__(self) -> Batch:
        if self.next >= self.feed.num_batches - self.feed.short_by:
            raise StopIteration
        self.feed.before(self.number, self.next)
        rows = self.order[self.next * self.feed.batch_size :][: self.feed.batch_size]
        self.next += 1
        position = Position(epoch=self.number, batches=self.next)
        x, y = self.feed.x[rows], self.feed.y[rows]
        return Batch(x=x, y=y, size=len(rows), position=position, ids=rows, **self.extra)

    def close(self) -> None:
        self.closed = True


def make_feed(
    task: str = "classes", rows: int = 50, columns: int = 4, seed: int = 0, **options: Any
) -> MemoryFeed:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, columns)).astype(np.float32)
    slope = np.random.default_rng(99).normal(size=(columns, 3)).astype(np.float32)
    if task == "regression":
        y, outputs, classes = (x @ slope[:, 0]).astype(np.float32), 1, None
    elif task == "binary":
        y, outputs, classes = (x @ slope[:, 0] > 0).astype(np.int32), 1, ("no", "yes")
    else:
        y, outputs, classes = (x @ slope).argmax(1).astype(np.int32), 3, ("a", "b", "c")
    spec = FeedSpec(
        input_shape=(columns,),
        input_dtype="float32",
        features=tuple(f"x{place}" for place in range(columns)),
        task=task,
        classes=classes,
        num_outputs=outputs,
        label="label",
    )
    return MemoryFeed(x=x, y=y, spec=spec, **options)
