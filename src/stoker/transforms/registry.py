"""Which class reads which stored state: an explicit table."""

from __future__ import annotations

from typing import Any

from stoker.errors import RunError
from stoker.transforms.base import FittedTransform
from stoker.transforms.hashing import HashingVectorizer
from stoker.transforms.labels import LabelEncoder, OneHot, Passthrough
from stoker.transforms.ngrams import NgramVectorizer
from stoker.transforms.numeric import Cast, Impute, Scale, Standardize
from stoker.transforms.sequences import SequenceVectorizer

__all__ = ["TRANSFORMS", "from_state"]

TRANSFORMS: dict[str, type[FittedTransform]] = {
    kind.name: kind
    for kind in (
        Cast,
        Impute,
        Scale,
        Standardize,
        LabelEncoder,
        OneHot,
        Passthrough,
        NgramVectorizer,
        SequenceVectorizer,
        HashingVectorizer,
    )
}


def from_state(state: dict[str, Any]) -> FittedTransform:
    """The transform whose `state` this is.

    Raises
    ------
    RunError
        If the state names no known transform.
    """
    kind = TRANSFORMS.get(state.get("name", ""))
    if kind is None:
        raise RunError(
            f"the stored transform is a {state.get('name')!r}; this version knows "
            f"{', '.join(sorted(TRANSFORMS))}: use the version of stoker that wrote it"
        )
    return kind.from_state(state)
