"""What each thread is at; a wait that takes too long is told, with where all threads stand.

A thread says what it reads, computes or waits for while it does so. What it says costs half a microsecond and
is looked at once a second: by those who wait for another thread, and, within `watched`, by a thread of its
own, which sees also what the main thread is stuck in. Only clocks that nobody can set are asked.

A warning of the logger ``stoker`` tells of a wait of ``STOKER_TELL_AFTER`` seconds, 60 where it is not set,
and again when it has taken twice as long.
"""

from __future__ import annotations

import logging
import os
import reprlib
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from time import monotonic
from types import FrameType
from typing import Self

from stoker.errors import OptionError

__all__ = ["VARIABLE", "At", "StageWait", "Wait", "limit_seconds", "look", "seconds_of", "watched"]

VARIABLE = "STOKER_TELL_AFTER"

_USUAL_SECONDS = 60.0
_LOOK_EVERY_SECONDS = 1.0
_MOST_FRAMES = 20
_log = logging.getLogger("stoker")
_innermost: dict[int, At] = {}
"""By thread, what it is at; what that is part of hangs on it."""
_telling = threading.Lock()


def limit_seconds() -> float:
    """After how long a wait is told.

    Raises
    ------
    OptionError
        If ``STOKER_TELL_AFTER`` is no number of seconds.
    """
    return seconds_of(VARIABLE, _USUAL_SECONDS)


def seconds_of(variable: str, usual: float) -> float:
    """Seconds that a variable of the environment sets, or the usual ones.

    Raises
    ------
    OptionError
        If it is no number above 0.
    """
    text = os.environ.get(variable, "")
    try:
        seconds = float(text) if text else usual
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise OptionError(f"{variable} must be a number of seconds above 0, got {text!r}")
    return seconds


class At:
    """While the block runs, the calling thread is at this; enter it once.

    Parameters
    ----------
    words
        A format string, behind "the thread …".
    parts
        What is put into it, when somebody asks.

    Examples
    --------
    >>> with At("computes {}", [1, 2]) as this:
    ...     str(this)
    'computes [1, 2]'
    """

    __slots__ = ("_outer", "_parts", "_words", "since")

    def __init__(self, words: str, *parts: object) -> None:
        self._words, self._parts = words, parts

    def __enter__(self) -> Self:
        thread = get_ident()
        self._outer: At | None = _innermost.get(thread)
        self.since = monotonic()
        _innermost[thread] = self
        return self

    def __exit__(self, *exception: object) -> None:
        if self._outer is None:
            _innermost.pop(get_ident(), None)
        else:
            _innermost[get_ident()] = self._outer

    def __str__(self) -> str:
        return self._words.format(*(part if isinstance(part, str) else _brief(part) for part in self._parts))

    def chain(self) -> Iterator[At]:
        """Itself, and outwards what it is part of."""
        this: At | None = self
        while this is not None:
            yield this
            this = this._outer


class Wait(At):
    """While the block runs, the calling thread waits for the system; told when that takes too long.

    Examples
    --------
    >>> with Wait("reads {}", "a.csv"):
    ...     pass
    """

    __slots__ = ("_tell_at",)

    name: str | None = None
    why: Callable[[], str] | None = None
    stacks: Callable[[], str] | None = None
    after: float | None = None

    def due(self, limit: float) -> float:
        """When it is to be told next."""
        return getattr(self, "_tell_at", self.since + (self.after or limit))

    def told(self, now: float) -> None:
        """It was, and will be when it has taken twice as long."""
        self._tell_at = now + (now - self.since)

    def pause(self) -> float:
        """Seconds until it should be looked at again."""
        left = self.due(_limit_or_usual()) - monotonic()
        return min(_LOOK_EVERY_SECONDS, max(0.0, left))


class StageWait(Wait):
    """A wait for a stage of the work.

    Parameters
    ----------
    name
        What is waited for.
    why
        Called for what may hold it up.
    stacks
        Called for the stacks of other processes.
    after
        Seconds after which it is told; None for `limit_seconds`.

    Examples
    --------
    >>> with StageWait("read", why=lambda: "the disk is slow"):
    ...     pass
    """

    def __init__(
        self,
        name: str,
        *,
        why: Callable[[], str] | None = None,
        stacks: Callable[[], str] | None = None,
        after: float | None = None,
    ) -> None:
        super().__init__("waits for {}", name)
        self.name, self.why, self.stacks, self.after = name, why, stacks, after


