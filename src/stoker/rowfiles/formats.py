"""Which format and which compression the name of a file to be written means."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import pyarrow as pa

from stoker.errors import OptionError
from stoker.outputs import require_here

__all__ = ["COMPRESSIONS", "SUFFIXES", "Format", "FormatName", "format_of"]

FormatName: TypeAlias = Literal["csv", "jsonl", "parquet", "arrow"]

_FORMATS: dict[str, FormatName] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}
_PACKINGS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
"""Compression around a text format, as PyArrow calls it."""

COMPRESSIONS: dict[FormatName, tuple[str, ...]] = {
    "parquet": ("snappy", "zstd", "gzip", "brotli", "lz4", "none"),
    "arrow": ("none", "lz4", "zstd"),
}
"""Compressions within a format, the one that is taken by itself first."""

SUFFIXES = ".csv, .jsonl, .parquet or .arrow"
"""The suffixes for people; ``.csv`` and ``.jsonl`` may be followed by ``.gz``, ``.bz2`` or ``.zst``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """How rows are written.

    Attributes
    ----------
    name
        The format.
    packing
        What the whole file is compressed with, as PyArrow calls it; ``""`` for nothing.
    compression
        What the format itself compresses with; ``"none"`` for nothing, and in text.
    """

    name: FormatName
    packing: str = ""
    compression: str = "none"

    def require_types(self, schema: pa.Schema) -> None:
        """Refuse columns that files of this format cannot hold, as lists in CSV.

        Raises
        ------
        OptionError
            Naming the first of them, and the formats that can.
        """
        for field in schema:
            is_bytes = pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type)
            others = ".parquet or .arrow" if is_bytes else ".parquet, .arrow or .jsonl"
            cannot = {"csv": is_bytes or pa.types.is_nested(field.type), "jsonl": is_bytes}
            if cannot.get(self.name, False):
                raise OptionError(
                    f"column {field.name!r} holds {'bytes' if is_bytes else 'lists'}, which .{self.name} "
                    f"files cannot: write {others}, or leave the column out"
                )


def format_of(
    path: str | os.PathLike[str], *, compression: str | None = None, what: str = "rows are"
) -> Format:
    """The format that the suffix of a file means.

    Parameters
    ----------
    path
        Where rows are to go; ``.feather`` is written as ``.arrow`` is.
    compression
        Within Parquet or Arrow; None for snappy in Parquet and none in Arrow.
    what
        Is written, for the message.

    Raises
    ------
    OptionError
        The suffix is not known, or `compression` cannot be.

    Examples
    --------
    >>> format_of("rows.csv.gz")
    Format(name='csv', packing='gzip', compression='none')
    >>> format_of("rows.parquet", compression="zstd").compression
    'zstd'
    """
    require_here(path, what.removesuffix(" are"))
    stem, suffix = os.path.splitext(Path(path).name.lower())
    packing = _PACKINGS.get(suffix, "")
    if packing:
        suffix = os.path.splitext(stem)[1]
    name = _FORMATS.get(suffix)
    if name is None:
        raise OptionError(f"{what} written to {SUFFIXES}, got {Path(path).name!r}")
    known = COMPRESSIONS.get(name)
    if known is None:
        if compression is not None:
            raise OptionError(
                f"compression= has no effect on {suffix}, whose name says it: {suffix}.gz or {suffix}.zst"
            )
        return Format(name=name, packing=packing)
    if packing:
        raise OptionError(
            f"{suffix} is compressed within, not as a whole: leave out the last suffix of {Path(path).name!r}"
            f" and say compression={known[1]!r}"
        )
    if compression is not None and compression not in known:
        raise OptionError(f"compression of {suffix} must be one of {', '.join(known)}, got {compression!r}")
    return Format(name=name, compression=compression or known[0])
