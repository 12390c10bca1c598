"""Formats of rows that have no name by which they could be opened again: whoever holds them gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stoker.errors import OptionError

__all__ = ["IN_MEMORY", "NAMELESS", "QUERY", "QUERY_MARK", "Itself", "asks_otherwise", "refuse_on_hosts"]

IN_MEMORY = "memory"
"""What another library holds."""
QUERY = "query"
"""What a database answered."""
NAMELESS = (IN_MEMORY, QUERY)
QUERY_MARK = "#query-"
"""Stands in what a query's rows are called before the letters that tell it from another query."""


@dataclass(frozen=True, slots=True)
class Itself:
    """Opens the rows themselves, by what they are called, and nothing else; for `ColumnarTable.opener`.

    Attributes
    ----------
    units
        The rows.
    """

    units: Any

    def __call__(self, paths: Sequence[str]) -> Sequence[Any]:
        """The rows, if that is what they are called.

        Raises
        ------
        OptionError
            It is not.
        """
        if tuple(paths) != (self.units.path,):
            raise OptionError(
                f"{paths[0]}: rows in memory or of a query cannot be opened by a name; open them with "
                "stoker.open as the first ones were, and give the Source"
            )
        return (self.units,)


def asks_otherwise(there: str, here: str) -> bool:
    """Whether rows come from another query than others did, by what they are called.

    Examples
    --------
    >>> asks_otherwise("sqlite://a.db#query-1f", "sqlite://b.db#query-1f")
    False
    >>> asks_otherwise("sqlite://a.db#query-1f", "sqlite://a.db#query-2e")
    True
    """
    (_, known, old), (_, given, new) = (name.rpartition(QUERY_MARK) for name in (there, here))
    return bool(known and given) and old != new


def refuse_on_hosts() -> OptionError:
    """What to say of such rows where other processes are to read them."""
    return OptionError(
        "hosts= is for rows of files, which other processes can read: leave it out, or write the rows to a "
        "file with stoker.convert first"
    )
