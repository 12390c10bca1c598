"""What callbacks remember: Keras's own by a table, others through ``get_state`` and ``set_state``."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import keras
import numpy as np

from stoker.checkpoints import CallbackRecord, Checkpoint, pack, unpack
from stoker.errors import OptionError, RunError
from stoker.training.callback_settings import other_settings, settings_of

__all__ = [
    "copy_callbacks",
    "forgetful",
    "lost_states",
    "make_ready",
    "put_back_callbacks",
    "refuse_other_callbacks",
]

_KEPT: dict[str, tuple[str, ...]] = {
    "EarlyStopping": ("wait", "stopped_epoch", "best", "best_weights", "best_epoch"),
    "ReduceLROnPlateau": ("best", "cooldown_counter", "wait"),
    "ModelCheckpoint": ("best", "_batches_seen_since_last_saving", "_last_batch_seen", "_current_epoch"),
    "OrbaxCheckpoint": ("best", "_batches_seen_since_last_saving", "_last_batch_seen", "_total_batches_seen"),
    "SwapEMAWeights": ("_ema_weights_in_model",),
    "TensorBoard": (
        "_global_train_batch",
        "_global_test_batch",
        "_previous_epoch_iterations",
        "_train_accumulated_time",
    ),
    "History": ("epoch", "history"),
    "CSVLogger": (),
    "LambdaCallback": (),
    "LearningRateScheduler": (),
    "ProgbarLogger": (),
    "RemoteMonitor": (),
    "TerminateOnNaN": (),
}
"""Attributes of Keras's callbacks that decide what they do next; the rest follows from how they were made."""

_TABLE: dict[type, tuple[str, ...]] = {
    getattr(keras.callbacks, name): kept for name, kept in _KEPT.items() if hasattr(keras.callbacks, name)
}


def copy_callbacks(
    callbacks: Sequence[Any], arrays: dict[str, Any], lost: Callable[[str, str], None] | None = None
) -> list[CallbackRecord]:
    """The state of each callback; arrays go to `arrays`.

    Parameters
    ----------
    callbacks
        Whose state is taken.
    arrays
        Takes what the records name.
    lost
        Called with the name of a callback whose state cannot be had, and why: it is then left out. None
        raises instead.

    Raises
    ------
    OptionError
        If what ``get_state`` returns is no plain data.
    """
    records = []
    for place, callback in enumerate(callbacks):
        name = type(callback).__name__
        try:
            state, own = _packed(callback, name, place)
        except Exception as error:  # whatever somebody's own code raises
            if lost is None:
                raise
            is_ours = isinstance(error, OptionError)
            lost(name, str(error) if is_ours else f"get_state() raised {type(error).__name__}: {error}")
            records.append(CallbackRecord(name=name, settings=settings_of(callback), is_lost=True))
            continue
        arrays.update(own)
        records.append(CallbackRecord(name=name, settings=settings_of(callback), state=state))
    return records


def _packed(callback: Any, name: str, place: int) -> tuple[Any, dict[str, Any]]:
    """What a callback remembers, and the arrays that this names."""
    arrays: dict[str, Any] = {}

    def keep(array: Any) -> str:
        key = f"callback-{place}-{len(arrays)}"
        arrays[key] = np.array(array)
        return key

    state = _state(callback)
    packed = None if state is None else pack(state, keep, what=f"the state of the callback {name}")
    return packed, arrays


def lost_states(checkpoint: Checkpoint) -> list[str]:
    """Names of the callbacks whose state could not be had when the checkpoint was made."""
    return [record.name for record in checkpoint.manifest.callbacks if record.is_lost]


def put_back_callbacks(callbacks: Sequence[Any], checkpoint: Checkpoint) -> None:
    """Give callbacks what they remembered; to be called after all ``on_train_begin``, which forget."""
    for callback, record in zip(callbacks, checkpoint.manifest.callbacks, strict=True):
        if record.state is None:
            continue
        state = unpack(record.state, checkpoint.arrays)
        own = _own_state(callback)
        if own is not None:
            own[1](state)
            continue
        for name in _kept(callback) or ():
            if isinstance(state, dict) and name in state:
                setattr(callback, name, state[name])


