"""What becomes of blanks in columns of numbers: rules by column, and the values that they call for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from stoker.errors import ColumnError, OptionError
from stoker.stored import require
from stoker.transforms.base import checked_places, nearest
from stoker.transforms.tallies import Tally
from stoker.transforms.valuebytes import column_bytes
from stoker.types import Rows

__all__ = [
    "BlankRule",
    "MostFrequent",
    "NaRule",
    "Rules",
    "check_names",
    "check_rules",
    "rule_of",
    "wants",
]

NaRule: TypeAlias = Literal["error", "mean", "zero"]
"""Rules that a policy for a whole data set gives."""
BlankRule: TypeAlias = Literal["error", "mean", "median", "most_frequent", "zero"]
"""Rules that a transform may be given."""
Rules: TypeAlias = "BlankRule | Mapping[str, BlankRule]"

_WAY_OUT = "give it na='median' or na='mean'"


def check_rules(na: Rules) -> None:
    """Raise `OptionError` unless there are such rules."""
    for rule in na.values() if isinstance(na, Mapping) else [na]:
        if rule not in get_args(BlankRule):
            known = ", ".join(map(repr, get_args(BlankRule)))
            raise OptionError(f"na must be one of {known}, got {rule!r:.40}")


def check_names(na: Rules, features: tuple[str, ...]) -> None:
    """Raise `ColumnError` if a rule names a column that there is not."""
    for column in na if isinstance(na, Mapping) else ():
        if column not in features:
            raise ColumnError(
                f"na names the column {column!r}, which is not among the numeric columns"
                f"{nearest(column, features)}"
            )


def rule_of(na: Rules, feature: str) -> BlankRule:
    """The rule of a column."""
    return na.get(feature, "error") if isinstance(na, Mapping) else na


def wants(na: Rules, rule: BlankRule) -> bool:
    """Whether some column may have this rule."""
    return rule in na.values() if isinstance(na, Mapping) else rule == na


class MostFrequent:
    """The value that was met most often, of columns with that rule; of equals the least.

    Counts are exact: a column with more than 262,144 different values is an error.
    """

    def __init__(self) -> None:
        self._tallies: dict[str, Tally] | None = None

    def update(self, rows: Rows, na: Rules) -> Self:
        """Count the values of the next rows."""
        if self._tallies is None:
            self._tallies = {
                name: Tally(name, _WAY_OUT) for name in rows.features if rule_of(na, name) == "most_frequent"
            }
        places = checked_places(rows, None)
        for name, tally in self._tallies.items():
            tally.update(column_bytes(rows, name, places, fractions=True))
        return self

    def merge(self, other: MostFrequent) -> Self:
        """Take in the counts of the rows that follow."""
        if self._tallies is None:
            self._tallies = {name: Tally(name, _WAY_OUT) for name in other._tallies or ()}
        for name, tally in (other._tallies or {}).items():
            self._tallies[name].merge(tally)
        return self

    def values(self, features: tuple[str, ...]) -> npt.NDArray[np.float64]:
        """Of each feature its value, (k,); NaN where it has none, or another rule."""
        out = np.full(len(features), np.nan)
        for place, name in enumerate(features):
            tally = (self._tallies or {}).get(name)
            values, counts = tally.sorted() if tally is not None else ([], np.zeros(0))
            if values:
                out[place] = values[int(np.argmax(counts))]
        return out

    @property
    def num_bytes(self) -> int:
        """Memory that the counts take."""
        return sum(tally.num_bytes for tally in (self._tallies or {}).values())

    def state(self) -> dict[str, Any] | None:
        """Plain data that JSON holds without a change of bits."""
        if self._tallies is None:
            return None
        return {name: tally.state() for name, tally in self._tallies.items()}

    @classmethod
    def from_state(cls, state: dict[str, Any] | None, na: Rules, features: tuple[str, ...] | None) -> Self:
        """The counts that `state` describes, of these columns with these rules.

        Raises
        ------
        ValueError, KeyError, TypeError, AttributeError
            If it describes none.
        """
        made = cls()
        if state is None:
            require(features is None, "no counts of the most frequent values")
            return made
        wanted = [name for name in features or () if rule_of(na, name) == "most_frequent"]
        require(list(state) == wanted, "counts of other columns")
        made._tallies = {name: Tally.from_state(held, name, _WAY_OUT) for name, held in state.items()}
        require(
            all(tally.kind in (None, "float") for tally in made._tallies.values()), "counts of no numbers"
        )
        return made
