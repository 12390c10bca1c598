"""What is asked of many files elsewhere, of several at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from stoker.prefetch import prefetch
from stoker.sources.remote.names import is_remote

__all__ = ["together"]

_FILES_AT_ONCE = 8
Item = TypeVar("Item")
Result = TypeVar("Result")


def together(
    ask: Callable[[Item], Result], items: Sequence[Item], path_of: Callable[[Item], str]
) -> list[Result]:
    """What `ask` gives for each, in order; of several at once where files are elsewhere.

    Examples
    --------
    >>> together(len, ["a.csv", "data/b.csv"], str)
    [5, 10]
    """
    workers = _FILES_AT_ONCE if any(is_remote(path_of(item)) for item in items) else 0
    with prefetch(ask, items, workers=workers, in_flight=max(1, 2 * workers), name="files") as found:
        return list(found)