def refuse_other_callbacks(callbacks: Sequence[Any], checkpoint: Checkpoint) -> None:
    """Refuse callbacks that cannot go on from a checkpoint; nothing is changed.

    Parameters
    ----------
    callbacks
        The user's, and the History.
    checkpoint
        Of the run.

    Raises
    ------
    RunError
        If these are other callbacks than the run's, or Keras's own with other settings, each named.
    OptionError
        For a callback that goes its own way back.
    """
    here = [type(callback).__name__ for callback in callbacks]
    there = [record.name for record in checkpoint.manifest.callbacks]
    if here != there:
        raise RunError(
            f"the run's callbacks are [{', '.join(there)}], and these are [{', '.join(here)}]: "
            "give the same, in the same order"
        )
    if any(isinstance(callback, keras.callbacks.BackupAndRestore) for callback in callbacks):
        raise OptionError(
            "BackupAndRestore would take the model back to its own backup: leave it out, for the run's "
            "checkpoints hold all that it does, and more"
        )
    if others := other_settings(callbacks, checkpoint.manifest.callbacks):
        raise RunError(
            f"the run's callbacks were made otherwise: {'; '.join(others)}: make them as the run's are, or "
            "begin a new run"
        )
    for callback, record in zip(callbacks, checkpoint.manifest.callbacks, strict=True):
        if record.state is not None and _own_state(callback) is None and _kept(callback) is not None:
            _refuse_odd_state(record, checkpoint)


def _refuse_odd_state(record: CallbackRecord, checkpoint: Checkpoint) -> None:
    """Refuse what none of Keras's callbacks can have remembered."""
    state = unpack(record.state, checkpoint.arrays)
    found = state.items() if isinstance(state, dict) else [("state", state)]
    for name, value in found:
        if isinstance(state, dict) and _may_be(name, value):
            continue
        raise RunError(
            f"the checkpoint of step {checkpoint.step:,} is damaged: the callback {record.name} cannot have "
            f"remembered such a {name!r}; remove it, and the one before it is taken"
        )


def _may_be(name: str, value: Any) -> bool:
    if name in ("epoch", "best_weights"):
        return value is None or isinstance(value, list)
    if name == "history":
        return isinstance(value, dict) and all(isinstance(each, list) for each in value.values())
    if isinstance(value, np.ndarray):
        return value.ndim == 0
    return value is None or isinstance(value, bool | int | float | np.generic)


def make_ready(callbacks: Sequence[Any], checkpoint: Checkpoint) -> None:
    """Before any ``on_train_begin``: keep what would be written over."""
    for callback, record in zip(callbacks, checkpoint.manifest.callbacks, strict=True):
        if isinstance(callback, keras.callbacks.CSVLogger) and isinstance(record.state, dict):
            _cut(callback, unpack(record.state, checkpoint.arrays).get("size"))


def forgetful(callbacks: Sequence[Any]) -> list[str]:
    """Names of the callbacks' classes that keep a state which no checkpoint can hold."""
    plain = vars(keras.callbacks.Callback()).keys() | {"params", "_model", "validation_data"}
    names = [
        type(callback).__name__
        for callback in callbacks
        if type(callback) not in _TABLE
        and not isinstance(callback, keras.callbacks.BackupAndRestore)
        and _own_state(callback) is None
        and vars(callback).keys() - plain
    ]
    return list(dict.fromkeys(names))


def _state(callback: Any) -> Any:
    own = _own_state(callback)
    if own is not None:
        return own[0]()
    if isinstance(callback, keras.callbacks.CSVLogger):
        return {"size": _size(callback)}
    if isinstance(callback, keras.callbacks.History):
        logged = {name: list(map(_logged, values)) for name, values in callback.history.items()}
        return {"epoch": callback.epoch, "history": logged}
    kept = [name for name in _kept(callback) or () if hasattr(callback, name)]
    return {name: _plain(getattr(callback, name)) for name in kept} if kept else None


def _own_state(callback: Any) -> tuple[Callable[[], Any], Callable[[Any], None]] | None:
    found = getattr(callback, "get_state", None), getattr(callback, "set_state", None)
    if found == (None, None):
        return None
    if not all(map(callable, found)):
        raise OptionError(
            f"the callback {type(callback).__name__} has one of get_state() and set_state(state): a "
            "checkpoint needs both"
        )
    return found  # type: ignore[return-value]


def _kept(callback: Any) -> tuple[str, ...] | None:
    """What is kept of Keras's own callbacks, and of classes made from them."""
    return next((_TABLE[base] for base in type(callback).__mro__ if base in _TABLE), None)


def _plain(value: Any) -> Any:
    """Tensors as NumPy arrays; lists of weights as they are."""
    return keras.ops.convert_to_numpy(value) if keras.ops.is_tensor(value) else value


def _logged(value: Any) -> Any:
    """A value of the logs, to which callbacks add what they like: no training ends for that."""
    value = _plain(value)
    try:
        pack(value, lambda array: "", what="")
    except OptionError:
        return str(value)
    return value


def _size(callback: Any) -> int:
    """Bytes of a CSVLogger's file, all rows so far written."""
    with suppress(AttributeError, ValueError):
        callback.csv_file.flush()
    try:
        return os.path.getsize(callback.filename)
    except OSError:
        return 0


def _cut(callback: Any, size: Any) -> None:
    """Have a CSVLogger go on behind the rows that it had written by the checkpoint."""
    callback.append = True
    with suppress(OSError):
        if isinstance(size, int) and 0 <= size < os.path.getsize(callback.filename):
            os.truncate(callback.filename, size)
