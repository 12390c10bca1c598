"""Groups of rows to the batches that a model takes: inputs, targets, weights, ids and digests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.buffers import BufferPool
from stoker.errors import DataError
from stoker.images.headers import BadImageError
from stoker.kernels.padding import longest_row, pad_rows, padded_width
from stoker.ledger import Ledger
from stoker.loader import BatchGroup
from stoker.transforms.base import FittedTransform, InputTransform, RowValueError
from stoker.transforms.image import Image
from stoker.transforms.numeric import Cast
from stoker.types import Arrays, Batch, IntArray, Position, Rows, SparseRows

__all__ = ["BatchEncoder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchEncoder:
    """Makes the batches of a group in one go; safe to call from several threads.

    Attributes
    ----------
    inputs
        The fitted transform of the features.
    target
        The fitted transform of the label; None where rows have none.
    weight
        The transform of the column that says what rows weigh; None where there is none.
    class_weights
        float32 weight of each class index, by which what a row weighs is multiplied; None without.
    keep
        Columns that come along unchanged.
    pool
        Where the inputs' memory comes from.
    ledger
        What the other arrays of a batch are charged to.
    working_bytes
        What making a group takes beside what it is made of.
    told
        Where a row stands, for errors.
    """

    inputs: InputTransform
    target: FittedTransform | None
    weight: FittedTransform | None
    class_weights: npt.NDArray[np.float32] | None
    keep: tuple[str, ...]
    pool: BufferPool
    ledger: Ledger
    working_bytes: int = 0
    told: Callable[[int], str] = "row {}".format

    def __call__(self, group: BatchGroup) -> list[Batch]:
        """The batches of a group, views of arrays that nobody writes again."""
        rows, take = group.window.rows, group.take
        parts = [slice(first, behind) for first, behind in pairwise(group.bounds.tolist())]
        try:
            with self.ledger.charge("working", self.working_bytes):
                inputs = self._inputs(rows, take, parts)
        except BadImageError as error:
            raise DataError(f"{self.told(int(group.ids[error.place]))}: {error}") from error
        except RowValueError as error:
            raise DataError(f"{self.told(int(group.ids[error.places[0]]))}: {error.said}") from error
        y: Any = None if self.target is None else self.target.apply(rows, take)
        weights = self._weights(rows, take, y)
        ids, digests = group.ids, group.digests()
        kept = kept_columns(rows, take, self.keep)
        for array in (*(y.values() if isinstance(y, Mapping) else (y,)), weights, ids, digests):
            if array is not None:
                self.ledger.attach("batches", array)
        batches = []
        for number, (part, x) in enumerate(zip(parts, inputs, strict=True)):
            batches.append(
                Batch(
                    x=x,
                    y=_part(y, part),
                    sample_weight=None if weights is None else weights[part],
                    size=part.stop - part.start,
                    position=Position(epoch=group.epoch, batches=group.first_batch + number),
                    ids=ids[part],
                    digest_words=digests[number],
                    kept=self._charged(kept, part) if kept else None,
                )
            )
        return batches

    def _weights(self, rows: Rows, take: IntArray, y: Any) -> npt.NDArray[np.float32] | None:
        """What each row weighs: by its own column, by its class, or by both, multiplied."""
        own: Any = None if self.weight is None else self.weight.apply(rows, take)
        if self.class_weights is not None and y is not None:
            by_class = self.class_weights[y]
            own = by_class if own is None else np.multiply(own, by_class, out=own)
        return cast("npt.NDArray[np.float32] | None", own)

    def _inputs(self, rows: Rows, take: IntArray, parts: list[slice]) -> list[Arrays]:
        """X of each batch."""
        kept = rows.inputs
        if isinstance(kept, SparseRows):
            places = rows.places(take)
            return [self._padded(kept, places[part], self.inputs.num_outputs) for part in parts]
        if kept is not None:
            out = self.pool.lend((len(take), *kept.shape[1:]), kept.dtype)
            # What clips needs no buffer of its own; places are those of kept rows.
            x = np.take(kept, rows.places(take), axis=0, out=out, mode="clip")
            return [x[part] for part in parts]
        if self.inputs.output == "sparse":
            return self._pairs(self.inputs.apply(rows, take), parts)
        if self.inputs.output == "named":
            return self._named(self.inputs.apply(rows, take), parts)
        if isinstance(self.inputs, Cast | Image):
            out = self.pool.lend((len(take), *self.inputs.row_shape), self.inputs.dtype)
            x = self.inputs.apply(rows, take, out)
        else:
            x = self.ledger.attach("batches", self.inputs.apply(rows, take))
        return [x[part] for part in parts]

    def _named(self, made: Mapping[str, Any], parts: list[slice]) -> list[Arrays]:
        """Of several inputs each one's arrays by its name, batch by batch."""
        found: list[dict[str, Any]] = [{} for _ in parts]
        for name, whole in made.items():
            if isinstance(whole, np.ndarray):
                self.ledger.attach("batches", whole)
                pieces: list[Any] = [whole[part] for part in parts]
            else:
                pieces = self._pairs(whole, parts)
            for x, piece in zip(found, pieces, strict=True):
                x[name] = piece
        return list(found)

    def _pairs(self, matrix: Any, parts: list[slice]) -> list[Arrays]:
        """The entries that are not zero, batch by batch: how wide one is, its own rows alone decide."""
        places = np.arange(matrix.shape[0], dtype=np.int64)
        held = matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
        with self.ledger.charge("batches", held):
            return [self._padded(matrix, places[part], matrix.shape[1]) for part in parts]

    def _padded(self, matrix: Any, places: IntArray, width: int) -> Arrays:
        """The rows at some places of a sparse matrix of so many columns."""
        shape = len(places), padded_width(longest_row(matrix.indptr, places), width)
        indices = self.pool.lend(shape, np.int32)
        values = self.pool.lend(shape, np.float32)
        pad_rows(matrix.indptr, matrix.indices, matrix.data, places, indices, values)
        return {"indices": indices, "values": values}

    def _charged(self, kept: Mapping[str, Any], part: slice) -> dict[str, Any]:
        """A batch's part of the columns; Arrow's parts share memory without referring to the whole."""
        parts = {name: column[part] for name, column in kept.items()}
        for column in parts.values():
            self.ledger.tie("batches", column.nbytes, column)
        return parts


def _part(y: Any, part: slice) -> Any:
    """A batch's targets: of one output, or by the column of each."""
    if isinstance(y, Mapping):
        return {name: array[part] for name, array in y.items()}
    return None if y is None else y[part]


def kept_columns(rows: Rows, take: IntArray, names: tuple[str, ...]) -> Mapping[str, Any]:
    """The named columns for the given row numbers: NumPy or Arrow arrays of shape (len(take),)."""
    places = rows.places(take) if names else take
    chosen: dict[str, Any] = {}
    for name in names:
        column = rows.columns[name]
        chosen[name] = column[places] if isinstance(column, np.ndarray) else column.take(pa.array(places))
    return chosen
