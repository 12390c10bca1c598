"""One batch as a user's generator gave it, checked and turned into a `Batch`.

Nothing here imports Keras: it runs in worker processes too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from stoker.errors import DataError
from stoker.plurals import plural
from stoker.training.generators.class_weight import ClassWeights
from stoker.types import Batch, Position

__all__ = ["BatchMaker", "describe"]


class BatchMaker:
    """Turns ``(x, y)`` and ``(x, y, sample_weight)`` into batches; picklable.

    Float64 becomes `floats`, as Keras 2 did, and SciPy's sparse matrices become dense.

    Parameters
    ----------
    floats
        Keras's ``floatx``, which float64 is turned into.
    class_weight
        ``{class: weight}``, for several outputs by output name; multiplied with the batch's own weights.
    output_names
        The model's outputs, in order, where they are no dict: dicts by name become lists, or one array.
    inputs_only
        For prediction: x alone, or the first item of a tuple of 2 or 3.

    Raises
    ------
    OptionError
        If `class_weight` is none.

    Examples
    --------
    >>> make = BatchMaker()
    >>> make((np.zeros((2, 3)), [0, 1]), "batch 0", Position(epoch=0, batches=1)).size
    2
    """

    def __init__(
        self,
        *,
        floats: str = "float32",
        class_weight: Any = None,
        output_names: tuple[str, ...] = (),
        inputs_only: bool = False,
    ) -> None:
        self._floats = np.dtype(floats)
        self._weights = None if class_weight is None else ClassWeights(class_weight, output_names)
        self._names = output_names
        self._inputs_only = inputs_only

    def __call__(self, item: Any, where: str, position: Position) -> Batch:
        """The batch of one item.

        Parameters
        ----------
        item
            What the generator yielded.
        where
            Names the batch in errors: ``"batch 3"``.
        position
            Its place in the stream.

        Raises
        ------
        DataError
            If it is no batch, its parts have different numbers of rows or none, a class has no weight, or
            targets are named after something else than the model's only output.
        """
        x, y, weight = self._parts(item, where)
        x = _unwrapped(self._arrays(x))
        y = None if y is None else self._in_order(self._arrays(y), where)
        weight = None if weight is None else self._in_order(self._arrays(weight, weights=True), where)
        size = _num_rows(where, x, y, weight)
        if self._weights is not None:
            weight = self._weights.apply(y, weight, where, self._floats)
        return Batch(x=x, y=y, sample_weight=weight, size=size, position=position)

    def reweighted(self, batch: Batch, where: str) -> Batch:
        """A batch that is one already, with the class weights multiplied in."""
        if self._weights is None:
            return batch
        weight = self._weights.apply(batch.y, batch.sample_weight, where, self._floats)
        return replace(batch, sample_weight=weight)

    def _parts(self, item: Any, where: str) -> tuple[Any, Any, Any]:
        if self._inputs_only:
            if not isinstance(item, tuple):
                return item, None, None
            if len(item) in (2, 3):
                return item[0], None, None
            raise DataError(f"{where}: expected x, or (x, y), got {describe(item)}")
        if not isinstance(item, tuple | list) or len(item) not in (2, 3):
            raise DataError(f"{where}: expected (x, y) or (x, y, sample_weight), got {describe(item)}")
        return item[0], item[1], item[2] if len(item) == 3 else None

    def _arrays(self, part: Any, *, weights: bool = False) -> Any:
        if isinstance(part, Mapping):
            return {name: self._arrays(each, weights=weights) for name, each in part.items()}
        if isinstance(part, tuple | list) and any(_holds_arrays(each) for each in part):
            return [self._arrays(each, weights=weights) for each in part]
        if part is None:
            return None
        return self._array(part, weights=weights)

    def _array(self, value: Any, *, weights: bool) -> Any:
        if hasattr(value, "toarray") and hasattr(value, "tocsr"):
            value = value.astype(self._floats) if value.dtype == np.float64 else value
            return value.toarray()
        array = value if type(value) is np.ndarray else np.asarray(value)
        if weights or array.dtype == np.float64:
            return array if array.dtype == self._floats else array.astype(self._floats)
        return array

    def _in_order(self, part: Any, where: str) -> Any:
        """Targets and weights of several outputs in the model's order, of one output as an array."""
        if not (self._names and isinstance(part, dict)):
            return _unwrapped(part)
        if set(part) == set(self._names):
            return _unwrapped([part[name] for name in self._names])
        if len(self._names) == 1:
            given = ", ".join(repr(name) for name in part)
            raise DataError(
                f"{where}: expected an array, or a dict by the output {self._names[0]!r}, got {given}"
            )
        return part


def describe(item: Any) -> str:
    """What came instead of a batch, in a few words.

    Examples
    --------
    >>> describe((np.zeros((2, 3)), [1, 2], 3, 4))
    'a tuple of 4 items: ndarray (2, 3), list of 2, int, int'
    """
    if isinstance(item, tuple | list):
        count = f"{len(item)} {plural(len(item), 'item')}"
        inside = ", ".join(_short(each) for each in item[:5]) + (", …" if len(item) > 5 else "")
        return f"a {type(item).__name__} of {count}" + (f": {inside}" if item else "")
    if isinstance(item, Mapping):
        return f"a {type(item).__name__} with the keys {', '.join(repr(key) for key in list(item)[:5])}"
    if item is None:
        return "None"
    return f"one {_short(item)}"


def _short(value: Any) -> str:
    shape = getattr(value, "shape", None)
    if shape is not None:
        return f"{type(value).__name__} {tuple(shape)}"
    if isinstance(value, tuple | list | Mapping):
        return f"{type(value).__name__} of {len(value)}"
    return type(value).__name__


def _holds_arrays(value: Any) -> bool:
    """Whether a list's item is an array, or holds some: a list without any is an array itself."""
    if value is None or isinstance(value, Mapping):
        return True
    if isinstance(value, tuple | list):
        return any(_holds_arrays(each) for each in value)
    return bool(getattr(value, "shape", ()))


def _unwrapped(part: Any) -> Any:
    """A list of one array is that array."""
    return part[0] if isinstance(part, list) and len(part) == 1 else part


def _num_rows(where: str, x: Any, y: Any, weight: Any) -> int:
    found: dict[str, int] = {}
    for name, part in (("x", x), ("y", y), ("sample_weight", weight)):
        for leaf_name, leaf in _leaves(name, part):
            if not leaf.ndim:
                raise DataError(f"{where}: {leaf_name} is one {leaf.dtype} value, expected an array of rows")
            found[leaf_name] = len(leaf)
    if not found:
        raise DataError(f"{where}: there is no x")
    if len(set(found.values())) > 1:
        counts = ", ".join(f"{name} {rows}" for name, rows in found.items())
        raise DataError(f"{where}: the numbers of rows differ: {counts}")
    size = next(iter(found.values()))
    if not size:
        raise DataError(f"{where}: it has no rows")
    return size


def _leaves(name: str, part: Any) -> Iterator[tuple[str, Any]]:
    if part is None:
        return
    if isinstance(part, list):
        for place, each in enumerate(part):
            yield from _leaves(f"{name}[{place}]", each)
    elif isinstance(part, dict):
        for key, each in part.items():
            yield from _leaves(f"{name}[{key!r}]", each)
    else:
        yield name, part
