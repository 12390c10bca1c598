"""An old run's best weights for a new run's model: columns and classes by name, everything else as it is."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.errors import OptionError
from stoker.feed import Feed
from stoker.inheritance import Inheritance
from stoker.training.by_input import by_input
from stoker.training.run import load
from stoker.transforms.columns import Columns
from stoker.types import FeedSpec

__all__ = ["begin_with", "inherit", "taken_over"]

Unit = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
Values = npt.NDArray[Any]


def inherit(feed: Any, init: str | os.PathLike[str]) -> Inheritance:
    """Have a feed begin with an old run, before it is prepared.

    Raises
    ------
    OptionError
        If it begins otherwise, or is a generator's.
    """
    if not isinstance(feed, Feed):
        raise OptionError(
            "init has no effect on a generator, whose columns have no names: set its weights yourself"
        )
    return feed.inherit(init)


def begin_with(model: Any, init: str | os.PathLike[str], feed: Any, note: Callable[[str], None]) -> None:
    """Give a built model the best weights of an old run.

    Parameters
    ----------
    model
        Built for the feed.
    init
        The old run's directory.
    feed
        What is trained on: it must begin with that run's transforms.
    note
        Called with a sentence for each kind of column or class that is new or gone.

    Raises
    ------
    OptionError
        If the feed has other transforms, or the model is another.
    RunError
        If there is no such run, or no model in it.
    """
    old = inherit(feed, init)
    before = old.inputs if isinstance(old.inputs, Columns) else None
    after = feed.transform if isinstance(feed.transform, Columns) else None
    columns = None if before is None or after is None else (before, after)
    old_model = load(init).model
    values = taken_over(old_model, model, old.spec, feed.spec, old.run, columns=columns)
    for weight, value in zip(model.weights, values, strict=True):
        weight.assign(value)
    for line in old.news(feed.spec, feed.stage.given.features):
        note(line)
    if thawed := _thawed(old_model, model):
        note(f"frozen in {old.run}, and learns here: {', '.join(thawed)}")


def taken_over(
    old_model: Any,
    model: Any,
    old: FeedSpec,
    new: FeedSpec,
    run: str,
    *,
    columns: tuple[Columns, Columns] | None = None,
) -> list[Values]:
    """Values for the weights of a model, from those of an old one.

    Rows of the first kernel go by the names of columns: a new column's are zero, so that the model answers as
    the old one did until it has learned otherwise. Columns of the last kernel, and its biases, go by the
    names of classes: a new class has what the new model began with. Two classes told by one unit become two
    of several by a unit of zeros. A label to regress on keeps its unit. Everything else is as it was.

    Parameters
    ----------
    old_model, model
        Built models.
    old, new
        What they know of their data.
    run
        The old run, for messages.
    columns
        Of several named inputs the transforms of both, by which weights go where some inputs are gone.

    Raises
    ------
    OptionError
        If they are not of the same layers.
    """
    theirs, ours = _values(old_model), _values(model)
    if columns is not None and old.inputs != new.inputs:
        theirs = _of_inputs(old_model, model, columns, theirs, run)
    if len(theirs) != len(ours):
        raise _other_model(run, f"it has {len(ours)} arrays of weights and that of the run {len(theirs)}")
    names = [weight.path for weight in model.weights]
    values = list(theirs)
    if new.input_kind == "dense" and old.features != new.features:
        _by_column(values, old, new, names, run)
    if len(new.targets) > 1:
        _require_same_outputs(old, new, _units(old_model) == _units(model), run)
    elif old.classes is not None and new.classes is not None and old.classes != new.classes:
        _by_class(values, ours, old.classes, new.classes, names, run)
    if new.task == "regression" and len(new.targets) == 1:
        _in_new_unit(values, _unit(old_model), _unit(model))
    for name, value, here in zip(names, values, ours, strict=True):
        if value.shape != here.shape:
            raise _other_model(run, f"{name} has the shape {here.shape} and in the run {value.shape}")
    return values


def _thawed(old_model: Any, model: Any) -> list[str]:
    """Layers whose weights learn in a model, and did not in the old one of the same layers."""
    pairs = zip(old_model.layers, model.layers, strict=False)
    return [new.name for old, new in pairs if new.trainable_weights and not old.trainable_weights]


def _of_inputs(
    old_model: Any, model: Any, columns: tuple[Columns, Columns], theirs: list[Values], run: str
) -> list[Values]:
    values = by_input(old_model, model, *columns, theirs)
    if values is None:
        gone = ", ".join(map(repr, sorted(set(columns[0].columns) - set(columns[1].columns))))
        raise _other_model(
            run,
            f"its layers are others, or do not go by inputs as those of mlp do, and the columns "
            f"{gone} are not here",
        )
    return values


def _by_column(values: list[Values], old: FeedSpec, new: FeedSpec, names: Sequence[str], run: str) -> None:
    kernel = values[0]
    if kernel.ndim != 2 or len(kernel) != len(old.features):
        raise _other_model(
            run,
            f"its first weights, {names[0]}, do not go by columns, and the columns are others than the run's",
        )
    rows = np.zeros((len(new.features), kernel.shape[1]), kernel.dtype)
    place = {name: row for row, name in enumerate(old.features)}
    for row, name in enumerate(new.features):
        if name in place:
            rows[row] = kernel[place[name]]
    values[0] = rows


def _by_class(
    values: list[Values],
    ours: Sequence[Values],
    old: Sequence[Any],
    new: Sequence[Any],
    names: Sequence[str],
    run: str,
) -> None:
    """Kernel and bias of the last layer: those of each class that the old run knew."""
    is_one_unit = len(old) == 2 and values[-1].shape[-1:] == (1,)
    units = 1 if is_one_unit else len(old)
    has_bias = values[-1].ndim == 1
    for place in (-1, -2) if has_bias else (-1,):
        if len(values) < -place or values[place].shape[-1:] != (units,) or ours[place].shape[-1] != len(new):
            raise _other_model(
                run,
                f"its last weights, {names[-1]}, do not go by classes, and these are others than the run's",
            )
        known = values[place]
        if is_one_unit:
            known = np.concatenate([np.zeros_like(known), known], axis=-1)
        rows = known.shape[:-1]
        fresh = ours[place] if ours[place].shape[:-1] == rows else np.zeros((*rows, len(new)), known.dtype)
        made = fresh.copy()
        for unit, name in enumerate(new):
            if name in old:
                made[..., unit] = known[..., list(old).index(name)]
        values[place] = made


def _require_same_outputs(old: FeedSpec, new: FeedSpec, same_units: bool, run: str) -> None:
    """Refuse several outputs of other classes, or in other units: which weights are whose nobody tells."""
    if [target.classes for target in old.targets] != [target.classes for target in new.targets]:
        raise _other_model(run, "of several outputs the classes must be the run's, and one has others")
    if not same_units:
        raise _other_model(
            run, "of several outputs the labels' units must be the run's: train both with target="
        )


def _in_new_unit(values: list[Values], old: Unit, new: Unit) -> None:
    """The last layer so that the answers, in the labels' unit, are what they were."""
    (old_offset, old_scale), (new_offset, new_scale) = old, new
    same = np.array_equal(old_offset, new_offset) and np.array_equal(old_scale, new_scale)
    if same or len(values) < 2 or values[-1].ndim != 1:
        return
    ratio = old_scale / new_scale
    values[-2] = (values[-2] * ratio).astype(values[-2].dtype)
    values[-1] = (values[-1] * ratio + (old_offset - new_offset) / new_scale).astype(values[-1].dtype)


def _unit(model: Any) -> Unit:
    """Offset and scale by which `stoker.models` bring answers into the labels' unit, of each label."""
    for layer in model.layers:
        if layer.name == "label_units":
            return np.asarray(layer.offset, np.float64), np.asarray(layer.scale, np.float64)
    return np.zeros(()), np.ones(())


def _units(model: Any) -> dict[str, Any]:
    """The same of several outputs, by layer."""
    units = [layer for layer in model.layers if layer.name.startswith("label_units")]
    return {layer.name: (layer.offset, layer.scale) for layer in units}


def _values(model: Any) -> list[Values]:
    return [np.array(value) for value in model.get_weights()]


def _other_model(run: str, why: str) -> OptionError:
    return OptionError(
        f"the model cannot begin with the weights of init={run!r}: {why}; build the model that the run was "
        "trained with (the same model= and sizes), or leave init= out"
    )
