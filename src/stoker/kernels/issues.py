"""What can be wrong with a field or a record, and the list in which kernels note it."""

from __future__ import annotations

from stoker.kernels.compiling import inner_kernel

__all__ = [
    "BAD_QUOTE",
    "BLANK",
    "HARD",
    "INEXACT",
    "NOT_A_NUMBER",
    "NOT_FINITE",
    "RAGGED",
    "add_issue",
]

BLANK = 1
"""A null spelling; the value is NaN."""
NOT_A_NUMBER = 2
"""Text, a padded number such as ``007``, or a fraction in a column of integers; the value is 0."""
NOT_FINITE = 3
"""``inf``, or a number beyond the largest float64; the value is an infinity."""
RAGGED = 4
"""A record with another number of fields, which stands in the column's place; its values are all 0."""
BAD_QUOTE = 5
"""Bytes behind a closing quote, or a quote that nothing closes; the value is 0."""
INEXACT = 6
"""An integer of an `extra` column that float64 does not hold exactly; the value is the nearest."""
HARD = 7
"""A number that ``float()`` has to round; `stoker.kernels.csv.parse_numeric` has it do so."""


@inner_kernel
def add_issue(issues, num_issues, ordinal, column, kind, start, stop):
    """Note an issue where there is room, and return the count, which goes on where there is none."""
    if num_issues < issues.shape[0]:
        issues[num_issues, 0] = ordinal
        issues[num_issues, 1] = column
        issues[num_issues, 2] = kind
        issues[num_issues, 3] = start
        issues[num_issues, 4] = stop
    return num_issues + 1
