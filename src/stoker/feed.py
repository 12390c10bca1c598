"""What users hold: rows of a source, fitted transforms and an order, as batches for a model."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import replace

from stoker.buffers import BufferPool
from stoker.encoding import BatchEncoder
from stoker.ledger import Ledger
from stoker.loader import Loader
from stoker.plan import CacheOption, Plan, PlanOptions, Shuffle, parse_bytes
from stoker.preparation import FeedOptions, Preparation, derived_stage, training_stage, with_cache
from stoker.samplers import make_sampler
from stoker.sources import Source
from stoker.stream import BatchStream
from stoker.survey import Survey
from stoker.survey.policy import BadRows, NaOption
from stoker.task import TaskOption
from stoker.transforms.numeric import Cast as FeatureTransform
from stoker.types import FeedSpec, Progress
from stoker.weights import ClassWeight

__all__ = ["BaseFeed", "DerivedFeed", "Feed"]


class BaseFeed(ABC):
    """Batches of a source's rows, an epoch at a time."""

    _pool: BufferPool | None = None

    @property
    @abstractmethod
    def stage(self) -> Preparation:
        """Everything resolved: survey, plan, transforms and where the rows are."""

    @property
    def spec(self) -> FeedSpec:
        """What a model must know of the data."""
        return self.stage.spec

    @property
    def classes(self) -> tuple[str | int | float, ...] | None:
        """The labels behind the class indices; None for regression."""
        return self.spec.classes

    @property
    def plan(self) -> Plan:
        """The resolved order, memory and concurrency."""
        return self.stage.plan

    @property
    def survey(self) -> Survey:
        """What one pass over the files found."""
        return self.stage.survey

    @property
    def ledger(self) -> Ledger:
        """The account of this run's buffers, shared by every feed derived from one."""
        return self.stage.ledger

    @property
    def batch_size(self) -> int:
        """Rows of every batch but the last."""
        return self.plan.order.batch_size

    @property
    def num_rows(self) -> int:
        """Rows of an epoch."""
        return self.plan.order.num_rows

    @property
    def num_batches(self) -> int:
        """Batches of an epoch, the short last one included."""
        return self.plan.order.num_batches

    def __len__(self) -> int:
        return self.num_batches

    @abstractmethod
    def build_cache(self, progress: Progress | None = None) -> None:
        """Have the plan's cache made now rather than when the first batch is asked for.

        Parameters
        ----------
        progress
            Called with rows done and rows in all, where there is something to do.

        Raises
        ------
        DataError
            If the cache cannot be written.
        """

    def epoch(self, epoch: int = 0, start_batch: int = 0) -> BatchStream:
        """Stream the batches of an epoch, from a batch on; close the stream, or use it up.

        Parameters
        ----------
        epoch
            Counted from 0; each has its own order.
        start_batch
            Batches that are already finished; seeking is arithmetic and reads none of them.
        """
        self.build_cache()
        stage = self.stage
        return BatchStream(
            Loader(stage.reader, stage.view, stage.ledger, stage.read_bytes, stage.row_bytes),
            make_sampler(stage.plan.order),
            self._encoder(),
            epoch=epoch,
            start_batch=start_batch,
            limits=stage.plan.limits,
        )

    def derive(
        self, source: Source | str | os.PathLike[str], *, keep: tuple[str, ...] = (), label: bool = True
    ) -> DerivedFeed:
        """The feed of other rows that shares this one's transforms, classes and memory budget.

        Parameters
        ----------
        source
            A Source, perhaps the other part of a split, or the path of files with the same columns. Types
            are held: they are this feed's, not inferred anew.
        keep
            Columns that come along with each batch as text, unchanged.
        label
            Whether the rows have, and need, labels.

        Raises
        ------
        ColumnError
            If a column is missing or holds what it must not.
        DataError
            If there are labels that training never saw.
        """
        return DerivedFeed(derived_stage(self.stage, source, keep=keep, label=label), self)

    def close(self) -> None:
        """Release files, mappings and idle buffers; the feed may be used again."""
        self.stage.reader.close()
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _encoder(self) -> BatchEncoder:
        """What makes batches of rows, with the buffers that epoch after epoch goes through."""
        stage, limits = self.stage, self.plan.limits
        if self._pool is None:
            row_bytes = 4 * stage.inputs.num_outputs
            self._pool = BufferPool(
                stage.ledger,
                "batches",
                num_bytes=limits.group_batches * self.batch_size * row_bytes,
                most_idle=limits.groups_in_flight + 1,
            )
        return BatchEncoder(
            inputs=stage.inputs,
            target=stage.target,
            class_weights=stage.class_weights,
            keep=stage.keep,
            pool=self._pool,
        )


