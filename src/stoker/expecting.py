"""What the batches of a resolved feed will look like, before any is made."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.kernels.padding import padded_width
from stoker.preparation import Preparation
from stoker.types import Arrays, SparseRows

__all__ = ["expected_batches"]


def expected_batches(
    stage: Preparation,
) -> tuple[tuple[Arrays, npt.NDArray[Any], npt.NDArray[Any] | None], ...]:
    """Inputs, targets and weights of the shapes and types of full batches and of the last; see `BaseFeed`."""
    order = stage.plan.order
    full, rest = divmod(order.num_rows, order.batch_size)
    sizes = [*([order.batch_size] if full else []), *([rest] if rest else [])]
    found = []
    for size in sizes:
        inputs = _inputs(stage, size)
        if inputs is None or stage.target is None:
            return ()
        targets = [_blank((size, *each.row_shape), each.dtype) for each in stage.spec.targets]
        target = stage.spec.by_target(targets)
        is_weighed = stage.class_weights is not None or stage.weight is not None
        weights = _blank((size,), np.float32) if is_weighed else None
        found.append((inputs, target, weights))
    return tuple(found)


def _inputs(stage: Preparation, size: int) -> Arrays | None:
    spec = stage.spec
    if spec.input_kind == "named":
        if any(each.kind == "sparse" for each in spec.inputs):
            return None
        return {each.name: _blank((size, *each.shape), np.dtype(each.dtype)) for each in spec.inputs}
    if spec.input_kind != "sparse":
        return _blank((size, *spec.input_shape), np.dtype(spec.input_dtype))
    kept = None if stage.survey.kept is None else stage.survey.kept.read(np.empty(0, np.int64)).inputs
    if not isinstance(kept, SparseRows):
        return None
    # Of so many rows the longest is longer than this in half of the batches.
    longest = np.quantile(np.diff(kept.indptr), 0.5 ** (1 / size))
    shape = (size, padded_width(int(longest), spec.input_shape[0]))
    return {"indices": _blank(shape, np.int32), "values": _blank(shape, np.float32)}


def _blank(shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Zeros of any shape in the memory of one."""
    return np.broadcast_to(np.zeros((), dtype), shape)
