"""Collects what is wrong with rows, chunk by chunk: counts, first places, and the rows to leave out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stoker.sources.issues import IssueKind, RowIssues
from stoker.survey.growing import GrowingArray
from stoker.survey.policy import Blanks, Policy
from stoker.survey.problems import Kind
from stoker.types import IntArray

__all__ = ["FirstPlace", "IssueTally", "SentIssues"]

_KINDS: dict[int, Kind] = {
    IssueKind.BLANK: "blank",
    IssueKind.NOT_A_NUMBER: "not_a_number",
    IssueKind.NOT_FINITE: "not_finite",
    IssueKind.RAGGED: "ragged",
    IssueKind.BAD_QUOTE: "bad_quote",
    IssueKind.INEXACT: "inexact",
    IssueKind.BAD_TEXT: "not_utf8",
    IssueKind.MALFORMED: "malformed",
    IssueKind.BAD_LIST: "bad_list",
    IssueKind.BAD_IMAGE: "bad_image",
    IssueKind.NEGATIVE: "negative",
    IssueKind.OUT_OF_RANGE: "out_of_range",
}
_NUM_KINDS = 16
_WHOLE_ROW = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstPlace:
    """The first value with some trouble: where it stands and what it says."""

    file_index: int
    row: int
    offset: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SentIssues:
    """What a tally counted in some rows: by kind, first places, ids of rows to leave out, how many."""

    counts: npt.NDArray[np.int64]
    first: dict[int, FirstPlace]
    excluded: IntArray
    numbers: tuple[int, int, int]


class IssueTally:
    """Counts issues by column and kind and collects the rows that they exclude.

    Parameters
    ----------
    columns
        Names of the source's columns, which issues number.
    answers
        Names of those that nothing can take the place of: labels, and what rows weigh.
    policy
        What to do with blanks and bad rows.
    held_bytes
        Memory for the ids of rows to leave out; more of them go to a temporary file.
    """

    def __init__(
        self,
        columns: tuple[str, ...],
        answers: tuple[str, ...],
        policy: Policy,
        *,
        held_bytes: int = 1 << 22,
    ) -> None:
        self._columns = columns
        self._skips = policy.skips
        self.blanks = self._resolve(columns, answers, policy)
        self._drops = np.array([word == "drop-row" for word in self.blanks], np.bool_)
        self._counts = np.zeros((len(columns) + 1) * _NUM_KINDS, np.int64)
        self._first: dict[int, FirstPlace] = {}
        self.excluded = GrowingArray(np.int64, spill_bytes=held_bytes)
        self.num_bad = 0
        self.num_skipped = 0
        self.num_dropped = 0

    @staticmethod
    def _resolve(columns: tuple[str, ...], answers: tuple[str, ...], policy: Policy) -> tuple[Blanks, ...]:
        """A blank label cannot be filled: it is dropped where rows may be, and an error elsewhere."""
        words = list(policy.blanks_of(columns))
        for name in answers:
            place = columns.index(name)
            if policy.skips:
                words[place] = "drop-row"
            elif words[place] != "drop-row":
                words[place] = "error"
        return tuple(words)

    def add(self, issues: RowIssues) -> IntArray:
        """Take in the issues of the next chunk.

        Returns
        -------
        int64: ids of the chunk's rows that are left out, ascending.
        """
        if not len(issues):
            return np.empty(0, np.int64)
        codes = (issues.columns + 1) * _NUM_KINDS + issues.kinds
        counts = np.bincount(codes, minlength=len(self._counts))
        self._counts += counts
        new = [code for code in np.flatnonzero(counts).tolist() if code not in self._first]
        for code in new:
            place = int(np.argmax(codes == code))
            self._first[code] = FirstPlace(
                file_index=issues.file_index,
                row=int(issues.rows[place]),
                offset=int(issues.offsets[place]),
                text=issues.text(place),
            )
        return self._exclude(issues)

    def _exclude(self, issues: RowIssues) -> IntArray:
        bad = _distinct(issues.rows[issues.is_bad])
        self.num_bad += len(bad)
        dropped = issues.rows[~issues.is_bad & self._drops[issues.columns]]
        if not self._skips:
            bad = bad[:0]
        out = _distinct(np.concatenate([bad, dropped])) if len(bad) else _distinct(dropped)
        self.num_skipped += len(bad)
        self.num_dropped += len(out) - len(bad)
        self.excluded.append(out)
        return out

    def sent(self) -> SentIssues:
        """What was counted, for another to take in; nothing may be added any more."""
        return SentIssues(
            counts=self._counts,
            first=self._first,
            excluded=np.array(self.excluded.finish()),
            numbers=(self.num_bad, self.num_skipped, self.num_dropped),
        )

    def take_in(self, further: SentIssues) -> None:
        """Take in what was counted in the rows that follow."""
        self._counts += further.counts
        self._first = {**further.first, **self._first}
        self.excluded.append(further.excluded)
        bad, skipped, dropped = further.numbers
        self.num_bad += bad
        self.num_skipped += skipped
        self.num_dropped += dropped

    def found(self) -> list[tuple[str | None, Kind, int, FirstPlace, Blanks]]:
        """Column, kind, count, first place and what becomes of it, in the order of the first places."""
        troubles = []
        for code, first in sorted(self._first.items(), key=lambda item: (item[1].row, item[1].offset)):
            column = code // _NUM_KINDS - 1
            name = None if column == _WHOLE_ROW else self._columns[column]
            word: Blanks = "error" if column == _WHOLE_ROW else self.blanks[column]
            troubles.append((name, _KINDS[code % _NUM_KINDS], int(self._counts[code]), first, word))
        return troubles


def _distinct(rows: npt.NDArray[np.int64]) -> IntArray:
    """Ascending ids without repetition; issues come in row order, so that a sort is seldom needed."""
    if len(rows) > 1 and bool(np.any(rows[1:] < rows[:-1])):
        rows = np.sort(rows)
    keep = np.ones(len(rows), np.bool_)
    keep[1:] = rows[1:] != rows[:-1]
    return rows[keep]
