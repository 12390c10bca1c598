"""A model's answers as probabilities or values, in batches of one size."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.errors import OptionError
from stoker.training.inputs import count_rows, fill, part
from stoker.types import FeedSpec

__all__ = ["Scorer", "class_indices", "gives_logits"]

_BATCH_BYTES = 8 << 20
_MOST_ROWS = 4096
_FEWEST_ROWS = 16
_TEXT_ROWS = {"sparse": 256, "tokens": 128}
"""Rows of texts are narrow and what a model makes of them is wide."""


class Scorer:
    """Calls a model on any number of rows.

    The rows are cut into batches of one size, the last one filled up: on JAX and TensorFlow every new size
    costs a compilation.

    Parameters
    ----------
    model
        A built Keras model.
    spec
        The task it was trained for.
    """

    def __init__(self, model: Any, spec: FeedSpec) -> None:
        self._model = model
        self._spec = spec
        self._logits = gives_logits(model)
        row_bytes = 4 * max(1, int(np.prod(spec.input_shape)))
        rows = max(_FEWEST_ROWS, min(_MOST_ROWS, _BATCH_BYTES // row_bytes))
        kinds = {spec.input_kind, *(each.kind for each in spec.inputs)}
        self.batch_rows = min(
            [size for kind, size in _TEXT_ROWS.items() if kind in kinds] or [1 << (rows.bit_length() - 1)]
        )

    def __call__(self, x: Any) -> npt.NDArray[np.float32]:
        """Outputs for x of n rows: an array, a CSR matrix, or pairs of index and value.

        Returns
        -------
        ndarray
            float32: probabilities of shape (n, classes); for two classes those of the second, and for
            regression the values, of shape (n,).

        Raises
        ------
        OptionError
            If the model's output has another shape than the task asks for.
        """
        return self.shaped(self.raw(x))

    def raw(self, x: Any) -> npt.NDArray[np.float32]:
        """What the model itself gives for x, float32 of shape (n, …)."""
        rows = count_rows(x)
        firsts = range(0, max(1, rows), self.batch_rows)
        parts = [self._batch(part(x, first, min(first + self.batch_rows, rows))) for first in firsts]
        return np.concatenate(parts)

    def shaped(self, raw: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The model's outputs as probabilities or values; see `__call__`."""
        outputs = self._shaped(raw)
        if not self._logits or self._spec.task == "regression":
            return outputs
        return _softmax(outputs) if outputs.ndim == 2 else _sigmoid(outputs)

    def _batch(self, x: Any) -> npt.NDArray[np.float32]:
        padded = fill(x, self.batch_rows)
        return np.asarray(self._model.predict_on_batch(padded), np.float32)[: count_rows(x)]

    def _shaped(self, raw: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        task, outputs = self._spec.task, self._spec.num_outputs
        if task != "classes" and raw.shape[1:] in ((), (1,)):
            return raw.reshape(len(raw))
        if task == "binary" and raw.shape[1:] == (2,):
            return raw[:, 1] - raw[:, 0] if self._logits else raw[:, 1]
        if task == "classes" and raw.shape[1:] == (outputs,):
            return raw
        raise OptionError(
            f"model {self._model.name!r} gives outputs of shape {raw.shape[1:]} a row, "
            f"the task {task!r} needs ({outputs},)"
        )


def gives_logits(model: Any) -> bool:
    """Whether the model's loss says that its outputs are no probabilities yet."""
    loss = getattr(model, "loss", None)
    return bool(getattr(loss, "from_logits", False))


def class_indices(outputs: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """The likeliest class of each row, int64 of shape (n,), of what `Scorer` gives for classes."""
    found = outputs.argmax(axis=1) if outputs.ndim == 2 else outputs > 0.5
    return np.asarray(found, np.int64)


def _softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def _sigmoid(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(1.0 / (1.0 + np.exp(-logits.astype(np.float64))), np.float32)
