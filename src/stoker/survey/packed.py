"""Rows of compressed files: read from the first to the last into memory, or unpacked to the disk."""

from __future__ import annotations

from typing import Any

import numpy as np

from stoker.errors import MemoryBudgetError
from stoker.prefetch import prefetch
from stoker.sources import Chunk, ParsedChunk, Source
from stoker.sources.chunks import check_chunk
from stoker.sources.index import RowIndex
from stoker.sources.spool import SpoolWriter, find_spool
from stoker.survey.keeper import Keeper
from stoker.survey.kept import KeptRows
from stoker.types import Uint64Array

__all__ = ["is_unpacked", "not_kept", "recollect", "spooled"]

_CHUNK_BYTES = 1 << 20


def not_kept(path: str) -> MemoryBudgetError:
    """What to say where the rows of compressed files must fit into memory and do not."""
    return MemoryBudgetError(
        f"{path} is compressed, so that its rows cannot be read by position; they do not fit into the third "
        "of the memory in which rows are kept, and cache='never' lets nothing be unpacked to the disk: raise "
        "memory=, leave out cache='never', or unpack the file"
    )


def is_unpacked(source: Source, index: RowIndex) -> bool:
    """Whether the rows of all files can be read by position already."""
    packed = [number for number, path in enumerate(source.paths) if source.table.packings[number]]
    return all(find_spool(source.paths[number], index, number) is not None for number in packed)


def spooled(spool: SpoolWriter, index: RowIndex, path: str, notes: list[str]) -> None:
    """Keep what files unpacked to, and say so."""
    num_bytes, folder = spool.finish(index)
    notes.append(
        f"{path} is compressed and its rows do not fit into memory: it was unpacked to {folder} "
        f"({num_bytes:,} bytes), which may be deleted when nobody reads it"
    )


def recollect(
    source: Source,
    index: RowIndex,
    keeper: Keeper,
    dtype: np.dtype[Any],
    *,
    workers: int,
    spool: SpoolWriter | None,
    notes: list[str],
) -> KeptRows | None:
    """Read the rows of compressed files once more, from the first to the last, into memory or a spool.

    Parameters
    ----------
    source, index, dtype
        What was surveyed before.
    keeper
        Of the rows, while they fit.
    workers
        Threads; 0 parses in the calling thread.
    spool
        Takes in what files unpack to, for rows that do not fit; None where they must.
    notes
        Told where it went.

    Raises
    ------
    ChangedDataError
        If the files are not what the survey saw.
    MemoryBudgetError
        If rows must fit and do not.
    """

    def parse(chunk: Chunk) -> tuple[Chunk, Uint64Array, ParsedChunk]:
        return chunk, chunk.checksums(), source.parse(chunk, dtype)

    first, chunks = 0, source.chunks(_CHUNK_BYTES)
    with prefetch(parse, chunks, workers=workers, in_flight=workers + 1, name="keep") as parts:
        for chunk, checksums, parsed in parts:
            first = check_chunk(chunk, checksums, index, source.paths, first)
            keeper.add(parsed.rows, num_slots=index.num_records)
            if spool is not None:
                spool.add(chunk)
            elif not keeper.active:
                raise not_kept(source.paths[0])
    kept = keeper.finish(dtype)
    if kept is None and spool is not None:
        spooled(spool, index, source.paths[0], notes)
    return kept
