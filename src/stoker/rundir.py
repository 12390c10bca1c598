"""The typed records of a run directory, written atomically and read as data.

::

    runs/digits/
      run.json       the whole run: data, columns, plan, fitted transforms, one record an epoch, outcome
      model.keras    the best model (by the monitored metric)
      last.keras     the model after the last finished step
      epochs.csv     the epochs' metrics as a table
      transform.json what a transform of texts has learned, which is too much to be written with every epoch
      contents.json  checksums of the training files' chunks, by which `stoker.audit` names what changed
      before-1/      all of these as they were when the run began again, or went on from before its end; the
                     last few of such folders are kept

docs/run-directory.md documents every field.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from stoker.asides import REMOVED, Aside, keep_aside, next_aside
from stoker.contrasts import file_differences
from stoker.differing import differences
from stoker.errors import RunError
from stoker.folders import clean, is_left, staged_file
from stoker.remains import was_run, ways_out
from stoker.runlock import unwritable
from stoker.runrecords import FORMAT, RunFormat, RunRecord, checked, encoded, epochs_table
from stoker.stored import decoded
from stoker.waits import Wait, watched

__all__ = ["RunDirectory", "next_run_path", "set_apart"]

_TRANSFORM = "transform.json"
_CONTENTS = "contents.json"
_BESIDE = ("epochs.csv", _TRANSFORM, _CONTENTS)
_WRITTEN = ("run.json", *_BESIDE)
_MODELS = ("model.keras", "last.keras")


class RunDirectory:
    """A run's folder on disk.

    Parameters
    ----------
    path
        The folder; `create` makes it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._at = Path(os.path.abspath(path))  # where it stays, wherever the process goes meanwhile

    def create(
        self, record: RunRecord, transform: bytes | None = None, contents: bytes | None = None
    ) -> None:
        """Make the folder and write its first record, what `set_apart` has set apart, and files' contents.

        Raises
        ------
        RunError
            If the folder already holds a run, or cannot be made or written.
        """
        self.check_free(lambda there: _differences(there, record), of_same="of the same plan")
        beside = {_TRANSFORM: transform, _CONTENTS: contents, "epochs.csv": epochs_table([]).encode()}
        with self._writing(), staged_file(self._at / "run.json") as file:
            # What is beside is there before the name; where this is killed, what is left tells whose it was.
            file.write(encoded(record))
            file.flush()
            for name, data in beside.items():
                if data is not None:
                    self._write_file(name, data)
        self.clean()

    def clean(self) -> None:
        """Remove what writers of this run left that were killed; nobody else may be writing. Never fails."""
        for name in (*_WRITTEN, next_aside(self._at), REMOVED):
            clean(self._at, name, at_once=True)
        with suppress(OSError):
            for model in self._at.glob(".unfinished-*.keras"):
                model.unlink()

    def check_free(
        self, differing: Callable[[RunRecord], Iterable[str]] = lambda there: (), *, of_same: str = ""
    ) -> None:
        """Refuse a folder that a new run cannot have; nothing is written.

        Parameters
        ----------
        differing
            Tells in what the run that may be there differs from the new one.
        of_same
            What to say of it where it does not differ.

        Raises
        ------
        RunError
            If there is a run in it, or a file of a name that a run writes, or it is a file.
        """
        if (self._at / "run.json").exists():
            told = self._told(differing, of_same)
            or_go_on = ", or go on with it by resume='auto'" if of_same and told.endswith(of_same) else ""
            raise RunError(
                f"{self.path} already holds a run{told}; choose another folder, such as "
                f"run={_next_free(self.path)!r}{or_go_on}"
            )
        if self._at.exists() and not self._at.is_dir():
            raise RunError(f"{self.path} is a file, and a run needs a folder: choose another run=")
        was_begun = is_left(self._at, "run.json")
        for name in (*_MODELS, *_BESIDE):
            if (self._at / name).exists() and not (was_begun and name in _BESIDE):
                self._check_lost()
                raise RunError(f"{self.path / name} is there already and no run's: choose another run=")
        if not was_begun:
            self._check_lost()

    def _check_lost(self) -> None:
        if was_run(self._at):
            ways = self._ways_out("run.json")
            raise RunError(f"{self.path} holds what is left of a run whose run.json is gone{ways}")

    def write(self, record: RunRecord) -> None:
        """Write run.json and epochs.csv, each whole or not at all.

        Raises
        ------
        RunError
            If they cannot be written.
        """
        with self._writing():
            self._write_file("run.json", encoded(record))
            self._write_file("epochs.csv", epochs_table(record.epochs).encode())

    @property
    def has_model(self) -> bool:
        """Whether a model of a run is there."""
        return any((self._at / name).exists() for name in _MODELS)

    def keep_aside(self) -> Aside:
        """Keep record and models as they are now in a folder ``before-<n>``, itself a run directory.

        Raises
        ------
        RunError
            If they cannot be kept.
        """
        with self._writing():
            return keep_aside(self._at, self.path, (*_WRITTEN, *_MODELS))

    def _write_file(self, name: str, data: bytes) -> None:
        with staged_file(self._at / name) as file:
            file.write(data)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with watched(), Wait("writes the record of {}", str(self.path)):
                self._at.mkdir(parents=True, exist_ok=True)
                yield
        except OSError as error:
            raise unwritable(self.path, error) from error

    def read(self) -> RunRecord:
        """Read run.json, checked by type.

        Raises
        ------
        RunError
            If there is none, it is damaged, or a newer stoker wrote it.
        """
        path = self.path / "run.json"
        try:
            data = (self._at / path.name).read_bytes()
        except FileNotFoundError:
            lost = self._ways_out("run.json") if was_run(self._at) else ""
            raise RunError(f"{self.path} holds no run: there is no run.json in it{lost}") from None
        except NotADirectoryError:
            raise RunError(
                f"{self.path} is a file and no run directory: name the folder that the training wrote, "
                f"which it names when it begins, such as {next_run_path(str(self.path))}"
            ) from None
        except OSError as error:
            raise RunError(f"{path} cannot be read: {error.strerror}") from error
        try:
            found = decoded(data, RunFormat).format
            if found > FORMAT:
                raise RunError(
                    f"{path} has format {found}, this stoker reads up to {FORMAT}: pip install -U stoker"
                )
            return checked(decoded(data, RunRecord))
        except ValueError as error:
            lost = self._ways_out("run.json")
            raise RunError(f"{path} is damaged or not a run of stoker: {error}{lost}") from error

    def _ways_out(self, name: str) -> str:
        return ways_out(self.path, name, _next_free(self.path))

    def transform_state(self, record: RunRecord) -> dict[str, Any]:
        """The state of the features' transform, from run.json or from the file that this names.

        Raises
        ------
        RunError
            If the file is absent, or not the one that was written with this run.
        """
        if "file" not in record.transform:
            return record.transform
        path = self.path / _TRANSFORM
        try:
            data = (self._at / path.name).read_bytes()
        except OSError as error:
            lost = self._ways_out(_TRANSFORM)
            raise RunError(
                f"{path} cannot be read, and without it columns mean nothing: {error.strerror}{lost}"
            ) from error
        if _digest(data) != record.transform.get("digest"):
            lost = self._ways_out(_TRANSFORM)
            raise RunError(
                f"{path} is damaged, or of another run: its content is not what run.json says{lost}"
            )
        try:
            return decoded(data, dict[str, Any])
        except ValueError as error:
            raise RunError(f"{path} is damaged or not of stoker: {error}") from error

    def contents(self) -> bytes | None:
        """What `create` was given of the files' contents; None where it is not there."""
        try:
            return (self._at / _CONTENTS).read_bytes()
        except OSError:
            return None

    def _told(self, differing: Callable[[RunRecord], Iterable[str]], of_same: str) -> str:
        """How the run that is there differs from the new one, as the middle of a sentence."""
        try:
            found = list(differing(self.read()))
        except RunError:
            return ""
        if found:
            return f" of another plan ({'; '.join(found)})"
        return f" {of_same}" if of_same else ""


