"""A conversion, step by step: a look at the rows, and one way or another to write them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa

from stoker.conversion.columns import (
    Layout,
    layout_of,
    rounded_columns,
    table_columns,
    uncertain_columns,
)
from stoker.conversion.digits import HeldIntegers
from stoker.conversion.on_hosts import from_hosts
from stoker.conversion.reading import Work, from_files, from_memory, in_order, nothing
from stoker.conversion.report import ConversionReport
from stoker.conversion.shuffling import Order, buckets_beside, require_room
from stoker.conversion.sizes import Sizes, runs_for
from stoker.conversion.spooling import Spool
from stoker.errors import DataError
from stoker.ledger import Ledger
from stoker.rowfiles import RowFile, encoded
from stoker.sources import Source
from stoker.sources.objects.opening import ReadOnceError
from stoker.survey import Survey, source_key, survey
from stoker.types import IntArray, Progress, Rows

__all__ = ["Conversion", "Silent", "Stages"]


class Stages(Protocol):
    """What shows progress, as a `stoker.training.progress.Display` does."""

    def stage(self, name: str, unit: str = "") -> AbstractContextManager[Progress]:
        """Yield a function of what is done and what there is in all."""

    def note(self, name: str, text: str) -> None:
        """Show a line that stays."""


class Silent:
    """Shows nothing."""

    @contextmanager
    def stage(self, name: str, unit: str = "") -> Iterator[Progress]:
        """Yield what takes progress and does nothing."""
        yield nothing

    def note(self, name: str, text: str) -> None:
        """Do nothing."""


@contextmanager
def _asked_again(columns: Source, name: str) -> Iterator[None]:
    """Tell why a stream is read once more, and how it need not be, where it cannot."""
    try:
        yield
    except ReadOnceError as error:
        raise DataError(
            f"column {name!r} holds integers beyond 2**53 beside columns with fractions or blanks, and for "
            f"its digits the rows are read again: {error}; or open it with types={{{name!r}: 'text'}} "
            "to have them written as text in one pass"
        ) from error


def _itself(table: pa.Table) -> pa.Table:
    return table


def _as_it_is(result: Any, position: int) -> Any:
    return result


@dataclass(kw_only=True)
class Conversion:
    """One conversion, step by step."""

    sizes: Sizes
    ledger: Ledger
    workers: int
    stages: Stages
    singles: Collection[str]
    temporary_bytes: int = 0
    spool: Spool | None = None
    hosts: int = 1

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
            with _asked_again(columns, rounded[0]):
                found = self._survey(table_columns(columns, rounded), on_bad_row, learn=held.update)
            excluded = np.union1d(before.excluded, found.excluded)
            self.view = columns.view.bind(found.num_slots, excluded)
            self.num_left_out = len(excluded)
        self.found: Survey = found
        self.spooled = None if self.spool is None else self.spool.rows(found)
        self.layout: Layout = layout_of(found, before, self.singles, held.names)

    def _survey(
        self,
        columns: Source,
        on_bad_row: Literal["error", "skip"],
        learn: Callable[[Rows], None] | None = None,
    ) -> Survey:
        beyond = None
        if self.spool is not None:
            key = source_key(columns, role="convert", na="zero", on_bad_row=on_bad_row, texts="given")
            beyond = self.spool.begin(columns, key)
        with self.stages.stage("survey", "B") as progress:
            return survey(
                columns,
                role="convert",
                na="zero",
                on_bad_row=on_bad_row,
                keep_bytes=self.sizes.keep if self.hosts == 1 else 0,
                workers=self.workers,
                progress=progress,
                ledger=self.ledger,
                stored=False,
                spool=None,
                beyond=beyond,
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
            self.stages.stage("write", self._unit) as progress,
            file,
            closing(self._read(partial(encoded, form=file.form), _as_it_is, progress)) as pieces,
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
            with self.stages.stage("scatter", self._unit) as progress:

                def placed(table: pa.Table, position: int) -> tuple[pa.Table, IntArray]:
                    rows = np.arange(position, position + table.num_rows, dtype=np.int64)
                    return table, order.places(rows)

                with closing(self._read(_itself, placed, progress)) as pieces:
                    for table, places in pieces:
                        buckets.add(table, places)
            with self.stages.stage("write", " rows") as progress:
                step, done = self.sizes.piece_rows(self.layout), 0
                for piece in buckets.tables(num_rows, step, file.encoded):
                    file.add(piece)
                    done = min(done + step, num_rows)
                    progress(done, num_rows)
            self.temporary_bytes = buckets.num_bytes

    @property
    def _unit(self) -> str:
        """Of progress in reading rows a second time."""
        return "B" if self.spooled is None else " rows"

    def _read(
        self, encode: Callable[[pa.Table], Any], place: Work[Any], progress: Progress
    ) -> Generator[Any]:
        """What is made of all rows: `encode` may do its part on another host, and `place` does it here."""

        def work(table: pa.Table, position: int) -> Any:
            return place(encode(table), position)

        if self.hosts > 1:
            return self._from_hosts(encode, place, progress)
        if self.spooled is not None:
            return from_memory(
                self.spooled,
                self.view,
                self.layout,
                self.sizes,
                work,
                order=in_order,
                workers=self.workers,
                ledger=self.ledger,
                progress=progress,
            )
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

    def _from_hosts(
        self, encode: Callable[[pa.Table], Any], place: Work[Any], progress: Progress
    ) -> Generator[Any]:
        made = from_hosts(
            self.found, self.view, self.layout, self.sizes, encode, hosts=self.hosts, progress=progress
        )
        # One that is written, and the next one that comes meanwhile.
        with self.ledger.charge("conversion", 2 * self.sizes.chunk), closing(made):
            for result, position in made:
                yield place(result, position)

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
