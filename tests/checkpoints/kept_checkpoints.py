"""A checkpoint of two arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from stoker.checkpoints import Checkpoint, Counters, Identity, Manifest, VariableRecord
from stoker.types import Position

IDENTITY = Identity(
    versions={"keras": "3"},
    backend="jax",
    order=None,
    rows="",
    validation_rows=None,
    files=[],
    validation_files=[],
    transform="",
    settings={},
)


def made_checkpoint(step: int, **known: Any) -> Checkpoint:
    manifest = Manifest(
        created="2026-01-01T00:00:00+00:00",
        identity=IDENTITY,
        position=Position(epoch=0, batches=step),
        order_digest=f"{step:032x}",
        member_digest=f"{step:032x}",
        counters=Counters(steps=step),
        variables=[
            VariableRecord(part="trainable", path="dense/kernel", array="v0"),
            VariableRecord(part="optimizer", path="adam/iteration", array="v1"),
        ],
        **known,
    )
    weights = np.random.default_rng(step).normal(size=(7, 5)).astype(np.float32)
    return Checkpoint(manifest=manifest, arrays={"v0": weights, "v1": np.array(step, np.int64)})
