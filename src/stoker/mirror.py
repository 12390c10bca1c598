"""A run directory on S3: training writes a folder here, and what is whole there is brought to the address.

An object appears when all of it has come, so each file is whole or not there. A checkpoint's manifest comes
last, and goes first: a checkpoint without one does not count. Models and records come before checkpoints, as
they are written here, so that what a kill leaves at the address is what one leaves in a folder.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar, cast

import msgspec

from stoker.errors import OptionError, RunError
from stoker.filelocks import signature
from stoker.folders import cache_of_user, locked, staged_file
from stoker.group import current
from stoker.outputs import is_address
from stoker.runfiles import (
    RECORD,
    is_model,
    is_name,
    is_of_checkpoint,
    is_of_run,
    may_go,
    names_in,
    place_in_order,
    whole_of,
)
from stoker.runlock import running
from stoker.sources.remote.amazon import CREDENTIALS, file_system
from stoker.sources.remote.names import require_no_secrets, scheme_of
from stoker.sources.remote.retrying import Refused, silence_seconds, told
from stoker.stored import decoded
from stoker.waits import Wait, watched

__all__ = ["address_of", "begun", "bring", "fetched", "files_of", "mirrored", "place_of", "seen"]

F = TypeVar("F", bound=Callable[..., Any])

_log = logging.getLogger("stoker")
_MARK = ".elsewhere.json"
_SIGN = ".begun"
_PART = 1 << 20


class _Mark(msgspec.Struct, kw_only=True):
    """Of which address a folder is the copy, and of each file that both have: what it was here, and there."""

    address: str
    files: dict[str, tuple[str, str]] = {}


def address_of(folder: str | os.PathLike[str]) -> str | None:
    """The address of which a folder is the copy, None where it is none."""
    mark = _mark_of(Path(folder))
    return None if mark is None else mark.address


def place_of(run: str | os.PathLike[str]) -> Path:
    """The folder that `begun` gives; nothing is asked for or made."""
    return _Mirror(run, "trained").folder if is_address(run) else Path(run)


def begun(run: str | os.PathLike[str]) -> Path:
    """The folder to train in for a run directory: the directory itself, or a copy of what is at its address.

    Of processes that train together each calls this; all have what the first one found, wherever they are.

    Parameters
    ----------
    run
        A folder, or ``s3://bucket/folder``.

    Raises
    ------
    OptionError
        For an address of another kind.
    RunError
        If the store cannot be asked, or somebody on this machine trains there.
    """
    if not is_address(run):
        return Path(run)
    mirror, group = _Mirror(run, "trained"), current()
    if group.is_first:
        with running(mirror.folder):
            if mirror.is_here():
                mirror.push()  # what was written here and did not come there before the end
            else:
                mirror.pull()
            mirror.sign()
    group.gather(b"")
    if not group.is_first:
        mirror.pull()
    group.gather(b"")
    return mirror.folder


def fetched(run: str | os.PathLike[str], *, models: bool = True, checkpoints: bool = False) -> Path:
    """The folder to read a run directory from: the directory itself, or a copy of what is at its address.

    Parameters
    ----------
    run
        A folder, or ``s3://bucket/folder``.
    models, checkpoints
        Whether those are wanted; the records are.

    Raises
    ------
    RunError
        If there is no run at the address, or the store cannot be asked.
    """
    folder = seen(run, models=models, checkpoints=checkpoints)
    if is_address(run) and not (folder / RECORD).is_file():
        raise RunError(f"{_Mirror(run, 'read').address} holds no run: there is no run.json in it")
    return folder


def seen(run: str | os.PathLike[str], *, models: bool = True, checkpoints: bool = False) -> Path:
    """As `fetched`, where there may be no run yet: then models that are there are brought in any case."""
    if not is_address(run):
        return Path(run)
    mirror = _Mirror(run, "read")
    mirror.pull(models=models, checkpoints=checkpoints)
    return mirror.folder


def files_of(run: str | os.PathLike[str]) -> set[str]:
    """The files of a run directory, hidden ones left out, by their names within; nothing is fetched.

    Raises
    ------
    RunError
        If the store cannot be asked.
    """
    return _Mirror(run, "read").names() if is_address(run) else names_in(Path(run))


def bring(folder: Path) -> None:
    """Bring what is in a copy to its address; nothing for other folders.

    Raises
    ------
    OSError
        If the store does not take it; what came before is whole.
    """
    address = address_of(folder)
    if address is None:
        return
    try:
        _Mirror(address, "trained", folder).push()
    except RunError as error:
        raise OSError(None, str(error)) from error


def mirrored(function: F) -> F:
    """Have a function train in a copy where its option ``run=`` is an address, and bring it there."""

    @functools.wraps(function)
    def trained(*arguments: Any, **options: Any) -> Any:
        if options.get("run") is None:
            return function(*arguments, **options)
        folder = options["run"] = begun(options["run"])
        try:
            found = function(*arguments, **options)
        except BaseException:
            try:
                _bring_back(folder)
            except RunError as error:  # what ended the run is the error to tell
                _log.warning("%s; %s has it", error, folder)
            raise
        _bring_back(folder)
        return found

    return cast(F, trained)


def _bring_back(folder: Path) -> None:
    address = address_of(folder)
    if address is not None and current().is_first:
        _Mirror(address, "trained", folder).push()


class _Mirror:
    """An address and the folder of this machine that is its copy."""

    def __init__(self, run: str | os.PathLike[str], use: str, folder: Path | None = None) -> None:
        scheme, _, rest = os.fspath(run).partition(":")
        self.address = f"{scheme.lower()}://{rest.strip('/')}"
        if scheme_of(self.address) != "s3":
            raise OptionError(
                f"runs are written to folders of this machine and to S3, and {self.address} is neither: take "
                "run=s3://bucket/folder, or a folder here, and copy that there"
            )
        require_no_secrets(self.address)
        self._bucket, _, self._path = rest.strip("/").partition("/")
        if not self._path:
            raise OptionError(
                f"{self.address} is a bucket, and a run needs a folder in it: {self.address}/run"
            )
        digest = hashlib.blake2b(f"{use} {self.address}".encode(), digest_size=12).hexdigest()
        self.folder = folder or cache_of_user(digest) / PurePosixPath(self._path).name

    def is_here(self) -> bool:
        """Whether what is at the address is what was brought there from here."""
        mark = _mark_of(self.folder)
        if mark is None or mark.address != self.address:
            return False
        known = {name: there for name, (_, there) in mark.files.items()}
        with self._asking("read"):
            there = self._listed()
        # What people laid beside a run is no news of it.
        return all(known.get(name) == there.get(name) for name in known.keys() | there if is_of_run(name))

    def names(self) -> set[str]:
        """What is at the address, but for checkpoints that did not come there as a whole."""
        with self._asking("read"):
            return whole_of(self._listed())

    def pull(self, *, models: bool = True, checkpoints: bool = True) -> None:
        """Have in the folder what is at the address, and nothing else.

        Parameters
        ----------
        models, checkpoints
            Whether those are wanted; if not, none is brought, and those that went are removed all the same.
            Where no record tells of models, they are brought, to be told of.
        """
        with self._asking("read"), locked(_made(self.folder.parent) / ".lock"):
            there = self._listed()
            whole = whole_of(there)
            mark = _mark_of(self.folder) or _Mark(address=self.address)
            for name in names_in(self.folder):
                if name not in whole:
                    _remove(self.folder / name)
                    mark.files.pop(name, None)
            models = models or RECORD not in whole
            wanted = {name for name in whole if models or not is_model(name)}
            wanted = {name for name in wanted if checkpoints or not is_of_checkpoint(name)}
            for name in sorted(wanted, key=place_in_order):
                if mark.files.get(name) != (_tag(self.folder / name), there[name]):
                    self._read(name)
                    mark.files[name] = _tag(self.folder / name), there[name]
            self._write_mark(mark)

    def push(self) -> None:
        """Have at the address what is in the folder.

        Of what is there alone only checkpoints, and what was kept aside, are removed.
        """
        with self._asking("written"):
            mark = _mark_of(self.folder) or _Mark(address=self.address)
            here, sent = names_in(self.folder), dict[str, str]()
            for name in sorted(here, key=place_in_order):
                tag = _tag(self.folder / name)
                if mark.files.get(name, ("",))[0] != tag:
                    sent[name] = self._write(name)
            gone = [name for name in mark.files if name not in here and may_go(name)]
            for name in sorted(gone, key=place_in_order, reverse=True):
                self._fs.delete_file(self._at(name))
            if not sent and not gone:
                return
            there, known = self._listed(), mark.files
            mark.files = {
                name: (sent.get(name) or known[name][0], there[name])
                for name in here
                if name in there and (name in sent or name in known)
            }
            self._write_mark(mark)

    def sign(self) -> None:
        """Leave word of who trains there; what cannot be written is told now, and not when hours are past."""
        with (
            self._asking("written"),
            told(lambda: self._fs.open_output_stream(self._at(_SIGN)), CREDENTIALS) as file,
        ):
            file.write(signature().encode())

    @functools.cached_property
    def _fs(self) -> Any:
        return file_system(self._bucket, silence_seconds())

    def _at(self, name: str = "") -> str:
        return f"{self._bucket}/{self._path}/{name}".rstrip("/")

    @contextmanager
    def _asking(self, done: str) -> Iterator[None]:
        try:
            with watched(), Wait("brings a run directory from or to {}", self.address):
                yield
        except (OSError, Refused) as error:
            raise RunError(f"{self.address} cannot be {done}: {error}") from error

    def _listed(self) -> dict[str, str]:
        """By name, what tells versions of a file apart; names that nobody here gives are left out."""
        from pyarrow import fs

        wanted = fs.FileSelector(self._at(), recursive=True, allow_not_found=True)
        start = len(self._at()) + 1
        return {
            info.path[start:]: f"{info.size} {info.mtime_ns}"
            for info in told(lambda: self._fs.get_file_info(wanted), CREDENTIALS)
            if info.type == fs.FileType.File and is_name(info.path[start:])
        }

    def _read(self, name: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            told(lambda: self._fs.open_input_stream(self._at(name)), CREDENTIALS) as source,
            staged_file(path, on_disk=False) as file,
        ):
            shutil.copyfileobj(source, file, _PART)

    def _write(self, name: str) -> str:
        """Write a file, and tell what it was: another may have its name meanwhile."""
        with open(self.folder / name, "rb") as file:
            with told(lambda: self._fs.open_output_stream(self._at(name)), CREDENTIALS) as target:
                shutil.copyfileobj(file, target, _PART)
            return _told_by(os.fstat(file.fileno()))

    def _write_mark(self, mark: _Mark) -> None:
        _made(self.folder)
        with staged_file(self.folder / _MARK, on_disk=False) as file:
            file.write(msgspec.json.encode(mark))


def _mark_of(folder: Path) -> _Mark | None:
    try:
        return decoded((folder / _MARK).read_bytes(), _Mark)
    except (OSError, ValueError):
        return None


def _remove(path: Path) -> None:
    """Remove a file, and its checkpoint's folder with the last one."""
    path.unlink()
    with suppress(OSError):
        path.parent.rmdir()


def _tag(path: Path) -> str:
    try:
        return _told_by(path.stat())
    except OSError:
        return ""


def _told_by(found: os.stat_result) -> str:
    return f"{found.st_size} {found.st_mtime_ns}"


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
