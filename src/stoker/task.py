"""What is asked for: two classes, several, or a number; guessed from the label, and always overridable."""

from __future__ import annotations

from typing import Literal, TypeAlias

from stoker.errors import OptionError
from stoker.survey.labels import LabelCounts, check_classes, is_nearly_unique
from stoker.types import ColumnKind, Task

__all__ = ["TaskOption", "guess_task", "possible_tasks", "resolve_task"]

TaskOption: TypeAlias = Literal["auto", "binary", "classes", "regression"]
_MOST_NUMERIC_CLASSES = 100


def guess_task(labels: LabelCounts) -> tuple[Task, str]:
    """Guess the task from the labels, with the reason in a few words.

    Texts are classes. Whole numbers are classes while there are at most 100 of them and fewer than half as
    many as rows; two different numbers are a binary task; everything else is regression.
    """
    if labels.kind == "text":
        if labels.classes is not None and len(labels.classes) == 2:
            return "binary", "the label has two values"
        return "classes", "the label is text"
    found = labels.classes
    if found is None or len(found) > _MOST_NUMERIC_CLASSES or is_nearly_unique(labels):
        return "regression", "the label has many different numbers"
    if len(found) == 2 and _fraction(labels) is None:
        return "binary", "the label has two values"
    if labels.kind == "float":
        return "regression", "the label has fractions"
    return "classes", f"the label has {len(found)} whole numbers"


def possible_tasks(option: TaskOption, kind: ColumnKind) -> tuple[Task, ...]:
    """The tasks that one label can have, before its values are known.

    Parameters
    ----------
    option
        The user's word.
    kind
        What the label's column holds.

    Examples
    --------
    >>> possible_tasks("auto", "text"), possible_tasks("regression", "float")
    (('binary', 'classes'), ('regression',))
    """
    if option != "auto":
        return (option,)
    if kind == "text":
        return ("binary", "classes")
    return ("binary", "regression") if kind == "float" else ("binary", "classes", "regression")


def resolve_task(option: Task | TaskOption, labels: LabelCounts, *, label: str) -> tuple[Task, str]:
    """Settle the task: the user's word, or a guess; with the reason in a few words.

    Raises
    ------
    OptionError
        If the option is unknown, or regression is asked of texts.
    DataError
        If the labels cannot serve as the classes that the task needs.
    """
    if option not in ("auto", "binary", "classes", "regression"):
        raise OptionError(f"task must be auto, binary, classes or regression, got {option!r}")
    task, reason = guess_task(labels) if option == "auto" else (option, "asked for")
    if task != "regression":
        check_classes(labels, label=label, num_classes_wanted=2 if task == "binary" else None)
        fraction = _fraction(labels)
        if fraction is not None:
            raise OptionError(
                f"the label {label!r} holds the fraction {fraction!r}, and classes are whole numbers or "
                f"text: leave task= out, or hold the column as text with types={{{label!r}: 'text'}}"
            )
    elif labels.kind == "text":
        raise OptionError(
            f"the label {label!r} is text, and regression needs numbers: leave task= out, or declare "
            f"the column with types={{{label!r}: 'float'}}"
        )
    return task, reason


def _fraction(labels: LabelCounts) -> float | None:
    """The first label that is no whole number, if there is one."""
    fractions = [value for value in labels.classes or () if isinstance(value, float) and value % 1]
    return fractions[0] if fractions else None
