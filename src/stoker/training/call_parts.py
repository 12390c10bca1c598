"""What one call of training consists of, prepared and not begun yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from stoker.checkpoints import Identity
from stoker.training.artifacts import ModelFiles
from stoker.training.callback_list import Due, History
from stoker.training.capturing import Resumption
from stoker.training.checkpointing import Checkpointer
from stoker.training.finite import LossGuard
from stoker.training.monitor import Monitor
from stoker.training.progress import Display
from stoker.training.protocols import FeedLike
from stoker.training.recording import RunRecorder
from stoker.training.schedule import Interval
from stoker.training.unwritten import Unwritten

__all__ = ["CallParts"]


@dataclass(kw_only=True)
class CallParts:
    """What one call of training consists of.

    Attributes
    ----------
    model, feed, validation
        A built, compiled model, what it is trained on, and what it is validated on.
    callbacks
        The user's.
    epochs, initial_epoch
        Epochs ``initial_epoch`` to ``epochs - 1`` are trained.
    display, own_display
        Where to show; whether to close it at the end.
    verbose
        For the callbacks' ``params``.
    monitor, files, recorder, every, seconds, due
        What decides on the best model, where models and the record go, when to validate within epochs, when
        to stop, and whether to validate after an epoch.
    guard
        Watches the loss; None where nobody does.
    checkpointer, identity, resumption
        What saves the training's state, what the run is of, and what is gone on from; None where nothing is.
    unwritten
        Writes models and the record, or owes them.
    history
        What is returned.
    """

    model: Any
    feed: FeedLike
    validation: FeedLike | None
    callbacks: Sequence[Any]
    epochs: int
    initial_epoch: int
    display: Display
    own_display: bool
    verbose: int = 0
    monitor: Monitor | None = None
    files: ModelFiles | None = None
    recorder: RunRecorder | None = None
    every: Interval | None = None
    seconds: float | None = None
    due: Due = lambda epoch, whole: True
    guard: LossGuard | None = None
    checkpointer: Checkpointer | None = None
    identity: Identity | None = None
    resumption: Resumption | None = None
    unwritten: Unwritten = field(default_factory=Unwritten)
    history: History = field(default_factory=History)
