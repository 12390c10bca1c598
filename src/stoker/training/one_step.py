"""One step an execution, while somebody hooks batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stoker.training.callback_list import BATCH_HOOKS
from stoker.training.pass_callbacks import hooks_batches

__all__ = ["one_step_an_execution"]


class one_step_an_execution:  # noqa: N801  # reads as a statement
    """Batch hooks report wrong indices with ``steps_per_execution`` above 1, so it is 1 while one is used.

    Parameters
    ----------
    model, callbacks
        The model, and the callbacks that may hook batches.
    hooks
        Names of the hooks that matter.
    """

    def __init__(self, model: Any, callbacks: Sequence[Any], hooks: Sequence[str] = BATCH_HOOKS) -> None:
        self._model = model
        self._steps = model.steps_per_execution
        self._needed = self._steps > 1 and any(hooks_batches(each, *hooks) for each in callbacks)

    def __enter__(self) -> None:
        if self._needed:
            self._set(1)

    def __exit__(self, *exception: object) -> None:
        if self._needed:
            self._set(self._steps)

    def _set(self, steps: int) -> None:
        self._model.steps_per_execution = steps
        self._model.train_function = self._model.test_function = self._model.predict_function = None
