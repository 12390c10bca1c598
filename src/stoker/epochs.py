"""A resolved feed's batches, an epoch at a time, and the feeds derived from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any

import numpy.typing as npt

from stoker.buffers import BufferPool
from stoker.encoding import BatchEncoder
from stoker.errors import OptionError
from stoker.expecting import expected_batches
from stoker.ledger import Ledger
from stoker.loader import Loader
from stoker.plan import Plan, rank_order
from stoker.preparation import Preparation, derived_stage
from stoker.samplers import make_sampler
from stoker.stream import BatchStream
from stoker.survey import Survey
from stoker.transforms.base import InputTransform
from stoker.transforms.image import Image
from stoker.transforms.numeric import Cast
from stoker.types import Arrays, FeedSpec, Progress, Rank, StreamLimits

__all__ = ["BaseFeed", "DerivedFeed"]


class BaseFeed(ABC):
    """Batches of a source's rows, an epoch at a time."""

    _reuses_buffers = False
    _pool: BufferPool | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.stage.source!r}: {self.plan!r}>"

    @property
    @abstractmethod
    def stage(self) -> Preparation:
        """Everything resolved: survey, plan, transforms and where the rows are."""

    @property
    def spec(self) -> FeedSpec:
        """What a model must know of the data."""
        return self.stage.spec

    @property
    def transform(self) -> InputTransform:
        """The fitted transform of the features."""
        return self.stage.inputs

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

    def epoch(self, epoch: int = 0, start_batch: int = 0, rank: Rank | None = None) -> BatchStream:
        """Stream the batches of an epoch, from a batch on; close the stream, or use it up.

        Parameters
        ----------
        epoch
            Counted from 0; each has its own order.
        start_batch
            Batches that are already finished; seeking is arithmetic and reads none of them.
        rank
            Whose rows of each batch, where several processes train together; None for all of them. All ranks
            have the same number of batches, numbered alike, and their digests add up to those of all rows. Of
            a short last batch some have no row.

        Raises
        ------
        OptionError
            If the epoch has fewer batches, or a batch fewer rows than there are ranks.
        MemoryBudgetError
            If other open epochs of this feed, or of feeds that it shares memory with, leave too little.
        """
        stage = self.stage
        if rank is not None and rank.count > self.batch_size:
            raise OptionError(
                f"{rank.count} ranks cannot share batches of {self.batch_size} rows: raise batch_size=, or "
                "take fewer ranks"
            )
        if stage.options.quarantine is not None:
            stage.options.quarantine.require_place()
        self.build_cache()
        stage = self.stage
        own = stage.plan.order if rank is None else rank_order(stage.plan.order, rank.count)
        limits, claim = stage.open_epoch(own)
        pool, is_own = self._pool_for(limits, own.batch_size)

        def release() -> None:
            claim.release()
            if is_own:
                pool.close()

        return BatchStream(
            Loader(stage.reader, stage.view, stage.ledger, stage.reading_bytes(own), stage.row_bytes),
            make_sampler(stage.plan.order),
            _encoder_of(stage, pool),
            epoch=epoch,
            start_batch=start_batch,
            rank=rank,
            limits=limits,
            release=release,
        )

    def derive(self, source: Any, *, keep: tuple[str, ...] = (), label: bool = True) -> DerivedFeed:
        """The feed of other rows that shares this one's transforms, classes and memory budget.

        All feeds that are derived from one share a third of its memory. The rows that they keep in memory
        take half of that at most; a feed that finds the half used reads its rows from their files. What is
        left is for epochs that are open: one that finds less than was planned for it works less far ahead,
        and one that finds less than two windows and two batches take is refused until others are closed, or
        feeds with kept rows forgotten.

        Parameters
        ----------
        source
            A Source, perhaps the other part of a split, the path of files with the same columns, or rows that
            another library holds, as `stoker.open` takes them. Types are held: they are this feed's, not
            inferred anew.
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
        MemoryBudgetError
            If feeds that were derived before hold too much.
        """
        return DerivedFeed(derived_stage(self.stage, source, keep=keep, label=label), self)

    def expected_batches(self) -> tuple[tuple[Arrays, npt.NDArray[Any], npt.NDArray[Any] | None], ...]:
        """Inputs, targets and weights of the shapes and types that batches will have, and no memory.

        They are the full batches', and the short last one's. How wide sparse rows are is told where they
        are in memory, by what half of the batches hold; where they are not, nothing is expected.
        """
        return expected_batches(self.stage)

    def close(self) -> None:
        """Release files, mappings and idle buffers; the feed may be used again."""
        self.stage.reader.close()
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _pool_for(self, limits: StreamLimits, batch_rows: int) -> tuple[BufferPool, bool]:
        """Buffers for a stream, and whether they end with it or serve one epoch after the other."""
        stage = self.stage
        is_own = not self._reuses_buffers or limits is not stage.plan.limits
        if self._pool is not None and not is_own:
            return self._pool, False
        pool = BufferPool(
            stage.ledger,
            "batches",
            num_bytes=limits.group_batches * batch_rows * stage.facts.feature_bytes * stage.inputs.num_outputs
            if isinstance(stage.inputs, Cast | Image)
            else 0,
            most_idle=limits.groups_in_flight + 1,
        )
        if not is_own:
            self._pool = pool
        return pool, is_own


def _encoder_of(stage: Preparation, pool: BufferPool) -> BatchEncoder:
    return BatchEncoder(
        inputs=stage.inputs,
        target=stage.target,
        weight=stage.weight,
        class_weights=stage.class_weights,
        keep=stage.keep,
        pool=pool,
        ledger=stage.ledger,
        working_bytes=stage.facts.working_bytes,
        told=stage.told,
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
