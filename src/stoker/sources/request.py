"""What a user asks of files that are opened, whatever their format."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from stoker.errors import OptionError
from stoker.sources.choice import Choice
from stoker.sources.csv_open import Written

__all__ = ["COLUMNS_ALONE", "Request"]

COLUMNS_ALONE = frozenset({"columns", "drop", "types"})
"""Options that say which columns, and nothing of how they are written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was said to `stoker.open`, checked as far as it can be without looking at a file.

    Attributes
    ----------
    choice
        Label, features and kinds; what ``text=`` names is among the features, of kind text.
    text
        What ``text=`` names; None where it was not said.
    written
        How delimited files are written.
    given
        Names of those options that were said and that not every format takes.
    roots
        For each file that a pattern matches, the folder before its first wildcard.
    """

    choice: Choice
    text: tuple[str, ...] | None
    written: Written
    given: tuple[str, ...] = ()
    roots: Mapping[str, str] = field(default_factory=dict)

    def require(self, options: Collection[str], what: str) -> None:
        """Refuse what was said and has no effect.

        Parameters
        ----------
        options
            Those that have.
        what
            On which rows, for the message.

        Raises
        ------
        OptionError
            Another one was said.
        """
        for option in self.given:
            if option not in options:
                raise OptionError(f"{option} has no effect on {what}; leave it out")