def _differences(there: RunRecord, here: RunRecord) -> Iterator[str]:
    known, given = ([(file.path, file.digest) for file in each.files] for each in (there, here))
    yield from file_differences(known, given)
    yield from differences(there, here)


def set_apart(state: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """A large state as run.json names it, and the content of the file beside it.

    Examples
    --------
    >>> set_apart({"name": "ngrams", "terms": []})[0]["file"]
    'transform.json'
    """
    data = msgspec.json.encode(state)
    return {"name": state["name"], "file": _TRANSFORM, "digest": _digest(data)}, data


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def next_run_path(data_path: str, root: str = "runs") -> str:
    """Name the run directory ``runs/<file>-<n>`` with the first number that is free.

    Examples
    --------
    >>> next_run_path("/data/clicks.csv", root="/nowhere")
    '/nowhere/clicks-1'
    """
    stem = re.sub(r"[^\w.-]+", "-", Path(data_path).name.split(".")[0]).strip("-") or "run"
    return _first_free(Path(root), stem)


def _next_free(taken: Path) -> str:
    """The folder beside a taken one with the next number: run-2 for run-1, and run-1 for run."""
    return _first_free(taken.parent, re.sub(r"-\d+$", "", taken.name) or "run")


def _first_free(root: Path, stem: str) -> str:
    number = 1
    while (root / f"{stem}-{number}").exists():
        number += 1
    return (root / f"{stem}-{number}").as_posix()
