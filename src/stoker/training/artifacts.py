"""The files that training leaves in a run directory, each written whole or not at all."""

from __future__ import annotations

import csv
import io
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stoker.errors import RunError
from stoker.training.adapter import without_copy_warning

__all__ = ["RunFiles"]


class RunFiles:
    """``model.keras`` (the best), ``last.keras`` and ``epochs.csv`` of one run.

    Parameters
    ----------
    directory
        Made if absent.

    Raises
    ------
    RunError
        If the directory cannot be made or written.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = Path(directory)
        self.saved_at: float | None = None
        self._records: list[dict[str, float | int]] = []
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"run directory {self.directory} cannot be made: {error.strerror}") from error
        if not os.access(self.directory, os.W_OK):
            raise RunError(f"run directory {self.directory} cannot be written: choose another with run=")

    def save_best(self, model: Any) -> None:
        """Write the model as it is now to ``model.keras``."""
        self._save(model, "model.keras")

    def save_last(self, model: Any) -> None:
        """Write the model as it is now to ``last.keras``."""
        self._save(model, "last.keras")

    def add_epoch(self, epoch: int, step: int, seconds: float, logs: Mapping[str, float]) -> None:
        """Add a row to ``epochs.csv``."""
        self._records.append({"epoch": epoch, "step": step, "seconds": round(seconds, 3), **logs})
        names = list(dict.fromkeys(name for record in self._records for name in record))
        text = io.StringIO()
        writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._records)
        self._replace("epochs.csv", lambda path: path.write_text(text.getvalue(), "utf-8"))

    def _save(self, model: Any, name: str) -> None:
        with without_copy_warning():
            self._replace(name, model.save)
        self.saved_at = time.monotonic()

    def _replace(self, name: str, write: Any) -> None:
        # Keras picks the format by suffix, so the unfinished file ends like the finished one.
        unfinished = self.directory / f".unfinished-{os.getpid()}-{name}"
        try:
            write(unfinished)
            with unfinished.open("rb") as written:
                os.fsync(written.fileno())
            unfinished.replace(self.directory / name)
        except OSError as error:
            raise RunError(f"{self.directory / name} cannot be written: {error}") from error
        finally:
            unfinished.unlink(missing_ok=True)
