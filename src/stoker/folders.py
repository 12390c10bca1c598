"""Where stoker keeps what it makes of a data file, and how such files come to be: whole or not at all.

Beside the data there is a folder ``.stoker``; where the data are read-only its place is taken by a folder of
the user's cache directory. Nothing is written in place: a file or folder grows under a temporary name, whose
builder holds a lock on it, and is renamed when it is complete. What a killed builder left behind is
recognised by the missing lock and removed by the next.

What is of use only while somebody reads it is *held* by its readers, each with a shared lock, and removed by
the last of them.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

import platformdirs

from stoker.filelocks import known, lock, lock_at_once
from stoker.given import located
from stoker.signals import Held

__all__ = [
    "alone",
    "cache_of_user",
    "clean",
    "hold",
    "homes",
    "is_left",
    "let_go",
    "locked",
    "remove_unheld",
    "scratch_folder",
    "staged_file",
    "staged_folder",
    "sync_folder",
    "user_cache",
]

_BESIDE = ".stoker"
_PREFIX = ".building-"
_LOCK = "lock"
_GRACE_SECONDS = 60.0
_GRACE_SECONDS_WITHOUT_LOCKS = 24 * 3600.0
"""Of Windows, where only age tells a killed builder from a slow one."""
_ATTEMPTS = 100
_OWNERS, _OTHERS = 0o700, 0o077
"""What the owner of a folder may do, and what others."""
_IN_THE_WAY = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR)
_NO_SUCH_THING = (errno.EINVAL, errno.ENOTSUP)


def homes(data_path: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Folders that may keep what belongs to a data file, the preferred one first; neither need exist.

    Of what is no file, and has ``://`` in its name, it is the user's cache directory alone.

    Examples
    --------
    >>> homes("/data/clicks/train.csv")[0].as_posix()
    '/data/clicks/.stoker'
    """
    is_file = "://" not in os.fspath(data_path)
    folder = Path(os.path.abspath(located(os.fspath(data_path)))).parent if is_file else Path(data_path)
    name = hashlib.blake2b(os.fsencode(folder), digest_size=12).hexdigest()
    elsewhere = user_cache() / name
    return (folder / _BESIDE if is_file else elsewhere), elsewhere


@contextmanager
def staged_folder(final: Path, *, on_disk: bool = False) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `final`, whole, when the block ends without an error.

    Parameters
    ----------
    final
        Where it will be.
    on_disk
        Whether its files are on the disk before the name is. If not, a power failure may leave some of them
        empty or torn: their reader must be able to tell.

    Raises
    ------
    OSError
        If the folder cannot be made, filled or renamed; nothing is left behind.
    """
    temporary = _temporary_name(final)
    _make_home(final.parent)
    try:
        temporary.mkdir()  # in here, or an interrupt in the moment that follows leaves it behind
        with open(temporary / _LOCK, "wb") as sign:
            lock(sign)
            yield temporary
            os.unlink(temporary / _LOCK)
            for path in temporary.iterdir() if on_disk else ():
                with open(path, "rb+") as file:
                    os.fsync(file.fileno())
            with Held():
                _replace_folder(temporary, final)
    except BaseException:
        with Held():
            shutil.rmtree(temporary, ignore_errors=True)
        raise


@contextmanager
def staged_file(final: Path, *, on_disk: bool = True, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Yield a file, open for writing, that takes the place of `final` when the block ends without an error.

    Parameters
    ----------
    final
        Where it will be.
    on_disk
        Whether its bytes are on the disk before the name is, so that a name stands for a complete file even
        after a power failure. If not, its reader must be able to tell.
    mode
        Who may read and write it, as far as the process's mask allows.

    Raises
    ------
    OSError
        If the file cannot be made, written or renamed; nothing is left behind.
    """
    temporary = _temporary_name(final)
    _make_home(final.parent)
    try:
        with open(temporary, "xb", opener=partial(os.open, mode=mode)) as file:
            lock(file)
            yield file
            file.flush()
            if on_disk:
                os.fsync(file.fileno())
            os.replace(temporary, final)
    except BaseException:
        with Held(), suppress(OSError):
            os.unlink(temporary)
        raise


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk; where a system knows no such thing, nothing is done.

    Raises
    ------
    OSError
        If the folder is not there, or its disk fails.
    """
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:  # as on shares of Windows
        if error.errno not in _NO_SUCH_THING:
            raise
    finally:
        os.close(handle)


@contextmanager
def scratch_folder(parent: Path, name: str = "scratch") -> Iterator[Path]:
    """Yield an empty folder that is removed when the block ends.

    Parameters
    ----------
    parent
        Where it is; what a killed program left there is removed by `clean`.
    name
        A part of its name.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    temporary = _temporary_name(parent / name)
    _make_home(parent)
    try:
        temporary.mkdir()
        with open(temporary / _LOCK, "wb") as sign:
            lock(sign)
            yield temporary
    finally:
        with Held():
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def alone(path: Path) -> Iterator[bool]:
    """Hold the lock of a file while the block runs; yields whether it could be had at once.

    The file is made if absent, and stays: a lock on a file that is gone locks nobody out. However its holder
    dies, it is free then. Where the system has no such locks, it is always had.

    Raises
    ------
    OSError
        If the file cannot be made.
    """
    _make_home(path.parent)
    with open(path, "ab") as file:
        yield not known() or lock_at_once(file)


