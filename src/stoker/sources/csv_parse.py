"""From bytes that hold whole records to a matrix, a label and texts, with all that is wrong with them."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.kernels.csv import DTYPES, RULE_INTEGER, RULE_LEADING_ZEROS, SKIP, Nulls, parse_numeric
from stoker.sources.csv_text import read_texts
from stoker.sources.inference import BLANKS
from stoker.sources.issues import IssueKind, RowIssues
from stoker.sources.number_columns import place_of
from stoker.sources.parsed_block import Block, Found, issues_of, kept_records, located
from stoker.sources.record_starts import miscounted, record_starts
from stoker.sources.schema import FileLayout, Schema, find
from stoker.sources.weighing import refused_weights
from stoker.types import IntArray

__all__ = ["FileParser", "parser_of"]

_BESIDE = -2
_BEYOND_INT64 = 2.0**63


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FileParser:
    """How the records of one file are parsed; immutable, so that threads share it.

    Attributes
    ----------
    schema, layout
        What is wanted, and where the file keeps it.
    targets, rules
        For the kernel, one a file column.
    places
        int64, one a file column: its place in `Schema.columns`, or -1.
    text_places
        File column by name of the columns that come as text.
    nulls
        Spellings of a missing number.
    """

    schema: Schema
    layout: FileLayout
    targets: IntArray
    rules: npt.NDArray[np.uint8]
    places: IntArray
    text_places: dict[str, int]
    nulls: Nulls

    def parse(
        self,
        data: npt.NDArray[np.uint8],
        num_records: int,
        dtype: np.dtype[Any],
        wanted: IntArray | None = None,
        out: npt.NDArray[Any] | None = None,
    ) -> Block:
        """Parse all records of `data`, or the `wanted` ones of them.

        Parameters
        ----------
        data
            Whole records.
        num_records
            How many they are.
        dtype
            The matrix's narrowest type.
        wanted
            int64 ordinals, strictly ascending.
        out
            C-contiguous, shape (n, k): takes the matrix where that is of its dtype.
        """
        count = num_records if wanted is None else len(wanted)
        matrix, extra, issues = self._numbers(data, count, dtype, wanted, out)
        numbers = self._beside(extra)
        texts: dict[str, Any] = {}
        if self.text_places:
            ordinals = np.arange(num_records, dtype=np.int64) if wanted is None else wanted
            texts, issues = self._texts(data, num_records, ordinals, issues)
            for array in texts.values():
                if len(array) != count:
                    raise miscounted(self.layout.path, count, len(array))
        if self.schema.weight is not None:
            ordinals = np.arange(num_records, dtype=np.int64) if wanted is None else wanted
            found = self._refused_weights(numbers[self.schema.weight.name], data, num_records, ordinals)
            issues = self._with(issues, found, data, num_records)
        if len(issues):
            self._place(issues)
        return Block(matrix=matrix, numbers=numbers, texts=texts, issues=issues)

    def _place(self, issues: IntArray) -> None:
        """Put places in `Schema.columns` for file columns; -1 less the fields found for ragged records."""
        whole = issues[:, 2] == IssueKind.RAGGED
        found = issues[whole, 1].copy()
        issues[:, 1] = np.where(whole, -1, self.places[np.minimum(issues[:, 1], len(self.places) - 1)])
        issues[whole, 1] = -1 - found

    def _numbers(
        self,
        data: npt.NDArray[np.uint8],
        count: int,
        dtype: np.dtype[Any],
        wanted: IntArray | None,
        out: npt.NDArray[Any] | None,
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64], IntArray]:
        narrowest = place_of(dtype)
        capacity = len(data) // 64 + 64
        extra = np.zeros((count, len(self.schema.answer_numbers)))
        while True:
            kind = np.dtype(DTYPES[narrowest])
            if out is not None and out.dtype == kind:
                matrix = out
            else:
                matrix = np.empty((count, len(self.schema.numeric)), kind)
            issues = np.empty((capacity, 5), np.int64)
            parsed = parse_numeric(
                data,
                0,
                len(data),
                delimiter=self.layout.dialect.delimiter_byte,
                quote=self.layout.dialect.quote_byte,
                targets=self.targets,
                rules=self.rules,
                nulls=self.nulls,
                matrix=matrix,
                extra=extra,
                issues=issues,
                wanted=wanted,
            )
            if parsed.needed:
                narrowest = parsed.needed
            elif parsed.num_issues > capacity:
                capacity = parsed.num_issues
            elif parsed.num_rows < count:
                raise miscounted(self.layout.path, count, parsed.num_rows)
            else:
                return matrix, extra, issues[: parsed.num_issues].copy()

    def _beside(self, extra: npt.NDArray[np.float64]) -> dict[str, npt.NDArray[Any]]:
        found: dict[str, npt.NDArray[Any]] = {}
        for place, column in enumerate(self.schema.answer_numbers):
            values = extra[:, place]
            if column.kind == "float":
                found[column.name] = values.copy()
                continue
            beyond = ~(np.abs(values) < _BEYOND_INT64)
            if beyond.any():
                values[beyond] = 0.0
            found[column.name] = values.astype(np.int64)
        return found

    def _texts(
        self, data: npt.NDArray[np.uint8], num_records: int, ordinals: IntArray, issues: IntArray
    ) -> tuple[dict[str, Any], IntArray]:
        """Texts of the records with these ordinals, and the issues with those of text columns."""
        ragged = issues[issues[:, 2] == IssueKind.RAGGED, 0]
        sound = ~np.isin(ordinals, ragged)
        starts = None
        if len(ragged) or len(ordinals) < num_records:
            starts = self.record_starts(data, num_records)
            wanted = np.zeros(num_records, np.bool_)
            wanted[ordinals[sound]] = True
            read = kept_records(data, starts, wanted)
        else:
            read = data
        texts, faults = read_texts(read, sound, self.layout, self.text_places, self.schema.learned_texts)
        found = [(int(ordinals[row]), column, IssueKind.BAD_TEXT, value) for row, column, value in faults]
        found += self._blank_labels(texts, ordinals, sound, found)
        return texts, self._with(issues, found, data, num_records)

    def _with(
        self, issues: IntArray, found: list[Found], data: npt.NDArray[np.uint8], num_records: int
    ) -> IntArray:
        """The issues and those found besides, in the order of the records."""
        if not found:
            return issues
        starts = self.record_starts(data, num_records)
        added = [located(issue, data, starts) for issue in found]
        issues = np.concatenate([issues, np.array(added, np.int64)])
        return issues[np.argsort(issues[:, 0], kind="stable")]

    def _refused_weights(
        self,
        weights: npt.NDArray[Any],
        data: npt.NDArray[np.uint8],
        num_records: int,
        ordinals: IntArray,
    ) -> list[Found]:
        """What stands where a weight cannot be; found by reading those records once more."""
        found: list[Found] = []
        at = int(np.flatnonzero(self.targets == _BESIDE - len(self.schema.answer_numbers) + 1)[0])
        for kind, wrong in refused_weights(weights):
            starts = self.record_starts(data, num_records)
            for ordinal in ordinals[wrong].tolist():
                record = data[int(starts[ordinal]) : int(starts[ordinal + 1])].tobytes()
                found.append((ordinal, at, kind, _field(record, at, self.layout)))
        return found

    def _blank_labels(
        self,
        texts: dict[str, Any],
        ordinals: IntArray,
        sound: npt.NDArray[np.bool_],
        faults: list[Found],
    ) -> list[Found]:
        found: list[Found] = []
        for label in self.schema.labels:
            if label.kind != "text":
                continue
            column = self.text_places[label.name]
            known = {ordinal for ordinal, place, *_ in faults if place == column}
            blank = (np.diff(_text_offsets(texts[label.name])) == 0) & sound
            found += [
                (ordinal, column, IssueKind.BLANK, b"")
                for ordinal in ordinals[blank].tolist()
                if ordinal not in known
            ]
        return found

    def record_starts(self, data: npt.NDArray[np.uint8], num_records: int) -> IntArray:
        """Where each record begins, and where the last one ends: int64 of shape (num_records + 1,)."""
        return record_starts(data, num_records, self.layout)

    def row_issues(
        self, block: Block, data: npt.NDArray[np.uint8], base: int, file_index: int, ids: IntArray
    ) -> RowIssues:
        """A block's issues with row ids (by record ordinal) and file offsets."""
        return issues_of(block, data, base, file_index, ids, schema=self.schema, width=len(self.layout.names))


