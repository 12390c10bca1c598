"""Signals that ask a program to stop: Ctrl-C, ``kill`` and schedulers, and a terminal that is closed.

Ctrl-C arrives as a KeyboardInterrupt, as ever. The others end a program where it stands unless somebody takes
them over; here they become an exception, so that what was opened is closed and what was begun is removed.

Between two instructions that belong together an exception does harm. So it is raised behind what is `Held`,
and a moment later while Python's `threading` starts a thread or gives it notice, while it takes or gives back
a lock (one that is kept is waited for by others for ever, one that is given back twice raises an error that
hides the signal), while modules are looked for, which takes such locks, too, and while a library of C is
loaded, which some do not survive.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from types import CodeType, FrameType
from typing import Any, NoReturn

__all__ = [
    "STOPPING",
    "Held",
    "Taken",
    "Terminated",
    "heeded",
    "number_of",
    "raise_for",
    "runs",
    "send_behind",
]

STOPPING = tuple(signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Ctrl-C, what ``kill`` and schedulers send, and what a terminal sends that is closed."""


def _code_of(owner: type, name: str) -> CodeType | None:
    """None where a version of Python, or a library that puts its own there, has none in Python."""
    return getattr(getattr(owner, name, None), "__code__", None)


_DELICATE = frozenset(
    code
    for owner, name in (
        (threading.Thread, "start"),  # what is behind it may never come to stop the thread
        (threading.Timer, "cancel"),  # an error of C is followed by a `finally` without a look for signals
        (threading.Event, "set"),
        (threading.Condition, "notify"),
        (threading.Condition, "__enter__"),
        (threading.Condition, "__exit__"),
        (threading.Condition, "_release_save"),
        (threading.Condition, "_acquire_restore"),
        (ExtensionFileLoader, "create_module"),
        (ExtensionFileLoader, "exec_module"),
    )
    if (code := _code_of(owner, name)) is not None
)
_IMPORTING = ModuleSpec.__init__.__code__.co_filename
_WAIT = _code_of(threading.Condition, "wait")
_PROTECTED = {"gotit"}.intersection(() if _WAIT is None else _WAIT.co_varnames)
"""The variable of `threading.Condition.wait` that has a value as soon as an exception there does no harm."""
_MOMENT = 0.02
_MOST_MOMENTS = 500
_raised: list[int] = []
_overdue: set[int] = set()
"""Signals that have waited for too long: for a thread that does not begin, for instance."""


class Terminated(SystemExit):
    """A signal other than Ctrl-C asked this program to stop; uncaught, it exits with 128 and the number.

    Examples
    --------
    >>> Terminated(signal.SIGTERM).code
    143
    """

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = signal.Signals(number)


def raise_for(number: int) -> NoReturn:
    """Raise what a signal means: KeyboardInterrupt for Ctrl-C, else `Terminated`."""
    _raised.append(number)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise Terminated(number)


def number_of(asked: BaseException) -> int:
    """The number of the signal that `raise_for` raised something for.

    Examples
    --------
    >>> number_of(Terminated(signal.SIGTERM)) == signal.SIGTERM
    True
    """
    return int(asked.number if isinstance(asked, Terminated) else signal.SIGINT)


@contextmanager
def heeded() -> Iterator[None]:
    """Whatever a library makes of a signal that is raised in this block, it is raised in the end.

    For calls of libraries that catch everything, as Keras does while it builds layers and reads files: they
    go on as if nothing had been, or raise an error of their own.

    Examples
    --------
    >>> with Taken(raise_for), heeded():
    ...     try:
    ...         signal.raise_signal(signal.SIGTERM)
    ...     except BaseException:
    ...         pass
    Traceback (most recent call last):
    stoker.signals.Terminated: 143
    """
    if not _is_main():  # in no other thread is a signal raised
        yield
        return
    before = len(_raised)
    try:
        yield
    except Exception:
        if len(_raised) == before:
            raise
    if len(_raised) > before:
        raise_for(_raised[-1])


