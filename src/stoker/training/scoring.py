"""A model's answers as probabilities or values, in batches of one size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.errors import OptionError
from stoker.training.inputs import count_rows, fill, part
from stoker.transforms.base import FittedTransform
from stoker.transforms.targets import output_transforms, own_unit
from stoker.types import FeedSpec, TargetSpec

__all__ = ["Scorer", "class_indices", "gives_logits", "per_output"]

_BATCH_BYTES = 8 << 20
_MOST_ROWS = 4096
_FEWEST_ROWS = 16
_PARTS = 16
"""Of a batch, where few rows are computed alone: no more than the fewest rows that one has."""
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
        The tasks it was trained for.
    target
        The labels' fitted transform, where one of them is to be undone.
    spares
        Whether rows that fill no more than half a batch are cut into batches of a sixteenth of it. Their
        answers may differ in the last bits from those that the same rows have among others.
    """

    def __init__(
        self, model: Any, spec: FeedSpec, target: FittedTransform | None = None, *, spares: bool = False
    ) -> None:
        self._model, self._spares = model, spares
        self._spec = spec
        self._transforms = None if target is None else output_transforms(target)
        row_bytes = 4 * max(1, int(np.prod(spec.input_shape)))
        rows = max(_FEWEST_ROWS, min(_MOST_ROWS, _BATCH_BYTES // row_bytes))
        kinds = {spec.input_kind, *(each.kind for each in spec.inputs)}
        self.batch_rows = min(
            [size for kind, size in _TEXT_ROWS.items() if kind in kinds] or [1 << (rows.bit_length() - 1)]
        )

    def __call__(self, x: Any) -> tuple[npt.NDArray[Any], ...]:
        """Outputs for x of n rows: an array, a CSR matrix, or pairs of index and value.

        Returns
        -------
        tuple of ndarray
            For each of the spec's targets: float32 probabilities of shape (n, classes), for two classes those
            of the second, of shape (n,), and of several labels (n, k); for regression values of shape (n,) or
            (n, k), in the labels' own unit, float64 where a transform was undone.

        Raises
        ------
        OptionError
            If the model's output has another shape than the task asks for.
        """
        return self.shaped(self.raw(x))

    def raw(self, x: Any) -> Any:
        """What the model itself gives for x: float32 of shape (n, …), or by output such arrays."""
        rows = count_rows(x)
        is_few = self._spares and rows <= self.batch_rows // 2
        size = self.batch_rows // _PARTS if is_few else self.batch_rows
        firsts = range(0, max(1, rows), size)
        parts = [self._batch(part(x, first, min(first + size, rows)), size) for first in firsts]
        if isinstance(parts[0], dict):
            return {name: np.concatenate([each[name] for each in parts]) for name in parts[0]}
        return np.concatenate(parts)

    def shaped(self, raw: Any) -> tuple[npt.NDArray[Any], ...]:
        """The model's outputs as probabilities or values; see `__call__`."""
        found = zip(self._spec.targets, per_output(raw, self._spec), strict=True)
        return tuple(
            self.own_unit(place, self._answers(target, outputs))
            for place, (target, outputs) in enumerate(found)
        )

    def own_unit(self, place: int, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Values of the target number `place` in the labels' own unit."""
        return values if self._transforms is None else own_unit(self._transforms[place], values)

    @property
    def is_undone(self) -> bool:
        """Whether the model answers in another unit than the labels'."""
        return self._transforms is not None and any(target.transform for target in self._spec.targets)

    def _batch(self, x: Any, size: int) -> Any:
        made, rows = self._model.predict_on_batch(fill(x, size)), count_rows(x)
        if isinstance(made, list | tuple):
            made = dict(zip(self._names(len(made)), made, strict=True))
        if isinstance(made, dict):
            return {name: np.asarray(output, np.float32)[:rows] for name, output in made.items()}
        return np.asarray(made, np.float32)[:rows]

    def _names(self, count: int) -> list[str]:
        """Names of the outputs of a model that gives a list of them."""
        names = list(getattr(self._model, "output_names", None) or ())
        known = [target.columns[0] for target in self._spec.targets]
        return names if len(names) == count and set(names) == set(known) else known

    def _answers(self, target: TargetSpec, raw: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        outputs = self._fitting(target, raw)
        if target.task == "regression" or not gives_logits(self._model, target):
            return outputs
        return _softmax(outputs) if target.task == "classes" else _sigmoid(outputs)

    def _fitting(self, target: TargetSpec, raw: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        task, outputs = target.task, target.num_outputs
        if (task == "classes" or len(target.columns) > 1) and raw.shape[1:] == (outputs,):
            return raw
        if task != "classes" and outputs == 1 and raw.shape[1:] in ((), (1,)):
            return raw.reshape(len(raw))
        if task == "binary" and raw.shape[1:] == (2,):
            return raw[:, 1] - raw[:, 0] if gives_logits(self._model, target) else raw[:, 1]
        raise OptionError(
            f"model {self._model.name!r} gives outputs of shape {raw.shape[1:]} a row, "
            f"the task {task!r} needs ({outputs},)"
        )


def per_output(values: Any, spec: FeedSpec) -> list[Any]:
    """What belongs to each of the spec's targets, of an array of the only one or of a mapping by name.

    Raises
    ------
    OptionError
        If there are others.
    """
    if len(spec.targets) == 1:
        return [next(iter(values.values())) if isinstance(values, Mapping) else values]
    names = [target.columns[0] for target in spec.targets]
    if not isinstance(values, Mapping) or set(values) != set(names):
        what = ", ".join(map(repr, values)) if isinstance(values, Mapping) else "one array"
        raise OptionError(
            f"the model gives {what}, and the labels are {', '.join(map(repr, names))}: give it an output "
            "for each, keras.Model(inputs, {name: output, ...})"
        )
    return [values[name] for name in names]


def gives_logits(model: Any, target: TargetSpec | None = None) -> bool:
    """Whether the model's loss, that of a target's output, says that its outputs are no probabilities yet."""
    loss = getattr(model, "loss", None)
    if isinstance(loss, Mapping):
        loss = None if target is None else loss.get(target.columns[0])
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
