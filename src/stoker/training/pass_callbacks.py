"""The half of our `keras.callbacks.CallbackList` that evaluation and prediction need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from stoker.training import adapter
from stoker.training.handover import Handover
from stoker.training.interrupts import Interrupts

__all__ = ["PassCallbacks", "hooks_batches", "plain_logs"]


def hooks_batches(callback: Any, *names: str) -> bool:
    """Whether a callback overrides one of these hooks, in its class or on the object itself."""
    base = keras.callbacks.Callback
    return any(
        getattr(getattr(callback, name), "__func__", None) is not getattr(base, name) for name in names
    )


def plain_logs(logs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Logs with Python floats where values are scalars; waits for the step that computes them."""
    plain: dict[str, Any] = {}
    for name, value in (logs or {}).items():
        if isinstance(value, Mapping):
            plain.update(plain_logs(value))
            continue
        try:
            plain[name] = float(value)
        except (TypeError, ValueError):
            plain[name] = value
    return plain


class PassCallbacks(keras.callbacks.CallbackList):  # type: ignore[misc]  # Keras has no type information
    """Hands batches over between the steps of an evaluation or a prediction, and calls who hooks them.

    Parameters
    ----------
    callbacks
        The user's callbacks.
    model
        The model, for the callbacks.
    scored
        Where the batches of ``evaluate`` and ``predict`` come from.
    interrupts
        Ctrl-C is raised after the step under way.
    progress
        Called with the number of finished batches.
    params
        What callbacks see as ``params``.
    """

    def __init__(
        self,
        callbacks: Sequence[Any],
        *,
        model: Any,
        scored: Handover | None,
        interrupts: Interrupts,
        progress: Callable[[int], None] = lambda done: None,
        **params: Any,
    ) -> None:
        super().__init__(list(callbacks), model=model, **params)
        self._scored = scored
        self._interrupts = interrupts
        self._progress = progress
        self._stride = int(model.steps_per_execution)
        self._at_hand = adapter.batches_before_step(self._stride)
        self._scored_batches = 0
        self._last_scored: Any = None
        self._on_test = self._hooked("on_test_batch_begin", "on_test_batch_end")
        self._on_predict = self._hooked("on_predict_batch_begin", "on_predict_batch_end")

    def _hooked(self, *names: str) -> tuple[Any, ...]:
        return tuple(callback for callback in self.callbacks if hooks_batches(callback, *names))

    def on_test_begin(self, logs: Any = None) -> None:
        """Begin the stream."""
        self._begin_pass()
        super().on_test_begin(logs)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Pull the batches of the coming step."""
        place = self._fetch()
        for callback in self._on_test:
            callback.on_test_batch_begin(self._scored_batches, logs=dict(place))

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count the step."""
        place = self._finish(logs)
        if self._on_test:
            values = place | plain_logs(logs)
            for callback in self._on_test:
                callback.on_test_batch_end(self._scored_batches - 1, logs=values)
        self._interrupts.check()

    def on_test_end(self, logs: Any = None) -> None:
        """End the stream."""
        self._end_pass()
        super().on_test_end(logs)

    def on_predict_begin(self, logs: Any = None) -> None:
        """Begin the stream."""
        self._begin_pass()
        super().on_predict_begin(logs)

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Pull the batches of the coming step."""
        place = self._fetch()
        for callback in self._on_predict:
            callback.on_predict_batch_begin(self._scored_batches, logs=dict(place))

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count the step."""
        place = self._finish((logs or {}).get("outputs"))
        if self._on_predict:
            values = place | (logs or {})
            for callback in self._on_predict:
                callback.on_predict_batch_end(self._scored_batches - 1, logs=values)
        self._interrupts.check()

    def on_predict_end(self, logs: Any = None) -> None:
        """End the stream."""
        self._end_pass()
        super().on_predict_end(logs)

    def _begin_pass(self) -> None:
        adapter.hold_state(self._model)
        self._scored_batches = 0
        self._last_scored = None
        if self._scored is not None:
            self._scored.begin(0)

    def _fetch(self) -> dict[str, Any]:
        size = 0
        if self._scored is not None:
            self._scored.fetch(self._at_hand, self._last_scored)
            size = self._scored.next_size
        return {"batch": self._scored_batches, "size": size}

    def _finish(self, result: Any) -> dict[str, Any]:
        self._last_scored = result
        if self._scored is None:
            self._scored_batches += self._stride
            return {"batch": self._scored_batches - 1}
        before = self._scored.rows
        self._scored_batches += self._scored.finish(self._stride)
        self._progress(self._scored_batches)
        self._scored.raise_held()
        return {"batch": self._scored_batches - 1, "size": self._scored.rows - before}

    def _end_pass(self) -> None:
        if self._scored is not None:
            self._scored.close()
            self._scored.turn(more=False)
