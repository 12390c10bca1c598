"""What a user says of columns: which to learn, which are features, and what they hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

from stoker.errors import OptionError
from stoker.types import ColumnKind

__all__ = ["Choice", "once", "one_of"]

_KINDS: tuple[ColumnKind, ...] = get_args(ColumnKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the user said of columns: labels, sample weight, features, features left out, kinds."""

    labels: tuple[str, ...] = ()
    weight: str | None = None
    columns: tuple[str, ...] | None = None
    drop: tuple[str, ...] = ()
    types: Mapping[str, ColumnKind] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, kind in self.types.items():
            if kind not in _KINDS:
                raise OptionError(f"types: {name!r} must be {one_of(_KINDS)}, got {kind!r}")
        once(self.labels)
        for name in self.labels:
            if name in self.drop:
                raise OptionError(f"drop: {name!r} is the label; drop only what is no label")
        if self.weight is not None and self.weight in (*self.labels, *(self.columns or ()), *self.drop):
            raise OptionError(
                f"sample_weight: {self.weight!r} is named as a label, in columns or in drop, too; what rows "
                "weigh is none of these: name it once"
            )
        if self.types.get(self.weight or "", "float") != "float":
            raise OptionError(f"types: {self.weight!r} is what rows weigh, a float; leave its type out")
        both = sorted(set(self.columns or ()) & set(self.drop))
        if both:
            raise OptionError(f"{both[0]!r} is both in columns and in drop; name it in one of them")

    @property
    def names(self) -> tuple[str, ...]:
        """Every column name that was said."""
        return (*self.answers, *(self.columns or ()), *self.drop, *self.types)

    @property
    def label(self) -> str | None:
        """The first label."""
        return self.labels[0] if self.labels else None

    @property
    def answers(self) -> tuple[str, ...]:
        """Labels and sample weight: what is no feature, unless it is named as one."""
        return (*self.labels, *(() if self.weight is None else (self.weight,)))


def one_of(kinds: Collection[str]) -> str:
    """Words as a sentence says that one of them is meant.

    Examples
    --------
    >>> one_of(["int", "float", "text"])
    'int, float or text'
    """
    *first, last = kinds
    return f"{', '.join(first)} or {last}"


def once(names: Sequence[str]) -> Sequence[str]:
    """The names, none of which may stand there twice.

    Raises
    ------
    OptionError
        One does.
    """
    for place, name in enumerate(names):
        if name in names[:place]:
            raise OptionError(f"column {name!r} is named twice; name it once")
    return names
