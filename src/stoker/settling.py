"""What is settled once the survey is there: the task, the classes, which transforms learn from the rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec
import numpy as np

from stoker.choosing import Automatic, ColumnChoice, without_choice
from stoker.errors import OptionError
from stoker.images.sizes import sizes_of
from stoker.inheritance import Inheritance
from stoker.plan import PlanOptions
from stoker.sources import Source
from stoker.survey import Survey
from stoker.survey.policy import BadRows, Blanks, NaOption, Texts
from stoker.survey.quarantine import Quarantine
from stoker.targets import Target
from stoker.task import TaskOption
from stoker.transforms.base import InputTransform
from stoker.transforms.columns import Columns
from stoker.transforms.image import Image
from stoker.transforms.numeric import Cast, NaRule
from stoker.transforms.pad_sequences import PadSequences
from stoker.transforms.scaling import Standardize
from stoker.transforms.sparse_features import SparseFeatures
from stoker.transforms.texts import TextTransform
from stoker.types import FeedSpec
from stoker.weights import ClassWeight

__all__ = [
    "FeedOptions",
    "as_columns",
    "by_columns",
    "choose_inputs",
    "spec_of",
    "with_batches",
    "with_choice",
]

_BATCH_ROWS, _TEXT_BATCH_ROWS, _IMAGE_BATCH_ROWS = 256, 128, 32
_LOOKED_AT = 16
"""First values of a column of bytes that tell whether it holds images."""
_IMAGE_DIMENSIONS = 3
"""Of a row of an array of images: height, width and channels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedOptions:
    """What the user chose for a training feed; see `stoker.Feed`.

    `batches` tells whether the plan's batch size was given, or goes by what the features become.
    """

    plan: PlanOptions
    transform: InputTransform | Automatic | Callable[[Survey], InputTransform] | None = None
    target: Cast | Literal["auto"] | None = None
    task: TaskOption = "auto"
    na: NaOption = "error"
    on_bad_row: BadRows = "error"
    max_bad_rows: int | None = None
    quarantine: Quarantine | None = None
    class_weight: ClassWeight = None
    inheritance: Inheritance | None = None
    texts: Texts = "refused"
    batches: Literal["given", "usual"] = "given"

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


def as_columns(transform: object, source: Source) -> Columns | None:
    """A transform that learns from single columns as `Columns` have it; None for any other."""
    if isinstance(transform, PadSequences | SparseFeatures):
        return Columns({"x": (source.features, transform)})
    return transform if isinstance(transform, Columns) else None


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
    if old is not None and isinstance(columns, Columns):
        columns = old.columns_for(source.features)
    source = source.knowing_images(_images_in(source, columns))
    if isinstance(columns, Automatic):
        if source.is_text or (source.is_image and not columns.words):  # one input, as ever
            return source, replace(options, transform=None, na=without_choice(options.na))
        return source, replace(
            options, na=columns.policy(source.numeric_features, options.na), texts="chosen"
        )
    columns = as_columns(columns, source)
    if columns is None:
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


def _images_in(source: Source, inputs: Any) -> Collection[str]:
    """Features of bytes that are to be images; where nobody says it, those of whose first values most are."""
    names = [column.name for column in source.table.schema.features if column.kind == "bytes"]
    if isinstance(inputs, Columns):
        return [name for part in inputs.parts if isinstance(part.transform, Image) for name in part.columns]
    if source.is_image:
        word = inputs.words.get(names[0]) if isinstance(inputs, Automatic) else None
        are_taken = inputs is None or isinstance(inputs, Image | Automatic)
        return names if are_taken and word in (None, "image") else ()
    if not isinstance(inputs, Automatic):
        return ()
    asked = [name for name in names if inputs.words.get(name) == "image"]
    return [*asked, *_likely_images(source, [name for name in names if name not in inputs.words])]


def _likely_images(source: Source, names: Sequence[str]) -> Sequence[str]:
    """Columns of bytes of which most of the first values are images; none of rows that are read but once."""
    if not names or (source.random_access == "stream" and not source.is_lasting):
        return ()
    first = source.peek(_LOOKED_AT)
    found = {name: sizes_of(first.columns[name][:_LOOKED_AT]) for name in names}
    return [name for name, seen in found.items() if seen.num_images > seen.num_bad]


def _blanks_by(columns: Columns, source: Source, na: NaOption) -> NaOption:
    """What becomes of blanks: what the user says, and where nothing is said what transforms have for them."""
    if isinstance(na, str) and na != "error":
        return na
    filled = {name: "transform" for name in source.numeric_features if columns.fills_blank(name)}
    said: dict[str, Any] = {**filled, **(na if isinstance(na, Mapping) else {})}
    return said or "error"


def spec_of(source: Source, target: Target, inputs: InputTransform) -> FeedSpec:
    """What a model must know of batches that these transforms make."""
    features, first = source.features, target.specs[0]
    if isinstance(inputs, Columns):
        features = tuple(name for name in features if name in inputs.columns)
    return FeedSpec(
        input_shape=inputs.row_shape,
        input_dtype=inputs.dtype,
        features=features,
        task=first.task,
        classes=first.classes,
        num_outputs=first.num_outputs,
        label=first.columns[0],
        input_kind=inputs.output,
        num_tokens=inputs.num_tokens,
        class_names=first.class_names,
        inputs=inputs.inputs if isinstance(inputs, Columns) else (),
        sample_weight=source.sample_weight,
        targets=target.specs,
    )


def with_batches(options: FeedOptions, inputs: InputTransform) -> FeedOptions:
    """The options with the usual size of batches of such inputs, where none was given.

    Columns that were left out have no say in it: nothing is made of them.
    """
    if options.batches == "given":
        return options
    parts = [part.transform for part in inputs.parts] if isinstance(inputs, Columns) else [inputs]
    if any(isinstance(part, Image) for part in parts):
        size = _IMAGE_BATCH_ROWS
    else:
        size = _TEXT_BATCH_ROWS if isinstance(inputs, TextTransform) else _BATCH_ROWS
    return replace(options, plan=msgspec.structs.replace(options.plan, batch_size=size))


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
    if isinstance(chosen, Columns | PadSequences | SparseFeatures):
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
