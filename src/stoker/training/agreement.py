"""Whether the parts of a run directory belong together: record, model and transforms."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from stoker.errors import RunError
from stoker.transforms import FittedTransform
from stoker.transforms.base import InputTransform
from stoker.transforms.columns import Columns
from stoker.transforms.image import Image
from stoker.transforms.labels import LabelEncoder, Passthrough
from stoker.transforms.numeric import Cast
from stoker.transforms.targets import TargetColumns, TransformedTarget
from stoker.types import FeedSpec, TargetSpec

__all__ = ["check_agreement"]

_Fact: TypeAlias = tuple[str, str, int | None, tuple[int | None, ...]]
"""What one part says, what another, its number, and the numbers that fit."""


class Loaded(Protocol):
    """A run that was read from its directory."""

    @property
    def directory(self) -> Path:
        """Where it lies."""
        ...

    @property
    def spec(self) -> FeedSpec:
        """Features, task and classes."""
        ...

    @property
    def model(self) -> Any:
        """The Keras model."""
        ...

    @property
    def transform(self) -> FittedTransform:
        """Of the features."""
        ...

    @property
    def target(self) -> FittedTransform | None:
        """Of the label."""
        ...


def check_agreement(run: Loaded, path: Path) -> None:
    """Refuse a run whose parts are not of one run.

    Parameters
    ----------
    run
        What was read.
    path
        Where its model lies.

    Raises
    ------
    RunError
        If they do not belong together; the message names two that do not.
    """
    _check_parts(run, path)
    _check_kinds(run)


def _check_kinds(run: Loaded) -> None:
    """Refuse a record whose transforms cannot be those of features and label."""
    spec, target = run.spec, run.target
    sound = isinstance(run.transform, InputTransform) and run.transform.output == spec.input_kind
    if target is not None:
        sound = sound and _answers_to(target, spec)
    if isinstance(run.transform, Columns):
        sound = sound and run.transform.is_fitted and run.transform.inputs == spec.inputs
        sound = sound and set(run.transform.columns) == set(spec.features)
    if isinstance(run.transform, Cast):
        sound = sound and run.transform.features_ == spec.features
        sound = sound and run.transform.row_shape == spec.input_shape
    if isinstance(run.transform, Image):
        sound = sound and run.transform.is_fitted and run.transform.row_shape == spec.input_shape
        sound = sound and run.transform.dtype == spec.input_dtype
    if not (sound and run.transform.is_fitted):
        raise RunError(
            f"{run.directory / 'run.json'} names transforms that are not those of its features and label: it "
            "was changed; restore it"
        )


def _answers_to(target: FittedTransform, spec: FeedSpec) -> bool:
    """Whether a transform of labels is of those that the spec names, each as its task has it."""
    is_several = isinstance(target, TargetColumns)
    parts = target.parts if isinstance(target, TargetColumns) else (target,)
    wanted = [(each, name) for each in spec.targets for name in each.columns]
    if len(parts) != len(wanted) or is_several != (len(wanted) > 1) or not target.is_fitted:
        return False
    if isinstance(target, TargetColumns) and target.stacked != (len(spec.targets) == 1):
        return False
    for part, (each, name) in zip(parts, wanted, strict=True):
        kinds = (Passthrough, TransformedTarget) if each.task == "regression" else (LabelEncoder,)
        undone = part.transform.name if isinstance(part, TransformedTarget) else None
        if not isinstance(part, kinds) or (part.column, undone) != (name, each.transform):
            return False
        if isinstance(part, LabelEncoder) and part.classes_ != each.classes:
            return False
    return True


def _check_parts(run: Loaded, path: Path) -> None:
    """Refuse a record and a model that do not belong together."""
    spec, said = run.spec, f"{run.directory / 'run.json'} names"
    takes = _width(run.model, "input_shape")
    is_row = spec.input_kind == "dense" and len(spec.input_shape) == 1
    one_each = is_row and isinstance(run.transform, Cast) and not run.transform.indicator
    inputs = len(spec.features) if one_each else math.prod(spec.input_shape)
    made = getattr(run.transform, "num_outputs", None)
    tokens = getattr(run.transform, "num_tokens", None)
    facts: list[_Fact] = [
        (f"{said} {inputs} features", f"{path} takes", takes, (inputs,)),
        (f"{said} {inputs} features", "its transform gives", made, (inputs,)),
        (f"{said} {spec.num_tokens} tokens", "its transform gives", tokens, (spec.num_tokens,)),
    ]
    if len(spec.targets) == 1:
        facts += _output_facts(run, path, spec.targets[0], said)
    for one, other, number, fitting in facts:
        if number is not None and number not in fitting:
            raise RunError(f"{one}, and {other} {number}: one was changed, or they are of different runs")


def _output_facts(run: Loaded, path: Path, target: TargetSpec, said: str) -> list[_Fact]:
    """What a model gives, and what its label's encoder knows, beside what the record says."""
    gives, task = _width(run.model, "output_shape"), target.task
    if task != "classes" and len(target.columns) > 1:
        count = len(target.columns)
        return [(f"{said} {count} labels", f"{path} gives", gives, (count,))]
    if target.classes is None:
        return [(f"{said} the task {task!r}, of 1 output", f"{path} gives", gives, (1,))]
    classes, of = len(target.classes), f"{said} {len(target.classes)} classes"
    known = getattr(run.target, "classes_", None)
    return [
        (of, f"its task {task!r} has", 2 if task == "binary" else None, (classes,)),
        (of, "its num_outputs is", target.num_outputs, (1 if task == "binary" else classes,)),
        (of, "its label encoder knows", None if known is None else len(known), (classes,)),
        (of, f"{path} gives", gives, (1, 2) if task == "binary" else (classes,)),
    ]


def _width(model: Any, which: str) -> int | None:
    """Numbers a row that a model takes or gives; None where it does not say."""
    try:
        shape = getattr(model, which)
    except (AttributeError, ValueError):
        return None
    if not isinstance(shape, tuple) or not 1 <= len(shape) <= 2:
        return None
    width = 1 if len(shape) == 1 else shape[1]
    return width if isinstance(width, int) else None
