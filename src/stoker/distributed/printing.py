"""What a host prints, heard line by line: nobody sees the streams of a process that Ray started."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

__all__ = ["printing_heard"]

_MOST_CHARACTERS = 1 << 16
"""A line that is longer is told in pieces."""


@contextmanager
def printing_heard(say: Callable[[str], None]) -> Iterator[None]:
    """Inside, each line that is written to ``sys.stdout`` or ``sys.stderr`` is said as well as written.

    Parameters
    ----------
    say
        Takes a line without its end; does not wait.

    Examples
    --------
    >>> heard = []
    >>> with printing_heard(heard.append):
    ...     print("epoch", 3)
    epoch 3
    >>> heard
    ['epoch 3']
    """
    streams = {name: _Heard(getattr(sys, name), say) for name in ("stdout", "stderr")}
    before = {name: getattr(sys, name) for name in streams}
    try:
        for name, stream in streams.items():
            setattr(sys, name, stream)
        yield
    finally:
        for name, stream in streams.items():
            if getattr(sys, name) is stream:  # else the user's own code has put another there, which stays
                setattr(sys, name, before[name])
            stream.end()


class _Heard:
    """A stream that tells its lines; of a line that is rewritten in place, what it came to."""

    def __init__(self, stream: TextIO, say: Callable[[str], None]) -> None:
        self._stream, self._say = stream, say
        self._rest = ""
        self._telling = threading.RLock()  # a finalizer, or a handler of signals, may print within

    def write(self, text: str) -> int:
        """Write, and say the lines that this ends."""
        written = self._stream.write(text)
        self._tell(text)
        return written

    def writelines(self, texts: Any) -> None:
        """Write one after the other."""
        for text in texts:
            self.write(text)

    def end(self) -> None:
        """Say what has no end of a line."""
        if self._rest:
            self._tell("\n")

    def _tell(self, text: str) -> None:
        with self._telling:
            *ended, self._rest = (self._rest + text).split("\n")
            if len(self._rest) > _MOST_CHARACTERS:
                ended, self._rest = [*ended, self._rest], ""
            for line in ended:
                self._say(line.rstrip("\r").rpartition("\r")[2])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
