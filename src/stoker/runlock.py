"""One training at a time in a run directory: a lock that the system holds, and that goes with its process.

It is a lock on an open file (`stoker.filelocks`), which survives whatever else is done with that file.
Children that the process forks close theirs at once, so that nobody holds the lock when the process is gone,
however it went. Its file tells people who holds it, and is removed when the training ends; one that a killed
process left is no obstacle.
"""

from __future__ import annotations

import errno
import functools
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from itertools import takewhile
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from stoker.errors import RunError
from stoker.filelocks import lock_at_once, signature
from stoker.group import current
from stoker.outputs import require_here
from stoker.signals import Held

__all__ = ["InUseError", "alone_in_its_run", "running", "unwritable"]

_NAME = ".lock"
_TOLD_BYTES = 200
_ATTEMPTS = 100
_FULL = (errno.ENOSPC, errno.EDQUOT)

F = TypeVar("F", bound=Callable[..., Any])

_held: dict[str, tuple[int, int]] = {}
"""Which thread of this process trains in which directory, and how often it asked: the system tells processes
apart, not threads."""
_guard = threading.Lock()
_open: set[BinaryIO] = set()
"""The files whose locks this process holds, or is about to take."""
_opening = threading.RLock()
"""Held while one is opened and by whoever forks, so that no child has one that is not in the set."""


class InUseError(RunError):
    """Somebody trains in the run directory.

    Parameters
    ----------
    told
        Where, and who; without the way out.
    """

    def __init__(self, told: str) -> None:
        self.told = told
        super().__init__(f"{told}: wait until that ends, or choose another folder with run=")


def unwritable(folder: str | os.PathLike[str], error: OSError) -> RunError:
    """What to raise where the system lets nothing be written to a run directory.

    Examples
    --------
    >>> unwritable("runs/a", PermissionError(errno.EACCES, "Permission denied"))
    RunError('the run directory runs/a cannot be written (Permission denied): choose another run=')
    """
    room = " or make room there" if error.errno in _FULL else ""
    return RunError(
        f"the run directory {folder} cannot be written ({error.strerror}): choose another run={room}"
    )


def _let_children_hold_none() -> None:
    for file in _open:
        file.close()
    _open.clear()
    _opening.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_opening.acquire, after_in_parent=_opening.release, after_in_child=_let_children_hold_none
    )


@contextmanager
def running(folder: Path) -> Iterator[None]:
    """Be the only one that trains in a run directory, which is made, while the block runs.

    The thread that holds it may ask again. A directory that was made for nothing is removed, and so are those
    above it. Where a file system knows no locks, nobody is refused. Of processes that train together
    the first one holds it for all.

    Parameters
    ----------
    folder
        The run directory.

    Raises
    ------
    OptionError
        If it is the address of a folder elsewhere.
    RunError
        If somebody else trains there, or it cannot be made.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, running(Path(folder)):
    ...     pass
    """
    require_here(folder, "runs")
    if not current().is_first:
        yield
        return
    # A fork has its parent's threads and dictionaries, but none of its locks.
    name, thread = f"{os.getpid()} {os.path.realpath(folder)}", threading.get_ident()
    depth: int | None = None
    try:
        with Held(), _guard:
            holder, before = _held.get(name, (thread, 0))
            if holder != thread:
                raise _refused(folder, f"another thread of this process, {os.getpid()}")
            _held[name], depth = (thread, before + 1), before
        with nullcontext() if depth else _locked(folder):
            yield
    finally:
        if depth is not None:
            with Held(), _guard:
                if depth:
                    _held[name] = (thread, depth)
                else:
                    del _held[name]


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    place = Path(os.path.abspath(folder))  # where it stays, wherever the process goes meanwhile
    made = list(takewhile(lambda each: not each.exists(), (place, *place.parents)))
    file: BinaryIO | None = None
    try:
        with Held():
            file = _lock_file(folder)
        yield
    finally:
        if file is not None and not file.closed:  # as in a forked child, which has nothing to end
            with Held():
                _unlock(file, place)
                with suppress(OSError):  # what has other things in it stays
                    for each in made:
                        each.rmdir()


def _unlock(file: BinaryIO, folder: Path) -> None:
    # Held while it is removed: whoever opened it meanwhile sees that it is not the file there any more.
    path = folder / _NAME
    with suppress(OSError):
        is_ours = os.path.samestat(os.fstat(file.fileno()), path.stat())
        if os.name == "nt":
            _close(file)
        if is_ours:
            path.unlink()
    _close(file)


def _lock_file(folder: Path) -> BinaryIO:
    """The open, locked file of a directory, with a line on who holds it."""
    path = folder / _NAME
    for attempt in range(_ATTEMPTS):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = _opened(path)
        except OSError as error:
            if folder.exists() and not folder.is_dir():
                raise RunError(f"{folder} is a file, and a run needs a folder: choose another run=") from None
            if isinstance(error, FileNotFoundError | FileExistsError) and attempt < _ATTEMPTS - 1:
                continue  # somebody else made or removed it just now
            raise unwritable(folder, error) from error
        if not _is_locked(file):
            told = file.read(_TOLD_BYTES).decode("utf-8", "replace")
            _close(file)
            raise _refused(folder, "".join(each for each in told if each.isprintable()) or "another process")
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                _sign(file)
                return file
        _close(file)
    raise _refused(folder, "others who come and go")


def _opened(path: Path) -> BinaryIO:
    with _opening:
        # Unbuffered: what a child closes, it writes nothing to.
        file = open(path, "r+b" if path.exists() else "x+b", buffering=0)  # noqa: SIM115 - held by the caller
        _open.add(cast(BinaryIO, file))
    return cast(BinaryIO, file)


def _close(file: BinaryIO) -> None:
    with _opening:
        _open.discard(file)
        file.close()


def _is_locked(file: BinaryIO) -> bool:
    """Whether this process has the lock now, or nobody can, since the file system knows none."""
    try:
        return lock_at_once(file)
    except OSError:
        return True


def _sign(file: BinaryIO) -> None:
    """Tell in the file who holds it."""
    with suppress(OSError):
        file.truncate(0)
        file.write(signature().encode())


def _refused(folder: Path, holder: str) -> InUseError:
    return InUseError(f"{folder} is being trained in, by {holder}")


def alone_in_its_run(function: F) -> F:
    """Have a function with an option ``run=`` be the only one that trains in that directory."""

    @functools.wraps(function)
    def guarded(*arguments: Any, **options: Any) -> Any:
        run = options.get("run")
        if run is None:
            return function(*arguments, **options)
        with running(Path(run)):
            return function(*arguments, **options)

    return cast(F, guarded)
