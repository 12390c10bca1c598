"""Small plots for the terminal: bars of one character's height, the same in a pipe as on a screen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence

__all__ = ["bars", "histogram", "printable"]

_LONGEST_NAME = 28
_WIDEST, _NARROWEST = 40, 8
_SHARE_WITHIN = 0.99
_MOST_BINS = 12
_BESIDE = 6  # two blanks before the name, the bar and the text each


def printable(text: str, most: int = _LONGEST_NAME) -> str:
    r"""A text of the data for the terminal: cut, and without what would steer it.

    Examples
    --------
    >>> printable("red\x1b[31m"), printable("a" * 40, 5)
    ('red�[31m', 'aaaa…')
    """
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def bars(rows: Sequence[tuple[str, float, str]]) -> Iterator[str]:
    """Lines of a name, a bar as long as its value, and a text, for an indent of two blanks.

    Examples
    --------
    >>> getfixture("monkeypatch").setenv("COLUMNS", "24")
    >>> for line in bars([("neg", 30, "75 %"), ("pos", 10, "25 %")]):
    ...     print(line)
    neg  ━━━━━━━━━━━  75 %
    pos  ━━━╸         25 %
    """
    if not rows:
        return
    from stoker.training.lines import bar

    name = max(len(row[0]) for row in rows)
    text = max(len(row[2]) for row in rows)
    room = shutil.get_terminal_size((80, 24)).columns - name - text - _BESIDE
    width = min(max(room, _NARROWEST), _WIDEST)
    most = max(row[1] for row in rows) or 1.0
    for label, value, said in rows:
        drawn = bar(value / most, width).rstrip("─") or ("╴" if value else "")
        yield f"{label:<{name}}  {drawn:<{width}}  {said:>{text}}".rstrip()


def histogram(counts: Sequence[tuple[int, int]]) -> list[tuple[str, int]]:
    """At most twelve equal ranges of lengths, and how many rows lie in each; the last is open.

    Parameters
    ----------
    counts
        (length, rows), ascending.

    Examples
    --------
    >>> histogram([(1, 5), (2, 80), (5, 15), (40, 1)])
    [('0', 0), ('1', 5), ('2', 80), ('3', 0), ('4', 0), ('5', 15), ('6 and more', 1)]
    """
    total = sum(rows for _, rows in counts)
    if not total:
        return []
    seen, end = 0, counts[-1][0]
    for length, rows in counts:
        seen += rows
        if seen >= _SHARE_WITHIN * total:
            end = length
            break
    step = _nice(end // _MOST_BINS + 1)
    bins = [0] * (end // step + 1)
    beyond = 0
    for length, rows in counts:
        if length // step < len(bins):
            bins[length // step] += rows
        else:
            beyond += rows
    named = [
        (f"{place * step}-{(place + 1) * step - 1}" if step > 1 else str(place), rows)
        for place, rows in enumerate(bins)
    ]
    return [*named, (f"{len(bins) * step} and more", beyond)] if beyond else named


def _nice(least: int) -> int:
    """The least of 1, 2, 5, 10, 20, … that is not below a number; 4 and 25 are nice too."""
    factor = 1
    while True:
        for digit in (1, 2, 4, 5, 10, 20, 25, 40, 50):
            if digit * factor >= least:
                return digit * factor
        factor *= 100
