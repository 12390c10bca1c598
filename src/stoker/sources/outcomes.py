"""What a condition can come to where only the least and the largest value of each column are known."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Flag
from functools import reduce

__all__ = ["ANYTHING", "Outcome", "Range", "blank_outcome", "compared", "either", "inverted"]

Value = float | str


class Outcome(Flag):
    """What a comparison may come to: for some row of those that are meant, each."""

    NOTHING = 0
    TRUE = 1
    FALSE = 2
    BLANK = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Between which values a column's lie.

    Attributes
    ----------
    low, high
        No value is below or above; both may be beyond the values. None where that is not known.
    may_be_blank, may_be_value, may_be_bad
        Whether there may be rows without a value, with one, and with one that is bad: not finite, or no
        number where one is asked for.
    """

    low: Value | None = None
    high: Value | None = None
    may_be_blank: bool = True
    may_be_value: bool = True
    may_be_bad: bool = True

    @classmethod
    def of(cls, value: Value) -> Range:
        """That of a single value."""
        return cls(low=value, high=value, may_be_blank=False, may_be_bad=False)


ANYTHING = Range()
"""Nothing is known."""
_SIGNS: dict[type[ast.cmpop], tuple[bool, bool, bool]] = {
    ast.Eq: (False, True, False),
    ast.NotEq: (True, False, True),
    ast.Lt: (True, False, False),
    ast.LtE: (True, True, False),
    ast.Gt: (False, False, True),
    ast.GtE: (False, True, True),
}
"""Whether a comparison is true where the left side is less, equal and greater."""


def compared(left: Range, sign: type[ast.cmpop], right: Range) -> Outcome:
    """What comparing values of two ranges can come to.

    Examples
    --------
    >>> compared(Range(low=3, high=8, may_be_blank=False), ast.Gt, Range.of(10))
    <Outcome.FALSE: 2>
    """
    found = Outcome.BLANK if left.may_be_blank or right.may_be_blank else Outcome.NOTHING
    if not (left.may_be_value and right.may_be_value):
        return found
    may_be = (
        _is_below(left.low, right.high, or_equal=False),
        _is_below(left.low, right.high, or_equal=True) and _is_below(right.low, left.high, or_equal=True),
        _is_below(right.low, left.high, or_equal=False),
    )
    for is_possible, is_true in zip(may_be, _SIGNS[sign], strict=True):
        if is_possible:
            found |= Outcome.TRUE if is_true else Outcome.FALSE
    return found


def _is_below(low: Value | None, high: Value | None, *, or_equal: bool) -> bool:
    """Whether something from `low` on may be below, or equal to, something up to `high`."""
    if low is None or high is None:
        return True
    below: bool = low <= high if or_equal else low < high  # type: ignore[operator]  # both are of one kind
    return below


def blank_outcome(values: Range) -> Outcome:
    """What asking for blanks can come to."""
    found = Outcome.TRUE if values.may_be_blank else Outcome.NOTHING
    return found | (Outcome.FALSE if values.may_be_value else Outcome.NOTHING)


def inverted(outcome: Outcome) -> Outcome:
    """What ``not`` makes of it."""
    found = outcome & Outcome.BLANK
    if outcome & Outcome.TRUE:
        found |= Outcome.FALSE
    if outcome & Outcome.FALSE:
        found |= Outcome.TRUE
    return found


def either(outcomes: Iterable[Outcome]) -> Outcome:
    """What ``or`` makes of several; ``and`` is the inverse of the inverted ones'.

    Examples
    --------
    >>> either([Outcome.FALSE, Outcome.TRUE | Outcome.BLANK])
    <Outcome.TRUE|BLANK: 5>
    """
    return reduce(_either, outcomes)


def _either(one: Outcome, two: Outcome) -> Outcome:
    found = (one | two) & Outcome.TRUE
    if one & Outcome.FALSE and two & Outcome.FALSE:
        found |= Outcome.FALSE
    not_true = Outcome.FALSE | Outcome.BLANK
    if (one | two) & Outcome.BLANK and one & not_true and two & not_true:
        found |= Outcome.BLANK
    return found
