"""The rows of a view in their order, as tables that the processes of a Ray cluster make of the files."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from stoker.cluster.spreading import Worked, spread
from stoker.conversion.columns import Layout
from stoker.conversion.reading import is_plain, shrank, wanted
from stoker.conversion.sizes import Sizes
from stoker.sources import BoundView, Source
from stoker.sources.chunks import Chunk, check_chunk
from stoker.survey import Survey
from stoker.types import Progress, Uint64Array

__all__ = ["from_hosts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """What became of a chunk, which comes without its rows."""

    chunk: Chunk
    checksums: Uint64Array
    file_bytes: int
    num_rows: int
    result: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class _Making:
    """What each process begins with; `view` is None where all rows are wanted."""

    source: Source
    view: BoundView | None
    layout: Layout
    dtype: np.dtype[Any]
    work: Callable[[pa.Table], Any]

    def __call__(self) -> Worked:
        return self._made

    def _made(self, chunk: Chunk) -> _Made:
        take = None if self.view is None else wanted(self.view, chunk)
        num_rows = chunk.num_records if take is None else len(take)
        result = None
        if num_rows:
            rows = self.source.parse(chunk, self.dtype).rows
            result = self.work(self.layout.table(rows, take))
        return _Made(
            chunk=_bare(chunk),
            checksums=chunk.checksums(),
            file_bytes=chunk.file_bytes,
            num_rows=num_rows,
            result=result,
        )


def _bare(chunk: Chunk) -> Chunk:
    """Where a chunk stands, without what it holds."""
    return Chunk(
        file_index=chunk.file_index,
        first_row=chunk.first_row,
        num_records=chunk.num_records,
        offset=chunk.offset,
        data=np.empty(0, np.uint8),
        anchor_rows=chunk.anchor_rows,
        anchor_offsets=chunk.anchor_offsets,
    )


def from_hosts(
    found: Survey,
    view: BoundView,
    layout: Layout,
    sizes: Sizes,
    work: Callable[[pa.Table], Any],
    *,
    hosts: int,
    progress: Progress,
) -> Generator[tuple[Any, int]]:
    """Read the files once more, in other processes, and compare them with what the survey saw.

    Parameters
    ----------
    work
        What is made of each table, there; it can be pickled.
    hosts
        How many processes.

    Yields
    ------
    tuple
        What was made, and the position in the view of its first row.

    Raises
    ------
    ChangedDataError
        The files hold something else.
    """
    source, first, done, position = found.source, 0, 0, 0
    plain = is_plain(source, view, found.num_slots, len(found.excluded))
    begin = _Making(source=source, view=None if plain else view, layout=layout, dtype=found.dtype, work=work)
    with closing(spread(partial(source.chunks, sizes.chunk), begin, hosts=hosts)) as results:
        for made in results:
            first = check_chunk(made.chunk, made.checksums, found.index, source.paths, first)
            if made.num_rows:
                yield made.result, position
            position += made.num_rows
            done += made.file_bytes
            progress(min(done, found.num_bytes), found.num_bytes)
            if position == view.num_rows:
                return
    raise shrank(source)
