"""Class weights as factors of a batch's rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.errors import DataError, OptionError

__all__ = ["ClassWeights"]


class ClassWeights:
    """Multiplies the weights of classes into sample weights; picklable.

    Parameters
    ----------
    weights
        ``{class: weight}``; for several outputs ``{output name: {class: weight}}``, or a list in their order.
    output_names
        The model's outputs, in order, where there are several.

    Raises
    ------
    OptionError
        If it is no such mapping, or names an output that the model does not have.
    """

    def __init__(self, weights: Any, output_names: tuple[str, ...] = ()) -> None:
        if isinstance(weights, list | tuple) and output_names and len(weights) == len(output_names):
            weights = {n: w for n, w in zip(output_names, weights, strict=True) if w is not None}
        if not isinstance(weights, Mapping):
            raise OptionError(
                f"class_weight must be {{class: weight}}, or that by output name, got {weights!r}; for "
                "balanced weights count the classes first"
            )
        by_output = bool(weights) and all(isinstance(each, Mapping) for each in weights.values())
        self._names = output_names
        self._tables = {str(name): _Table(each) for name, each in weights.items()} if by_output else {}
        self._table = None if by_output else _Table(weights)
        unknown = [name for name in self._tables if output_names and name not in output_names]
        if unknown:
            known = ", ".join(output_names)
            raise OptionError(f"class_weight names {unknown[0]!r}, the model's outputs are {known}")

    def apply(self, y: Any, weight: Any, where: str, floats: npt.DTypeLike) -> Any:
        """Sample weights of a batch, in the structure of its targets.

        Parameters
        ----------
        y
            Targets as an array, a list or a dict of arrays: indices (n,) or (n, 1), or one-hot (n, C).
        weight
            Sample weights in the same structure, one array for all, or None.
        where
            Names the batch in errors.
        floats
            dtype of the result.

        Raises
        ------
        DataError
            If a target has no class, or its class no weight.
        """
        if not isinstance(y, list | dict):
            table = self._table or next(iter(self._tables.values()))
            return _product(table.factors(y, where, floats), weight)
        if self._table is not None:
            raise OptionError(
                "class_weight of a model with several outputs goes by output name: "
                "{'name of the output': {class: weight}}"
            )
        found = {
            name: self._one(name, each, given, where, floats)
            for name, each, given in self._outputs(y, weight)
        }
        return found if isinstance(y, dict) else list(found.values())

    def _outputs(self, y: Any, weight: Any) -> Iterator[tuple[str, Any, Any]]:
        if isinstance(y, dict):
            names, values = list(y), list(y.values())
        else:
            names, values = list(self._names), y
            if len(names) != len(values):
                raise OptionError(
                    f"class_weight by output name needs the names of {len(values)} outputs, the model has "
                    f"{len(names)}: yield y as a dict by name"
                )
        for place, (name, value) in enumerate(zip(names, values, strict=True)):
            if isinstance(weight, dict):
                yield name, value, weight.get(name)
            else:
                yield name, value, weight[place] if isinstance(weight, list) else weight

    def _one(self, name: str, y: Any, weight: Any, where: str, floats: npt.DTypeLike) -> Any:
        table = self._tables.get(name)
        if table is not None:
            return _product(table.factors(y, f"{where}, output {name!r}", floats), weight)
        return np.ones(len(y), floats) if weight is None else weight


class _Table:
    """Weights by class, looked up for a whole array."""

    def __init__(self, weights: Mapping[Any, Any]) -> None:
        try:
            found = sorted((int(each), float(weight)) for each, weight in weights.items())
            whole = all(int(each) == each for each in weights)
        except (TypeError, ValueError):
            found, whole = [], False
        if not whole:
            raise OptionError(f"class_weight must map class indices to numbers, got {dict(weights)!r}")
        self._classes = np.array([each for each, _ in found], np.int64)
        self._weights = np.array([weight for _, weight in found], np.float64)

    def factors(self, y: Any, where: str, floats: npt.DTypeLike) -> npt.NDArray[Any]:
        """The weight of each row's class, of shape (n,)."""
        classes = _class_of_rows(y, where)
        place = np.searchsorted(self._classes, classes)
        place[place == len(self._classes)] = 0
        known = self._classes[place] == classes if len(self._classes) else np.zeros(len(classes), np.bool_)
        if not known.all():
            missing = np.unique(classes[~known])[:5].tolist()
            raise DataError(
                f"{where}: class_weight has no weight for class {', '.join(map(str, missing))}; it has "
                f"{', '.join(map(str, self._classes.tolist()))}"
            )
        return np.asarray(self._weights[place], floats)


def _class_of_rows(y: Any, where: str) -> npt.NDArray[np.int64]:
    if y is None:
        raise DataError(f"{where}: class_weight needs targets, and y is None")
    if y.ndim > 2:
        raise DataError(f"{where}: class_weight takes targets of 1 or 2 dimensions, got shape {y.shape}")
    if y.ndim == 2 and y.shape[1] > 1:
        return np.asarray(y.argmax(axis=1), np.int64)
    flat = y.reshape(-1)
    classes: npt.NDArray[np.int64] = flat.astype(np.int64)
    if not np.array_equal(classes, flat):
        raise DataError(f"{where}: class_weight needs class indices as targets, got values such as {flat[0]}")
    return classes


def _product(factors: npt.NDArray[Any], weight: Any) -> Any:
    if weight is None:
        return factors
    return weight * factors.reshape((-1,) + (1,) * (weight.ndim - 1))
