"""A model's inputs in whichever form: arrays, pairs of index and value, rows of a sparse matrix, or several.

Sparse rows travel as a SciPy CSR matrix while they are cut and joined, and become pairs when a model takes
them. Several inputs are a mapping by their names, each in one of these forms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stoker.kernels.padding import longest_row, pad_rows, padded_width
from stoker.types import EachKind, FeedSpec, InputKind

__all__ = ["count_rows", "empty_batch", "fill", "join", "part"]


def empty_batch(spec: FeedSpec, batch_size: int) -> Any:
    """Inputs of the shapes and types of a batch, all zeros."""
    if spec.input_kind == "named":
        return {each.name: _empty(each.kind, each.shape, each.dtype, batch_size) for each in spec.inputs}
    return _empty(spec.input_kind, spec.input_shape, spec.input_dtype, batch_size)


def _empty(kind: InputKind | EachKind, shape: tuple[int, ...], dtype: str, batch_size: int) -> Any:
    if kind == "sparse":
        pairs = batch_size, padded_width(0, shape[0])
        return {"indices": np.zeros(pairs, np.int32), "values": np.zeros(pairs, np.float32)}
    return np.zeros((batch_size, *shape), dtype)


def count_rows(x: Any) -> int:
    """Rows of inputs."""
    return count_rows(next(iter(x.values()))) if isinstance(x, Mapping) else int(x.shape[0])


def part(x: Any, first: int, stop: int) -> Any:
    """The rows [first, stop)."""
    if isinstance(x, Mapping):
        return {name: part(piece, first, stop) for name, piece in x.items()}
    return x[first:stop]


def join(parts: Sequence[Any]) -> Any:
    """Consecutive rows as one: of arrays, of sparse matrices, or of pairs, the narrower ones filled up."""
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], Mapping):
        return {name: join([piece[name] for piece in parts]) for name in parts[0]}
    if isinstance(parts[0], np.ndarray):
        if len({piece.shape[1:] for piece in parts}) == 1:
            return np.concatenate(parts)
        width = max(piece.shape[1] for piece in parts)  # which differs in pairs alone
        return np.concatenate([_widened(piece, width) for piece in parts])
    from scipy.sparse import vstack

    return vstack(parts, format="csr")


def fill(x: Any, num_rows: int) -> Any:
    """What a model takes: so many rows, those behind the last one all zeros; of sparse rows their pairs."""
    missing = num_rows - count_rows(x)
    if isinstance(x, Mapping):
        return {name: fill(piece, num_rows) for name, piece in x.items()}
    if isinstance(x, np.ndarray):
        return _lengthened(x, missing)
    places = np.arange(x.shape[0], dtype=np.int64)
    shape = num_rows, padded_width(longest_row(x.indptr, places), x.shape[1])
    indices, values = np.zeros(shape, np.int32), np.zeros(shape, np.float32)
    pad_rows(x.indptr, x.indices, x.data, places, indices[: len(places)], values[: len(places)])
    return {"indices": indices, "values": values}


def _widened(array: Any, width: int) -> Any:
    return np.pad(array, ((0, 0), (0, width - array.shape[1])))


def _lengthened(array: Any, missing: int) -> Any:
    if not missing:
        return array
    return np.concatenate([array, np.zeros((missing, *array.shape[1:]), array.dtype)])
