"""What a new run takes over of an old one before its weights: fitted transforms, task and classes.

The rules, which docs/reliability.md states for users: columns of numbers and classes go by their names. A
column that the old run knew keeps its statistics, a new one is learned from the new rows, one that is gone is
left out. Of several named inputs those are taken over whose columns are there, and new columns are left out.
Classes are the old run's and the new ones. Columns of text must be the same, since a vocabulary is of all of
them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from stoker.errors import ColumnError, DataError, OptionError
from stoker.sources import Source
from stoker.survey import LabelCounts, Survey
from stoker.transforms.base import FittedTransform, InputTransform, to_plain
from stoker.transforms.columns import Columns, ColumnsOf, Part
from stoker.transforms.image import Image
from stoker.transforms.labels import LabelEncoder
from stoker.transforms.numeric import Cast, NaRule
from stoker.transforms.pad_sequences import PadSequences
from stoker.transforms.sparse_features import SparseFeatures
from stoker.transforms.statistics import ColumnStatistics
from stoker.transforms.targets import TargetColumns, TransformedTarget
from stoker.transforms.texts import TextTransform
from stoker.types import FeedSpec, TargetSpec, Task

__all__ = ["Inheritance"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inheritance:
    """What is known of the old run.

    Attributes
    ----------
    run
        Its directory.
    spec
        What its model knew of its data.
    inputs
        Its fitted transform of the features.
    target
        Its fitted transform of the label.
    embedding_dim
        How many numbers its model has for each word; None without such a layer.
    """

    run: str
    spec: FeedSpec
    inputs: InputTransform
    target: FittedTransform | None = None
    embedding_dim: int | None = None

    def target_for(self, label: str) -> TransformedTarget | None:
        """The old run's transform of the label to regress on, for a label of whatever name; None without."""
        parts = self.target.parts if isinstance(self.target, TargetColumns) else (self.target,)
        numbers = [part for part in parts if isinstance(part, TransformedTarget)]
        same = next((part for part in numbers if part.column == label), None)
        same = numbers[0] if same is None and numbers and len(parts) == 1 else same
        return None if same is None else TransformedTarget(label, same.transform)

    def inputs_for(self, source: Source, found: Survey, na: NaRule | dict[str, NaRule]) -> InputTransform:
        """The old transform for the new columns.

        Parameters
        ----------
        source, found
            The new rows.
        na
            What becomes of blanks now.

        Raises
        ------
        ColumnError
            If no column, or of texts not every column, is one that the old run knew.
        OptionError
            If one learned from texts and the other is to learn from numbers, or if it learned from the rows
            of other columns.
        """
        self.check_features(source)
        if isinstance(self.inputs, Columns):
            return self.columns_for(source.features)
        if isinstance(self.inputs, TextTransform | Image):
            return self.inputs
        if isinstance(self.inputs, PadSequences | SparseFeatures):
            if source.features != self.spec.features:
                raise ColumnError(
                    f"init={self.run!r} learned from lists in {_listed(self.spec.features)}, and the columns "
                    f"here are {_listed(source.features)}: name the same ones, or leave init= out"
                )
            return self.inputs
        assert isinstance(self.inputs, Cast)
        state = self.inputs.state()
        if source.features != self.spec.features:
            if self.inputs.needs_rows:
                raise OptionError(
                    f"init={self.run!r} learned quantiles or counts of {_listed(self.spec.features)}, and "
                    f"the columns here are {_listed(source.features)}: name the same ones, or leave init= out"
                )
            statistics = _by_name(source.features, self.inputs.statistics_, found.statistics)
            state |= {"statistics": statistics, "shape": None}
        return type(self.inputs).from_state(state | {"options": state["options"] | {"na": na}})

    def columns_for(self, features: Collection[str]) -> Columns:
        """The old `Columns` without what is made of columns that are gone.

        Parameters
        ----------
        features
            Names of the columns that there are.

        Raises
        ------
        ColumnError
            If none of the old run's columns is there.
        OptionError
            If an input learned from several columns together, of which some are gone.
        """
        assert isinstance(self.inputs, Columns)
        if set(self.inputs.columns) <= set(features):
            return self.inputs
        inputs: dict[str, ColumnsOf] = {}
        for part in self.inputs.parts:
            names = tuple(name for name in part.columns if name in features)
            if names:
                inputs[part.name] = (names, self._less(part, names))
        if not inputs:
            raise ColumnError(
                f"init={self.run!r} knows none of the columns {_listed(features)}; its own are "
                f"{_listed(self.inputs.columns)}"
            )
        return Columns(inputs)

    def _less(self, part: Part, names: tuple[str, ...]) -> InputTransform:
        """What one input's columns become without those that are gone."""
        if names == part.columns:
            return part.transform
        gone = [name for name in part.columns if name not in names]
        state = part.transform.state()
        if not isinstance(part.transform, Cast) or "sample" in state or "modes" in state:
            raise OptionError(
                f"init={self.run!r}: its input {part.name!r} learned from {_listed(part.columns)} together, "
                f"and {_listed(gone)} is not here: give the columns that it had, or leave init= out"
            )
        seen, na = part.transform.statistics_, state["options"]["na"]
        if isinstance(na, dict):
            state["options"] |= {"na": {name: rule for name, rule in na.items() if name in names}}
        state |= {"statistics": _by_name(names, seen, seen), "shape": None}
        return type(part.transform).from_state(state)

    def check_features(self, source: Source) -> None:
        """Refuse features that have nothing to do with the old run's.

        Raises
        ------
        ColumnError, OptionError
            As `inputs_for`.
        """
        if isinstance(self.inputs, Columns):
            return  # its own columns were looked for before
        was_text, was_image = isinstance(self.inputs, TextTransform), isinstance(self.inputs, Image)
        if (was_text, was_image) != (source.is_text, source.is_image):
            then, now = _called(was_text, was_image), _called(source.is_text, source.is_image)
            raise OptionError(
                f"init={self.run!r} learned from {then} and these features are {now}: name the same columns, "
                "or leave init= out"
            )
        old = self.spec.features
        if was_text and set(old) != set(source.features):
            raise ColumnError(
                f"init={self.run!r} learned its words from {_listed(old)}, and the columns of text here are "
                f"{_listed(source.features)}: a vocabulary is of all its columns, so name the same ones"
            )
        if not set(old) & set(source.features):
            raise ColumnError(
                f"init={self.run!r} knows none of the columns {_listed(source.features)}; its own are "
                f"{_listed(old)}"
            )

    def labels_with(self, labels: LabelCounts, label: str) -> LabelCounts:
        """The labels found, and the old run's classes with no row.

        Raises
        ------
        DataError
            If the labels here cannot be classes beside the old ones.
        """
        known_classes = self._target_of(label).classes
        if known_classes is None:
            return labels
        if labels.classes is None:
            raise DataError(
                f"the label {label!r} has too many different values to be the classes that init={self.run!r} "
                "tells apart: name another label"
            )
        counts = dict.fromkeys(known_classes, 0) | dict(zip(labels.classes, labels.counts, strict=True))
        if len({isinstance(name, str) for name in counts}) > 1:
            raise DataError(
                f"the label {label!r} holds {type(labels.classes[0]).__name__}, as {labels.classes[0]!r}, "
                f"and the classes of init={self.run!r} are {_listed(known_classes)}: types={{{label!r}: "
                "'text'} or 'int' holds it to the same"
            )
        known: dict[Any, int] = dict(counts)
        classes: tuple[Any, ...] = LabelEncoder.from_counts(label, known).classes_
        return replace(labels, classes=classes, counts=tuple(counts[name] for name in classes))

    def _target_of(self, label: str) -> TargetSpec:
        """What the old run answered of a label, or of the only one that it had."""
        return next((each for each in self.spec.targets if label in each.columns), self.spec.targets[0])

    def task_for(self, task: Task | Literal["auto"], labels: LabelCounts, label: str) -> Task:
        """The task: classes stay classes, a number to regress on stays one.

        Parameters
        ----------
        task
            What the user said.
        labels
            As `labels_with` gave them.
        label
            The column.

        Raises
        ------
        OptionError
            If the user said otherwise.
        """
        old, classes = self._target_of(label).task, labels.classes or ()
        was_number = old == "regression"
        if task != "auto" and (task == "regression") != was_number:
            raise OptionError(
                f"task={task!r} cannot begin with init={self.run!r}, which learned {old!r}: leave "
                "init= out, or task="
            )
        if was_number:
            return "regression"
        return task if task != "auto" else ("binary" if len(classes) == 2 else "classes")

    def news(self, spec: FeedSpec, features: Collection[str] = ()) -> list[str]:
        """Sentences on columns and classes that are new, or gone; `features` are all columns there are."""
        lines = []
        if isinstance(self.inputs, Columns):
            unused = [name for name in features if name not in self.inputs.columns]
            if unused:
                lines.append(f"left out, since {self.run} has no input of it: column {_listed(unused)}")
        for what, old, new in (
            ("column", self.spec.features, spec.features),
            ("class", self.spec.classes or (), spec.classes or ()),
        ):
            added, gone = [name for name in new if name not in old], [name for name in old if name not in new]
            if added:
                lines.append(f"new to {self.run}: {what} {_listed(added)}")
            if gone:
                lines.append(f"known to {self.run} and not here: {what} {_listed(gone)}")
        return lines


