"""Where the clock had a run validate within its epochs, so that it does so again when it is resumed.

A validation decides on the best model and on early stopping. What the clock decides cannot be computed anew:
each of its steps is on the disk before the validation begins, and a run that goes on from an earlier step
validates there again, whatever the clock says, until it has come to where it was.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

__all__ = ["ValidatedSteps"]

_MOST_BYTES = 1 << 24
_MOST_DIGITS = 18


class ValidatedSteps:
    """The steps behind which a run validated by the clock; one a line.

    Parameters
    ----------
    path
        The file; it is made with the first step.
    warn
        Told, once, where a step cannot be written.
    """

    def __init__(self, path: Path, warn: Callable[[str], None] = lambda text: None) -> None:
        self._path = path
        self._at = Path(os.path.abspath(path))
        self._warn = warn
        self._again: deque[int] = deque()
        self._failed = False

    def forget(self) -> None:
        """Begin anew: what is there is another run's."""
        with suppress(OSError):
            self._at.unlink()

    def begin(self, step: int) -> None:
        """Training goes on behind this step."""
        self._again = deque(sorted({each for each in self._read() if each > step}))

    @property
    def next(self) -> float:
        """The step behind which the run validated before it was stopped; infinite where the clock decides."""
        return self._again[0] if self._again else math.inf

    def is_due(self, step: int) -> bool:
        """Whether the run validated here before it was stopped."""
        due = False
        while self._again and self._again[0] <= step:
            due = self._again.popleft() == step or due
        return due

    def note(self, step: int) -> None:
        """Have a step on the disk."""
        try:
            self._at.parent.mkdir(exist_ok=True)
            with open(self._at, "ab") as file:
                file.write(b"%d\n" % step)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            if not self._failed:
                self._warn(
                    f"{self._path} cannot be written ({error.strerror}): a run resumed from an earlier step "
                    "may validate behind other steps than this one"
                )
            self._failed = True

    def _read(self) -> list[int]:
        """Whole lines of digits; what a killed writer left, or anybody else, is passed over."""
        try:
            with open(self._at, "rb") as file:
                whole = file.read(_MOST_BYTES).split(b"\n")[:-1]
        except OSError:
            return []
        return [int(line) for line in whole if line.isdigit() and len(line) <= _MOST_DIGITS]
