"""The name that may have been meant by one that is not there."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

__all__ = ["most_like"]

_NEAR = 0.65
"""What `difflib` gives two names that a slip of the hand makes of one another, and hardly two words."""


def most_like(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that is written nearly like `name`, has all of its words, or no others; else None.

    Parameters
    ----------
    name
        What is not there.
    names
        What is. Case, and blanks around a name, make no difference.

    Examples
    --------
    >>> most_like("lable", ["image", "label"]), most_like("text", ["review_text", "stars"])
    ('label', 'review_text')
    >>> most_like("clicked", ["price", "area"]) is None
    True
    """
    folded = {candidate.strip().casefold(): candidate for candidate in reversed(list(names))}
    wanted = name.strip().casefold()
    if close := difflib.get_close_matches(wanted, folded, n=1, cutoff=_NEAR):
        return folded[close[0]]
    words = _words(wanted)
    for candidate, written in reversed(folded.items()):
        others = _words(candidate)
        if words and others and (words <= others or others <= words):
            return written
    return None


def _words(name: str) -> set[str]:
    """Words that mean something by themselves; single letters and numbers do not."""
    return {word for word in re.split(r"[\W_]+", name) if len(word) > 1 and not word.isdigit()}
