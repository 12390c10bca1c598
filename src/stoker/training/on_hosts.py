"""Rows of files scored in the processes of a Ray cluster, in their order."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import keras
import numpy as np

from stoker import backends
from stoker.cluster.shipping import packed, unpacked
from stoker.cluster.spreading import Worked, spread
from stoker.sources import Chunk, Source
from stoker.training.adapter import without_copy_warning
from stoker.training.file_pieces import CHUNK_BYTES, BadPlace, FilePieces
from stoker.training.pieces import Piece, UnreadPlace
from stoker.training.scoring import Scorer
from stoker.transforms.base import FittedTransform
from stoker.types import FeedSpec, IntArray, Progress

__all__ = ["Answer", "Labelled", "scored_on_hosts", "shipped", "unshipped"]


class Answer(Protocol):
    """What is made of a piece where the model is. Duty: it can be pickled."""

    def __call__(self, scorer: Scorer, piece: Piece) -> Any:
        """What is wanted of a piece."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Makes of a piece what `evaluate_answers` takes."""

    def __call__(self, scorer: Scorer, piece: Piece) -> tuple[Any, Any, Any]:
        """The model's own outputs for the good rows, their targets, and what they weigh."""
        return scorer.raw(piece.x), piece.y, piece.weights


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scored:
    """What came of a piece: its good rows, None for all of them; the place of the first bad one."""

    num_rows: int
    good: IntArray | None
    bad: BadPlace | None
    unread: tuple[UnreadPlace, ...]
    num_bytes: int
    answer: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scoring:
    """What each process begins with."""

    pieces: FilePieces
    model: bytes
    spec: FeedSpec
    target: FittedTransform | None
    answer: Answer

    def __call__(self) -> Worked:
        scorer = Scorer(unshipped(self.model), self.spec, self.target)

        def work(chunk: Chunk) -> list[_Scored]:
            return [self._scored(scorer, *self.pieces.piece(task)) for task in self.pieces.tasks(chunk)]

        return work

    def _scored(self, scorer: Scorer, piece: Piece, num_bytes: int) -> _Scored:
        bad: Any = piece.tell_first_bad
        return _Scored(
            num_rows=piece.num_rows,
            good=piece.good if len(piece.good) < piece.num_rows else None,
            bad=None if bad is None else replace(bad, source=None),
            unread=tuple(_of(each, None) for each in piece.unread),
            num_bytes=num_bytes,
            answer=self.answer(scorer, piece),
        )


def scored_on_hosts(
    pieces: FilePieces,
    model: Any,
    spec: FeedSpec,
    target: FittedTransform | None,
    answer: Answer,
    *,
    hosts: int,
    progress: Progress | None = None,
) -> Generator[tuple[Piece, Any]]:
    """Every row of a source's files, parsed and scored by several processes; the view is ignored.

    Parameters
    ----------
    pieces
        What to make of the rows; the same pieces as in one process, and so the same batches.
    model, spec, target
        As of `Scorer`; the model travels with its weights, and with all that is registered with Keras.
    answer
        Called in those processes.
    hosts
        How many.
    progress
        Called with bytes done and bytes in all.

    Yields
    ------
    tuple
        A piece without its rows, and the answer to it.

    Raises
    ------
    WorkerError, MissingExtraError
        As of `spread`.
    BadRowError, DataError
        As of `FilePieces.piece`.
    """
    source, done = pieces.source, 0
    total = sum(identity.size for identity in source.identity())
    begin = _Scoring(pieces=pieces, model=shipped(model), spec=spec, target=target, answer=answer)
    found = spread(partial(source.chunks, CHUNK_BYTES), begin, hosts=hosts, backend=backends.choose())
    with closing(found):
        for scored in (each for of_chunk in found for each in of_chunk):
            yield _bare(scored, source), scored.answer
            done += scored.num_bytes
            if progress is not None:
                progress(min(done, total), total)


def _bare(scored: _Scored, source: Source) -> Piece:
    good = scored.good
    return Piece(
        num_rows=scored.num_rows,
        good=np.arange(scored.num_rows, dtype=np.int64) if good is None else good,
        x=None,
        tell_first_bad=None if scored.bad is None else replace(scored.bad, source=source),
        unread=tuple(_of(each, source) for each in scored.unread),
    )


def _of(unread: UnreadPlace, source: Source | None) -> UnreadPlace:
    """The same of another source, which travels apart."""
    place: Any = unread.tell_first
    return replace(unread, tell_first=replace(place, source=source))


def shipped(model: Any) -> bytes:
    """A model on its way to another process, with the layers, losses and functions that Keras was told of."""
    known = dict(keras.saving.get_custom_objects())
    return packed((known, packed(model)))


def unshipped(data: bytes) -> Any:
    """The model that `shipped` took."""
    known, model = unpacked(data)
    keras.saving.get_custom_objects().update(known)
    with without_copy_warning():
        return unpacked(model)
