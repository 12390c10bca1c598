"""What is made of pieces of rows that a model scores, in this process or on hosts."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any

from stoker.sources.nameless import NAMELESS, refuse_on_hosts
from stoker.training.file_pieces import FilePieces, file_pieces
from stoker.training.held import with_kept
from stoker.training.on_hosts import Answer, scored_on_hosts
from stoker.training.scoring import Scorer
from stoker.training.unscored import UnscoredRows
from stoker.transforms import FittedTransform
from stoker.types import FeedSpec, Progress

__all__ = ["answered"]


def answered(
    pieces: FilePieces,
    answer: Answer,
    model: Any,
    spec: FeedSpec,
    target: FittedTransform | None,
    *,
    hosts: int,
    bad: UnscoredRows,
    progress: Progress | None,
    keep: Sequence[str] = (),
) -> Generator[Any]:
    """The answer to each piece of a source, in their order; close it, else hosts go on until it is collected.

    Parameters
    ----------
    pieces
        What to make of the rows.
    answer
        Called with a scorer and a piece.
    model, spec, target
        As of `Scorer`.
    hosts
        How many processes score; 1 for this one.
    bad
        Counts the rows without an answer.
    progress
        Called with bytes done and bytes in all.
    keep
        Columns that come along, of rows in memory.

    Raises
    ------
    OptionError
        If rows that other processes cannot read shall be scored by several.
    BadRowError, DataError
        As of `FilePieces.piece`.
    WorkerError, MissingExtraError
        As of `scored_on_hosts`.
    """
    if hosts == 1:
        scorer = Scorer(model, spec, target, spares=pieces.is_few)
        read = with_kept(file_pieces(pieces, progress=progress), pieces.source, keep)
        for piece in bad.counted(read):
            yield answer(scorer, piece)
        return
    if pieces.source.table.format in NAMELESS:
        raise refuse_on_hosts()
    scored = scored_on_hosts(pieces, model, spec, target, answer, hosts=hosts, progress=progress)
    with closing(scored):
        for piece, found in scored:
            bad.count_in(piece)
            yield found
