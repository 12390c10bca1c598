"""Which columns are used, for what and as which kind: settled from the first file and what the user said."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from stoker.errors import ColumnError, OptionError
from stoker.sources.choice import Choice, once, one_of
from stoker.sources.schema import PLAIN_KINDS, FileLayout, Schema, find
from stoker.types import KIND_WORDS, ColumnKind, ColumnSpec

__all__ = ["SampledKinds", "resolve"]


class SampledKinds(Protocol):
    """Some of a file's records."""

    def kind_of(self, place: int, *, strict: bool) -> ColumnKind:
        """Kind of a column; `strict` is the rule for labels."""


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
    for name in choice.labels:
        find(name, layout, "the label column")
    if choice.weight is not None:
        find(choice.weight, layout, "the sample-weight column")
    dropped = [layout.names[find(name, layout, "drop: column")] for name in once(choice.drop)]
    if choice.columns is None:
        left_out = {*dropped, *choice.answers}
        chosen = [name for name in layout.names if name not in left_out]
    else:
        places = sorted(find(name, layout, "column") for name in once(choice.columns))
        chosen = [layout.names[place] for place in places if layout.names[place] not in choice.answers]
    if len(set(layout.names)) < len(layout.names):
        for name in chosen:
            find(name, layout, "column")
    for name in choice.types:
        find(name, layout, "types: column")
        if name not in chosen and name not in choice.answers:
            raise OptionError(f"types: {name!r} is not used, so its type has no effect; leave it out")
        if choice.types[name] not in kinds:
            raise OptionError(
                f"types: {name!r} cannot be {choice.types[name]!r}: {layout.path} holds no such values, each "
                f"is {one_of(kinds)}; lists of numbers are read from Parquet, Arrow and JSON Lines, bytes "
                "from Parquet and Arrow"
            )
    if not chosen:
        raise ColumnError(
            f"{layout.path}: no feature column is left beside the label; name others in columns"
        )
    features = tuple(_spec(name, layout, sample, choice, strict=False) for name in chosen)
    labels = tuple(_spec(name, layout, sample, choice, strict=True) for name in choice.labels)
    for label in labels:
        if label.kind in PLAIN_KINDS:
            continue
        way = f", or say types={{{label.name!r}: 'text'}} if these are texts" if label.kind == "bytes" else ""
        raise ColumnError(
            f"{layout.path}: the label {label.name!r} holds {KIND_WORDS[label.kind]}, and a label is a "
            f"number or a text: name another column{way}"
        )
    return Schema(
        features=features,
        labels=labels,
        weight=None if choice.weight is None else ColumnSpec(name=choice.weight, kind="float"),
        declared=frozenset(choice.types),
        file_names=layout.names,
    )


def _spec(name: str, layout: FileLayout, sample: SampledKinds, choice: Choice, *, strict: bool) -> ColumnSpec:
    kind = choice.types.get(name) or sample.kind_of(layout.places[name][-1], strict=strict)
    return ColumnSpec(name=name, kind=kind)
