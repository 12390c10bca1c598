"""The checkpoints of one run: the newest few, each whole."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from stoker import folders
from stoker.checkpoints.packages import UnreadableError, read_package, write_package
from stoker.checkpoints.records import FORMAT, Checkpoint, Manifest
from stoker.checkpoints.trees import unpack
from stoker.errors import OptionError, RunError
from stoker.stored import MOST

__all__ = ["CheckpointStore"]

_NAME = re.compile(r"step-(\d{12,})")
_MOST_ASIDE = 3
"""Damaged checkpoints that are kept where whole ones are written beside them."""


class CheckpointStore:
    """Writes, keeps and finds the checkpoints of a run; one process at a time writes.

    Parameters
    ----------
    run_folder
        The run directory; checkpoints lie in its folder ``checkpoints``.
    keep
        How many are kept; older ones are removed when a new one is whole.
    written
        Called when one is whole, and is not written where this raises.

    Raises
    ------
    OptionError
        If `keep` is less than 1.
    """

    def __init__(self, run_folder: Path, keep: int = 3, written: Callable[[], None] = lambda: None) -> None:
        if keep < 1:
            raise OptionError(f"keep_checkpoints must be at least 1, got {keep}")
        self.folder = Path(run_folder) / "checkpoints"
        self._at = Path(os.path.abspath(self.folder))  # where it stays, wherever the process goes meanwhile
        self._keep = keep
        self._written = written
        self._is_rooted = False
        self._damaged: set[Path] = set()

    def write(self, checkpoint: Checkpoint, between: Callable[[], None] = lambda: None) -> Path:
        """Write a checkpoint beside the others; once this returns, no failure of power takes it away.

        Parameters
        ----------
        checkpoint
            What is written.
        between
            Called every now and then; where it raises, the others are as they were.

        Raises
        ------
        OSError
            If it cannot be written, as where the disk is full; the others are as they were.
        """
        self._keep_damaged()
        final = self._at / f"step-{checkpoint.step:012d}"
        with folders.staged_folder(final) as unfinished:
            write_package(unfinished, checkpoint.manifest, checkpoint.arrays, between)
        folders.sync_folder(self._at)
        if not self._is_rooted:  # the names of the folders that it lies in, which others may own
            for folder in (self._at.parent, self._at.parent.parent):
                with suppress(OSError):
                    folders.sync_folder(folder)
            self._is_rooted = True
        self._remove_old(final)
        self._written()
        return final

    def paths(self) -> list[Path]:
        """The checkpoints that are there, the newest first; whole or not.

        Raises
        ------
        OSError
            If the system does not tell.
        """
        try:
            found = [path for path in self._at.iterdir() if _NAME.fullmatch(path.name)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(found, key=lambda path: int(path.name[5:]), reverse=True)

    def newest_step(self) -> int | None:
        """The step of the newest that is there, whole or not; None where there is none, or none is told."""
        with suppress(OSError):
            for path in self.paths():
                return int(path.name[5:])
        return None

    def read(self, path: Path) -> Checkpoint:
        """One of `paths`, every byte checked.

        Raises
        ------
        RunError
            If it is torn or damaged, or cannot be read.
        """
        manifest, arrays = read_package(path, Manifest, FORMAT)
        if manifest.counters.steps != int(path.name[5:]):
            raise RunError(f"{path} holds the checkpoint of another step, {manifest.counters.steps}")
        _refuse_impossible(path, manifest)
        named = {record.array for record in manifest.variables}
        named.update((manifest.monitor.weights if manifest.monitor else None) or ())
        if manifest.owed is not None:
            named.update(manifest.owed.weights, manifest.owed.optimizer)
        if missing := named - arrays.keys():
            raise RunError(f"{path} lacks arrays that it names: {', '.join(sorted(missing)[:3])}")
        return Checkpoint(manifest=manifest, arrays=arrays)

    def newest(self, warn: Callable[[str], None] = lambda text: None) -> Checkpoint | None:
        """The newest whole checkpoint, None if there is none.

        Parameters
        ----------
        warn
            Told of each that is torn or damaged, and passed over: `write` puts it aside.

        Raises
        ------
        RunError
            If none is known to be whole, and one that may be cannot be read: whoever began again would
            write over it.
        """
        unread: Exception | None = None
        try:
            paths = self.paths()
            for path in paths:
                try:
                    return self.read(path)
                except RunError as error:
                    self._damaged.add(path)
                    is_last = path is paths[-1]
                    what = "there is none before it" if is_last else "the checkpoint before it is taken"
                    warn(f"{error}; {what}")
                    unread = unread or (error if isinstance(error, UnreadableError) else None)
        except OSError as error:
            unread = error
        if unread is not None:
            raise RunError(
                f"no checkpoint in {self.folder} can be read ({unread}), and it may be whole: mend that, or "
                "remove the folder to do without"
            ) from unread
        return None

    def set_aside(self) -> int:
        """Have all that are there lie aside, as ``damaged-step-<number>``; nobody takes them for checkpoints.

        Returns
        -------
        int
            How many there were.

        Raises
        ------
        OSError
            If one cannot be renamed.
        """
        paths = self.paths()
        for path in paths:
            _put_aside(path)
        return len(paths)

    def clean(self) -> None:
        """Remove what writers left here that were killed; nobody else may be writing. Never fails."""
        folders.clean(self._at, at_once=True)

    def _keep_damaged(self) -> None:
        """Have those that `newest` passed over lie aside before others take their places; the last few."""
        if not self._damaged:
            return
        for path in sorted(self._damaged):
            with suppress(OSError):
                _put_aside(path)
        self._damaged.clear()
        with suppress(OSError):
            aside = sorted(self._at.glob("damaged-step-*"), key=lambda path: path.stat().st_ctime_ns)
            for path in aside[:-_MOST_ASIDE]:
                shutil.rmtree(path, ignore_errors=True)

    def _remove_old(self, newest: Path) -> None:
        """Remove all but the newest few, and what lies ahead of the one just written: that past is void."""
        kept = 0
        for path in self.paths():
            if path.name <= newest.name or len(path.name) < len(newest.name):
                kept += 1
                if kept <= self._keep:
                    continue
            with suppress(OSError):
                shutil.rmtree(path)
        self.clean()


def _put_aside(path: Path) -> None:
    aside, number = path.with_name(f"damaged-{path.name}"), 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"damaged-{path.name}-{number}")
    path.rename(aside)


def _refuse_impossible(path: Path, manifest: Manifest) -> None:
    """Refuse what nobody wrote there, though its digest is right."""
    position, counters = manifest.position, manifest.counters
    within = 0 <= position.epoch <= MOST and 0 <= position.batches <= counters.steps
    if not within or counters.epoch_rows > counters.rows:
        raise RunError(
            f"{path} is described wrongly: it cannot be {position.batches} batches into epoch "
            f"{position.epoch} after {counters.steps} steps and {counters.rows} rows"
        )
    epochs = [record.epoch for record in manifest.unrecorded]
    if epochs != sorted(set(epochs)) or any(epoch >= position.epoch for epoch in epochs):
        raise RunError(
            f"{path} is described wrongly: epochs {epochs!r:.80} cannot have ended before {position.epoch}"
        )
    for packed in (
        {} if manifest.metrics is None else manifest.metrics,
        *(v.logs for v in manifest.validations),
    ):
        logs = unpack(packed, {})
        if not isinstance(logs, dict) or not all(isinstance(value, float) for value in logs.values()):
            raise RunError(f"{path} is described wrongly: its logs are no names with numbers")
