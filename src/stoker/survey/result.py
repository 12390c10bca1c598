"""What a survey tells of a source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from stoker.images.sizes import ImageSizes
from stoker.sources import BoundView, Source
from stoker.sources.index import RowIndex
from stoker.survey.kept import KeptRows
from stoker.survey.labels import LabelCounts
from stoker.survey.lengths import TextLengths
from stoker.survey.problems import ColumnProblem
from stoker.survey.profiles import TextProfile
from stoker.survey.records import FileRecord
from stoker.survey.valuelengths import ValueLengths
from stoker.transforms.statistics import ColumnStatistics
from stoker.types import ColumnSpec, IntArray, RowReader

__all__ = ["Survey", "others_of"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Survey:
    """One pass over every row of a source; made by `survey`.

    Attributes
    ----------
    source
        What was surveyed. Index, problems and `counts` are of all its files' rows; statistics and
        `view_counts` of its view.
    view
        Its rows, less the excluded ones, by position.
    index
        Where the rows stand.
    excluded
        int64, ascending: ids of the rows that are skipped or dropped; perhaps mapped from disk.
    num_skipped, num_dropped
        How many of them could not be parsed, and how many have a blank.
    num_slots, num_bytes
        Record slots, excluded ones included, and the files' bytes.
    files
        Who the files are and a digest of what each holds.
    dtype
        Of the matrix: the narrowest that every value fits.
    statistics
        Of the numeric features over the view, less excluded rows.
    texts
        How long the texts of all rows are; None where no feature is text.
    values
        By name how long the values of each feature of bytes or lists are, of all rows.
    images
        By name the images of each feature of bytes, of all rows, and what is none.
    profiles
        What each feature of text holds; None unless transforms are to be chosen by it.
    counts, view_counts
        What each label column holds in all rows and in the view's, less excluded ones.
    problems
        Every problem found; none of them blocking.
    kept
        The rows, where they fit into `keep_bytes`.
    seconds
        What the pass took; 0 where a stored survey served.
    notes
        What went otherwise than hoped without harm: a survey that could not be stored, or was made anew.
    source_key, data_digest
        Name the files with the way they are read, and what they hold; neither depends on the view.
    """

    source: Source
    view: BoundView
    index: RowIndex
    excluded: IntArray
    num_skipped: int
    num_dropped: int
    num_slots: int
    num_bytes: int
    files: tuple[FileRecord, ...]
    dtype: np.dtype[Any]
    statistics: ColumnStatistics
    texts: TextLengths | None
    values: dict[str, ValueLengths]
    images: dict[str, ImageSizes]
    profiles: dict[str, TextProfile] | None
    counts: dict[str, LabelCounts]
    view_counts: dict[str, LabelCounts]
    problems: tuple[ColumnProblem, ...]
    kept: KeptRows | None
    seconds: float
    notes: tuple[str, ...]
    source_key: str
    data_digest: str

    @property
    def paths(self) -> tuple[str, ...]:
        """The files."""
        return self.source.paths

    @property
    def places(self) -> tuple[str, ...]:
        """The same to read from; see `Source.places`."""
        return self.source.places

    @property
    def labels(self) -> LabelCounts | None:
        """What the first label column holds in all rows; None without a label."""
        return self.counts[self.source.label] if self.source.label is not None else None

    @property
    def view_labels(self) -> LabelCounts | None:
        """The same in the view's rows."""
        return self.view_counts[self.source.label] if self.source.label is not None else None

    @property
    def num_rows(self) -> int:
        """Rows of the view, excluded ones not counted."""
        return self.view.num_rows

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the matrix's columns."""
        return self.source.numeric_features

    @property
    def others(self) -> tuple[ColumnSpec, ...]:
        """The columns beside the matrix."""
        return others_of(self.source)

    @property
    def text_bytes(self) -> int:
        """Bytes of the values of all rows' features that are no numbers: of texts, bytes and lists."""
        texts = 0 if self.texts is None else self.texts.num_bytes
        return texts + sum(seen.num_bytes for seen in self.values.values())

    @property
    def plain_bytes(self) -> int:
        """Bytes of the files, unpacked where that is known."""
        return max(self.num_bytes, int(self.index.file_sizes.sum()))

    @property
    def large_texts(self) -> tuple[str, ...]:
        """Columns that come as large strings: the text features."""
        return self.source.table.schema.learned_texts

    def files_shared_with(self, other: Survey) -> list[tuple[str, str]]:
        """Files of this survey that hold the same bytes as one of another, each with that one.

        Empty where both are parts of files, which then may be parts of the same without sharing a row.
        """
        if self is other or (self.source.view.steps and other.source.view.steps):
            return []
        known = {(file.size, file.digest): path for file, path in zip(other.files, other.paths, strict=True)}
        mine = zip(self.files, self.paths, strict=True)
        return [
            (path, known[file.size, file.digest]) for file, path in mine if (file.size, file.digest) in known
        ]

    def reader(self) -> RowReader:
        """The rows by id: those in memory where they were kept, else the files."""
        if self.kept is not None:
            return self.kept
        return self.source.reader(self.index, self.excluded, self.dtype)


def others_of(source: Source) -> tuple[ColumnSpec, ...]:
    """Columns that rows have beside the matrix: what is no number, what comes along, labels and weights."""
    schema = source.table.schema
    return (*schema.arrays, *schema.answer_numbers)
