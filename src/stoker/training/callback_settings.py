"""How Keras's own callbacks were made, where that decides what they do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from stoker.checkpoints import CallbackRecord, pack, unpack
from stoker.contrasts import between
from stoker.errors import OptionError

__all__ = ["other_settings", "settings_of"]

_BEST = ("monitor", "mode")
_SAVED = ("save_best_only", "save_weights_only", "save_freq")

_DECIDING: dict[str, tuple[str, ...]] = {
    "EarlyStopping": (
        *_BEST, "min_delta", "patience", "baseline", "restore_best_weights", "start_from_epoch",
    ),
    "ReduceLROnPlateau": (*_BEST, "min_delta", "factor", "patience", "cooldown", "min_lr"),
    "ModelCheckpoint": (*_BEST, *_SAVED),
    "OrbaxCheckpoint": (*_BEST, *_SAVED, "max_to_keep"),
    "SwapEMAWeights": ("swap_on_epoch",),
}  # fmt: skip
"""Arguments that a callback keeps under the same name; where it writes, and what it says, may differ."""

_TABLE: dict[type, tuple[str, ...]] = {
    getattr(keras.callbacks, name): names
    for name, names in _DECIDING.items()
    if hasattr(keras.callbacks, name)
}


def settings_of(callback: Any) -> dict[str, Any] | None:
    """Settings of a callback of Keras's, or of a class made from one, packed; None where none are compared.

    Examples
    --------
    >>> import keras
    >>> settings_of(keras.callbacks.SwapEMAWeights(swap_on_epoch=True))
    {'swap_on_epoch': True}
    """
    names = next((_TABLE[base] for base in type(callback).__mro__ if base in _TABLE), None)
    if names is None:
        return None
    found: dict[str, Any] = {}
    for name in names:
        value = getattr(callback, name, None)
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, bool | int | float | str | None):
            # Keras gives min_delta the sign of what is better once training has begun.
            plain = abs(value) if name == "min_delta" and isinstance(value, int | float) else value
            found[name] = _packed(plain)
    return found


def other_settings(callbacks: Sequence[Any], records: Sequence[CallbackRecord]) -> list[str]:
    """Settings that are others than those of the run, each with both values.

    Checkpoints that were written before settings were kept tell of none.
    """
    differences: list[str] = []
    for callback, record in zip(callbacks, records, strict=True):
        here, there = settings_of(callback) or {}, record.settings or {}
        for name in here.keys() & there.keys():
            differences += between(f"{record.name}.{name}", _told(there[name]), _told(here[name]))
    return sorted(differences)


def _packed(value: Any) -> Any:
    try:
        return pack(value, lambda array: "", what="a setting")
    except OptionError:  # a number of a class of its own
        return str(value)


def _told(packed: Any) -> Any:
    return unpack(packed, {})