def _by_name(names: tuple[str, ...], old: ColumnStatistics, new: ColumnStatistics) -> dict[str, Any]:
    """State of statistics of the named columns: of each the old ones, or the new ones where it is new."""
    num_rows = max(old.num_rows, new.num_rows)
    columns: dict[str, list[Any]] = {name: [] for name in _FIGURES}
    for name in names:
        seen = old if name in (old.features or ()) else new
        assert seen.features is not None
        place = seen.features.index(name)
        for figure, values in _FIGURES.items():
            columns[figure].append(values(seen)[place])
    count = np.array(columns["count"], np.int64)
    width, nothing = len(names), np.zeros(len(names))
    some = count > 0
    arrays = {
        "closed": count,
        "blanks": num_rows - count,
        "origin": np.array(columns["mean"]),
        "mean": nothing,
        "squares": np.where(some, np.array(columns["variance"]) * count, 0.0),
        "low": np.where(some, columns["minimum"], np.inf),
        "high": np.where(some, columns["maximum"], -np.inf),
        "fractions": np.where(columns["integral"], 0, 1).astype(np.int64),
        "leaf_blanks": np.zeros(width, np.int64),
        "shift": np.full(width, np.nan),
        "first": nothing,
        "second": nothing,
    }
    plain = {name: to_plain(array) for name, array in arrays.items()}
    known = {"distinct": False, "features": list(names), "num_rows": num_rows, "leaf_rows": 0}
    return {**known, **plain, "sample": None}


_FIGURES: dict[str, Any] = {
    "count": lambda seen: seen.count,
    "mean": lambda seen: seen.mean,
    "variance": lambda seen: seen.variance,
    "minimum": lambda seen: seen.minimum,
    "maximum": lambda seen: seen.maximum,
    "integral": lambda seen: seen.integral,
}


def _called(are_texts: bool, are_images: bool) -> str:
    return "texts" if are_texts else "images" if are_images else "numbers"


def _listed(names: Any, limit: int = 6) -> str:
    names = list(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(map(repr, names[:limit])) + more
