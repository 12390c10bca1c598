"""What cannot be in a run.json whatever its types are: numbers that contradict one another."""

from __future__ import annotations

import math
from collections.abc import Sequence

from stoker.stored import require
from stoker.types import EachKind, FeedSpec, InputKind, InputSpec, OrderSpec, StreamLimits, TargetSpec

__all__ = ["check_order", "check_spec"]

_MOST_AHEAD = 1 << 20
_MOST_DIMENSIONS = 32
_MOST_NUMBERS = (1 << 31) - 1


def check_order(order: OrderSpec, limits: StreamLimits, num_rows: Sequence[int], excluded_rows: int) -> None:
    """Refuse an order of more rows than there are, and streams that work impossibly far ahead.

    Parameters
    ----------
    order, limits
        As the plan tells them.
    num_rows
        Of each file.
    excluded_rows
        Of all files.

    Raises
    ------
    ValueError
        If they cannot be.
    """
    there = sum(num_rows)
    require(0 <= excluded_rows <= there, f"it leaves out {excluded_rows:,} of {there:,} rows")
    require(order.num_rows <= there, f"its order is of {order.num_rows:,} rows, and its files have {there:,}")
    ahead = (limits.workers, limits.windows_in_flight, limits.group_batches, limits.groups_in_flight)
    require(all(0 <= number <= _MOST_AHEAD for number in ahead), f"it cannot work ahead by {ahead}")
    require(limits.group_batches and limits.groups_in_flight, "it makes no batches at a time")


def check_spec(spec: FeedSpec) -> None:
    """Refuse a feed without inputs or outputs, or with more than any model takes.

    Raises
    ------
    ValueError
        If there is none such.
    """
    sizes = (*spec.input_shape, *(() if spec.num_tokens is None else (spec.num_tokens,)))
    _check_shape(spec.input_kind, spec.input_shape, spec.input_dtype, "its rows")
    require(all(0 < size <= _MOST_NUMBERS for size in sizes), f"its sizes are {', '.join(map(str, sizes))}")
    _check_inputs(spec)
    require(len(set(spec.answers)) == len(spec.answers), "it names a label twice")
    for target in spec.targets:
        _check_target(target)


def _check_target(target: TargetSpec) -> None:
    """Refuse what no output can answer."""
    classes, task = target.classes, target.task
    require(bool(target.columns), "it answers no label")
    require(len(target.columns) == 1 or task in ("regression", "labels"), f"{task!r} is of one label")
    if classes is not None:
        require(0 < len(set(classes)) == len(classes), "it names a class twice, or none")
    if target.class_names is not None:
        require(len(target.class_names) == len(classes or ()), "it has other names than classes")
    require((classes is None) == (task == "regression"), f"its task {task!r} has other classes")
    wanted = len(classes or ()) if task == "classes" else len(target.columns)
    require(target.num_outputs == wanted, f"its task {task!r} has {target.num_outputs} outputs")
    require(target.transform is None or task == "regression", f"its task {task!r} transforms the label")


def _check_inputs(spec: FeedSpec) -> None:
    """Refuse inputs that are not those of the feed."""
    require((spec.input_kind == "named") == bool(spec.inputs), "it names inputs and has none, or has them")
    names = {each.name for each in spec.inputs}
    require(len(names) == len(spec.inputs), "it names an input twice")
    for each in spec.inputs:
        _check_input(each)
    numbers = sum(math.prod(each.shape) for each in spec.inputs)
    require(not spec.inputs or (numbers,) == spec.input_shape, "its inputs have other numbers than its rows")


def _check_input(each: InputSpec) -> None:
    require(bool(each.columns), f"the input {each.name!r} is made of nothing")
    sizes = (*each.shape, 1 if each.num_tokens is None else each.num_tokens)
    is_tokens = each.kind in ("tokens", "codes")
    require(is_tokens == (each.num_tokens is not None), f"the input {each.name!r} has tokens, or none")
    _check_shape(each.kind, each.shape, each.dtype, f"the input {each.name!r}")
    require(all(0 < size <= _MOST_NUMBERS for size in sizes), f"the input {each.name!r} is of no size")


def _check_shape(kind: InputKind | EachKind, shape: tuple[int, ...], dtype: str, what: str) -> None:
    """Refuse rows that are neither numbers nor images; numbers alone may have several dimensions."""
    is_image = kind == "dense" and len(shape) == 3
    most = _MOST_DIMENSIONS if kind == "dense" else 1
    require(1 <= len(shape) <= most, f"{what} have {len(shape)} dimensions")
    known = ("int32",) if kind in ("tokens", "codes") else ("float32", *(("uint8",) * is_image))
    require(dtype in known, f"{what} are {dtype}")
