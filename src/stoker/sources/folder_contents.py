"""What the files of a folder by classes are: texts or images, as their suffixes say."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stoker.errors import ColumnError, DataError
from stoker.images.headers import SUFFIXES, BadImageError, read_header
from stoker.sources.chunks import Chunk
from stoker.sources.issues import IssueKind, RowIssues
from stoker.sources.packing import PACKINGS
from stoker.sources.record_parser import no_issues
from stoker.sources.schema import Schema
from stoker.types import ColumnKind, ColumnSpec, IntArray

__all__ = [
    "IMAGES",
    "TEXTS",
    "FolderContents",
    "ImageChunk",
    "contents_of",
    "folder_schema",
    "image_issues",
    "is_image",
    "is_passed_over",
]

_TEXT_SUFFIXES = (".txt", "")
"""Of texts in class folders; a number will do as well."""
_LEFT_BY_WINDOWS = ("thumbs.db", "desktop.ini")
_UNPACKERS = {"gzip": "gunzip", "bzip2": "bunzip2", "xz": "unxz", "zstd": "unzstd --rm"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderContents:
    """What the files are.

    Attributes
    ----------
    column, kind
        Name and kind of the column that holds what a file holds.
    many
        What they are called.
    """

    column: str
    kind: ColumnKind
    many: str

    @property
    def columns(self) -> tuple[str, ...]:
        """What a file is read as: what it holds, the name of its folder, its path."""
        return self.column, "label", "file"


TEXTS = FolderContents(column="text", kind="text", many="texts")
IMAGES = FolderContents(column="image", kind="bytes", many="images")


def is_image(name: str) -> bool:
    """Whether a file is called as images are."""
    return os.path.splitext(name)[1].lower() in SUFFIXES


def is_passed_over(name: str) -> bool:
    """Whether a file or folder is none of the data: it is hidden, or left there by Windows."""
    return name.startswith(".") or name.lower() in _LEFT_BY_WINDOWS


def contents_of(path: str) -> FolderContents:
    """What a file is, by its suffix.

    Raises
    ------
    DataError
        It is neither a text nor an image: a table, an archive, a compressed file.
    """
    suffix = os.path.splitext(path)[1]
    if suffix.lower() in SUFFIXES:
        return IMAGES
    packing = PACKINGS.get(suffix.lower())
    if packing is not None:
        folder = os.path.dirname(path)
        raise DataError(
            f"{path} is compressed, and texts in the folders of their classes are read as they stand; "
            f"unpack them: find {shlex.quote(folder)} -name '*{suffix}' -exec {_UNPACKERS[packing]} {{}} +"
        )
    if suffix.lower() not in _TEXT_SUFFIXES and not suffix[1:].isdigit():
        raise DataError(
            f"{path} has the suffix {suffix!r}, and texts in the folders of their classes have .txt, a "
            f"number or none, and images {', '.join(SUFFIXES)}; name tables by their paths, or move the file "
            "away"
        )
    return TEXTS


def folder_schema(contents: FolderContents, labels: Sequence[str], features: Sequence[str] | None) -> Schema:
    """The columns of a folder.

    Raises
    ------
    ColumnError
        Others are asked for than there are.
    """
    held = contents.column
    for what, names in (("label", labels), (held, features or ())):
        for name in names:
            if name != what:
                raise ColumnError(
                    f"{what}: a folder of {contents.many} has the columns {held} (what a file holds), label "
                    f"(its folder's name) and file (its path), and {name!r} is not the {what}; leave it out"
                )
    return Schema(
        features=(ColumnSpec(name=held, kind=contents.kind),),
        labels=(ColumnSpec(name="label", kind="text"),),
        declared=frozenset({held} if contents is TEXTS else ()),
        file_names=contents.columns,
    )


class ImageChunk(Chunk):
    """A chunk whose records are whole images, of which people are told how long they are."""

    __slots__ = ()

    def text(self, begin: int, end: int) -> bytes:
        """How many bytes there are between two places."""
        return f"{end - begin:,} bytes".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class _ImageIssues(RowIssues):
    """Issues of images, whose text is what is wrong with each."""

    reasons: tuple[str, ...]

    def text(self, place: int) -> str:
        """What is wrong."""
        return self.reasons[place]


def image_issues(schema: Schema, chunk: Chunk, bounds: IntArray) -> RowIssues:
    """What is wrong with the images of a chunk, as far as their first bytes and their structure tell.

    Parameters
    ----------
    schema
        The used columns.
    chunk
        Whose data holds image i from ``bounds[i]`` to ``bounds[i + 1]``.
    bounds
        int64 of shape (n + 1,).
    """
    none = no_issues(schema, len(IMAGES.columns), chunk.data, chunk.offset, chunk.file_index)
    if IMAGES.column not in schema.used:
        return none
    reasons: dict[int, str] = {}
    for place in range(chunk.num_records):
        try:
            read_header(chunk.data[bounds[place] : bounds[place + 1]].tobytes())
        except BadImageError as error:
            reasons[place] = str(error)
    if not reasons:
        return none
    at = np.array(list(reasons), np.int64)
    named: dict[str, Any] = {
        name: getattr(none, name) for name in ("file_index", "names", "expected", "data", "base")
    }
    return _ImageIssues(
        **named,
        rows=at + chunk.first_row,
        columns=np.full(at.size, schema.used.index(IMAGES.column), np.int64),
        kinds=np.full(at.size, IssueKind.BAD_IMAGE, np.uint8),
        offsets=bounds[at] + chunk.offset,
        lengths=bounds[at + 1] - bounds[at],
        found=np.zeros(at.size, np.int64),
        reasons=tuple(reasons.values()),
    )
