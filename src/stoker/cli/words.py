"""What the words of the flags mean: lists of columns, pairs, rules for missing values.

Nothing here reads a file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from stoker.errors import OptionError
from stoker.similar import most_like

if TYPE_CHECKING:
    from stoker.survey.policy import Blanks

__all__ = ["listed", "missing_values", "names", "numbers", "settings"]

Choice = TypeVar("Choice", bound=str)

_MOST_LISTED = 12


def names(values: Sequence[str] | None, flag: str = "a list of columns") -> list[str] | None:
    """Column names of a flag that may be repeated and take commas; quote a name that holds a comma.

    Raises
    ------
    OptionError
        If a value names nothing.

    Examples
    --------
    >>> names(["a,b", '"c,d"'])
    ['a', 'b', 'c,d']
    """
    if values is None:
        return None
    for value in values:
        if not value.strip(" ,"):
            raise OptionError(f"{flag} got {value!r}, which names nothing; leave it out or name a column")
    return [
        name.strip()
        for fields in csv.reader(values, skipinitialspace=True)
        for name in fields
        if name.strip()
    ]


def listed(columns: Iterable[str]) -> str:
    """Columns, perhaps with their words, as `names` reads them: with commas, and quoted where they hold one.

    Examples
    --------
    >>> listed(["a", "c,d"])
    'a,"c,d"'
    """
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(columns)
    return line.getvalue()


def numbers(flag: str, values: Sequence[str]) -> dict[str, float]:
    """Read ``column=number`` pairs.

    Raises
    ------
    OptionError
        If a pair has no ``=``, or no number behind it.

    Examples
    --------
    >>> numbers("--loss-weights", ["price=1,sold=0.5"])
    {'price': 1.0, 'sold': 0.5}
    """
    found = {}
    for pair in names(values, flag) or ():
        column, equals, number = pair.rpartition("=")
        try:
            found[column] = float(number)
        except ValueError:
            equals = ""
        if not equals or not column:
            raise OptionError(f"{flag} takes COLUMN=NUMBER, got {pair!r}")
    return found


def settings(
    flag: str, values: Sequence[str] | None, choices: Sequence[Choice], form: str | None = None
) -> dict[str, Choice] | None:
    """Read ``column=choice`` pairs.

    Parameters
    ----------
    flag, values
        What was given.
    choices
        What may stand behind the ``=``.
    form
        What a pair looks like, for messages; None names the choices.

    Raises
    ------
    OptionError
        If a pair has no ``=``, or a choice is none of `choices`.

    Examples
    --------
    >>> settings("--types", ["zip=text,price=float"], ["int", "float", "text"])
    {'zip': 'text', 'price': 'float'}
    """
    pairs = names(values, flag)
    if pairs is None:
        return None
    found: dict[str, Choice] = {}
    takes = f"{flag} takes {form or 'COLUMN=' + '|'.join(choices)}"
    for pair in pairs:
        column, equals, choice = pair.rpartition("=")
        if not equals or not column:
            raise OptionError(f"{takes}, got {pair!r}")
        if choice not in choices and column in choices:
            raise OptionError(f"{takes}, got {pair!r}; did you mean {choice}={column}?")
        word = _choice(f"{flag} {column}=", choice, choices, "" if form is None else f" ({takes})")
        if found.setdefault(column, word) != word:
            raise OptionError(f"{flag} gives {column!r} two values, {found[column]} and {word}; give it one")
    return found


def missing_values(values: Sequence[str] | None, features: Iterable[str]) -> Blanks | dict[str, Blanks]:
    """What ``--na`` means: a rule for all columns, or one for each, those not named keeping the rule for all.

    Raises
    ------
    OptionError
        If a rule is unknown, or two rules are given for all.

    Examples
    --------
    >>> missing_values(["mean"], ["a", "b"])
    'mean'
    >>> missing_values(["zero", "b=drop-row"], ["a", "b"])
    {'a': 'zero', 'b': 'drop-row'}
    """
    rules: tuple[Blanks, ...] = ("error", "mean", "zero", "drop-row")
    words = names(values, "--na") or []
    plain = [_choice("--na ", word, rules) for word in words if "=" not in word]
    if len(plain) > 1:
        raise OptionError(f"--na takes one rule for all columns, got {' and '.join(plain)}")
    by_column = settings("--na", [f'"{word}"' for word in words if "=" in word], rules)
    if not by_column:
        return plain[0] if plain else "error"
    return (dict.fromkeys(features, plain[0]) if plain else {}) | by_column


def _choice(place: str, word: str, choices: Sequence[Choice], form: str = "") -> Choice:
    for choice in choices:
        if word == choice:
            return choice
    near = most_like(word, choices)
    hint = "" if near is None else f"; did you mean {near}?"
    listed = f"{', '.join(choices[:-1])} or {choices[-1]}"
    known = listed if len(choices) <= _MOST_LISTED else f"one of {len(choices)}: {', '.join(choices[:3])}, …"
    raise OptionError(f"{place}{word}: it must be {known}{hint}{form}")
