"""From a source to a file."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa

from stoker.conversion.columns import (
    Layout,
    layout_of,
    rounded_columns,
    single_columns,
    table_columns,
    uncertain_columns,
)
from stoker.conversion.digits import HeldIntegers
from stoker.conversion.reading import Work, from_files, from_memory, in_order, nothing
from stoker.conversion.report import ConversionReport
from stoker.conversion.shuffling import Order, buckets_beside, require_room
from stoker.conversion.sizes import Sizes, runs_for
from stoker.errors import OptionError
from stoker.given import located
from stoker.ledger import Ledger, parse_bytes
from stoker.prefetch import available_cores
from stoker.rowfiles import RowFile, format_of, require_place
from stoker.sources import Source
from stoker.survey import Survey, survey
from stoker.types import IntArray, Progress, Rows
from stoker.waits import watched

__all__ = ["Stages", "convert"]

_SEEDS = 1 << 64


class Stages(Protocol):
    """What shows progress, as a `stoker.training.progress.Display` does."""

    def stage(self, name: str, unit: str = "") -> AbstractContextManager[Progress]:
        """Yield a function of what is done and what there is in all."""

    def note(self, name: str, text: str) -> None:
        """Show a line that stays."""


class _Silent:
    """Shows nothing."""

    @contextmanager
    def stage(self, name: str, unit: str = "") -> Iterator[Progress]:
        yield nothing

    def note(self, name: str, text: str) -> None:
        pass


@watched()
def convert(
    source: Source,
    out: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    shuffle: bool = False,
    seed: int = 0,
    compression: str | None = None,
    on_bad_row: Literal["error", "skip"] = "error",
    memory: str | int = "1GB",
    workers: int | None = None,
    progress: Stages | None = None,
) -> ConversionReport:
    r"""Write the rows of a source's view to one file, in bounded memory.

    The rows are read twice where they do not fit the memory: once to find bad rows and types, once to write.

    Parameters
    ----------
    source
        What `stoker.open` gives, or a view of it. All its columns are written, in the order of its files, the
        label among them: integers as the narrowest of uint8, int16, int32 and int64 that holds all of them,
        other numbers as float64, or as float32 what is so in all files and in `out`, and everything else as
        it stands, dates and ``0012`` included. Blanks are nulls.
    out
        A ``.csv``, ``.jsonl``, ``.parquet`` or ``.arrow`` file; ``.csv.gz``, ``.jsonl.zst`` and the like. It
        appears when all of it is written.
    overwrite
        Whether it may take the place of a file.
    shuffle
        Whether rows are written in a random order, uniform over all of them: row p of the file is row π(p) of
        the view, π being the permutation of ``shuffle="exact"`` in epoch 0. Rows that do not fit the memory
        go through temporary files beside `out`, about as large as the rows.
    seed
        Of the order.
    compression
        Within Parquet (snappy, zstd, gzip, brotli, lz4, none) or Arrow (none, lz4, zstd).
    on_bad_row
        Whether rows that cannot be parsed are an error or are left out and counted.
    memory
        What stoker's buffers may take, 16 MB at least.
    workers
        Threads that parse; None for one a core. It changes no bit of the rows.
    progress
        Shows the stages.

    Raises
    ------
    OptionError
        `out` is there already, is one of the files that are read, has another suffix, or cannot hold lists or
        bytes that there are.
    BadRowError
        A row cannot be parsed.
    DataError
        There is no row.
    MemoryBudgetError
        The memory, or the disk for a shuffle, is too small.
    RunError
        `out` cannot be written.
    ChangedDataError
        The files change meanwhile.

    Examples
    --------
    >>> import stoker, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "rows.csv")
    >>> _ = path.write_text("id,size,code\n1,2.5,0012\n2,,0700\n300,4,\n")
    >>> report = stoker.convert(stoker.open(path), path.with_suffix(".parquet"))
    >>> report.num_rows, report.columns
    (3, (('id', 'int16'), ('size', 'double'), ('code', 'string')))
    """
    if not isinstance(source, Source):
        raise OptionError(f"convert takes what stoker.open gives, got {type(source).__name__}")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < _SEEDS:
        raise OptionError(f"seed must be an integer in [0, 2**64), got {seed!r}")
    if seed and not shuffle:
        raise OptionError("seed= has no effect without shuffle=True")
    if on_bad_row not in ("error", "skip"):
        raise OptionError(f"on_bad_row must be error or skip, got {on_bad_row!r}")
    form, final = format_of(out, compression=compression), Path(out)
    require_place(final, overwrite=overwrite)
    _require_other(final, source)
    limit, threads = parse_bytes(memory), available_cores() if workers is None else workers
    columns = table_columns(source)
    form.require_types(pa.schema(list(columns.table.schema.array_types.items())))
    has_floats = any(column.kind == "float" for column in columns.columns)
    conversion = _Conversion(
        sizes=Sizes.of(limit, threads, has_floats=has_floats),
        ledger=Ledger(limit),
        workers=threads,
        stages=progress or _Silent(),
        singles=single_columns(columns) if form.name in ("parquet", "arrow") else (),
    )
    started = time.perf_counter()
    conversion.look(columns, on_bad_row)
    file = RowFile(
        final,
        conversion.layout.schema,
        form,
        overwrite=overwrite,
        group_rows=conversion.sizes.group_rows(conversion.layout),
    )
    conversion.write(file, Order(conversion.view.num_rows, seed) if shuffle else None)
    return conversion.report(file, time.perf_counter() - started)


def _require_other(final: Path, source: Source) -> None:
    for path in map(located, source.places):
        if final.exists() and os.path.exists(path) and os.path.samefile(final, path):
            raise OptionError(f"{final} is one of the files that are read: name another output")


@dataclass(kw_only=True)
class _Conversion:
    """One conversion, step by step."""

    sizes: Sizes
    ledger: Ledger
    workers: int
    stages: Stages
    singles: Collection[str]
    temporary_bytes: int = 0

    def look(self, columns: Source, on_bad_row: Literal["error", "skip"]) -> None:
        """Learn from one pass which rows there are, and the types of their columns."""
        found = self._survey(columns, on_bad_row)
        rounded, before = rounded_columns(found), None
        held = HeldIntegers(uncertain_columns(found, rounded))
        self.num_left_out = int(found.excluded.size)
        self.view = found.view
        if rounded:
            # What the matrix would round is read as text, which must come to the same rows.
            before = replace(found, kept=None)
            del found
            found = self._survey(table_columns(columns, rounded), on_bad_row, learn=held.update)
            excluded = np.union1d(before.excluded, found.excluded)
            self.view = columns.view.bind(found.num_slots, excluded)
            self.num_left_out = len(excluded)
        self.found: Survey = found
        self.layout: Layout = layout_of(found, before, self.singles, held.names)

    def _survey(
        self,
        columns: Source,
        on_bad_row: Literal["error", "skip"],
        learn: Callable[[Rows], None] | None = None,
    ) -> Survey:
        with self.stages.stage("survey", "B") as progress:
            return survey(
                columns,
                role="predict",
                na="zero",
                on_bad_row=on_bad_row,
                keep_bytes=self.sizes.keep,
                workers=self.workers,
                progress=progress,
                ledger=self.ledger,
                stored=False,
                spool=None,
                texts="given",
                learn=learn,
            )

    def write(self, file: RowFile, order: Order | None) -> None:
        """Write all rows, in their order or another."""
        group = 3 * self.sizes.group_rows(self.layout) * self.layout.row_bytes
        with self.ledger.charge("output", group):
            if self.found.kept is not None:
                self._from_memory(file, order)
            elif order is None:
                self._from_files(file)
            else:
                self._through_disk(file, order)

    def _from_memory(self, file: RowFile, order: Order | None) -> None:
        assert self.found.kept is not None
        with self.stages.stage("write", " rows") as progress, file:
            made = from_memory(
                self.found.kept,
                self.view,
                self.layout,
                self.sizes,
                lambda table, position: file.encoded(table),
                order=in_order if order is None else order.rows,
                workers=self.workers,
                ledger=self.ledger,
                progress=progress,
            )
            with closing(made) as pieces:
                for piece in pieces:
                    file.add(piece)

    def _from_files(self, file: RowFile) -> None:
        with (
            self.stages.stage("write", "B") as progress,
            file,
            closing(self._read(lambda table, position: file.encoded(table), progress)) as pieces,
        ):
            for piece in pieces:
                file.add(piece)

    def _through_disk(self, file: RowFile, order: Order) -> None:
        num_rows = self.view.num_rows
        runs = runs_for(num_rows, self.layout, self.sizes)
        require_room(file.path.parent, runs.num_bytes)
        self.stages.note(
            "shuffle", f"{runs.num_bytes / 1e6:,.0f} MB of temporary files in {file.path.parent} meanwhile"
        )
        with file, buckets_beside(file.path, self.layout.schema, runs, self.ledger) as buckets:
            with self.stages.stage("scatter", "B") as progress:

                def placed(table: pa.Table, position: int) -> tuple[pa.Table, IntArray]:
                    rows = np.arange(position, position + table.num_rows, dtype=np.int64)
                    return table, order.places(rows)

                with closing(self._read(placed, progress)) as pieces:
                    for table, places in pieces:
                        buckets.add(table, places, self.sizes.run)
            with self.stages.stage("write", " rows") as progress:
                step, done = self.sizes.piece_rows(self.layout), 0
                for piece in buckets.tables(num_rows, step, file.encoded):
                    file.add(piece)
                    done = min(done + step, num_rows)
                    progress(done, num_rows)
            self.temporary_bytes = buckets.num_bytes

    def _read(self, work: Work[Any], progress: Progress) -> Generator[Any]:
        return from_files(
            self.found,
            self.view,
            self.layout,
            self.sizes,
            work,
            workers=self.workers,
            ledger=self.ledger,
            progress=progress,
        )

    def report(self, file: RowFile, seconds: float) -> ConversionReport:
        """What was done."""
        schema = self.layout.schema
        return ConversionReport(
            path=str(file.path),
            num_bytes=file.path.stat().st_size,
            num_rows=self.view.num_rows,
            num_left_out=self.num_left_out,
            columns=tuple(zip(schema.names, map(str, schema.types), strict=True)),
            seconds=seconds,
            temporary_bytes=self.temporary_bytes,
            peak_bytes=self.ledger.peak,
        )