class Held:
    """Inside, in the main thread, what `Taken` has taken waits until the block ends.

    For what belongs together and takes a moment: a thing that is made and the `try` that removes it again.

    Examples
    --------
    >>> with Taken(raise_for), Held():
    ...     signal.raise_signal(signal.SIGTERM)
    ...     print("done")
    Traceback (most recent call last):
    stoker.signals.Terminated: 143
    """

    # A class, not a generator: nothing of Python's lies between its counting and the block.
    _depth = 0
    _late: list[int] = []  # noqa: RUF012 - the process's

    def __enter__(self) -> None:
        if _is_main():
            Held._depth += 1

    def __exit__(self, *exception: object) -> None:
        if not _is_main():
            return
        Held._depth -= 1
        if Held._late and not Held._depth:
            late, Held._late[:] = Held._late[:], []
            _raise_each(late)


class Taken:
    """The stopping signals that nobody has taken, handled while this is entered, in the main thread alone.

    A handler that the program has set itself stays, and so does a signal that is ignored, as SIGHUP is under
    ``nohup``. A process that is forked meanwhile is ended by them as if nobody had taken them.

    Parameters
    ----------
    handle
        Called with a signal's number, between two instructions of Python.
    yields
        Whether another `Taken` may take them over inside of this one.

    Examples
    --------
    >>> with Taken(raise_for):
    ...     signal.raise_signal(signal.SIGTERM)
    Traceback (most recent call last):
    stoker.signals.Terminated: 143
    """

    def __init__(self, handle: Callable[[int], None], *, yields: bool = False) -> None:
        self.yields = yields
        self._act = handle
        self._process = os.getpid()
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Taken:
        if _is_main():
            try:
                with Held():
                    for number in STOPPING:
                        if _is_free(number):
                            self._previous[number] = signal.signal(number, self._handle)
            except BaseException:  # or what is taken by then would stay so
                self.__exit__()
                raise
        return self

    def __exit__(self, *exception: object) -> None:
        with Held():
            while self._previous:
                number, before = self._previous.popitem()
                if signal.getsignal(number) == self._handle:  # else somebody has taken it since, who keeps it
                    signal.signal(number, before)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() == self._process:
            if Held._depth:
                Held._late.append(number)
            elif number not in _overdue and _is_delicate(frame):
                send_behind(_is_delicate, number)
            else:
                _overdue.discard(number)
                self._act(number)
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
        else:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


def _raise_each(numbers: list[int]) -> None:
    """Raise all of these signals, though one before raises an exception."""
    if numbers:
        try:
            signal.raise_signal(numbers[0])
        finally:
            _raise_each(numbers[1:])


def _is_free(number: signal.Signals) -> bool:
    handler = signal.getsignal(number)
    if handler is (signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL):
        return True
    owner = getattr(handler, "__self__", None)
    return isinstance(owner, Taken) and owner.yields


def _is_main() -> bool:
    return threading.get_ident() == threading.main_thread().ident


def _is_delicate(frame: FrameType | None) -> bool:
    """Whether an exception would do harm there in the main thread."""
    if frame is None:
        return False
    if frame.f_code.co_filename == _IMPORTING:
        return True
    if frame.f_code is _WAIT and not _PROTECTED.issubset(frame.f_locals):
        return True
    return runs(frame, _DELICATE)


def runs(frame: FrameType | None, codes: Collection[CodeType]) -> bool:
    """Whether it runs any of that code, or is called by it."""
    return any(each.f_code in codes for each in _outwards(frame))


def send_behind(is_within: Callable[[FrameType | None], bool], number: int) -> None:
    """Send the main thread a signal, which also ends a wait, once its frame is no such any more.

    From another thread, which is started without a wait: the main thread may be within `threading`.
    """
    try:
        _thread.start_new_thread(_send_behind, (is_within, number))
    except RuntimeError:  # the system gives no more of them
        _overdue.add(number)
        signal.raise_signal(number)


def _send_behind(is_within: Callable[[FrameType | None], bool], number: int) -> None:
    main_thread = threading.main_thread().ident
    if main_thread is None:
        return
    for _ in range(_MOST_MOMENTS):
        time.sleep(_MOMENT)
        if not is_within(sys._current_frames().get(main_thread)):
            break
    else:
        _overdue.add(number)
    signal.pthread_kill(main_thread, number)


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back
