"""What a process of several is told of its place."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from stoker.training.progress import Display

__all__ = ["Host"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A process's place among those that train together.

    Attributes
    ----------
    rank, count
        Which of them it is, from 0, and how many there are.
    attempt
        How often they were begun before, since one of them was lost: where this is not 0, the run goes on.
    folder
        Of the program that began it, where its relative names belong: this process's own, unless the machine
        has no such folder.
    display
        Shows where the program was started; nothing but on the first host.
    """

    rank: int
    count: int
    attempt: int = 0
    folder: str = field(default_factory=os.getcwd)
    display: Display = field(default_factory=Display)
