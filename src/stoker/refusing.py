"""What is refused of a feed's options before a survey: what nothing that a survey finds could mend."""

from __future__ import annotations

from collections.abc import Mapping

from stoker.choosing import Automatic
from stoker.errors import OptionError
from stoker.images.decoding import require_pillow
from stoker.settling import FeedOptions
from stoker.sources import Source
from stoker.transforms.columns import Columns
from stoker.transforms.image import Image
from stoker.transforms.numeric import Cast
from stoker.transforms.texts import TextTransform

__all__ = ["check_inputs"]


def check_inputs(source: Source, options: FeedOptions) -> None:
    """Refuse what nothing that a survey finds could mend.

    Raises
    ------
    OptionError
        If a transform is not for such features, or an option has no effect on them.
    ColumnError
        If they are not those of the run to begin with.
    """
    if options.class_weight is not None and len(source.labels) > 1:
        raise OptionError(
            f"class_weight is for one label, and there are {len(source.labels)}: leave it out, or weigh rows "
            "by a column, sample_weight="
        )
    if options.inheritance is not None:
        options.inheritance.check_features(source)
    if isinstance(options.transform, Columns | Automatic):
        return
    if source.is_image or isinstance(options.transform, Image):
        _check_images(source, options)
        return
    if not source.is_text:
        if isinstance(options.transform, TextTransform):
            raise OptionError(
                f"{type(options.transform).__name__} learns from texts, and the features are numbers: name "
                "the columns of text when the data are opened, stoker.open(..., text=[...])"
            )
        return
    if isinstance(options.transform, Cast):
        raise OptionError(
            f"{type(options.transform).__name__} is for numbers, and the features are texts: leave "
            "transform= out, or give a vectorizer, such as stoker.NgramVectorizer()"
        )
    rules = options.na if isinstance(options.na, dict) else {"": options.na}
    for name, rule in rules.items():
        if rule in ("mean", "zero") or (rule == "drop-row" and name in source.features):
            raise OptionError(
                f"na={rule!r} has no effect on texts: an empty text is a text like others; leave na= out"
            )


def _check_images(source: Source, options: FeedOptions) -> None:
    """Refuse transforms that are not for images, and rules for blanks, of which images have none."""
    chosen = options.transform
    if not source.is_image:
        raise OptionError(
            "Image is for one column of bytes, and the features are others: give stoker.Columns a transform "
            "for each, {'NAME': stoker.Image(), …}"
        )
    if isinstance(chosen, Cast | TextTransform):
        raise OptionError(
            f"{type(chosen).__name__} is for {'numbers' if isinstance(chosen, Cast) else 'texts'}, and the "
            "features are images: leave transform= out, or give stoker.Image(…)"
        )
    (image,) = source.features
    require_pillow()
    rules = options.na if isinstance(options.na, Mapping) else {image: options.na}
    if rules.get(image, "error") != "error":
        raise OptionError(f"na={rules[image]!r} has no effect on images: leave na= out")
