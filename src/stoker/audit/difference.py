"""What an audit finds where a run's record and the files do not agree."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

__all__ = ["Difference", "DifferenceKind", "Differs"]

DifferenceKind: TypeAlias = Literal["transform", "file", "rows", "order", "members", "record"]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """The first thing that is not as the run recorded it.

    Attributes
    ----------
    kind
        ``"transform"`` (transform.json), ``"file"`` (absent, or of other content), ``"rows"`` (another number
        or choice of rows), ``"order"`` or ``"members"`` (an epoch's digest), ``"record"`` (run.json
        contradicts itself).
    text
        A sentence for people.
    file, first_byte, last_byte, first_row, last_row
        Of a file whose content differs: which, and its first chunk that does, both ends included; bytes are
        those of the unpacked file, rows its record slots from 0. None where that is not known.
    epoch
        The epoch concerned, counted from 0.
    """

    kind: DifferenceKind
    text: str
    file: str | None = None
    first_byte: int | None = None
    last_byte: int | None = None
    first_row: int | None = None
    last_row: int | None = None
    epoch: int | None = None


class Differs(Exception):  # noqa: N818  # not an error: what was looked for is found
    """Ends an audit at its first difference."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(difference.text)
        self.difference = difference
