"""Which columns are used, for what and as which kind; and where each file keeps them."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol, get_args

import pyarrow as pa

from stoker.errors import ColumnError, OptionError
from stoker.sources.dialect import Dialect
from stoker.types import KIND_WORDS, LISTS, ColumnKind, ColumnSpec, is_number
from stoker.types.arrow import arrow_type

__all__ = ["PLAIN_KINDS", "Choice", "FileLayout", "Schema", "columns_in", "nearest", "resolve"]

PLAIN_KINDS: tuple[ColumnKind, ...] = ("int", "float", "text")
"""What a line of text can hold in a field, and what a label may be."""
_KINDS: tuple[ColumnKind, ...] = get_args(ColumnKind)


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


class SampledKinds(Protocol):
    """Some of a file's records."""

    def kind_of(self, place: int, *, strict: bool) -> ColumnKind:
        """Kind of a column; `strict` is the rule for labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the user said of columns: label, features, features left out, kinds."""

    label: str | None = None
    columns: tuple[str, ...] | None = None
    drop: tuple[str, ...] = ()
    types: Mapping[str, ColumnKind] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, kind in self.types.items():
            if kind not in _KINDS:
                raise OptionError(f"types: {name!r} must be {_one_of(_KINDS)}, got {kind!r}")
        if self.label is not None and self.label in self.drop:
            raise OptionError(f"drop: {self.label!r} is the label; drop only what is no label")
        both = sorted(set(self.columns or ()) & set(self.drop))
        if both:
            raise OptionError(f"{both[0]!r} is both in columns and in drop; name it in one of them")

    @property
    def names(self) -> tuple[str, ...]:
        """Every column name that was said."""
        label = () if self.label is None else (self.label,)
        return (*label, *(self.columns or ()), *self.drop, *self.types)


@dataclass(frozen=True, kw_only=True)
class Schema:
    """The used columns, held for a whole run.

    Attributes
    ----------
    features
        Feature columns in file order.
    label
        The label column, or None.
    kept
        Names of columns that come along as text, whatever they hold, but for features of bytes and lists,
        which come as they are.
    declared
        Names whose kind the user gave: such integers take no fraction, such numbers leading zeros.
    file_names
        All columns of the first file, for files without header that are opened later.
    """

    features: tuple[ColumnSpec, ...]
    label: ColumnSpec | None
    kept: tuple[str, ...] = ()
    declared: frozenset[str] = frozenset()
    file_names: tuple[str, ...]

    @cached_property
    def columns(self) -> tuple[ColumnSpec, ...]:
        """Features, label and kept columns; a column that is kept besides is named once."""
        used = (*self.features, *(() if self.label is None else (self.label,)))
        names = {column.name for column in used}
        return (*used, *(ColumnSpec(name=name, kind="text") for name in self.kept if name not in names))

    @cached_property
    def numeric(self) -> tuple[str, ...]:
        """Features that are the matrix's columns, in order."""
        return tuple(column.name for column in self.features if is_number(column.kind))

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

    @cached_property
    def arrays(self) -> tuple[ColumnSpec, ...]:
        """Columns that come as Arrow arrays: features, label, kept ones; each once."""
        label = () if self.label is None else (self.label,)
        found = {column.name: column for column in (*self.features, *label) if not is_number(column.kind)}
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

    def without_label(self) -> Schema:
        """The same features and nothing to learn."""
        return replace(self, label=None)

    def describe(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "features": [[column.name, column.kind] for column in self.features],
            "label": None if self.label is None else [self.label.name, self.label.kind],
            "kept": list(self.kept),
            "declared": sorted(self.declared & set(self.used)),
        }


def nearest(name: str, names: Iterable[str]) -> str:
    """``; did you mean 'x'?``, or the first names there are."""
    known = list(names)
    folded = {candidate.strip().casefold(): candidate for candidate in reversed(known)}
    close = difflib.get_close_matches(name.strip().casefold(), folded, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {folded[close[0]]!r}?"
    shown = ", ".join(repr(candidate) for candidate in known[:8])
    return f"; its columns are {shown}" + (f" and {len(known) - 8} more" if len(known) > 8 else "")


def columns_in(layout: FileLayout) -> str:
    """How many columns a file has, as a sentence says it."""
    return "1 column" if len(layout.names) == 1 else f"{len(layout.names)} columns"


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


def resolve(
    choice: Choice, layout: FileLayout, sample: SampledKinds, kinds: Collection[ColumnKind] = PLAIN_KINDS
) -> Schema:
    """Settle features, label and kinds from the first file.

    Parameters
    ----------
    choice
        What the user said.
    layout
        The first file.
    sample
        Some of its records.
    kinds
        Those that a column of such a file can have.

    Raises
    ------
    ColumnError
        A column is absent or named twice, no feature is left, or the label is none.
    OptionError
        A kind was given for a column that is not used, or one that the file's columns cannot have.
    """
    if choice.label is not None:
        find(choice.label, layout, "the label column")
    dropped = [layout.names[find(name, layout, "drop: column")] for name in _once(choice.drop)]
    if choice.columns is None:
        left_out = {*dropped, choice.label}
        chosen = [name for name in layout.names if name not in left_out]
    else:
        places = sorted(find(name, layout, "column") for name in _once(choice.columns))
        chosen = [layout.names[place] for place in places if layout.names[place] != choice.label]
    if len(set(layout.names)) < len(layout.names):
        for name in chosen:
            find(name, layout, "column")
    for name in choice.types:
        find(name, layout, "types: column")
        if name not in chosen and name != choice.label:
            raise OptionError(f"types: {name!r} is not used, so its type has no effect; leave it out")
        if choice.types[name] not in kinds:
            raise OptionError(
                f"types: {name!r} cannot be {choice.types[name]!r}: {layout.path} holds no such values, each "
                f"is {_one_of(kinds)}; lists of numbers are read from Parquet, Arrow and JSON Lines, bytes "
                "from Parquet and Arrow"
            )
    if not chosen:
        raise ColumnError(
            f"{layout.path}: no feature column is left beside the label; name others in columns"
        )
    features = tuple(_spec(name, layout, sample, choice, strict=False) for name in chosen)
    label = None if choice.label is None else _spec(choice.label, layout, sample, choice, strict=True)
    if label is not None and label.kind not in PLAIN_KINDS:
        way = f", or say types={{{label.name!r}: 'text'}} if these are texts" if label.kind == "bytes" else ""
        raise ColumnError(
            f"{layout.path}: the label {label.name!r} holds {KIND_WORDS[label.kind]}, and a label is a "
            f"number or a text: name another column{way}"
        )
    return Schema(features=features, label=label, declared=frozenset(choice.types), file_names=layout.names)


def _one_of(kinds: Collection[str]) -> str:
    *first, last = kinds
    return f"{', '.join(first)} or {last}"


def _once(names: Sequence[str]) -> Sequence[str]:
    for place, name in enumerate(names):
        if name in names[:place]:
            raise OptionError(f"column {name!r} is named twice; name it once")
    return names


def _spec(name: str, layout: FileLayout, sample: SampledKinds, choice: Choice, *, strict: bool) -> ColumnSpec:
    kind = choice.types.get(name) or sample.kind_of(layout.places[name][-1], strict=strict)
    return ColumnSpec(name=name, kind=kind)
