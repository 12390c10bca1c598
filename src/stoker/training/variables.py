"""A model's variables, every one of them by its path: copied out, and put back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from stoker.checkpoints import Checkpoint, VariableRecord
from stoker.errors import RunError
from stoker.training import adapter
from stoker.training.owed import optimizer_variables

__all__ = ["all_variables", "copy_variables", "put_back_variables", "refuse_other_best"]

_NUMBER = re.compile(r"_\d+(?=[/_]|$)")


def copy_variables(model: Any) -> tuple[list[VariableRecord], dict[str, Any]]:
    """Copies of all variables: weights, optimizer, metrics in progress, seeds.

    ``.keras`` files lack the metrics, and the state of the seeds that dropout draws from.

    Returns
    -------
    records, arrays
        What each is, and its value by the name that its record gives.
    """
    adapter.sync_state(model)
    records: list[VariableRecord] = []
    arrays: dict[str, Any] = {}
    for part, variable in _variables(model):
        name = f"variable-{len(records)}"
        records.append(VariableRecord(part=part, path=variable.path, array=name))
        (arrays[name],) = adapter.copy_values([variable])
    return records, arrays


def all_variables(model: Any) -> list[Any]:
    """Every variable of a built model: weights, optimizer, metrics, seeds."""
    return [variable for _, variable in _variables(model)]


def put_back_variables(model: Any, checkpoint: Checkpoint) -> None:
    """Give a built model the variables of a checkpoint.

    They are those of the same place and path; numbers that Keras appends to names count for nothing, for they
    tell how many models a process made before.

    Raises
    ------
    RunError
        If the model has other variables, naming the first that differs.
    """
    there, here = checkpoint.manifest.variables, list(_variables(model))
    _check(there, here, checkpoint)
    for record, (_, variable) in zip(there, here, strict=True):
        # A copy: JAX may take memory of NumPy's for its own.
        variable.assign(checkpoint.array(record.array))


def refuse_other_best(model: Any, checkpoint: Checkpoint) -> None:
    """Refuse a best model, whose variables are put back later than the others, that is not this one.

    Raises
    ------
    RunError
        If the number of its weights, or of its optimizer's variables, or a shape is another.
    """
    monitor, owed = checkpoint.manifest.monitor, checkpoint.manifest.owed
    kept = [] if monitor is None or monitor.weights is None else [(monitor.weights, list(model.weights))]
    if owed is not None:
        kept += [(owed.weights, list(model.weights)), (owed.optimizer, optimizer_variables(model))]
    for names, variables in kept:
        there = [checkpoint.arrays[name].shape for name in names]
        if there != [tuple(variable.shape) for variable in variables]:
            raise RunError(
                f"the best weights in the checkpoint of step {checkpoint.step:,} are not of this model: "
                "build it as the run did"
            )


def _variables(model: Any) -> Iterator[tuple[Any, Any]]:
    """Every variable once, with what it belongs to."""
    parts: tuple[tuple[str, Sequence[Any]], ...] = (
        ("trainable", model.trainable_variables),
        ("non_trainable", model.non_trainable_variables),
        ("optimizer", [] if model.optimizer is None else model.optimizer.variables),
        ("metrics", model.metrics_variables),
        ("others", model.variables),
    )
    seen: set[int] = set()
    for part, variables in parts:
        for variable in variables:
            if id(variable) not in seen:
                seen.add(id(variable))
                yield part, variable


def _check(there: Sequence[VariableRecord], here: Sequence[tuple[Any, Any]], checkpoint: Checkpoint) -> None:
    for record, (part, variable) in zip(there, here, strict=False):
        kept = checkpoint.arrays[record.array]
        kind = np.dtype(kept.dtype).name
        same = part == record.part and _plain(variable.path) == _plain(record.path)
        # PyTorch has NumPy hold bfloat16 as float32, which loses nothing.
        fits = str(variable.dtype) in (kind, "bfloat16" if kind == "float32" else kind)
        if not same or tuple(variable.shape) != kept.shape or not fits:
            raise RunError(
                f"the model is not the run's: where the checkpoint of step {checkpoint.step:,} has "
                f"{_told(record.part, record.path, kept.shape, kind)}, it has "
                f"{_told(part, variable.path, variable.shape, variable.dtype)}; build it as the run did"
            )
    if len(there) != len(here):
        raise RunError(
            f"the model is not the run's: it has {len(here)} variables, optimizer and metrics counted, "
            f"and the checkpoint of step {checkpoint.step:,} has {len(there)}; build and compile it as the "
            "run did"
        )


def _plain(path: str) -> str:
    return _NUMBER.sub("", path)


def _told(part: str, path: str, shape: Any, dtype: Any) -> str:
    return f"{path!r} ({part}, {dtype}, {tuple(shape)})"
