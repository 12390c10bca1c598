"""An old run's weights for a model of several named inputs, some of which are gone: by the inputs' names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.transforms.columns import Columns
from stoker.transforms.numeric import Cast

__all__ = ["by_input"]

Values = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class _Tower:
    """Of one input: the weights that see it alone, and its columns of what is put side by side."""

    weights: tuple[Any, ...]
    start: int
    width: int


def by_input(
    old_model: Any, model: Any, old: Columns, new: Columns, theirs: Sequence[Values]
) -> list[Values] | None:
    """Values for the weights of a model, where its inputs are some of the old one's.

    Parameters
    ----------
    old_model, model
        Models that `stoker.models` made of several inputs.
    old, new
        The transforms of their inputs.
    theirs
        Values of the old model's weights, in their order.

    Returns
    -------
    list
        An array for each weight of `model`, in their order; None where the models do not go by inputs.
    """
    parts, known = _towers(model, new), _towers(old_model, old)
    if parts is None or known is None:
        return None
    values = {id(weight): value for weight, value in zip(old_model.weights, theirs, strict=True)}
    taken: dict[int, Values] = {}
    for name, part in parts.items():
        if len(part.weights) != len(known[name].weights):
            return None
        for weight, before in zip(part.weights, known[name].weights, strict=True):
            taken[id(weight)] = values[id(before)]
    first, before = model.get_layer("dense").kernel, old_model.get_layer("dense").kernel
    taken[id(first)] = values[id(before)][_rows(parts, known, old, new)]
    own = {id(weight) for part in known.values() for weight in part.weights} | {id(before)}
    rest = [weight for weight in old_model.weights if id(weight) not in own]
    left = [weight for weight in model.weights if id(weight) not in taken]
    if len(rest) != len(left):
        return None
    taken |= {id(weight): values[id(known)] for weight, known in zip(left, rest, strict=True)}
    return [taken[id(weight)] for weight in model.weights]


def _towers(model: Any, made: Columns) -> dict[str, _Tower] | None:
    """What belongs to each input; None where the model is none that puts inputs side by side."""
    import keras

    layers = {layer.name: layer for layer in model.layers}
    joined = layers.get("side_by_side")
    if "dense" not in layers or (joined is None) != (len(made.parts) == 1):
        return None
    tensors = [layers["dense"].input] if joined is None else joined.input
    if len(tensors) != len(made.parts):
        return None
    towers, start = {}, 0
    for part, tensor in zip(made.parts, tensors, strict=True):
        width = math.prod(tensor.shape[1:])
        seen = keras.Model(model.inputs, tensor).weights
        towers[part.name] = _Tower(tuple(seen), start, width)
        start += width
    return towers if layers["dense"].kernel.shape[0] == start else None


def _rows(
    parts: Mapping[str, _Tower], known: Mapping[str, _Tower], old: Columns, new: Columns
) -> npt.NDArray[np.int64]:
    """Which row of the old kernel each row of the new one is."""
    before = {part.name: part.transform for part in old.parts}
    rows: list[int] = []
    for part in new.parts:
        there, start = before[part.name], known[part.name].start
        if (
            isinstance(there, Cast)
            and isinstance(part.transform, Cast)
            and there.made_of != part.transform.made_of
        ):
            rows += [start + there.made_of.index(each) for each in part.transform.made_of]
        else:
            rows += range(start, start + parts[part.name].width)
    return np.array(rows, np.int64)
