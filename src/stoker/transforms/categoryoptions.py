"""What `stoker.Category` may be told."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

from stoker.errors import OptionError
from stoker.transforms.codebook import Unknown

__all__ = ["Encoding", "check_options"]

Encoding: TypeAlias = Literal["index", "onehot", "hash"]

_MOST_CODES = 1 << 30


def check_options(
    min_count: int, max_categories: int | None, unknown: Unknown, encode: Encoding, num_buckets: int | None
) -> None:
    """Raise `OptionError` unless options can be, and go together."""
    _check_count("min_count", min_count, 1)
    if max_categories is not None:
        _check_count("max_categories", max_categories, 2)
    if unknown not in get_args(Unknown):
        raise OptionError(f"unknown must be 'bucket', 'zeros' or 'error', got {unknown!r:.40}")
    if encode not in get_args(Encoding):
        raise OptionError(f"encode must be 'index', 'onehot' or 'hash', got {encode!r:.40}")
    if (encode == "hash") != (num_buckets is not None):
        raise OptionError(
            "num_buckets goes with encode='hash', and encode='hash' with num_buckets: give both"
        )
    if num_buckets is not None:
        _check_count("num_buckets", num_buckets, 2)
    counts = min_count > 1 or max_categories is not None
    if encode == "hash" and (counts or unknown != "bucket"):
        raise OptionError(
            "encode='hash' counts nothing and knows every value: leave out min_count, max_categories "
            "and unknown"
        )
    if unknown == "error" and counts:
        raise OptionError(
            "unknown='error' refuses what has no code, and min_count or max_categories leave training rows "
            "without one: use unknown='bucket'"
        )


def _check_count(option: str, given: Any, least: int) -> None:
    if type(given) is not int or not least <= given <= _MOST_CODES:
        raise OptionError(f"{option} must be an integer from {least} on, got {given!r:.40}")
