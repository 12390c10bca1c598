"""Whether anything can be learned from the columns that a model is given."""

from __future__ import annotations

from collections.abc import Sequence

from stoker.survey.result import Survey

__all__ = ["told_hopeless"]

_SHOWN = 5


def told_hopeless(found: Survey, features: Sequence[str]) -> list[str]:
    """A sentence where each feature has one value in all rows to train on, so that all rows are the same.

    Columns with blanks are taken to teach something, and so are images, lists, and texts of which only their
    lengths are known.

    Parameters
    ----------
    found
        The rows to train on.
    features
        What a model is given of them.
    """
    if not features or not all(_is_constant(found, name) for name in features):
        return []
    more = f" and {len(features) - _SHOWN} more" if len(features) > _SHOWN else ""
    names = ", ".join(map(repr, features[:_SHOWN]))
    has = "has" if len(features) == 1 else "have"
    rows = found.view.num_rows
    where = "the only row" if rows == 1 else f"each of the {rows:,} rows"
    return [
        f"nothing can be learned from {names}{more}, which {has} the same value in {where} to train on: "
        "a model will answer the same for every row; name other columns (columns=, drop=), or look at the "
        "file"
    ]


def _is_constant(found: Survey, name: str) -> bool:
    if name in found.features:
        place, seen = found.features.index(name), found.statistics
        return bool(seen.constant[place]) and int(seen.count[place]) == found.view.num_rows
    text = None if found.profiles is None else found.profiles.get(name)
    return text is not None and text.distinct == 1 and not text.blanks
