"""The rows of a view in their order, as tables: from the files, or from memory where they were kept."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from typing import Any, Generic, TypeVar

import numpy as np
import pyarrow as pa

from stoker.conversion.columns import Layout
from stoker.conversion.sizes import Sizes
from stoker.errors import ChangedDataError
from stoker.ledger import Charge, Ledger
from stoker.prefetch import prefetch
from stoker.sources import BoundView, Source
from stoker.sources.chunks import Chunk, check_chunk
from stoker.survey import Survey
from stoker.survey.drawing import Drawing
from stoker.survey.unpacking import charge_unpacking
from stoker.types import IntArray, Progress, RowReader, Uint64Array

__all__ = ["Work", "from_files", "from_memory", "is_plain", "shrank", "wanted"]

Result = TypeVar("Result")
Work = Callable[[pa.Table, int], Result]
"""What is made of a table, given the position in the view of its first row; by several threads at a time."""


@dataclass(frozen=True, slots=True)
class _Task:
    """A chunk, which of its rows are wanted (None for all), and the first one's position."""

    chunk: Chunk
    take: IntArray | None
    position: int
    charge: Charge

    @property
    def num_rows(self) -> int:
        """Rows that are wanted."""
        return self.chunk.num_records if self.take is None else len(self.take)


@dataclass(frozen=True, slots=True)
class _Done(Generic[Result]):
    """What became of a chunk."""

    task: _Task
    checksums: Uint64Array
    result: Result | None


def from_files(
    found: Survey,
    view: BoundView,
    layout: Layout,
    sizes: Sizes,
    work: Work[Result],
    *,
    workers: int,
    ledger: Ledger,
    progress: Progress,
) -> Generator[Result]:
    """Read the files once more, and compare them with what the survey saw.

    Raises
    ------
    ChangedDataError
        They hold something else.
    """
    source, first, done, num_rows = found.source, 0, 0, 0

    def worked(task: _Task) -> _Done[Result]:
        checksums, result = task.chunk.checksums(), None
        if task.num_rows:
            rows = source.parse(task.chunk, found.dtype).rows
            result = work(layout.table(rows, task.take), task.position)
        return _Done(task, checksums, result)

    drawing = Drawing(_tasks(found, view, layout, sizes, ledger), worked)
    with (
        closing(drawing),
        prefetch(drawing, count(), workers=workers, in_flight=workers + 1, name="convert") as results,
    ):
        for each in results:
            if each is None:
                break
            first = check_chunk(each.task.chunk, each.checksums, found.index, source.paths, first)
            if each.result is not None:
                yield each.result
            each.task.charge.release()
            done += each.task.chunk.file_bytes
            num_rows += each.task.num_rows
            progress(min(done, found.num_bytes), found.num_bytes)
    if num_rows < view.num_rows:
        raise shrank(source)


def shrank(source: Source) -> ChangedDataError:
    """What to say where rows are missing that there were."""
    return ChangedDataError(f"{source.paths[-1]} shrank while it was converted: convert it again")


def is_plain(source: Source, view: BoundView, num_slots: int, num_excluded: int) -> bool:
    """Whether a view is of all rows of a source."""
    return not source.view.steps and not num_excluded and view.num_rows == num_slots


def wanted(view: BoundView, chunk: Chunk) -> IntArray | None:
    """Which rows of a chunk are the view's; None for all of them."""
    inside = view.mask(chunk.first_row, chunk.num_records)
    return None if inside.all() else np.flatnonzero(inside)


def _tasks(found: Survey, view: BoundView, layout: Layout, sizes: Sizes, ledger: Ledger) -> Generator[_Task]:
    """Charge each chunk, up to that of the last row wanted, for its bytes and what becomes of them."""
    source, position = found.source, 0
    plain = is_plain(source, view, found.num_slots, len(found.excluded))
    width = len(found.features) * found.dtype.itemsize
    chunks = source.chunks(sizes.chunk)
    for chunk in charge_unpacking(chunks, source.paths, ledger):
        take = None if plain else wanted(view, chunk)
        # Bytes, what is parsed of them, the table, and the table in another order or as text.
        held = chunk.num_bytes + chunk.num_records * (width + 2 * layout.row_bytes)
        task = _Task(chunk, take, position, ledger.charge("conversion", held))
        yield task
        position += task.num_rows
        if position == view.num_rows:
            break


def from_memory(
    kept: RowReader,
    view: BoundView,
    layout: Layout,
    sizes: Sizes,
    work: Work[Result],
    *,
    order: Callable[[IntArray], IntArray],
    workers: int,
    ledger: Ledger,
    progress: Progress,
) -> Generator[Result]:
    """Take rows that were kept; place p of what comes is position ``order(p)`` of the view.

    Those of a file are had in ascending order alone.
    """
    step, total = sizes.piece_rows(layout), view.num_rows

    def worked(start: int) -> Result:
        places = np.arange(start, min(start + step, total), dtype=np.int64)
        rows = kept.read(view.ids_of(order(places)))
        take = np.arange(len(places), dtype=np.int64) if rows.index is None else None
        return work(layout.table(rows, take), start)

    with (
        ledger.charge("conversion", 2 * (workers + 1) * step * layout.row_bytes),
        prefetch(
            worked, range(0, total, step), workers=workers, in_flight=workers + 1, name="convert"
        ) as results,
    ):
        for number, result in enumerate(results, 1):
            yield result
            progress(min(number * step, total), total)


def in_order(positions: IntArray) -> IntArray:
    """As they stand."""
    return positions


def nothing(done: Any, total: Any) -> None:
    """No progress."""
