"""What a transform makes of texts or images, kept in their place: made once, and not in every epoch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.errors import DataError
from stoker.images.headers import BadImageError
from stoker.ledger import Charge, Ledger
from stoker.prefetch import prefetch
from stoker.survey import Survey
from stoker.survey.kept import KeptRows
from stoker.transforms.base import InputTransform
from stoker.transforms.image import Image
from stoker.types import IntArray, Progress, SparseRows

__all__ = ["with_kept_inputs"]

_STEP_BYTES = 1 << 20
_MOST_ROWS = 1 << 12
_TOKEN_BYTES = np.dtype(np.int32).itemsize
_FEW_COLUMNS = 1 << 16
_JOINING = 2
"""While the parts are put together, both they and the whole are there."""


def with_kept_inputs(
    found: Survey,
    inputs: InputTransform,
    *,
    limit: int,
    workers: int,
    ledger: Ledger,
    progress: Progress | None = None,
) -> Survey:
    """The survey with the inputs of all rows kept in the place of their texts or images, if they fit.

    Parameters
    ----------
    found
        A survey whose rows are kept.
    inputs
        The fitted transform of the features.
    limit
        Bytes that the inputs may take; those of texts again as much while they are put together.
    workers
        Threads.
    ledger
        Charged for them.
    progress
        Called with the rows done and the rows in all.

    Raises
    ------
    DataError
        If an image cannot be decoded.
    """
    if isinstance(inputs, Image):
        return _with_pixels(found, inputs, limit, workers, ledger, progress)
    kept = found.kept
    if kept is None or not found.num_slots:
        return found
    if inputs.output == "tokens" and found.num_slots * inputs.num_outputs * _TOKEN_BYTES > limit:
        return found
    step = max(1, min(_MOST_ROWS, _STEP_BYTES * found.num_slots // max(1, found.text_bytes)))

    def make(start: int) -> Any:
        ids = np.arange(start, min(start + step, found.num_slots), dtype=np.int64)
        return _compact(inputs.apply(kept.read(ids), np.arange(len(ids), dtype=np.int64)))

    parts: list[Any] = []
    charges: list[Charge] = []
    held = rows = 0
    starts = range(0, found.num_slots, step)
    try:
        with prefetch(make, starts, workers=workers, in_flight=workers + 1, name="keep") as made:
            for part in made:
                parts.append(part)
                rows = min(rows + step, found.num_slots)
                held += _num_bytes(part)
                charges.append(ledger.charge("kept rows", _JOINING * _num_bytes(part)))
                if held * found.num_slots > limit * rows:
                    return found
                if progress is not None:
                    progress(rows, found.num_slots)
        whole = _joined(parts)
    finally:
        for charge in charges:
            charge.release()
    return _kept(found, kept, whole, ledger)


def _with_pixels(
    found: Survey, inputs: Image, limit: int, workers: int, ledger: Ledger, progress: Progress | None
) -> Survey:
    """The survey with the pixels of all images in the place of their files, if they fit."""
    kept, shape, slots = found.kept, inputs.row_shape, found.num_slots
    row_bytes = inputs.num_outputs * np.dtype(inputs.dtype).itemsize
    if kept is None or slots * row_bytes > limit:
        return found
    pixels = np.zeros((slots, *shape), inputs.dtype)
    step = max(1, min(_MOST_ROWS, _STEP_BYTES // row_bytes))

    def make(start: int) -> int:
        ids = np.arange(start, min(start + step, slots), dtype=np.int64)
        good = ids[~np.isin(ids, found.excluded)]
        part = pixels[start : start + step] if len(good) == len(ids) else None
        try:
            with ledger.charge("working", inputs.working_bytes):
                made = inputs.apply(kept.read(good), np.arange(len(good), dtype=np.int64), part)
        except BadImageError as error:
            raise DataError(f"{found.source.told(int(good[error.place]), found.index)}: {error}") from error
        if part is None:
            pixels[good] = made
        return len(ids)

    with ledger.charge("kept rows", pixels.nbytes):
        done = 0
        with prefetch(
            make, range(0, slots, step), workers=workers, in_flight=workers + 1, name="keep"
        ) as counts:
            for count in counts:
                done += count
                if progress is not None:
                    progress(done, slots)
    return _kept(found, kept, pixels, ledger)


def _kept(found: Survey, kept: KeptRows, inputs: Any, ledger: Ledger) -> Survey:
    """The survey with inputs in the place of the features that they were made of."""
    columns = {
        name: kept.column(name)
        for name in (column.name for column in found.others)
        if name not in found.source.features
    }
    size = _num_bytes(inputs) + sum(int(column.nbytes) for column in columns.values())
    encoded = KeptRows(found.num_slots, (), None, columns, ledger.charge("kept rows", size), inputs=inputs)
    return replace(found, kept=encoded)


def _compact(made: Any) -> npt.NDArray[np.int32] | SparseRows:
    """The same in as few bytes as it goes: most vocabularies are counted in two."""
    if isinstance(made, np.ndarray):
        return made
    few = made.shape[1] <= _FEW_COLUMNS
    indices = made.indices.astype(np.uint16 if few else np.int32, copy=False)
    return SparseRows(indptr=made.indptr, indices=indices, data=made.data)


def _num_bytes(part: Any) -> int:
    if isinstance(part, np.ndarray):
        return int(part.nbytes)
    return int(part.indptr.nbytes + part.indices.nbytes + part.data.nbytes)


def _joined(parts: list[Any]) -> npt.NDArray[np.int32] | SparseRows:
    """The rows of all parts, which are let go."""
    if isinstance(parts[0], np.ndarray):
        whole = np.concatenate(parts)
        parts.clear()
        return whole
    lengths = [np.diff(part.indptr).astype(np.int64) for part in parts]
    indptr: IntArray = np.concatenate([np.zeros(1, np.int64), *lengths])
    np.cumsum(indptr, out=indptr)
    indices = np.concatenate([part.indices for part in parts])
    data = np.concatenate([part.data for part in parts])
    parts.clear()
    return SparseRows(indptr=indptr, indices=indices, data=data)
