"""Texts of a column to instants, and what is said of those that are no dates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stoker.errors import OptionError
from stoker.kernels.dates import BLANK, OUT_OF_RANGE, parse_format, parse_iso
from stoker.transforms.base import RowValueError, Unread
from stoker.transforms.valuebytes import ValueBytes, text_bytes
from stoker.types import IntArray, Rows

__all__ = ["DateReader"]

_FIELDS = "YymbdHIpMSf"


class DateReader:
    """Reads dates as the options of `stoker.Dates` of the same names say."""

    def __init__(self, *, format: str | None, na: str, invalid: str) -> None:
        if na not in ("error", "zero"):
            raise OptionError(f"na must be 'error' or 'zero' for dates, got {na!r:.40}")
        if invalid not in ("error", "blank"):
            raise OptionError(f"invalid must be 'error' or 'blank', got {invalid!r:.40}")
        self.format, self.na, self.invalid = format, na, invalid
        self._steps = None if format is None else _steps_of(format)

    def read(
        self, rows: Rows, name: str, places: IntArray | None, *, first: int | None
    ) -> tuple[IntArray, npt.NDArray[np.uint8]]:
        """Microseconds since 1970 of a column's dates, and what is the matter where there is none.

        Parameters
        ----------
        rows, name, places
            The column, and storage places; None for all rows.
        first
            Number of the first row among those learned from, for errors; None for a batch.

        Raises
        ------
        ColumnError
            If there is no such column of texts.
        RowValueError
            If a text is no date, or there is none, and that is an error.
        """
        values = text_bytes(rows, name, places)
        instants, problems = self._parsed(values)
        least = 1 if self.na == "error" else BLANK + 1 if self.invalid == "error" else OUT_OF_RANGE + 1
        bad = np.flatnonzero(problems >= least)
        if bad.size:
            error = RowValueError(*self._said(name, values, problems, int(bad[0])), bad)
            raise error if first is None else error.learned_from(first)
        return instants, problems

    def unread(self, rows: Rows, name: str, places: IntArray) -> Unread | None:
        """The texts of a column that are no dates, and count as blanks; None where there are none."""
        values = text_bytes(rows, name, places)
        _, problems = self._parsed(values)
        bad = np.flatnonzero(problems > BLANK)
        if not bad.size:
            return None
        first = int(bad[0])
        return Unread(name, bad, f"{values.told(first)}, a date that {self._wrong(int(problems[first]))}")

    def _parsed(self, values: ValueBytes) -> tuple[IntArray, npt.NDArray[np.uint8]]:
        instants, problems = np.empty(len(values), np.int64), np.empty(len(values), np.uint8)
        if self._steps is None:
            parse_iso(values.data, values.offsets, instants, problems)
        else:
            parse_format(values.data, values.offsets, self._steps, instants, problems)
        return instants, problems

    def _wrong(self, problem: int) -> str:
        wanted = "2024-01-05T10:00:00" if self.format is None else self.format
        return "is out of range" if problem == OUT_OF_RANGE else f"is not written as {wanted}"

    def _said(
        self, name: str, values: ValueBytes, problems: npt.NDArray[np.uint8], at: int
    ) -> tuple[str, str]:
        """What is wrong with a value, and what to do about it."""
        if problems[at] == BLANK:
            return f"column {name!r} has no date", ": give Dates(..., na='zero'), or leave such rows out"
        way_out = (
            "correct it, or give the column stoker.Dates with the format that it has, or with "
            "invalid='blank', which takes such dates as blanks"
        )
        if self.invalid == "blank":
            way_out = "it counts as a blank: give na='zero', too"
        return (
            f"column {name!r} holds {values.told(at)}",
            f", a date that {self._wrong(int(problems[at]))}: {way_out}",
        )


def _steps_of(format: str) -> npt.NDArray[np.int32]:
    """A format as the kernel reads it."""
    if not isinstance(format, str):
        raise OptionError(f"format must be a text such as '%d.%m.%Y', got {format!r:.40}")
    steps: list[int] = []
    encoded, at = format.encode(), 0
    while at < len(encoded):
        character = encoded[at]
        if character == ord("%"):
            at += 1
            field = chr(encoded[at]) if at < len(encoded) else ""
            if field != "%" and (not field or field not in _FIELDS):
                known = " ".join(f"%{one}" for one in _FIELDS)
                raise OptionError(f"format={format!r:.80} has a field %{field}; known are {known}")
            steps.append(256 + ord("%") if field == "%" else ord(field))
        else:
            steps.append(256 + character)
        at += 1
    fields = [chr(step) for step in steps if step < 256]
    if len(set(fields)) < len(fields) or not {"Y", "y"} & set(fields):
        raise OptionError(f"format={format!r:.80} must name a year (%Y or %y), and no field twice")
    return np.array(steps, np.int32)
