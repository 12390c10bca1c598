"""Which columns are used, for what and as which kind; and where each file keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from stoker.errors import ColumnError, OptionError
from stoker.similar import most_like
from stoker.sources.dialect import Dialect
from stoker.types import LISTS, LONG, ColumnKind, ColumnSpec, is_number
from stoker.types.arrow import arrow_type

__all__ = [
    "PLAIN_KINDS",
    "FileLayout",
    "Schema",
    "columns_in",
    "nearest",
    "refuse_answer",
    "require_name",
]

PLAIN_KINDS: tuple[ColumnKind, ...] = ("int", "float", "text")
"""What a line of text can hold in a field, and what a label may be."""


@dataclass(frozen=True, kw_only=True)
class FileLayout:
    """How one file is written.

    Attributes
    ----------
    path
        The file.
    dialect
        Delimiter and quote.
    has_header
        Whether its first record holds names.
    names
        One name a file column; ``#0``, ``#1``, … where there are none.
    data_offset
        Byte behind byte order mark and header.
    size
        Bytes when it was opened.
    packing
        How it is compressed, or ``""``; then `data_offset` counts unpacked bytes.
    """

    path: str
    dialect: Dialect
    has_header: bool
    names: tuple[str, ...]
    data_offset: int
    size: int
    packing: str = ""

    @cached_property
    def places(self) -> Mapping[str, tuple[int, ...]]:
        """Every place of each name; tables may have tens of thousands of columns."""
        places: dict[str, tuple[int, ...]] = {}
        for place, name in enumerate(self.names):
            places[name] = (*places.get(name, ()), place)
        return places


@dataclass(frozen=True, kw_only=True)
class Schema:
    """The used columns, held for a whole run.

    Attributes
    ----------
    features
        Feature columns in file order.
    labels
        The columns to learn, in the order in which they were named.
    weight
        The column that says what a row weighs, or None.
    kept
        Names of columns that come along as text, whatever they hold, but for features of bytes and lists,
        which come as they are.
    declared
        Names whose kind the user gave: such integers take no fraction, such numbers leading zeros.
    images
        Names of features of bytes that are images: what is none makes its row a bad one.
    file_names
        All columns of the first file, for files without header that are opened later.
    """

    features: tuple[ColumnSpec, ...]
    labels: tuple[ColumnSpec, ...] = ()
    weight: ColumnSpec | None = None
    kept: tuple[str, ...] = ()
    declared: frozenset[str] = frozenset()
    images: frozenset[str] = frozenset()
    file_names: tuple[str, ...]

    @cached_property
    def columns(self) -> tuple[ColumnSpec, ...]:
        """Features, labels, weight and kept columns; a column that is kept besides is named once."""
        used = (*self.features, *self.answers)
        names = {column.name for column in used}
        return (*used, *(ColumnSpec(name=name, kind="text") for name in self.kept if name not in names))

    @property
    def label(self) -> ColumnSpec | None:
        """The first label."""
        return self.labels[0] if self.labels else None

    @cached_property
    def answers(self) -> tuple[ColumnSpec, ...]:
        """Labels and sample weight: columns beside the features, which rows to predict on lack."""
        return (*self.labels, *(() if self.weight is None else (self.weight,)))

    @cached_property
    def answer_numbers(self) -> tuple[ColumnSpec, ...]:
        """Those of them that are numbers, int64 or float64 beside the matrix."""
        return tuple(column for column in self.answers if is_number(column.kind))

    @cached_property
    def numeric(self) -> tuple[str, ...]:
        """Features that are the matrix's columns, in order."""
        return tuple(column.name for column in self.features if is_number(column.kind))

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return tuple(column.name for column in self.features)

    @cached_property
    def long_features(self) -> tuple[ColumnSpec, ...]:
        """Features of bytes and lists, in order."""
        return tuple(column for column in self.features if column.kind in LONG)

    @cached_property
    def text_features(self) -> tuple[str, ...]:
        """Features that come as text, in order."""
        return tuple(column.name for column in self.features if column.kind == "text")

    @cached_property
    def learned_texts(self) -> tuple[str, ...]:
        """Features that are text because the user said so: large strings, of whatever bytes."""
        return tuple(name for name in self.text_features if name in self.declared)

    @cached_property
    def lists(self) -> tuple[str, ...]:
        """Features that are lists of numbers, in order."""
        return tuple(column.name for column in self.features if column.kind in LISTS)

    @property
    def is_text(self) -> bool:
        """Whether every feature is text because the user said so."""
        return len(self.learned_texts) == len(self.features)

    @property
    def is_image(self) -> bool:
        """Whether the only feature is bytes, which are taken for images unless the user says otherwise."""
        return len(self.features) == 1 and self.features[0].kind == "bytes"

    @cached_property
    def arrays(self) -> tuple[ColumnSpec, ...]:
        """Columns that come as Arrow arrays: features, labels, kept ones; each once."""
        found = {
            column.name: column for column in (*self.features, *self.labels) if not is_number(column.kind)
        }
        kept = {name: ColumnSpec(name=name, kind="text") for name in self.kept}
        return tuple({**found, **{name: found.get(name, column) for name, column in kept.items()}}.values())

    @cached_property
    def array_types(self) -> dict[str, pa.DataType]:
        """The Arrow types that those are held as, by name."""
        return {
            column.name: pa.large_string() if column.name in self.learned_texts else arrow_type(column.kind)
            for column in self.arrays
        }

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Those of them that are text."""
        return tuple(column.name for column in self.arrays if column.kind == "text")

    @cached_property
    def used(self) -> tuple[str, ...]:
        """Names of the file columns that are read."""
        return tuple(column.name for column in self.columns)

    def what_is(self, name: str) -> str:
        """What a used column is, for messages."""
        if self.weight is not None and name == self.weight.name:
            return "the sample-weight column"
        is_label = any(column.name == name for column in self.labels)
        return "the label column" if is_label else "the feature column"

    def is_answer(self, name: str) -> bool:
        """Whether a column is a label or what rows weigh."""
        return any(column.name == name for column in self.answers)

    def without_label(self) -> Schema:
        """The same features and nothing to learn."""
        return replace(self, labels=(), weight=None)

    def describe(self) -> dict[str, Any]:
        """Plain data; what a source of one label has not is left out."""
        labels = [[column.name, column.kind] for column in self.labels]
        more: dict[str, Any] = {"more_labels": labels[1:]} if len(labels) > 1 else {}
        if self.weight is not None:
            more["weight"] = [self.weight.name, self.weight.kind]
        images = sorted(self.images & set(self.used))
        if images:
            more["images"] = images
        return {
            "features": [[column.name, column.kind] for column in self.features],
            "label": labels[0] if labels else None,
            "kept": list(self.kept),
            "declared": sorted(self.declared & set(self.used)),
            **more,
        }


def nearest(name: str, names: Iterable[str], what: str = "columns") -> str:
    """``; did you mean 'x'?``, or, where no name is near, the first that there are of `what`."""
    known = list(names)
    if (meant := most_like(name, known)) is not None:
        return f"; did you mean {meant!r}?"
    shown = ", ".join(repr(candidate) for candidate in known[:8])
    return f"; its {what} are {shown}" + (f" and {len(known) - 8} more" if len(known) > 8 else "")


def columns_in(layout: FileLayout) -> str:
    """How many columns a file has, as a sentence says it."""
    return "1 column" if len(layout.names) == 1 else f"{len(layout.names)} columns"


def require_name(what: str, name: object) -> str:
    """A name that a user gave for a column.

    Raises
    ------
    OptionError
        It is no text, or an empty one.
    """
    if isinstance(name, str) and name:
        return name
    is_number = isinstance(name, int | np.integer) and not isinstance(name, bool)
    remedy = f"; write '{name}' for the column of a frame, '#{name}' for one without a name"
    raise OptionError(
        f"{what}: a column's name must be a non-empty string, got {name!r}{remedy if is_number else ''}"
    )


def find(name: str, layout: FileLayout, what: str) -> int:
    """Place of the column called `name` in a file.

    Raises
    ------
    ColumnError
        There is none, or several.
    """
    places = layout.places.get(name, ())
    if len(places) == 1:
        return places[0]
    if places:
        raise ColumnError(
            f"{layout.path}: {what} {name!r} stands {len(places)} times in the header (fields "
            f"{', '.join(str(place + 1) for place in places)}); give the columns different names"
        )
    raise ColumnError(f"{layout.path}: {what} {name!r} is absent{_why_absent(name, layout)}")


def _why_absent(name: str, layout: FileLayout) -> str:
    number = name[1:]
    if layout.has_header and name.startswith("#") and number.isdigit() and int(number) < len(layout.names):
        meant = layout.names[int(number)]
        return (
            f"; the file has a header, and its column {number} is called {meant!r}: say {meant!r}, or "
            "header=False if the first line is a row"
        )
    if not layout.has_header:
        last = len(layout.names) - 1
        called = "only column is called #0" if not last else f"columns are called #0 to #{last}"
        if name.startswith("#"):
            return f"; the file has no header, so its {called}"
        delimiter = f"; the delimiter was taken to be {layout.dialect.delimiter!r} (delimiter=)"
        return (
            f"; the file has no header, so its {called}; if its first line holds names, say "
            f"header=True{delimiter if not last else ''}"
        )
    return nearest(name, layout.names)


def refuse_answer(schema: Schema, name: str) -> None:
    """Refuse to have a label or weight that is a number come along as text.

    Raises
    ------
    OptionError
        The column is one.
    """
    if any(column.name == name for column in schema.answer_numbers):
        what = schema.what_is(name).removesuffix(" column")
        raise OptionError(f"keep=: {name!r} is {what} and comes along as numbers; leave it out")
