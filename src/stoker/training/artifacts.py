"""The models that training leaves in a run directory, each written whole or not at all."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from stoker.errors import RunError
from stoker.folders import sync_folder
from stoker.training.adapter import usable_model, without_copy_warning
from stoker.training.owed import OwedModel
from stoker.waits import Wait, watched

__all__ = ["BEST", "ModelFiles"]

BEST = "model.keras"
"""What the best model is called."""


class ModelFiles:
    """``model.keras`` (the best) and ``last.keras`` of one run.

    Parameters
    ----------
    directory
        An existing folder.

    Attributes
    ----------
    saved_at
        ``time.monotonic()`` of the last save, None before the first.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._at = Path(os.path.abspath(directory))  # where it stays, wherever the process goes meanwhile
        self.saved_at: float | None = None

    def save_best(self, model: Any, owed: OwedModel | None = None) -> None:
        """Write the model as it is now, or as it was, to ``model.keras``.

        Raises
        ------
        RunError
            If it cannot be written; the model is as it was.
        """
        if owed is None:
            self._save(model, BEST)
            return
        with usable_model(model):
            give_back = owed.put_into(model)
            try:
                self._save(model, BEST)
            finally:
                give_back()

    def save_last(self, model: Any) -> None:
        """Write the model as it is now to ``last.keras``.

        Raises
        ------
        RunError
            If it cannot be written.
        """
        self._save(model, "last.keras")

    def _save(self, model: Any, name: str) -> None:
        # Keras picks the format by suffix, so the unfinished file ends like the finished one.
        unfinished = self._at / f".unfinished-{os.getpid()}-{name}"
        try:
            with watched(), Wait("writes {}", str(self.directory / name)):
                with without_copy_warning():
                    model.save(unfinished)
                with unfinished.open("rb") as written:
                    os.fsync(written.fileno())
                unfinished.replace(self._at / name)
                # A checkpoint that knows of this model, and is on the disk, shall not outlive it.
                sync_folder(self._at)
        except OSError as error:
            raise RunError(f"{self.directory / name} cannot be written: {error}") from error
        finally:
            unfinished.unlink(missing_ok=True)
        self.saved_at = time.monotonic()
