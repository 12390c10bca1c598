"""Which class reads which stored state: transforms that stand alone, and those made of others."""

from __future__ import annotations

from typing import Any

from stoker.transforms.base import FittedTransform
from stoker.transforms.columns import Columns
from stoker.transforms.kinds import KINDS, read_state

__all__ = ["TRANSFORMS", "from_state"]

TRANSFORMS: dict[str, type[FittedTransform]] = {**KINDS, Columns.name: Columns}


def from_state(state: dict[str, Any]) -> FittedTransform:
    """The transform whose `state` this is.

    Raises
    ------
    RunError
        If the state names no known transform, or is damaged.
    """
    return read_state(state, TRANSFORMS)
