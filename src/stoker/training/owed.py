"""The best model as its file would hold it, for where a full disk keeps that file from being written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from stoker.checkpoints import Checkpoint, OwedRecord
from stoker.training.adapter import copy_values, sync_state

__all__ = ["OwedModel", "optimizer_variables"]


@dataclass(frozen=True, slots=True, eq=False)
class OwedModel:
    """A model's weights and its optimizer's state as they were, which nobody writes to again.

    Attributes
    ----------
    weights, optimizer
        Arrays in the order of ``model.weights`` and ``model.optimizer.variables``.
    """

    weights: Sequence[Any]
    optimizer: Sequence[Any]

    @classmethod
    def taken(cls, model: Any, weights: Sequence[Any] = ()) -> OwedModel:
        """A copy of a model as it is now; of its `weights` none is made where they are known."""
        sync_state(model)
        return cls(weights or copy_values(model.weights), copy_values(optimizer_variables(model)))

    def put_into(self, model: Any) -> Callable[[], None]:
        """Give a model these variables; returns what gives it back its own."""
        variables = [*model.weights, *optimizer_variables(model)]
        own = copy_values(variables)
        _assign(variables, [*self.weights, *self.optimizer])
        return lambda: _assign(variables, own)

    def record(self, arrays: dict[str, Any]) -> OwedRecord:
        """The names of its arrays, for a checkpoint; those that are not in `arrays` are added."""
        names = {id(array): name for name, array in arrays.items()}
        for place, array in enumerate([*self.weights, *self.optimizer]):
            if id(array) not in names:
                names[id(array)] = f"owed-{place}"
                arrays[f"owed-{place}"] = array
        return OwedRecord(
            weights=[names[id(array)] for array in self.weights],
            optimizer=[names[id(array)] for array in self.optimizer],
        )

    @classmethod
    def recorded(cls, record: OwedRecord, checkpoint: Checkpoint) -> OwedModel:
        """What `record` told."""
        return cls(
            [checkpoint.array(name) for name in record.weights],
            [checkpoint.array(name) for name in record.optimizer],
        )


def optimizer_variables(model: Any) -> list[Any]:
    """The variables of a model's optimizer; none where it has none."""
    return [] if model.optimizer is None else list(model.optimizer.variables)


def _assign(variables: Sequence[Any], values: Sequence[Any]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