@contextmanager
def locked(path: Path, *, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Yield a file that one process, and one thread, at a time may read and write; it is made if absent.

    Where the system has no such locks, nobody waits.

    Raises
    ------
    OSError
        If the file cannot be made or locked.
    """
    with open(os.open(path, os.O_RDWR | os.O_CREAT, mode), "r+b") as file:
        lock(file)
        yield file


def clean(folder: Path, name: str = "", *, at_once: bool = False) -> None:
    """Remove what builders left in a folder when they were killed; never fails, nor touches a live one's.

    Parameters
    ----------
    folder
        Where they built.
    name
        Of the one file or folder they built there, in a folder that is not stoker's own; else all.
    at_once
        Nobody else can have begun to build there in this moment: a missing lock alone tells.
    """
    pattern = re.compile(re.escape(_PREFIX) + (re.escape(name) + "-[0-9a-f]{12}$" if name else ""))
    with suppress(OSError):
        for path in folder.iterdir():
            if pattern.match(path.name) and _is_abandoned(path, at_once=at_once):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()


def is_left(folder: Path, name: str) -> bool:
    """Whether a builder of a file was killed when it had begun to write, and nobody has cleaned up yet."""
    pattern = re.compile(re.escape(f"{_PREFIX}{name}") + "-[0-9a-f]{12}$")
    try:
        return any(pattern.match(path.name) and _is_abandoned(path) for path in folder.iterdir())
    except OSError:
        return False


def hold(path: Path) -> BinaryIO:
    """Open a file that is there while somebody holds it; pass what is returned to `let_go`.

    Raises
    ------
    OSError
        If it is not there, or is being removed.
    """
    file = open(path, "rb")  # noqa: SIM115 - closed by let_go
    if known():
        # Where the file system has no locks, nobody removes it either.
        with suppress(OSError):
            lock(file, shared=True)
        if not os.fstat(file.fileno()).st_nlink:
            file.close()
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(path))
    return file


def let_go(file: BinaryIO, path: Path) -> None:
    """Hold a file, which lies at `path` by now, no longer; remove it unless somebody else holds it.

    Never fails; idempotent.
    """
    if file.closed:
        return
    with Held(), suppress(OSError), file:
        mine = os.fstat(file.fileno())
        if known() and lock_at_once(file) and os.path.samestat(mine, path.stat()):
            path.unlink()
    if not known():  # Windows lets nobody remove a file that is open
        with suppress(OSError):
            path.unlink()


def remove_unheld(path: Path) -> None:
    """Remove a file that nobody holds; never fails."""
    with suppress(OSError), open(path, "rb") as file:
        if known() and lock_at_once(file):
            path.unlink()
    if not known():
        with suppress(OSError):
            path.unlink()


def cache_of_user(name: str) -> Path:
    """A folder of the user's cache, which others may not read; it is made if absent.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    folder = user_cache() / name
    _make_home(folder)
    return folder


def user_cache() -> Path:
    """The user's cache directory, of stoker's own; it need not exist."""
    return Path(platformdirs.user_cache_dir("stoker", appauthor=False))


def _make_home(folder: Path) -> None:
    """Make a folder; one beside the data tells Git to leave it out, one in a user's cache is private."""
    is_own = folder.parent == user_cache()
    try:
        folder.mkdir(_OWNERS if is_own else 0o777, parents=True)
    except FileExistsError:
        if is_own and folder.stat().st_mode & _OTHERS:
            with suppress(OSError):
                folder.chmod(_OWNERS)
        return
    if folder.name == _BESIDE:
        with suppress(OSError):
            (folder / ".gitignore").write_text("*\n")


def _temporary_name(final: Path) -> Path:
    return final.parent / f"{_PREFIX}{final.name}-{secrets.token_hex(6)}"


def _replace_folder(temporary: Path, final: Path) -> None:
    for attempt in range(_ATTEMPTS):
        try:
            os.rename(temporary, final)
            return
        except OSError as error:
            if error.errno not in _IN_THE_WAY or attempt == _ATTEMPTS - 1:
                raise
        # A folder that is not empty cannot be renamed over: it steps aside first. Others may do so meanwhile.
        aside = _temporary_name(final)
        with suppress(FileNotFoundError):
            os.rename(final, aside)
            _remove(aside)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _is_abandoned(path: Path, *, at_once: bool = False) -> bool:
    # Between a builder's making of a name and its lock there is a moment without one; hence the grace. A file
    # is locked before its first byte is written, so one that holds any needs none.
    if known() and path.is_file() and path.stat().st_size:
        return _is_unlocked(path)
    grace = _GRACE_SECONDS if known() else _GRACE_SECONDS_WITHOUT_LOCKS
    # A time that lies in the future tells of a clock that was set back, and not of a young file.
    if not at_once and abs(time.time() - path.stat().st_mtime) < grace:
        return False
    if not known():
        return True
    return _is_unlocked(path / _LOCK if path.is_dir() else path)


def _is_unlocked(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return lock_at_once(file)
    except FileNotFoundError:
        return True
    except OSError:
        return False
