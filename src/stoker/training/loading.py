"""Keras models from disk, as data: no code that a file names or holds is run."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import keras

from stoker.errors import RunError
from stoker.signals import heeded
from stoker.training.adapter import without_copy_warning

__all__ = ["load_model"]

_MOST_TIMES = 64
"""How many times its own size a model may unpack to: Keras packs without compressing."""
_LONGEST = 500


def load_model(path: Path, hint: str = "") -> Any:
    """Load a ``.keras`` file in Keras's safe mode.

    Parameters
    ----------
    path
        The file.
    hint
        What may help where it cannot be loaded; ends the message.

    Raises
    ------
    RunError
        If it is damaged, holds code, or asks for more memory than there is.
    """
    try:
        _check_archive(path)
        with without_copy_warning(), heeded():
            return keras.models.load_model(path, safe_mode=True)
    except RunError:
        raise
    except Exception as error:  # of whatever kind: Keras passes on what zip, JSON, HDF5 and the backend raise
        if _is_of_code(error):
            raise RunError(_holds_code(path, error)) from error
        raise RunError(f"{path} cannot be loaded: {_told(error)}{hint}") from error


def _check_archive(path: Path) -> None:
    """Refuse an archive that unpacks to far more than it is."""
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    size = os.stat(path).st_size
    if unpacked > _MOST_TIMES * size:
        raise RunError(f"{path} has {size:,} bytes and unpacks to {unpacked:,}, which no saved model does")


def _is_of_code(error: BaseException) -> bool:
    return isinstance(error, ValueError) and ("unsafe" in str(error) or "Python lambda" in str(error))


def _holds_code(path: Path, error: Exception) -> str:
    return (
        f"{path} holds Python code, as a Lambda layer of a lambda does, and stoker runs no code from a file: "
        "write the layer as a class that is registered (keras.saving.register_keras_serializable), and train "
        f"anew; if you trust the file, load the model yourself with Keras. Keras says: {_told(error)}"
    )


def _told(error: Exception) -> str:
    """The first line of an error, or its kind."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:_LONGEST]
