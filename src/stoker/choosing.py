"""Which transform each column gets where the user names none: by what the survey found in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from stoker.errors import ColumnError, OptionError
from stoker.images.sizes import ImageSizes
from stoker.picks import (
    WORDS,
    Facts,
    Pick,
    of_numbers,
    pair_sparse,
    pick_number,
    pick_text,
    pick_values,
    transform_for,
)
from stoker.survey import Survey
from stoker.survey.policy import NaOption
from stoker.transforms import Columns, Image
from stoker.transforms.base import InputTransform, nearest
from stoker.transforms.columns import ColumnsOf

__all__ = ["WORDS", "Automatic", "Chosen", "ColumnChoice", "without_choice"]

NUMBERS = "numbers"
"""What the input of all numbers is called."""
_NONE = ImageSizes()


class ColumnChoice(msgspec.Struct, frozen=True, kw_only=True):
    """What became of columns, and why: the input that they are in, None where they are left out."""

    columns: list[str]
    input: str | None
    transform: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What was chosen: the transform, the columns' part in it, and what becomes of blanks from now on.

    No transform is for numbers that need no choice: they are one input, as ever.
    """

    transform: InputTransform | None
    columns: tuple[ColumnChoice, ...]
    na: NaOption


class Automatic:
    """Chooses a transform for each column by what it holds; docs/columns.md states the rules.

    Parameters
    ----------
    words
        By column one of `WORDS`, which goes before the rules.
    known
        Transforms that were chosen before: they are taken as they are.
    image_size
        Height and width of images; None as `stoker.Image` has it.

    Raises
    ------
    OptionError
        If there is no such word.
    """

    def __init__(
        self,
        words: Mapping[str, str] | None = None,
        *,
        known: Columns | None = None,
        image_size: tuple[int, int] | None = None,
    ) -> None:
        self.words, self.known, self.image_size = dict(words or {}), known, image_size
        for column, word in self.words.items():
            if word not in WORDS:
                raise OptionError(
                    f"transform of {column!r} must be one of {', '.join(WORDS)}, got {word!r}"
                    f"{nearest(word, WORDS)}"
                )

    def __repr__(self) -> str:
        """How it is made."""
        return f"Automatic({self.words or ''})"

    def policy(self, numbers: Iterable[str], na: NaOption) -> NaOption:
        """What a survey does with blanks before anything is chosen: what the user says, else nothing."""
        if isinstance(na, str):
            return na
        return {**dict.fromkeys(numbers, "transform"), **na}

    def choose(self, found: Survey, na: NaOption) -> Chosen:
        """A transform for every column.

        Parameters
        ----------
        found
            The rows, surveyed with ``texts="chosen"``.
        na
            What `policy` said.

        Raises
        ------
        OptionError
            If a word is for a column that there is not.
        ColumnError
            If it is not for such a column.
        """
        source, facts = found.source, Facts.of(found)
        for column in self.words:
            if column not in facts.places and column not in facts.kinds:
                raise OptionError(
                    f"transform names the column {column!r}, which is no feature"
                    f"{nearest(column, source.features)}"
                )
        rules = {name: na if isinstance(na, str) else na.get(name, "error") for name in found.features}
        gaps = {
            name
            for name, rule in rules.items()
            if rule == "transform" and "blank" in facts.problems.get(name, {})
        }
        if len(source.features) == len(found.features) and not gaps and not self.words and self.known is None:
            return Chosen(transform=None, columns=(), na=without_choice(na))
        picks = {name: self._pick(name, facts, gaps, rules) for name in source.features}
        if not any(pick.transform for pick in picks.values()):
            plain = [*found.features, *source.text_features]
            if not plain:
                why = ", ".join(f"{name!r} ({pick.reason})" for name, pick in picks.items())
                raise ColumnError(f"{source.paths[0]}: nothing is left to learn from: {why:.400}")
            picks |= {name: self._kept(name, facts, rules) for name in plain}
        columns, told = _together(pair_sparse(picks, facts), facts, gaps, rules)
        made = self.known or columns
        made.check_kinds({column.name: column.kind for column in source.table.schema.features})
        return Chosen(transform=made, columns=told, na=_afterwards(made, rules, na))

    def _pick(self, name: str, facts: Facts, gaps: set[str], rules: Mapping[str, str]) -> Pick:
        word, found = self.words.get(name), facts.found
        if word == "image" or (word is None and found.images.get(name, _NONE).holds_images):
            told = found.images[name].describe() if name in found.images else ""
            return Pick(word="image", reason=told, transform=Image(self.image_size))
        if word is not None:
            return Pick(word=word, reason="asked for", transform=transform_for(word, name, gaps, rules))
        if name in facts.places:
            return pick_number(name, facts, gaps, rules)
        if facts.kinds[name] != "text":
            return pick_values(facts.kinds[name], found.values[name])
        assert found.profiles is not None
        return pick_text(name, found.profiles[name], is_declared=name in found.source.table.schema.declared)

    def _kept(self, name: str, facts: Facts, rules: Mapping[str, str]) -> Pick:
        """What becomes of a column where the rules would leave all of them out."""
        word = self.words.get(name) or ("standardize" if name in facts.places else "hash")
        return Pick(
            word=word, reason="no other column is left", transform=transform_for(word, name, set(), rules)
        )


