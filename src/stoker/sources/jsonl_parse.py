"""From lines that hold JSON objects to a matrix, a label and texts, with all that is wrong with them.

Arrow reads most of them at once. What it refuses, because a value is of another kind than its column or a
line is no object, is read line by line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.sources.issues import IssueKind, RowIssues
from stoker.sources.jsonl_arrow import read_with_arrow
from stoker.sources.jsonl_lines import JsonColumn, read_lines
from stoker.sources.jsonl_open import JsonLayout
from stoker.sources.number_columns import blanks_of, side_by_side
from stoker.sources.parsed_block import Block, issues_of, kept_records, located
from stoker.sources.record_starts import record_starts
from stoker.sources.schema import Schema, find
from stoker.sources.weighing import refused_weights
from stoker.types import ColumnKind, IntArray, is_number
from stoker.types.arrow import arrow_type

__all__ = ["JsonParser", "json_parser"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JsonParser:
    """A `RecordParser` of JSON objects; immutable, so that threads share it.

    Attributes
    ----------
    schema, layout
        What is wanted, and of which file.
    columns
        The same, one for each of ``schema.columns``.
    stored
        What the layout's sample says of each.
    """

    schema: Schema
    layout: JsonLayout
    columns: tuple[JsonColumn, ...]
    stored: tuple[str, ...]

    def parse(
        self,
        data: npt.NDArray[np.uint8],
        num_records: int,
        dtype: np.dtype[Any],
        wanted: IntArray | None = None,
        out: npt.NDArray[Any] | None = None,
    ) -> Block:
        """All records of `data`, or the `wanted` ones of them; see `FileParser.parse`."""
        starts = self.record_starts(data, num_records)
        ordinals = np.arange(num_records, dtype=np.int64) if wanted is None else wanted
        if len(ordinals) < num_records:
            chosen = np.zeros(num_records, np.bool_)
            chosen[ordinals] = True
            read = kept_records(data, starts, chosen)
        else:
            read = data
        values = read_with_arrow(read, len(ordinals), self.columns, self.stored)
        faults: list[tuple[int, int, IssueKind, bytes]] = []
        if values is None:
            values, faults = self._by_line(data, starts, ordinals)
        return self._block(values, faults, dtype, out, data, starts, ordinals)

    def _by_line(
        self, data: npt.NDArray[np.uint8], starts: IntArray, ordinals: IntArray
    ) -> tuple[list[Any], list[tuple[int, int, IssueKind, bytes]]]:
        bounds = zip(starts[ordinals].tolist(), starts[ordinals + 1].tolist(), strict=True)
        lists, faults = read_lines([data[first:last].tobytes() for first, last in bounds], self.columns)
        values: list[Any] = []
        for column, found in zip(self.columns, lists, strict=True):
            if not is_number(column.kind):
                values.append(pa.array(found, arrow_type(column.kind)))
            else:
                whole = all(type(value) is int for value in found)
                values.append(np.array(found, np.int64 if whole else np.float64))
        return values, faults

    def _block(
        self,
        values: Sequence[Any],
        faults: list[tuple[int, int, IssueKind, bytes]],
        dtype: np.dtype[Any],
        out: npt.NDArray[Any] | None,
        data: npt.NDArray[np.uint8],
        starts: IntArray,
        ordinals: IntArray,
    ) -> Block:
        schema, by_name = self.schema, dict(zip(self.schema.used, values, strict=True))
        if schema.weight is not None:
            weights = by_name[schema.weight.name].astype(np.float64)
            by_name[schema.weight.name] = weights
            place = schema.used.index(schema.weight.name)
            shown = weights.tolist()
            for refused, wrong in refused_weights(weights):
                rows = np.flatnonzero(wrong).tolist()
                faults = faults + [(row, place, refused, f"{shown[row]:.15g}".encode()) for row in rows]
        issues = self._blanks(values, faults, starts, ordinals)
        for row, place, kind, shown in faults:
            if kind is not IssueKind.BLANK:
                ordinal = int(ordinals[row])
                issues.append(np.array([located((ordinal, place, kind, shown), data, starts)], np.int64))
        joined = np.concatenate(issues) if issues else np.empty((0, 5), np.int64)
        numbers = {}
        for column in schema.answer_numbers:
            number = by_name[column.name]
            if column.kind == "int" and number.dtype.kind == "f":
                number = np.nan_to_num(number, nan=0.0, posinf=0.0, neginf=0.0)
            numbers[column.name] = number.astype(np.int64 if column.kind == "int" else np.float64)
        texts = {name: by_name[name].cast(kind) for name, kind in schema.array_types.items()}
        return Block(
            matrix=side_by_side([by_name[name] for name in schema.numeric], len(ordinals), dtype, out),
            numbers=numbers,
            texts=texts,
            issues=joined[np.argsort(joined[:, 0], kind="stable")],
        )

    def _blanks(
        self,
        values: Sequence[Any],
        faults: list[tuple[int, int, IssueKind, bytes]],
        starts: IntArray,
        ordinals: IntArray,
    ) -> list[IntArray]:
        """Issues of all blanks: they are found in the values, whoever read them."""
        malformed = [row for row, place, *_ in faults if place < 0]
        found = []
        for place, (column, value) in enumerate(zip(self.columns, values, strict=True)):
            if is_number(column.kind):
                rows = blanks_of(value)
            elif column.must_be_there:
                bad = [
                    row for row, other, kind, _ in faults if other == place and kind is not IssueKind.BLANK
                ]
                lengths = np.diff(np.frombuffer(value.buffers()[1], np.int32)) if len(value) else np.empty(0)
                rows = np.setdiff1d(np.flatnonzero(lengths == 0), [*malformed, *bad])
            else:
                continue
            if len(rows):
                which = ordinals[rows]
                issues = np.empty((len(rows), 5), np.int64)
                issues[:, 0], issues[:, 1], issues[:, 2] = which, place, IssueKind.BLANK
                issues[:, 3] = issues[:, 4] = starts[which]
                found.append(issues)
        return found

    def record_starts(self, data: npt.NDArray[np.uint8], num_records: int) -> IntArray:
        """Where each line begins, and where the last one ends: int64 of shape (num_records + 1,)."""
        return record_starts(data, num_records, self.layout)

    def row_issues(
        self, block: Block, data: npt.NDArray[np.uint8], base: int, file_index: int, ids: IntArray
    ) -> RowIssues:
        """A block's issues with row ids (by record ordinal) and file offsets."""
        return issues_of(block, data, base, file_index, ids, schema=self.schema, width=len(self.layout.names))


def json_parser(schema: Schema, layout: JsonLayout) -> JsonParser:
    """Match the wanted columns with those of one file.

    Raises
    ------
    ColumnError
        The file lacks one of them.
    """
    columns, stored = [], []
    for column in schema.columns:
        place = find(column.name, layout, "column")
        is_label = schema.is_answer(column.name)
        kind: ColumnKind = "text" if column.name in schema.texts else column.kind
        held = column.kind == "int" and (is_label or column.name in schema.declared)
        columns.append(
            JsonColumn(
                path=layout.paths[place],
                kind=kind,
                takes_fractions=not held,
                must_be_there=is_label and kind == "text",
                is_lenient=column.name in schema.learned_texts,
            )
        )
        stored.append(layout.stored[place])
    return JsonParser(schema=schema, layout=layout, columns=tuple(columns), stored=tuple(stored))
