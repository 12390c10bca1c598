"""What the flags say of texts and images: how they become numbers, and which model is meant with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stoker.cli.options import TextOptions
from stoker.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stoker.sources import Source
    from stoker.survey import Survey
    from stoker.transforms.base import InputTransform

__all__ = [
    "TEXT_PATIENCE",
    "check_texts",
    "image_size",
    "text_transform",
    "vectorizer_of",
]

TEXT_PATIENCE = 2
_OF_MODEL = {"mlp": "ngram", "linear": "ngram", "sepcnn": "sequence"}
_TAKES = {"ngram": "sparse rows", "hashing": "sparse rows", "sequence": "sequences of words"}


def image_size(text: TextOptions) -> tuple[int, int] | None:
    """Height and width that the flags say.

    Raises
    ------
    OptionError
        If they are none.

    Examples
    --------
    >>> image_size(TextOptions(image_size="96x128")), image_size(TextOptions(image_size="64"))
    ((96, 128), (64, 64))
    """
    if text.image_size is None:
        return None
    sides = text.image_size.lower().split("x")
    if len(sides) > 2 or not all(side.strip().isdigit() and int(side) for side in sides):
        raise OptionError(
            f"--image-size takes a height and a width such as 96x128, or 96 for both, got {text.image_size!r}"
        )
    return int(sides[0]), int(sides[-1])


def check_texts(source: Source, text: TextOptions) -> None:
    """Refuse at once flags that contradict one another, or have no effect on these columns.

    Raises
    ------
    OptionError
        Naming both.
    """
    kinds = {column.kind for column in source.table.schema.features}
    if image_size(text) is not None and "bytes" not in kinds:
        raise OptionError("--image-size has no effect where no column holds images: leave it out")
    if source.is_image and text.model in _OF_MODEL:
        raise OptionError(f"--model {text.model} does not learn from images: leave it out, or say cnn")
    if text.model == "cnn" and not source.is_image:
        raise OptionError(
            "--model cnn learns from images alone, and the features are others: name the column of images "
            "with --columns, or leave --model out, which puts them side by side"
        )
    if not source.is_text:
        for flag, value in (("--vectorizer", text.vectorizer), ("--max-features", text.max_features)):
            if value is not None:
                raise OptionError(
                    f"{flag} has no effect on columns of numbers: name columns of text with --text"
                )
        if text.model == "sepcnn":
            raise OptionError("--model sepcnn learns from texts: name columns of text with --text")
        return
    wanted, chosen = _OF_MODEL.get(text.model), text.vectorizer
    if wanted is None or chosen is None:
        return
    if (wanted == "sequence") != (chosen == "sequence"):
        raise OptionError(
            f"--model {text.model} takes {_TAKES[wanted]}, and --vectorizer {chosen} gives {_TAKES[chosen]}: "
            "leave one of them out"
        )


def vectorizer_of(text: TextOptions, found: Survey) -> tuple[str, str]:
    """Which vectorizer is meant, and why.

    Returns
    -------
    name, reason
        ``ngram``, ``sequence`` or ``hashing``.
    """
    if text.vectorizer is not None:
        return text.vectorizer, "asked for"
    if text.model != "auto":
        return _OF_MODEL.get(text.model, "ngram"), f"for --model {text.model}"
    from stoker.choice import choose_text_model

    assert found.texts is not None
    name, reason = choose_text_model(found.num_rows, found.texts.median_words)
    return _OF_MODEL[name], reason


def text_transform(text: TextOptions) -> Callable[[Survey], InputTransform]:
    """What makes a vectorizer when the survey is there, which ``--model auto`` goes by."""

    def make(found: Survey) -> InputTransform:
        import stoker

        name, _ = vectorizer_of(text, found)
        keyword = {"ngram": "max_features", "sequence": "max_tokens", "hashing": "num_features"}[name]
        given: dict[str, Any] = {} if text.max_features is None else {keyword: text.max_features}
        kinds = {
            "ngram": "NgramVectorizer",
            "sequence": "SequenceVectorizer",
            "hashing": "HashingVectorizer",
        }
        made: InputTransform = getattr(stoker, kinds[name])(**given)
        return made

    return make
