"""Texts cut into consecutive parts, of which others read each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from stoker.transforms.chunks import TextChunk

__all__ = ["TextShards"]

C = TypeVar("C")
R = TypeVar("R")


class TextShards(Protocol):
    """All texts in parts.

    Attributes
    ----------
    memory
        Bytes that who reads a part may take.
    """

    memory: int

    def each(self, function: Callable[[C, Iterator[TextChunk]], R], common: C) -> Iterator[R]:
        """What a function makes of the texts of each part, in their order; each call reads all anew.

        Parameters
        ----------
        function
            Called elsewhere, with `common` and the texts: a function of a module.
        common
            Can be pickled; as small as it can be.
        """
        ...
