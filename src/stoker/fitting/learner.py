"""Transforms that learn from rows, together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Self

from stoker.errors import StokerError
from stoker.transforms import from_state
from stoker.transforms.base import FittedTransform
from stoker.transforms.columns import Columns, Part
from stoker.transforms.image import Image
from stoker.transforms.kinds import KINDS
from stoker.transforms.numeric import Cast
from stoker.transforms.targets import TransformedTarget
from stoker.transforms.texts import TextTransform
from stoker.types import Rows

__all__ = ["RowLearner"]


class RowLearner:
    """Has those of several transforms learn that neither statistics nor texts alone are enough for.

    It is called with the rows in their order. What was learned is forgotten if the ``with`` block that this
    is entered by is left by an error.

    Parameters
    ----------
    columns, targets
        The transforms, of features and of labels; those that are fitted already stay as they are.

    Attributes
    ----------
    num_rows
        Rows seen.
    """

    def __init__(self, columns: Columns | None, targets: Iterable[TransformedTarget] = ()) -> None:
        self.num_rows = 0
        self._targets = tuple(target for target in targets if not target.is_fitted)
        waiting = [] if columns is None else [part for part in columns.parts if _learns_from_rows(part)]
        self._together: Columns | None = None
        if waiting:
            self._together = Columns({part.name: (part.columns, part.transform) for part in waiting})

    @property
    def can_be_told(self) -> bool:
        """Whether others can know by its state what each has learned: not where a user wrote it."""
        made = [] if self._together is None else [part.transform for part in self._together.parts]
        made += [target.transform for target in self._targets]
        return all(type(each) is KINDS.get(each.name) for each in made)

    @property
    def learns_in_parts(self) -> bool:
        """Whether parts that others learned can be merged."""
        return all(each.learns_in_parts for each in self._learning)

    @property
    def _learning(self) -> tuple[FittedTransform, ...]:
        return self._targets if self._together is None else (self._together, *self._targets)

    def begin_part(self, first: int) -> None:
        """Forget, and learn from a part of the rows, of which the first has this number."""
        for each in self._learning:
            each.begin_part(first)

    def states(self) -> list[dict[str, Any]]:
        """What was learned, as plain data."""
        return [each.state() for each in self._learning]

    def merge(self, states: Sequence[dict[str, Any]]) -> None:
        """Take in the states of one that learned from the rows that follow."""
        for mine, state in zip(self._learning, states, strict=True):
            mine.merge(from_state(state))

    def adopt(self, states: Sequence[dict[str, Any]]) -> None:
        """Know what another like this has learned."""
        for mine, state in zip(self._learning, states, strict=True):
            mine.adopt(from_state(state))

    @property
    def is_wanted(self) -> bool:
        """Whether there is any such transform."""
        return self._together is not None or bool(self._targets)

    def __call__(self, rows: Rows) -> None:
        """Learn from the next rows."""
        if not self.is_wanted:
            return
        if self._together is not None:
            self._together.partial_fit(rows)
        for target in self._targets:
            target.partial_fit(rows)
        self.num_rows += rows.num_rows

    def try_to(self, rows: Rows) -> None:
        """Learn from the next rows, or forget everything: whoever comes later tells what was wrong."""
        try:
            self(rows)
        except StokerError:
            self.forget()

    def forget(self) -> None:
        """Forget what was learned, and learn no more."""
        if self._together is not None:
            self._together.reset()
        for target in self._targets:
            target.reset()
        self._together, self._targets, self.num_rows = None, (), 0

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Forget what was learned, if there was an error."""
        if kind is not None:
            self.forget()


def _learns_from_rows(part: Part) -> bool:
    made = part.transform
    if made.is_fitted or isinstance(made, TextTransform | Image):
        return False
    return not isinstance(made, Cast) or made.needs_rows