class DerivedFeed(BaseFeed):
    """A feed of other rows with another's fitted transforms, in file order."""

    def __init__(self, stage: Preparation, parent: BaseFeed) -> None:
        self._stage = stage
        self._parent = parent if stage.survey is parent.survey else None

    @property
    def stage(self) -> Preparation:
        """Everything resolved; rows of the same files come from wherever the parent's come from."""
        if self._parent is None:
            return self._stage
        shared = self._parent.stage
        return replace(self._stage, reader=shared.reader, read_bytes=shared.read_bytes)

    def build_cache(self, progress: Progress | None = None) -> None:
        """Have the parent's cache made, if these are rows of the same files; others come from their files."""
        if self._parent is not None:
            self._parent.build_cache(progress)


class Feed(BaseFeed):
    r"""Shuffled, transformed batches of a source under a memory budget.

    Nothing is read before `prepare`, which the first use of anything that needs it calls.

    Parameters
    ----------
    source
        The training rows: what `stoker.open` gave, or a view of it.
    transform
        Of the features; None standardises them. It is fitted on these rows unless it is already.
    batch_size
        Rows a batch.
    shuffle
        True or ``"block"``: blocks of rows in random order, windows of them shuffled, at the speed of a scan.
        ``"exact"``: uniform over all rows. False: file order.
    seed
        Of the order.
    memory
        For all of stoker's buffers together: bytes, or a text such as ``"64MB"``.
    task
        ``"binary"``, ``"classes"``, ``"regression"``, or ``"auto"``, which goes by the label.
    na
        What becomes of blanks: ``"error"``, ``"mean"``, ``"zero"`` or ``"drop-row"``; or a mapping by column.
    on_bad_row
        ``"error"`` or ``"skip"``.
    max_bad_rows
        The most rows that may be skipped; None sets no bound.
    class_weight
        ``"balanced"``, a mapping from every label to its weight, or None.
    cache
        Whether parsed rows are kept on disk: ``"auto"`` decides by epochs and room.
    epochs
        How many are planned; decides the cache and nothing else.
    workers
        Threads a stage; None takes the number of cores, 0 works in the calling thread.

    Examples
    --------
    >>> import stoker, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "tiny.csv")
    >>> _ = path.write_text("x,y\n1,0\n2,1\n3,0\n4,1\n")
    >>> feed = stoker.Feed(stoker.open(path, label="y"), batch_size=2, shuffle=False)
    >>> [batch.y.tolist() for batch in feed.epoch(0)]
    [[0, 1], [0, 1]]
    """

    def __init__(
        self,
        source: Source,
        *,
        transform: FeatureTransform | None = None,
        batch_size: int = 256,
        shuffle: Shuffle = True,
        seed: int = 0,
        memory: str | int = "1GB",
        task: TaskOption = "auto",
        na: NaOption = "error",
        on_bad_row: BadRows = "error",
        max_bad_rows: int | None = None,
        class_weight: ClassWeight = None,
        cache: CacheOption = "auto",
        epochs: int = 1,
        workers: int | None = None,
    ) -> None:
        self.source = source
        self.options = FeedOptions(
            plan=PlanOptions(
                batch_size=batch_size,
                shuffle=shuffle,
                seed=seed,
                memory_bytes=parse_bytes(memory),
                cache=cache,
                epochs=epochs,
                workers=workers,
            ),
            transform=transform,
            task=task,
            na=na,
            on_bad_row=on_bad_row,
            max_bad_rows=max_bad_rows,
            class_weight=class_weight,
        )
        self._prepared: Preparation | None = None
        self._cached = False

    @property
    def stage(self) -> Preparation:
        """Everything resolved; prepares the feed if nobody did."""
        if self._prepared is None:
            self.prepare()
        assert self._prepared is not None
        return self._prepared

    def prepare(self, progress: Progress | None = None) -> Feed:
        """Survey the files, settle the task, fit the transforms, resolve the plan; once.

        Parameters
        ----------
        progress
            Called with bytes done and bytes in all during the survey.

        Raises
        ------
        DataError
            For rows, columns or labels that cannot be trained on; every one of them in one message.
        OptionError, MemoryBudgetError
            For options that cannot be.
        """
        if self._prepared is None:
            self._prepared = training_stage(self.source, self.options, progress)
        return self

    def close(self) -> None:
        """Release files, mappings and idle buffers, if there are any yet; the feed may be used again."""
        if self._prepared is not None:
            super().close()

    def build_cache(self, progress: Progress | None = None) -> None:
        """Have the plan's cache made now rather than when the first batch is asked for."""
        if self.plan.use_cache and not self._cached:
            self._prepared = with_cache(self.stage, progress)
            self._cached = True
