"""What the columns of bytes hold where they hold images: how many of which size, and what is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from stoker.images.sizes import ImageSizes, sizes_of
from stoker.sources.chunks import ParsedChunk
from stoker.stored import require
from stoker.types import ColumnSpec

__all__ = ["images_from_state", "images_of", "merge_images"]


def images_of(parsed: ParsedChunk, features: Sequence[ColumnSpec]) -> dict[str, ImageSizes]:
    """Of each feature of bytes the images in a chunk, less rows that are bad already."""
    good = None
    if len(parsed.issues):
        good = np.ones(parsed.num_records, np.bool_)
        good[parsed.issues.bad_rows() - parsed.first_row] = False
    return {
        name: sizes_of(parsed.rows.columns[name], good, first_row=parsed.first_row)
        for name in _columns(features)
    }


def merge_images(one: dict[str, ImageSizes] | None, other: dict[str, ImageSizes]) -> dict[str, ImageSizes]:
    """What both have seen."""
    return other if one is None else {name: seen.merge(other[name]) for name, seen in one.items()}


def images_from_state(
    state: Mapping[str, Any] | None, features: Sequence[ColumnSpec]
) -> dict[str, ImageSizes]:
    """What was stored of these features.

    Raises
    ------
    ValueError, TypeError, KeyError
        If it is of others, or damaged.
    """
    found = {name: ImageSizes.from_state(each) for name, each in (state or {}).items()}
    require(set(found) == set(_columns(features)), "it knows images of other columns")
    return found


def _columns(features: Sequence[ColumnSpec]) -> Iterator[str]:
    return (column.name for column in features if column.kind == "bytes")
