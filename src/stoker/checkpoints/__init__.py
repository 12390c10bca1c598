"""Checkpoints on disk: written whole or not at all, checked when they are read, data and never code.

One checkpoint is a folder ``RUN/checkpoints/step-<12 digits>`` of two files::

    manifest.json   what it is: position, counters, history, states, and where each array lies; with a digest
    arrays.bin      the arrays one after another; the manifest holds the checksum of each

What the arrays mean, Keras's variables for example, is the business of `stoker.training`.
"""

from __future__ import annotations

from stoker.checkpoints.background import BackgroundWriter
from stoker.checkpoints.records import (
    CallbackRecord,
    Checkpoint,
    Counters,
    Identity,
    Manifest,
    MonitorRecord,
    OwedRecord,
    ValidationRecord,
    VariableRecord,
)
from stoker.checkpoints.store import CheckpointStore
from stoker.checkpoints.trees import Plain, pack, unpack

__all__ = [
    "BackgroundWriter",
    "CallbackRecord",
    "Checkpoint",
    "CheckpointStore",
    "Counters",
    "Identity",
    "Manifest",
    "MonitorRecord",
    "OwedRecord",
    "Plain",
    "ValidationRecord",
    "VariableRecord",
    "pack",
    "unpack",
]
