"""What is settled once the survey is there: the task, the classes, which transforms learn from the rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stoker.choosing import Automatic, ColumnChoice, without_choice
from stoker.errors import DataError, OptionError
from stoker.inheritance import Inheritance
from stoker.plan import PlanOptions
from stoker.sources import Source
from stoker.survey import LabelCounts, Survey
from stoker.survey.policy import BadRows, Blanks, NaOption, Texts
from stoker.survey.quarantine import Quarantine
from stoker.survey.whereabouts import first_unknown
from stoker.task import TaskOption, resolve_task
from stoker.transforms.base import FittedTransform, InputTransform
from stoker.transforms.columns import Columns
from stoker.transforms.image import Image
from stoker.transforms.labels import LabelEncoder, Passthrough
from stoker.transforms.numeric import Cast, NaRule
from stoker.transforms.scaling import Standardize
from stoker.transforms.texts import TextTransform
from stoker.types import FeedSpec, Task
from stoker.weights import ClassWeight

__all__ = [
    "FeedOptions",
    "Target",
    "by_columns",
    "check_labels",
    "choose_inputs",
    "settle_target",
    "spec_of",
    "with_choice",
]

_IMAGE_DIMENSIONS = 3
"""Of a row of an array of images: height, width and channels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedOptions:
    """What the user chose for a training feed; see `stoker.Feed`."""

    plan: PlanOptions
    transform: InputTransform | Automatic | Callable[[Survey], InputTransform] | None = None
    task: TaskOption = "auto"
    na: NaOption = "error"
    on_bad_row: BadRows = "error"
    max_bad_rows: int | None = None
    quarantine: Quarantine | None = None
    class_weight: ClassWeight = None
    inheritance: Inheritance | None = None
    texts: Texts = "refused"

    def transform_na(self, answers: Collection[str]) -> NaRule | dict[str, NaRule]:
        """What of the policy for blanks is left to a transform: it sees neither dropped rows nor labels.

        Parameters
        ----------
        answers
            Names of the labels and of what rows weigh.

        Raises
        ------
        OptionError
            If a blank one of them is to be filled.
        """
        if isinstance(self.na, str):
            return _transform_rule(self.na)
        for name in answers:
            if self.na.get(name, "error") not in ("error", "drop-row"):
                raise OptionError(
                    f"na: {name!r} is the label, or what rows weigh, and nothing can take its place, got "
                    f"{self.na[name]!r}; drop its rows instead with na={{{name!r}: 'drop-row'}}"
                )
        return {name: _transform_rule(policy) for name, policy in self.na.items() if name not in answers}


def _transform_rule(policy: Blanks) -> NaRule:
    return policy if policy == "mean" or policy == "zero" else "error"


def by_columns(source: Source, options: FeedOptions) -> tuple[Source, FeedOptions]:
    """The source and the options as a `Columns` wants them; as they are where the transform is another.

    Columns that are in no input are not read, and what becomes of a blank its column's transforms say.

    Raises
    ------
    ColumnError
        If there is no such column, or it does not hold what its transform is for.
    OptionError
        If `na` says of a blank what only a transform can do.
    """
    old = options.inheritance
    columns = options.transform if old is None else old.inputs
    if isinstance(columns, Automatic):
        if source.is_text or (source.is_image and not columns.words):  # one input, as ever
            return source, replace(options, transform=None, na=without_choice(options.na))
        return source, replace(
            options, na=columns.policy(source.numeric_features, options.na), texts="chosen"
        )
    if not isinstance(columns, Columns):
        return source, options
    schema = source.table.schema
    columns.check_kinds({column.name: column.kind for column in schema.features})
    rules = options.na.items() if isinstance(options.na, Mapping) else [("", options.na)]
    for name, word in rules:
        if word in ("mean", "zero"):
            where = "" if not name else f" for {name!r}"
            raise OptionError(
                f"na={word!r}{where} has no effect beside Columns, whose transforms say what becomes of a "
                f"blank: give the column stoker.Impute(na={word!r}), or stoker.Standardize(na={word!r})"
            )
    texts = [part.columns for part in columns.parts if isinstance(part.transform, TextTransform)]
    used = replace(
        schema,
        features=tuple(column for column in schema.features if column.name in columns.columns),
        # So these are what the user says to learn from, of whatever bytes.
        declared=schema.declared | {name for names in texts for name in names},
    )
    narrow = replace(source, table=source.table.with_schema(used))
    return narrow, replace(options, na=_blanks_by(columns, narrow, options.na), texts="given")


def _blanks_by(columns: Columns, source: Source, na: NaOption) -> NaOption:
    """What becomes of blanks: what the user says, and where nothing is said what transforms have for them."""
    if isinstance(na, str) and na != "error":
        return na
    filled = {name: "transform" for name in source.numeric_features if columns.fills_blank(name)}
    said: dict[str, Any] = {**filled, **(na if isinstance(na, Mapping) else {})}
    return said or "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is asked for: the task, and why it is that; the label's transform, the classes and their names."""

    label: str
    task: Task
    reason: str
    transform: FittedTransform
    classes: tuple[str | int | float, ...] | None
    class_names: tuple[str, ...] | None


