"""The one pass over the files: workers read, checksum and parse, the caller puts together, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.images.sizes import ImageSizes
from stoker.ledger import Charge, Ledger
from stoker.prefetch import prefetch
from stoker.sources import Source
from stoker.sources.bits import require_as_many
from stoker.sources.chunks import Chunk, ParsedChunk
from stoker.sources.index_builder import IndexBuilder
from stoker.sources.inference import kind_of
from stoker.sources.spool_writer import SpoolWriter
from stoker.survey.blanking import blanked
from stoker.survey.drawing import CHUNK_BYTES, Drawing, chunk_bytes
from stoker.survey.horizon import Horizon
from stoker.survey.images import images_of, merge_images
from stoker.survey.keeper import Keeper
from stoker.survey.labels import LabelCounts, LabelTally
from stoker.survey.lengths import TextLengths
from stoker.survey.marks import Marks
from stoker.survey.policy import Policy
from stoker.survey.profiles import TextProfile, merge_profiles, profiles_of
from stoker.survey.tally import IssueTally
from stoker.survey.unpacking import charge_unpacking, not_kept
from stoker.survey.valuelengths import ValueLengths, lengths_of, merge_lengths
from stoker.transforms.statistics import ColumnStatistics
from stoker.types import IntArray, Progress, Rows, Uint64Array

__all__ = ["Pass"]

_EXCLUDED_BYTES = 4 << 20
_LABEL_BYTES = 8
_SHOWN = 60
_LOOKED_AT = 4_096


@dataclass(frozen=True, slots=True)
class _Task:
    """What a worker is handed: a chunk, and where its rows are wanted."""

    chunk: Chunk
    room: npt.NDArray[Any] | None
    charge: Charge | None


@dataclass(frozen=True, slots=True)
class _Done:
    """What a worker hands over."""

    chunk: Chunk
    parsed: ParsedChunk
    checksums: Uint64Array
    lengths: TextLengths | None
    values: dict[str, ValueLengths]
    images: dict[str, ImageSizes]
    profiles: dict[str, TextProfile] | None
    charge: Charge | None


@dataclass(slots=True)
class _Waiting:
    """Rows whose membership in the view is not certain yet, from number `seen` on."""

    first_row: int
    rows: Rows
    is_out: npt.NDArray[np.bool_] | None
    charge: Charge | None
    seen: int = 0


@dataclass(slots=True)
class Pass:
    """One pass over a source, and what it found.

    Attributes
    ----------
    source
        What is surveyed; the statistics are over its view.
    policy
        What to do with blanks and bad rows.
    builder
        Of the index.
    keeper
        Of the rows, while they fit.
    num_bytes
        Of all files together.
    spool
        Takes in what compressed files unpack to.
    must_keep
        Whether rows that do not fit into memory are refused.
    learn
        Given the view's rows, less those left out, in their order.
    num_slots, dtype, statistics, tally, marks, examples, texts, values, images, profiles
        What was found so far; `examples` are row and value of the first text in each feature of text,
        `texts` how long the texts of all rows are, `values` how long what each feature of bytes and lists
        holds, `images` the images in each feature of bytes, and `profiles` what each column of texts holds.
    """

    source: Source
    policy: Policy
    builder: IndexBuilder
    keeper: Keeper
    num_bytes: int
    ledger: Ledger | None = None
    spool: SpoolWriter | None = None
    must_keep: bool = False
    learn: Callable[[Rows], None] | None = None
    num_slots: int = 0
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.uint8))
    statistics: ColumnStatistics = field(default_factory=ColumnStatistics)
    examples: dict[str, tuple[int, str]] = field(default_factory=dict)
    texts: TextLengths | None = None
    values: dict[str, ValueLengths] | None = None
    images: dict[str, ImageSizes] | None = None
    profiles: dict[str, TextProfile] | None = None
    tally: IssueTally = field(init=False)
    marks: Marks = field(init=False)
    inside: dict[str, LabelTally] = field(init=False)
    outside: dict[str, LabelTally] = field(init=False)
    _has_floats: bool = field(init=False)
    _horizon: Horizon = field(init=False)
    _counted: int | None = field(init=False, default=None)
    _waiting: deque[_Waiting] = field(init=False, default_factory=deque)

    def __post_init__(self) -> None:
        columns, answers = self.source.columns, self.source.answers
        held = _EXCLUDED_BYTES if self.ledger is None else min(_EXCLUDED_BYTES, self.ledger.limit // 64)
        names = tuple(column.name for column in columns)
        self.tally = IssueTally(names, answers, self.policy, held_bytes=held)
        self._has_floats = any(column.kind == "float" and column.name not in answers for column in columns)
        self.marks = Marks(integers={column.name for column in columns if column.kind == "int"})
        labels = self.source.table.schema.labels
        self.inside = {label.name: LabelTally(label.kind) for label in labels}
        self.outside = {label.name: LabelTally(label.kind) for label in labels}

    def run(self, *, workers: int, progress: Progress | None) -> None:
        """Read everything once.

        Parameters
        ----------
        workers
            Threads that read, checksum and parse.
        progress
            Called with the bytes done and the bytes in all.
        """
        total, done, in_flight = self.num_bytes, 0, workers + 1
        target = CHUNK_BYTES
        if self.ledger is not None:
            target = chunk_bytes(self.ledger.limit, in_flight, has_floats=self._has_floats)
        self._horizon = Horizon(self.source.view, self._count_slots(target))
        drawing = Drawing(self._tasks(self._chunks(target)), self._work)
        places = self._horizon.num_bytes
        with (
            nullcontext() if self.ledger is None else self.ledger.charge("row places", places),
            closing(drawing),
            prefetch(
                drawing, count(), workers=workers, in_flight=in_flight, name="survey", helping=True
            ) as results,
        ):
            for result in results:
                if result is None:
                    break
                done += result.chunk.file_bytes
                self._take_in(result, done)
                if progress is not None:
                    progress(min(done, total), total)
        if self._counted is not None:
            require_as_many(self.num_slots, self._counted)
        self._settle(self.num_slots, final=True)
        if progress is not None:
            progress(total, total)

    @property
    def view_labels(self) -> dict[str, LabelCounts]:
        """Labels of the view's rows."""
        return {name: tally.result() for name, tally in self.inside.items()}

    @property
    def labels(self) -> dict[str, LabelCounts]:
        """Labels of all rows."""
        return {name: tally.merge(self.outside[name]).result() for name, tally in self.inside.items()}

    def _chunks(self, target: int) -> Iterator[Chunk]:
        """What the pass goes over."""
        return self.source.chunks(target)

    def _measure(self, rows: Rows, take: IntArray | None, row_id: Callable[[int], int]) -> None:
        """Take rows of the view into the statistics, and note where columns begin and what goes too far."""
        self.statistics.update(rows, take)
        self.marks.take_in(rows, take, row_id, self.statistics)

    def _count_slots(self, target: int) -> int | None:
        """Slots in all, by a scan ahead of the pass, where the view cannot be told without them."""
        if not Horizon.needs_count(self.source.view):
            return None
        self._counted = sum(chunk.num_records for chunk in self.source.chunks(target))
        return self._counted

    def _tasks(self, chunks: Iterator[Chunk]) -> Iterator[_Task]:
        """Charge each chunk for its bytes and for the rows that it will become; find a place for them.

        Drawn by the workers, one at a time.
        """
        width, seen = len(self.source.numeric_features), 0
        beside = _LABEL_BYTES * max(1, len(self.source.answers))
        for chunk in charge_unpacking(chunks, self.source.paths, self.ledger):
            seen += max(1, chunk.file_bytes)
            row_bytes = width * (8 if self._has_floats else self.dtype.itemsize) + beside
            texts = chunk.num_bytes if len(self.source.features) > width else 0
            charge = self._charge(chunk.num_bytes + texts + chunk.num_records * row_bytes)
            estimate = self._slots_in_all(chunk.first_row + chunk.num_records, seen)
            room = self.keeper.room(chunk.first_row, chunk.num_records, num_slots=estimate, dtype=self.dtype)
            yield _Task(chunk, room, charge)

    def _slots_in_all(self, slots: int, done: int) -> int:
        """Rows of all files: known, or estimated by how many came with so many bytes; never fewer."""
        known: int | None = getattr(self.source.table, "num_rows", None)
        return max(slots, slots * self.num_bytes // max(1, done)) if known is None else known

    def _charge(self, num_bytes: int) -> Charge | None:
        return None if self.ledger is None else self.ledger.charge("survey", num_bytes)

    def _work(self, task: _Task) -> _Done:
        checksums = task.chunk.checksums()
        # The type found so far is a hint that saves parsing twice; the pass's own is the widest of all.
        parsed = self.source.parse(task.chunk, self.dtype, task.room)
        texts = self.source.text_features
        lengths = TextLengths().update(parsed.rows.columns, texts) if texts else None
        values = lengths_of(parsed.rows.columns, self.source.table.schema.long_features)
        profiles = profiles_of(parsed.rows.columns, texts) if self.policy.texts == "chosen" else None
        images = images_of(parsed, self.source.table.schema.long_features)
        return _Done(task.chunk, parsed, checksums, lengths, values, images, profiles, task.charge)

    def _take_in(self, result: _Done, done: int) -> None:
        chunk, parsed = result.chunk, result.parsed
        self.builder.add(chunk, result.checksums)
        self.dtype = np.promote_types(self.dtype, parsed.dtype)
        out = self.tally.add(parsed.issues)
        is_out = None
        if len(out):
            is_out = np.zeros(chunk.num_records, np.bool_)
            is_out[out - chunk.first_row] = True
        if not self.num_slots:
            texts = self.source.text_features
            self.examples = {name: _example(parsed.rows.columns[name]) for name in texts}
        if result.lengths is not None:
            self.texts = result.lengths if self.texts is None else self.texts.merge(result.lengths)
        self.values = merge_lengths(self.values, result.values)
        self.images = merge_images(self.images, result.images)
        self.profiles = merge_profiles(self.profiles, result.profiles)
        self.num_slots += chunk.num_records
        rows = parsed.rows
        if self.keeper.beyond is not None and self.tally.num_bad and self.policy.bad_rows == "error":
            self.keeper.beyond.drop()  # the survey will refuse them
        elif self.keeper.beyond is not None and is_out is not None:
            rows = blanked(rows, is_out)
        self.keeper.add(rows, num_slots=self._slots_in_all(self.num_slots, done))
        if self.spool is not None:
            self.spool.add(chunk)
        elif self.must_keep and not self.keeper.active:
            raise not_kept(self.source.paths[0])
        charge = self._charge(_bytes_of(parsed.rows))
        if result.charge is not None:
            result.charge.release()
        self._waiting.append(_Waiting(chunk.first_row, parsed.rows, is_out, charge))
        self._settle(self.num_slots, final=False)

    def _settle(self, num_slots: int, *, final: bool) -> None:
        """Count the rows of which it is certain whether the view holds them."""
        limit = num_slots if final else self._horizon.certain(num_slots)
        if final:
            self._horizon.close(num_slots)
        while self._waiting:
            waiting = self._waiting[0]
            stop = min(limit - waiting.first_row, waiting.rows.num_rows)
            if stop > waiting.seen:
                self._count(waiting, stop)
                waiting.seen = stop
            if stop < waiting.rows.num_rows:
                break
            self._waiting.popleft()
            if waiting.charge is not None:
                waiting.charge.release()

    def _count(self, waiting: _Waiting, stop: int) -> None:
        start, rows = waiting.seen, waiting.rows
        inside = self._horizon.mask(waiting.first_row + start, stop - start)
        sound = None if waiting.is_out is None else ~waiting.is_out[start:stop]
        taken = _both(inside, sound)
        whole = taken is None and start == 0 and stop == rows.num_rows
        take = None if whole else _places(taken, start, stop)

        def row_id(number: int) -> int:
            return waiting.first_row + (number if take is None else int(take[number]))

        self._measure(rows, take, row_id)
        if self.learn is not None:
            self.learn(rows if take is None else replace(rows, num_rows=take.size, index=take))
        rest = None if inside is None else _places(_both(~inside, sound), start, stop)
        for name, tally in self.inside.items():
            labels = rows.columns[name]
            chosen = labels if take is None else _select(labels, take)
            tally.update(chosen)
            self.marks.take_in_label(name, chosen, row_id)
            if rest is not None:
                self.outside[name].update(_select(labels, rest))


def _bytes_of(rows: Rows) -> int:
    matrix = 0 if rows.matrix is None else int(rows.matrix.values.nbytes)
    return matrix + sum(int(column.nbytes) for column in rows.columns.values())


def _example(texts: Any) -> tuple[int, str]:
    """The first value that is no number and its row, or else the first."""
    values = texts.slice(0, _LOOKED_AT).to_pylist()
    row = next((row for row, value in enumerate(values) if value and kind_of([value]) == "text"), 0)
    return row, values[row][:_SHOWN]


def _both(
    first: npt.NDArray[np.bool_] | None, second: npt.NDArray[np.bool_] | None
) -> npt.NDArray[np.bool_] | None:
    if first is None or second is None:
        return second if first is None else first
    return first & second


def _places(mask: npt.NDArray[np.bool_] | None, start: int, stop: int) -> IntArray:
    if mask is None:
        return np.arange(start, stop, dtype=np.int64)
    return np.flatnonzero(mask) + start


def _select(labels: Any, take: IntArray) -> Any:
    return labels[take] if isinstance(labels, np.ndarray) else labels.take(take)