def look() -> None:
    """Tell of the waits that have taken too long, all in one warning."""
    # One thread tells; who comes meanwhile has nothing to add.
    if not _innermost or not _telling.acquire(blocking=False):
        return
    try:
        now, limit = monotonic(), _limit_or_usual()
        waits = [each for at in list(_innermost.values()) for each in at.chain() if isinstance(each, Wait)]
        due = [wait for wait in waits if now >= wait.due(limit)]
        if due:
            _tell(due, waits, now)
    finally:
        _telling.release()


def _tell(due: list[Wait], waits: list[Wait], now: float) -> None:
    waited = now - min(wait.since for wait in due)
    together = [wait for wait in waits if now - wait.since >= waited / 2]
    text = [_sentence(together, waited)]
    frames = sys._current_frames()
    if any(_is_compiling(frame) for frame in frames.values()):
        text[0] += "; stoker's kernels are being compiled, which is done once after an installation"
        _tell_text(text, together, now)
        return
    for thread in threading.enumerate():
        at = _innermost.get(thread.ident or 0)
        frame = frames.get(thread.ident or 0)
        # Those of ours that are at nothing wait for work.
        if frame is None or (at is None and thread.name.startswith("stoker")):
            continue
        doing = [] if at is None else [f"{each} since {now - each.since:.0f} s" for each in at.chain()]
        text.append(f"{' '.join([thread.name, ', '.join(reversed(doing))]).rstrip()}:\n{_stack(frame)}")
    text += [wait.stacks() for wait in together if wait.stacks is not None]
    _tell_text(text, together, now)


def _tell_text(text: list[str], together: list[Wait], now: float) -> None:
    for wait in together:
        wait.told(now)
    _log.warning("%s", "\n".join(part.rstrip() for part in text if part))


def _is_compiling(frame: FrameType) -> bool:
    this: FrameType | None = frame
    while this is not None and this.f_globals.get("__name__") != "numba.core.compiler_lock":
        this = this.f_back
    return this is not None


def _sentence(waits: list[Wait], waited: float) -> str:
    """What is waited for, the main thread's first and then the stages behind it; what holds it up."""
    main = _innermost.get(threading.main_thread().ident or 0)
    first = set() if main is None else set(map(id, main.chain()))
    named = sorted(
        (wait for wait in waits if wait.name), key=lambda wait: (id(wait) not in first, wait.since)
    )
    names = list(dict.fromkeys(str(wait.name) for wait in named)) or ["a file"]
    behind = f" ({', '.join(names[1:])})" if names[1:] else ""
    why = [f"a thread {wait} and gets no answer" for wait in waits if not wait.name]
    why = why or [wait.why() for wait in named[-1:] if wait.why is not None]
    return (
        f"still waiting for {names[0]}{behind} after {waited:.0f} s: {'; '.join(why) or 'nothing has come'}"
    )


def _stack(frame: FrameType) -> str:
    this: FrameType | None = frame
    while this is not None and this.f_code.co_filename == __file__:  # who tells is not at that
        this = this.f_back
    return "".join(traceback.format_stack(this, limit=_MOST_FRAMES)) if this is not None else ""


def _brief(part: object) -> str:
    return f"{part:,}" if isinstance(part, int) else reprlib.repr(part)


def _limit_or_usual() -> float:
    try:
        return limit_seconds()
    except OptionError:
        return _USUAL_SECONDS


class _Watch:
    """The thread that looks while somebody wants to be watched."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # what is collected meanwhile may end, too
        self._users = 0
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        with self._lock:
            self._users += 1
            if self._thread is None or not self._thread.is_alive():  # a fork has none
                self._over = threading.Event()
                self._thread = threading.Thread(
                    target=_look_until, args=(self._over,), name="stoker-watch", daemon=True
                )
                try:
                    self._thread.start()
                except BaseException:  # Ctrl-C: nobody is going to call `end`
                    self._over.set()
                    self._users, self._thread = self._users - 1, None
                    raise

    def end(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users or self._thread is None:
                return
            self._over.set()
            thread, self._thread = self._thread, None
        if thread is not threading.current_thread():
            thread.join(_LOOK_EVERY_SECONDS)


def _look_until(over: threading.Event) -> None:
    while not over.wait(min(_LOOK_EVERY_SECONDS, _limit_or_usual() / 2)):
        look()


_watch = _Watch()


@contextmanager
def watched() -> Iterator[None]:
    """Inside, waits of every thread are told, also where none waits for another.

    Raises
    ------
    OptionError
        If ``STOKER_TELL_AFTER`` is no number of seconds.

    Examples
    --------
    >>> with watched():
    ...     sum(range(10))
    45
    """
    limit_seconds()
    _watch.begin()
    try:
        yield
    finally:
        _watch.end()
