"""Rows of compressed files: read from the first to the last into memory, or unpacked to the disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from stoker.ledger import Charge, Ledger
from stoker.prefetch import prefetch
from stoker.sources import Chunk, ParsedChunk, Source
from stoker.sources.chunks import check_chunk
from stoker.sources.index import RowIndex
from stoker.sources.spool import hold_spool
from stoker.sources.spool_writer import SpoolWriter
from stoker.survey.drawing import chunk_bytes
from stoker.survey.keeper import Keeper
from stoker.survey.kept import KeptRows, collect, kept_bytes
from stoker.survey.unpacking import charge_unpacking, not_kept
from stoker.types import Uint64Array

if TYPE_CHECKING:
    from stoker.survey.result import Survey

__all__ = ["is_unpacked", "recollect", "spool_of", "spooled"]

_CHUNK_BYTES = 1 << 20
_COPIES = 3
"""Times that a chunk of a file is in memory while it is parsed: its bytes, texts, and the rows."""


def is_unpacked(source: Source, index: RowIndex) -> bool:
    """Whether the rows of all files can be read by position already; they can as long as the index lives."""
    packed = [number for number, packing in enumerate(source.table.packings) if packing]
    held = [hold_spool(source.places[number], index, number) for number in packed]
    return None not in held


def spooled(spool: SpoolWriter, index: RowIndex, path: str, notes: list[str]) -> None:
    """Keep what files unpacked to, and say so."""
    num_bytes, folder = spool.finish(index)
    notes.append(
        f"{path} is compressed and its rows do not fit into memory: it was unpacked to {folder} "
        f"({num_bytes:,} bytes) until nobody reads it any more"
    )


@contextmanager
def spool_of(source: Source, allowed: bool) -> Iterator[SpoolWriter | None]:
    """What takes in unpacked bytes; None where files are not compressed, or must not be unpacked."""
    if not source.is_packed or not allowed:
        yield None
        return
    with closing(SpoolWriter(source.places)) as writer:
        yield writer


def recollect(
    found: Survey,
    keeper: Keeper,
    *,
    by_position: bool,
    keep_bytes: int,
    may_spool: bool,
    workers: int,
    ledger: Ledger | None,
    notes: list[str],
) -> KeptRows | None:
    """Read the rows of a survey into memory where they fit.

    Those of compressed files are read from the first to the last, into memory or a spool. Where they will not
    fit, and may be unpacked, nothing is read: whoever reads rows unpacks them then.

    Parameters
    ----------
    found
        What was surveyed before.
    keeper
        Of the rows, while they fit.
    by_position
        Whether they can be read so: files are plain, or unpacked already.
    keep_bytes
        What they may take.
    may_spool
        Whether rows that do not fit may be unpacked to the disk; if not, they must fit.
    workers
        Threads; 0 parses in the calling thread.
    ledger
        Charged for what is in flight, and for what unpacks.
    notes
        Told where it went.

    Raises
    ------
    ChangedDataError
        If the files are not what the survey saw.
    MemoryBudgetError
        If rows must fit and do not, or unpacking takes too much.
    """
    source, path = found.source, found.source.paths[0]
    if by_position:
        return collect(found, keep_bytes, workers=workers, ledger=ledger)
    if may_spool and kept_bytes(found) > keep_bytes:
        notes.append(
            f"{path} is compressed and its rows do not fit into memory: it is unpacked "
            f"({found.plain_bytes:,} bytes) when they are read, until nobody reads them any more"
        )
        return None
    with spool_of(source, may_spool) as spool:
        _reread(found, keeper, spool, _tasks(found, workers, ledger), workers)
        kept = keeper.finish(found.dtype)
        if kept is None and spool is not None:
            spooled(spool, found.index, path, notes)
    return kept


def _tasks(found: Survey, workers: int, ledger: Ledger | None) -> Iterator[tuple[Chunk, Charge | None]]:
    """The chunks of the files, each charged for itself and what becomes of it."""
    target = _CHUNK_BYTES
    if ledger is not None:
        has_floats = found.dtype.kind == "f"
        target = min(target, chunk_bytes(ledger.limit, workers + 1, has_floats=has_floats))
    for chunk in charge_unpacking(found.source.chunks(target), found.source.paths, ledger):
        yield chunk, None if ledger is None else ledger.charge("survey", _COPIES * chunk.num_bytes)


def _reread(
    found: Survey,
    keeper: Keeper,
    spool: SpoolWriter | None,
    tasks: Iterator[tuple[Chunk, Charge | None]],
    workers: int,
) -> None:
    source, index, first = found.source, found.index, 0

    def parse(task: tuple[Chunk, Charge | None]) -> tuple[Chunk, Charge | None, Uint64Array, ParsedChunk]:
        chunk, charge = task
        return chunk, charge, chunk.checksums(), source.parse(chunk, found.dtype)

    with prefetch(parse, tasks, workers=workers, in_flight=workers + 1, name="keep") as parts:
        for chunk, charge, checksums, parsed in parts:
            first = check_chunk(chunk, checksums, index, source.paths, first)
            keeper.add(parsed.rows, num_slots=index.num_records)
            if charge is not None:
                charge.release()
            if spool is not None:
                spool.add(chunk)
            elif not keeper.active:
                raise not_kept(source.paths[0])