def settle_target(label: str, options: FeedOptions, found: Survey) -> Target:
    """The task, the user's or by the labels, and the label's transform."""
    assert found.labels is not None
    labels, asked, old = found.labels, options.task, options.inheritance
    if old is not None:
        labels = old.labels_with(labels, label)
        asked = old.task_for(asked, labels)
    task, reason = resolve_task(asked, labels, label=label)
    reason = reason if old is None else f"as in {old.run}"
    transform, classes = _transform_of(task, label, labels)
    return Target(
        label=label,
        task=task,
        reason=reason,
        transform=transform,
        classes=classes,
        class_names=_names_of(classes, found.source.class_names),
    )


def _names_of(
    classes: tuple[str | int | float, ...] | None, names: tuple[str, ...] | None
) -> tuple[str, ...] | None:
    """Names of classes that are numbered from 1; None where one has none."""
    places: dict[Any, str] = dict(enumerate(names or (), 1))
    if not classes or not all(label in places for label in classes):
        return None
    return tuple(places[label] for label in classes)


def _transform_of(
    task: Task, label: str, labels: LabelCounts
) -> tuple[FittedTransform, tuple[str | int | float, ...] | None]:
    """The label's transform, and the classes that it tells apart."""
    if task == "regression":
        return Passthrough(label), None
    assert labels.classes is not None
    found: tuple[Any, ...] = labels.classes
    encoder = LabelEncoder.from_counts(label, found)
    return encoder, encoder.classes_


def spec_of(source: Source, target: Target, inputs: InputTransform) -> FeedSpec:
    """What a model must know of batches that these transforms make."""
    features, classes = source.features, target.classes
    if isinstance(inputs, Columns):
        features = tuple(name for name in features if name in inputs.columns)
    return FeedSpec(
        input_shape=inputs.row_shape,
        input_dtype=inputs.dtype,
        features=features,
        task=target.task,
        classes=classes,
        num_outputs=len(classes) if target.task == "classes" and classes is not None else 1,
        label=target.label,
        input_kind=inputs.output,
        num_tokens=inputs.num_tokens,
        class_names=target.class_names,
        inputs=inputs.inputs if isinstance(inputs, Columns) else (),
        sample_weight=source.sample_weight,
    )


def with_choice(options: FeedOptions, found: Survey) -> tuple[FeedOptions, tuple[ColumnChoice, ...]]:
    """The options with transforms that go by what the survey found, and what is to be told of them."""
    if not isinstance(options.transform, Automatic):
        return options, ()
    chosen = options.transform.choose(found, options.na)
    texts: Texts = "refused" if chosen.transform is None else "given"
    return replace(options, transform=chosen.transform, na=chosen.na, texts=texts), chosen.columns


def choose_inputs(source: Source, options: FeedOptions, found: Survey) -> InputTransform:
    """The features' transform: the user's, or the usual one for numbers or for texts.

    Raises
    ------
    OptionError
        If the user's is not for such features, or another option has no effect on it.
    """
    chosen, old = options.transform, options.inheritance
    assert not isinstance(chosen, Automatic), "with_choice comes first"
    if old is not None:
        return old.inputs_for(source, found, options.transform_na(source.answers))
    if chosen is not None and not isinstance(chosen, InputTransform):
        chosen = chosen(found)
    if isinstance(chosen, Columns):
        return chosen
    if source.is_text:
        return _default_vectorizer() if chosen is None else chosen
    if source.is_image:
        return Image() if chosen is None else chosen
    rule = options.transform_na(source.answers)
    shape = getattr(source.table, "row_shape", None)
    is_pixels = shape is not None and len(shape) == _IMAGE_DIMENSIONS and found.dtype == np.uint8
    transform = chosen or (Cast(na=rule) if is_pixels else Standardize(na=rule))
    own = getattr(transform, "na", "error")
    if own != rule:
        raise OptionError(
            f"the feed has na={options.na!r} and its transform na={own!r}: one would let blanks "
            f"through and the other not; give the transform na={rule!r} too"
        )
    if isinstance(transform, Cast) and (shape is not None or not transform.is_fitted):
        transform.shape_ = shape
    return transform


def _default_vectorizer() -> InputTransform:
    from stoker.transforms.ngrams import NgramVectorizer

    return NgramVectorizer()


def check_labels(spec: FeedSpec, found: Survey) -> None:
    """Refuse labels that training never saw."""
    if spec.classes is None or found.labels is None or found.labels.classes is None:
        return
    counts = zip(found.labels.classes, found.labels.counts, strict=True)
    unknown = {label: count for label, count in counts if label not in spec.classes}
    if not unknown:
        return
    where, first = first_unknown(found, spec.classes) or (found.paths[0], next(iter(unknown)))
    many = sum(unknown.values())
    rows = "1 row has such a label" if many == 1 else f"{many:,} rows have such labels ({_some(unknown)})"
    raise DataError(
        f"{where}: the label column {spec.label!r} holds {first!r}, which training never saw "
        f"(it knows {_some(spec.classes)}). {rows}: correct the labels, or train on them too"
    )


def _some(labels: Collection[object], limit: int = 5) -> str:
    more = f" and {len(labels) - limit} more" if len(labels) > limit else ""
    return ", ".join(map(repr, list(labels)[:limit])) + more
