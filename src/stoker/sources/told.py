"""What a source tells of itself: columns, files, and how its rows are reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stoker.sources.table import Access, Table
from stoker.types import ColumnSpec

__all__ = ["Told"]


class Told:
    """The part of `Source` that says what its table has."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def table(self) -> Table:
            """The files with their columns."""

    @property
    def columns(self) -> tuple[ColumnSpec, ...]:
        """All used columns: features in file order, labels and weight, columns that are kept besides."""
        return self.table.schema.columns

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the feature columns in file order, numeric and text."""
        return self.table.schema.feature_names

    @property
    def numeric_features(self) -> tuple[str, ...]:
        """Names of the features that are columns of the matrix."""
        return self.table.schema.numeric

    @property
    def text_features(self) -> tuple[str, ...]:
        """Names of the features that come as text."""
        return self.table.schema.text_features

    @property
    def is_text(self) -> bool:
        """Whether every feature is text because the user said so (``text=`` or ``types=``)."""
        return self.table.schema.is_text

    @property
    def is_image(self) -> bool:
        """Whether the only feature is a column of bytes, such as images are."""
        return self.table.schema.is_image

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the label columns, in the order in which they were named."""
        return tuple(column.name for column in self.table.schema.labels)

    @property
    def sample_weight(self) -> str | None:
        """Name of the column that says what a row weighs."""
        return None if self.table.schema.weight is None else self.table.schema.weight.name

    @property
    def answers(self) -> tuple[str, ...]:
        """Names of the labels and of the weight: what rows to predict on lack."""
        return tuple(column.name for column in self.table.schema.answers)

    @property
    def label(self) -> str | None:
        """Name of the label column, the first of several."""
        return None if self.table.schema.label is None else self.table.schema.label.name

    @property
    def label_kind(self) -> str | None:
        """Kind of the label column: ``"int"``, ``"float"`` or ``"text"``."""
        return None if self.table.schema.label is None else self.table.schema.label.kind

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """What the labels 1, 2, … are called, for people; None where labels say it themselves."""
        return self.table.class_names

    @property
    def paths(self) -> tuple[str, ...]:
        """The files in order."""
        return self.table.paths

    @property
    def places(self) -> tuple[str, ...]:
        """The same to read from: a relative path knows from which folder it is, wherever the process goes."""
        return self.table.places

    @property
    def is_packed(self) -> bool:
        """Whether a file is compressed, so that its rows can be read by position once it is unpacked only."""
        return any(self.table.packings)

    @property
    def random_access(self) -> Access:
        """How rows are read by position.

        ``"rows"``: each by itself. ``"units"``: the unit that holds a row is decoded for it. ``"stream"``:
        all that comes before it is read for it. Compressed files, which are unpacked, are ``"rows"``.
        """
        found: Access = getattr(self.table, "random_access", "rows")
        return found

    @property
    def unit_rows(self) -> int:
        """Rows that are decoded to read one of them, at most; 1 where each is read by itself."""
        return int(getattr(self.table, "unit_rows", 1))

    @property
    def reading_bytes(self) -> int:
        """What a reader holds, beside what it returns; 0 where that is next to nothing."""
        return int(getattr(self.table, "reading_bytes", 0))

    @property
    def has_lines(self) -> bool:
        """Whether rows stand in lines, by which people find them."""
        return bool(getattr(self.table, "has_lines", True))

    @property
    def is_lasting(self) -> bool:
        """Whether the files may be there later, so that what is found of them is worth storing."""
        return bool(getattr(self.table, "is_lasting", True))
