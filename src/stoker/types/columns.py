"""What is known of the data before any of it is trained on: columns, and what a model must know of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = [
    "ColumnKind",
    "ColumnSpec",
    "FeedSpec",
    "Task",
]

ColumnKind: TypeAlias = Literal["int", "float", "text"]
Task: TypeAlias = Literal["binary", "classes", "regression"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSpec:
    """A column as it is held for a whole run: inferred from a sample, confirmed by the survey."""

    name: str
    kind: ColumnKind


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSpec:
    """What a model must know of the data: what comes in, what is asked for.

    Attributes
    ----------
    input_shape
        Shape of one row of x.
    input_dtype
        dtype of x.
    features
        Names of the columns of x.
    task
        ``binary``: y is 0 or 1, int32 (B,); ``classes``: y is a class index, int32 (B,); ``regression``: y is
        float32 (B,).
    classes
        The labels behind the class indices, sorted; None for regression.
    num_outputs
        Units of the last layer: 1 for binary and regression, the number of classes otherwise.
    label
        Name of the label column.
    """

    input_shape: tuple[int, ...]
    input_dtype: str
    features: tuple[str, ...]
    task: Task
    classes: tuple[str | int | float, ...] | None
    num_outputs: int
    label: str