def _field(record: bytes, place: int, layout: FileLayout) -> bytes:
    """What stands in a field of a record, without its quotes."""
    quote = layout.dialect.quote
    lines = io.StringIO(record.decode("latin-1"), newline="")
    reader = csv.reader(
        lines,
        delimiter=layout.dialect.delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
    )
    return next(reader)[place].strip().encode("latin-1")


def _text_offsets(texts: Any) -> IntArray:
    """Offsets of a ``pyarrow`` string array, int64 of shape (n + 1,)."""
    buffer = texts.buffers()[1]
    if buffer is None:
        return np.zeros(len(texts) + 1, np.int64)
    offsets = np.frombuffer(buffer, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return offsets.astype(np.int64)


def parser_of(schema: Schema, layout: FileLayout) -> FileParser:
    """Match the wanted columns with those of one file.

    Raises
    ------
    ColumnError
        The file lacks one of them.
    """
    targets = np.full(len(layout.names), SKIP, np.int64)
    rules = np.zeros(len(layout.names), np.uint8)
    places = np.full(len(layout.names), -1, np.int64)
    numeric = {name: place for place, name in enumerate(schema.numeric)}
    numeric |= {column.name: _BESIDE - place for place, column in enumerate(schema.answer_numbers)}
    texts = set(schema.texts)
    text_places = {}
    for place, column in enumerate(schema.columns):
        at = find(column.name, layout, "column")
        places[at] = place
        if column.name in texts:
            text_places[column.name] = at
        if column.kind == "text":
            continue
        is_label = schema.is_answer(column.name)
        targets[at] = numeric[column.name]
        declared = column.name in schema.declared
        if column.kind == "int" and (is_label or declared):
            rules[at] |= RULE_INTEGER
        if declared:
            rules[at] |= RULE_LEADING_ZEROS
    return FileParser(
        schema=schema,
        layout=layout,
        targets=targets,
        rules=rules,
        places=places,
        text_places=text_places,
        nulls=Nulls([blank.encode() for blank in sorted(BLANKS)]),
    )
