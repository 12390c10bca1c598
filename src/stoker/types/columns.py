"""What is known of the data before any of it is trained on: columns, and what a model must know of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

__all__ = [
    "KIND_WORDS",
    "LISTS",
    "LONG",
    "ColumnKind",
    "ColumnSpec",
    "EachKind",
    "FeedSpec",
    "InputKind",
    "InputSpec",
    "TargetSpec",
    "Task",
    "is_number",
]

ColumnKind: TypeAlias = Literal["int", "float", "text", "bytes", "ints", "floats"]
"""What each value of a column is: one number, a text, bytes, or a list of any length of numbers."""
LISTS: tuple[ColumnKind, ...] = ("ints", "floats")
"""The kinds of which a value is a list."""
LONG: tuple[ColumnKind, ...] = ("bytes", *LISTS)
"""The kinds of any length that are no text: the survey measures each of their values."""
InputKind: TypeAlias = Literal["dense", "sparse", "tokens", "named"]
EachKind: TypeAlias = Literal["dense", "sparse", "tokens", "codes"]
Task: TypeAlias = Literal["binary", "classes", "regression", "labels"]
KIND_WORDS: dict[ColumnKind, str] = {
    "int": "numbers",
    "float": "numbers",
    "text": "text",
    "bytes": "bytes",
    "ints": "lists of integers",
    "floats": "lists of numbers",
}
"""What a column of each kind holds, for people."""


def is_number(kind: ColumnKind) -> bool:
    """Whether values of a kind are one number each, held as NumPy arrays; all others are Arrow arrays.

    Examples
    --------
    >>> is_number("float"), is_number("text"), is_number("floats")
    (True, False, False)
    """
    return kind in ("int", "float")


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSpec:
    """A column as it is held for a whole run: inferred from a sample, confirmed by the survey."""

    name: str
    kind: ColumnKind


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSpec:
    """One of several inputs of a model.

    Attributes
    ----------
    name
        What x calls it.
    columns
        Names of the columns that it is made of.
    kind
        ``dense``, ``sparse`` or ``tokens`` as of `FeedSpec`; ``codes``: int32 (B, k), each of k columns with
        the number of its category, all columns' numbers different, and 0 for none.
    shape
        Shape of one row: (k,).
    dtype
        Of its arrays; of sparse rows that of their values.
    num_tokens
        For tokens and codes, one more than the greatest; None otherwise.
    """

    name: str
    columns: tuple[str, ...]
    kind: EachKind
    shape: tuple[int, ...]
    dtype: str
    num_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSpec:
    """What one output of a model answers.

    Attributes
    ----------
    columns
        Names of the label columns that it answers.
    task, classes, num_outputs, class_names
        As of `FeedSpec`.
    transform
        Name of the transform that the label goes through, so that the model answers in another unit; None
        where it is learned as it is.
    """

    columns: tuple[str, ...]
    task: Task
    classes: tuple[str | int | float, ...] | None
    num_outputs: int
    class_names: tuple[str, ...] | None = None
    transform: str | None = None

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Shape of y for one row: (), or (k,) for k label columns."""
        return () if len(self.columns) == 1 else (len(self.columns),)

    @property
    def dtype(self) -> str:
        """Of y: int32 for classes and labels, float32 for numbers."""
        return "float32" if self.task == "regression" else "int32"


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
        float32 (B,), of k label columns (B, k); ``labels``: k label columns are 0 or 1, y is int32 (B, k). Of
        several targets y is a mapping from the label's column to that.
    classes
        The labels behind the class indices, sorted, those of each column for ``labels``; None for regression.
    num_outputs
        Units of the last layer: 1 for binary, the number of classes, or of columns for regression and labels.
    label
        Name of the label column.
    input_kind
        ``dense``: x is an array of shape (B, *input_shape); ``sparse``: of rows of input_shape (k,) x holds
        the entries that are not zero, ``{"indices": int32 (B, P), "values": float32 (B, P)}``, ascending and
        padded with zeros to a P that the batch alone decides; ``tokens``: x is int32 (B, length), 0 for
        padding; ``named``: x is a mapping with one entry for each of `inputs`, and of input_shape (k,) k are
        the numbers of all of them together.
    num_tokens
        For tokens, one more than the greatest that x can hold; None otherwise.
    class_names
        What the classes are called where their labels are numbers and the data name them; None otherwise.
    inputs
        Of a model with several inputs, each of them, in the order of `Columns`; empty otherwise.
    sample_weight
        Name of the column that says what a row weighs; None where there is none.
    targets
        What each output answers; `task`, `classes`, `num_outputs`, `label` and `class_names` are those of the
        first. Where none is given there is one, of these.
    """

    input_shape: tuple[int, ...]
    input_dtype: str
    features: tuple[str, ...]
    task: Task
    classes: tuple[str | int | float, ...] | None
    num_outputs: int
    label: str
    input_kind: InputKind = "dense"
    num_tokens: int | None = None
    class_names: tuple[str, ...] | None = None
    inputs: tuple[InputSpec, ...] = ()
    sample_weight: str | None = None
    targets: tuple[TargetSpec, ...] = ()

    def __post_init__(self) -> None:
        mine = (self.label, self.task, self.classes, self.num_outputs, self.class_names)
        if not self.targets:
            label, task, classes, outputs, names = mine
            one = TargetSpec(
                columns=(label,), task=task, classes=classes, num_outputs=outputs, class_names=names
            )
            object.__setattr__(self, "targets", (one,))
        if not all(target.columns for target in self.targets):
            raise ValueError("every target answers a column, and one has none")
        first = self.targets[0]
        if mine != (first.columns[0], first.task, first.classes, first.num_outputs, first.class_names):
            raise ValueError("label, task, classes and outputs are those of the first target, and differ")

    def by_target(self, values: Sequence[Any]) -> Any:
        """What belongs to each target, as y has it: the only one's, or by its column each one's."""
        if len(self.targets) == 1:
            return values[0]
        return {target.columns[0]: value for target, value in zip(self.targets, values, strict=True)}

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the label columns."""
        return tuple(name for target in self.targets for name in target.columns)

    @property
    def answers(self) -> tuple[str, ...]:
        """Names of the columns that rows to predict on lack: labels, and what a row weighs."""
        return (*self.labels, *(() if self.sample_weight is None else (self.sample_weight,)))
