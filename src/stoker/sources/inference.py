"""What kind of values a column holds, from a sample; whether a file begins with names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from stoker.types import ColumnKind

__all__ = ["BLANKS", "Sample", "has_header", "kind_of", "plain_columns"]

_ONE_WORD_BLANKS = "#N/A #NA N/A n/a NA NULL null NaN nan -NaN -nan -1.#IND -1.#QNAN 1.#IND 1.#QNAN"
BLANKS = frozenset(["", "#N/A N/A", *_ONE_WORD_BLANKS.split()])
"""Spellings of a missing number: those of Arrow and pandas."""

_INTEGERS = re.compile(r"(?:[+-]?+(?:0|[1-9][0-9]*+)\n)*+")
_NUMBERS = re.compile(
    r"(?:[+-]?+(?:(?:0|[1-9][0-9]*+)(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?+[0-9]++)?+\n"
    r"|[+-]?+(?:[iI][nN][fF](?:[iI][nN][iI][tT][yY])?+)\n)*+"
)
_LEADING_ZERO = re.compile(r"^[+-]?0[0-9]", re.MULTILINE)
_NAME = re.compile(r"[^\W\d][\w .:/()%+\-\[\]#]{0,127}")
_MOSTLY = 0.9
_FEW = 10
_LF = ord("\n")


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """Some records, from which kinds are inferred.

    Attributes
    ----------
    parts
        Records, sequence after sequence, each with as many fields as the file has columns.
    plain
        bool, one a column: `plain_columns` of records that include these.
    """

    parts: Sequence[Sequence[Sequence[str]]]
    plain: npt.NDArray[np.bool_]

    @cached_property
    def records(self) -> Sequence[Sequence[str]]:
        """Fields of each record; not looked at where all columns are plain."""
        return [record for part in self.parts for record in part]

    def kind_of(self, place: int, *, strict: bool) -> ColumnKind:
        """Kind of a column; see `stoker.sources.inference.kind_of`."""
        if self.plain[place]:
            return "int"
        return kind_of([record[place] for record in self.records], strict=strict)


def plain_columns(text: str, delimiter: str, width: int) -> npt.NDArray[np.bool_]:
    r"""Columns that hold unsigned integers without leading zeros and nothing else, told all at once.

    Parameters
    ----------
    text
        Whole records without quotes, decoded as Latin-1.
    delimiter
        Between fields.
    width
        Fields of a record.

    Returns
    -------
    bool of shape (width,); all False where a record has another number of fields, or lines end in CR.

    Examples
    --------
    >>> plain_columns("1,a,20\n0,7,03\n", ",", 3).tolist()
    [True, False, False]
    """
    codes = np.frombuffer(text.encode("latin-1") + b"\n" * (not text.endswith("\n")), np.uint8)
    is_end = (codes == ord(delimiter)) | (codes == _LF)
    ends = np.flatnonzero(is_end)
    if len(ends) % width:
        return np.zeros(width, np.bool_)
    is_last = (codes[ends] == _LF).reshape(-1, width)
    if is_last[:, :-1].any() or not is_last[:, -1].all():
        return np.zeros(width, np.bool_)
    starts = np.append(0, ends[:-1] + 1)
    lengths = ends - starts
    odd = (lengths == 0) | ((lengths > 1) & (codes[starts] == ord("0")))
    others = np.flatnonzero((codes - np.uint8(ord("0")) > 9) & ~is_end)
    odd[np.searchsorted(ends, others)] = True
    return np.asarray(~odd.reshape(-1, width).any(axis=0))


def kind_of(values: Sequence[str], *, strict: bool = False) -> ColumnKind:
    """Kind of a column whose sample is `values`.

    Blanks count for nothing. Leading zeros make text, for ``"0012"`` is a name and no number. A column of ten
    or more values, nine tenths of them numbers, is a numeric column with text among its numbers, which
    the survey reports; with fewer it is text.

    Parameters
    ----------
    values
        The fields, unquoted.
    strict
        Whether a single text makes the column text: the rule for labels.

    Examples
    --------
    >>> kind_of(["1", "", "-7"]), kind_of(["1", "2.5e3"]), kind_of(["0012", "7"])
    ('int', 'float', 'text')
    """
    different = dict.fromkeys(values).keys() - BLANKS
    joined = "\n".join(different) + "\n" if different else ""
    if joined.count("\n") > len(different) or _LEADING_ZERO.search(joined):
        return "text"
    if different and _INTEGERS.fullmatch(joined):
        return "int"
    if _NUMBERS.fullmatch(joined):
        return "float"
    num_present = sum(value not in BLANKS for value in values)
    if strict or num_present < _FEW:
        return "text"
    numbers = {value for value in different if _NUMBERS.fullmatch(value + "\n")}
    if sum(value in numbers for value in values) < _MOSTLY * num_present:
        return "text"
    return kind_of(list(numbers))


def has_header(records: Sequence[Sequence[str]], expected: Sequence[str]) -> bool:
    """Whether the first record holds names and no values.

    It does when a name that the user speaks of stands in it; it does not when a number stands in
    it. Otherwise its fields must differ from one another, look like names, and either stand over a column of
    numbers or, unless he speaks of ``#0``, come back in no column below.

    Parameters
    ----------
    records
        Fields of the first records of the file.
    expected
        Column names that the user gave.
    """
    first = records[0]
    if any(name in first for name in expected):
        return True
    numbered = any(name.startswith("#") for name in expected)
    filled = [field for field in first if field]
    if not filled or len(set(filled)) < len(filled) or any(kind_of([field]) != "text" for field in filled):
        return False
    if len(filled) < len(first) - 1 or not all(_NAME.fullmatch(_utf8(field).strip()) for field in filled):
        return False
    below = [record for record in records[1:] if len(record) == len(first)]
    columns = [[record[place] for record in below] for place in range(len(first))]
    if any(kind_of(column) != "text" for column in columns if any(column)):
        return True
    return not numbered and all(name not in column for name, column in zip(first, columns, strict=True))


def _utf8(field: str) -> str:
    return field.encode("latin-1", "replace").decode("utf-8", "ignore")
