"""The compiled loss and metrics of a model, over predictions that were made elsewhere."""

from __future__ import annotations

from typing import Any

import keras

__all__ = ["CompiledMetrics"]


class CompiledMetrics:
    """The compiled loss and metrics over predictions that were made elsewhere.

    Parameters
    ----------
    model
        A built, compiled model; its metrics' states are used and reset.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._rows = 0
        self._loss = 0.0
        self._logs: dict[str, Any] = {}
        model.reset_metrics()
        self._step = self._one_step
        if keras.backend.backend() == "jax":
            import jax

            # Uncompiled, JAX compiles each of the metrics' operations by itself: seconds instead of tenths.
            compiled = jax.jit(self._stateless_step)
            self._step = lambda *given: self._assigned(compiled(self._state(), *given))

    def update(self, y: Any, outputs: Any, weights: Any = None, shown: Any = None) -> None:
        """Add n rows.

        Parameters
        ----------
        y, outputs
            Targets, of shape (n,) as a rule, and the model's own outputs for them.
        weights
            What the rows weigh, of shape (n,).
        shown
            Targets and outputs for the metrics alone, where they are to be of another unit than the loss.
        """
        rows = len(keras.tree.flatten(y)[0])
        given = keras.tree.map_structure(_tensor, (y, outputs, weights, shown))
        loss, self._logs = self._step(*given)
        self._loss += float(loss) * rows
        self._rows += rows

    def _one_step(self, y: Any, outputs: Any, weights: Any, shown: Any) -> tuple[Any, dict[str, Any]]:
        loss = self._model.compute_loss(x=None, y=y, y_pred=outputs, sample_weight=weights, training=False)
        true, answered = (y, outputs) if shown is None else shown
        return loss, self._model.compute_metrics(None, true, answered, weights)

    def _stateless_step(
        self, state: list[Any], y: Any, outputs: Any, weights: Any, shown: Any
    ) -> tuple[Any, Any, list[Any]]:
        variables = self._model.metrics_variables
        with keras.StatelessScope(state_mapping=zip(variables, state, strict=True)) as scope:
            loss, logs = self._one_step(y, outputs, weights, shown)
        return loss, logs, [scope.get_current_value(variable) for variable in variables]

    def _state(self) -> list[Any]:
        return [variable.value for variable in self._model.metrics_variables]

    def _assigned(self, found: tuple[Any, Any, list[Any]]) -> tuple[Any, Any]:
        loss, logs, state = found
        for variable, value in zip(self._model.metrics_variables, state, strict=True):
            variable.assign(value)
        return loss, logs

    def result(self) -> tuple[float, dict[str, float]]:
        """Loss and metrics over all rows."""
        metrics = {name: float(value) for name, value in self._logs.items() if name != "loss"}
        self._model.reset_metrics()
        return self._loss / self._rows, metrics


def _tensor(array: Any) -> Any:
    return None if array is None else keras.ops.convert_to_tensor(array)
