"""What is to be done with blanks and with bad rows: the user's words, checked and resolved by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from stoker.errors import OptionError
from stoker.sources.schema import nearest

__all__ = ["BadRows", "Blanks", "NaOption", "Policy", "Role", "Texts"]

Blanks: TypeAlias = Literal["error", "mean", "zero", "drop-row", "transform"]
BadRows: TypeAlias = Literal["error", "skip", "quarantine"]
Texts: TypeAlias = Literal["refused", "given", "chosen"]
Role: TypeAlias = Literal["train", "valid", "predict", "convert", "inspect"]
NaOption: TypeAlias = "Blanks | Mapping[str, Blanks]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How a survey judges.

    Attributes
    ----------
    blanks
        What becomes of a blank feature: one word for all columns, or words by column, the others being
        ``"error"``. ``"mean"`` and ``"zero"`` are left to the transform, and so is ``"transform"``, whatever
        that makes of it; ``"drop-row"`` excludes the row. A blank label can only be dropped.
    bad_rows
        Whether a row that cannot be parsed is an error, is skipped, or is skipped and written to a file.
    max_bad_rows
        How many may be skipped.
    role
        What the rows are for; only training rows must have two classes. Who converts or inspects them can say
        nothing of their bad rows and blanks but that they are skipped.
    texts
        What becomes of features of text beside numbers: they are ``"refused"``, have transforms that were
        ``"given"``, or get them ``"chosen"`` by what they hold, which is then looked at.
    """

    blanks: Blanks | Mapping[str, Blanks] = "error"
    bad_rows: BadRows = "error"
    max_bad_rows: int | None = None
    role: Role = "train"
    texts: Texts = "refused"

    def __post_init__(self) -> None:
        words = self.blanks.items() if isinstance(self.blanks, Mapping) else [("", self.blanks)]
        for name, word in words:
            if word not in get_args(Blanks):
                where = f" for the column {name!r}" if name else ""
                known = ", ".join(get_args(Blanks)[:-1])
                raise OptionError(f"na must be one of {known}, got {word!r}{where}")
        if self.bad_rows not in get_args(BadRows):
            raise OptionError(f"on_bad_row must be error, skip or quarantine, got {self.bad_rows!r}")
        if self.role not in get_args(Role):
            *roles, last = get_args(Role)
            raise OptionError(f"role must be {', '.join(roles)} or {last}, got {self.role!r}")
        if self.max_bad_rows is None:
            return
        if self.bad_rows == "error":
            raise OptionError(
                'max_bad_rows has no effect with on_bad_row="error"; say on_bad_row="skip" as well'
            )
        if self.max_bad_rows < 0:
            raise OptionError(f"max_bad_rows must be 0 or more, got {self.max_bad_rows}")

    @property
    def skips(self) -> bool:
        """Whether rows that cannot be parsed are left out."""
        return self.bad_rows != "error"

    @property
    def may_only_skip(self) -> bool:
        """Whether ``on_bad_row="skip"`` is all that can be said of what is wrong with rows."""
        return self.role in ("convert", "inspect")

    def blanks_of(self, columns: Sequence[str]) -> tuple[Blanks, ...]:
        """What becomes of a blank in each of the columns.

        Raises
        ------
        OptionError
            If a word was given for a column that there is not.
        """
        if not isinstance(self.blanks, Mapping):
            return (self.blanks,) * len(columns)
        for name in self.blanks:
            # Rows to validate or to predict on may lack columns that the words for training name.
            if name not in columns and self.role == "train":
                raise OptionError(
                    f"na names the column {name!r}, which is not used{nearest(name, columns, 'used columns')}"
                )
        return tuple(self.blanks.get(name, "error") for name in columns)

    def describe(self) -> dict[str, Any]:
        """Plain data that a stored survey is found by; what only bounds a run is left out."""
        blanks = dict(sorted(self.blanks.items())) if isinstance(self.blanks, Mapping) else self.blanks
        on_bad_row = "skip" if self.skips else "error"
        told = {"na": blanks, "on_bad_row": on_bad_row, "role": self.role}
        return told if self.texts == "refused" else told | {"texts": self.texts}