def _together(
    picks: Mapping[str, Pick], facts: Facts, gaps: set[str], rules: Mapping[str, str]
) -> tuple[Columns, tuple[ColumnChoice, ...]]:
    """One input of all numbers that are standardised, and one for each other column; what is told of them."""
    numbers = [name for name, pick in picks.items() if pick.word == "standardize"]
    inputs: dict[str, ColumnsOf] = {}
    told: list[ColumnChoice] = []
    if numbers:
        called = _free(NUMBERS, picks.keys() - set(numbers))
        inputs[called] = (numbers, of_numbers("standardize", numbers, gaps, rules))
        for reason in dict.fromkeys(picks[name].reason for name in numbers if name not in gaps):
            same = [name for name in numbers if name not in gaps and picks[name].reason == reason]
            told.append(ColumnChoice(columns=same, input=called, transform="standardize", reason=reason))
        told += [_told_gaps(name, called, facts) for name in numbers if name in gaps]
    for name, pick in picks.items():
        if pick.word == "standardize":
            continue
        if pick.transform is None:
            told.append(ColumnChoice(columns=[name], input=None, transform="drop", reason=pick.reason))
            continue
        names = [name] if pick.partner is None else [name, pick.partner]
        stem = name if pick.partner is None else name.rpartition(".")[0]
        called = _free(stem.replace("/", "_") or "unnamed", inputs)
        inputs[called] = (names, pick.transform)
        told.append(ColumnChoice(columns=names, input=called, transform=pick.word, reason=pick.reason))
    return Columns(inputs), tuple(told)


def _told_gaps(name: str, called: str, facts: Facts) -> ColumnChoice:
    count = facts.problems[name]["blank"]
    reason = f"numbers, {count:,} of {facts.found.num_slots:,} blank: the mean for them, and an indicator"
    return ColumnChoice(columns=[name], input=called, transform="standardize", reason=reason)


def _free(name: str, taken: Collection[str]) -> str:
    """The name, or the first of it with a number that no input has."""
    made, number = name, 0
    while made in taken:
        number += 1
        made = f"{name}_{number}"
    return made


def _afterwards(made: Columns, rules: Mapping[str, str], na: NaOption) -> NaOption:
    """What becomes of blanks in rows that come later: an error where there was none to learn from."""
    words: dict[str, Any] = {}
    used = set(made.columns)
    for name, rule in rules.items():
        is_filled = name not in used or made.fills_blank(name)
        words[name] = rule if rule == "drop-row" else ("transform" if is_filled else "error")
    if isinstance(na, Mapping):  # the label's
        words |= {name: word for name, word in na.items() if name not in rules}
    return words or "error"


def without_choice(na: NaOption) -> NaOption:
    """What is said of blanks, less what only a transform could do of which there is none."""
    if isinstance(na, str):
        return "error" if na == "transform" else na
    return {name: word for name, word in na.items() if word != "transform"} or "error"
