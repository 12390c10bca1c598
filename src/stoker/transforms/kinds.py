"""Which class reads which stored state, of transforms that stand alone: an explicit table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stoker.errors import RunError
from stoker.stored import DAMAGE
from stoker.transforms.base import FittedTransform
from stoker.transforms.bins import QuantileBins
from stoker.transforms.category import Category
from stoker.transforms.dates import Dates
from stoker.transforms.hashing import HashingVectorizer
from stoker.transforms.image import Image
from stoker.transforms.labels import LabelEncoder, OneHot, Passthrough
from stoker.transforms.ngrams import NgramVectorizer
from stoker.transforms.numeric import Cast, Impute
from stoker.transforms.pad_sequences import PadSequences
from stoker.transforms.scaling import Log1p, MinMax, Robust, Scale, Standardize
from stoker.transforms.sequences import SequenceVectorizer
from stoker.transforms.sparse_features import SparseFeatures
from stoker.transforms.targets import TargetColumns, TransformedTarget

__all__ = ["KINDS", "read_state"]

_LONGEST = 200

KINDS: dict[str, type[FittedTransform]] = {
    kind.name: kind
    for kind in (
        Cast,
        Impute,
        Scale,
        Standardize,
        Log1p,
        MinMax,
        Robust,
        QuantileBins,
        Category,
        Dates,
        Image,
        PadSequences,
        SparseFeatures,
        LabelEncoder,
        OneHot,
        Passthrough,
        TransformedTarget,
        TargetColumns,
        NgramVectorizer,
        SequenceVectorizer,
        HashingVectorizer,
    )
}


def read_state(state: Mapping[str, Any], kinds: Mapping[str, type[FittedTransform]]) -> FittedTransform:
    """The transform whose `state` this is, if it is one of `kinds`.

    Raises
    ------
    RunError
        If the state names none of them, or is damaged.
    """
    name = state.get("name")
    kind = kinds.get(name) if isinstance(name, str) else None
    if kind is None:
        raise RunError(
            f"the stored transform is a {_short(name)}; this version knows "
            f"{', '.join(sorted(kinds))}: use the version of stoker that wrote it"
        )
    try:
        return kind.from_state(dict(state))
    except DAMAGE as error:
        raise RunError(
            f"the stored transform, a {name!r}, is damaged ({_short(error)}): restore it, or train anew"
        ) from error


def _short(what: Any) -> str:
    told = (str(what) or type(what).__name__) if isinstance(what, Exception) else repr(what)
    return told.splitlines()[0][:_LONGEST]
