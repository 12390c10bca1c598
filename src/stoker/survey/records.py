"""What `survey.json` holds: typed records, so that a damaged or foreign file is recognised."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from stoker.stored import decoded
from stoker.survey.labels import LabelCounts
from stoker.survey.problems import ColumnProblem
from stoker.types import ColumnKind

__all__ = [
    "VERSION",
    "ArrayRecord",
    "FileRecord",
    "LabelRecord",
    "SurveyRecord",
    "decode",
    "encode",
    "label_counts",
    "label_record",
]

VERSION = 6
"""Of the layout, of which rows are bad ones and of what is told; a survey of another version is made anew."""


class FileRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A surveyed file: who it was, and what it held."""

    name: str
    """Path relative to the first file's folder."""
    size: int
    """Bytes."""
    mtime_ns: int
    ctime_ns: int
    inode: int
    digest: str
    """Over the checksums of all its segments, in hexadecimal."""


class ArrayRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An array kept beside `survey.json`, to tell a whole one from a torn one."""

    name: str
    size: int
    """Bytes of the file."""
    checksum: int
    """XXH64 of the file."""


class LabelRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`LabelCounts` as plain data."""

    kind: ColumnKind
    num_rows: int
    classes: list[Any] | None
    counts: list[int]
    minimum: float | None
    maximum: float | None


class SurveyRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One survey."""

    version: int
    key: str
    source: dict[str, Any]
    """How the files were read: what `Source.describe` says."""
    policy: dict[str, Any]
    """What was to be done with blanks and bad rows."""
    files: list[FileRecord]
    num_slots: int
    num_bytes: int
    num_bad: int
    num_skipped: int
    num_dropped: int
    dtype: str
    statistics: Any
    """State of the `ColumnStatistics`; None where there are no numeric features."""
    texts: dict[str, Any] | None
    """State of the `TextLengths`; None where no feature is text."""
    values: dict[str, dict[str, Any]] | None = None
    """By column the state of its `ValueLengths`; None where no feature is bytes or lists."""
    images: dict[str, dict[str, Any]] | None = None
    """By column the state of its `ImageSizes`; None where no feature is bytes."""
    profiles: dict[str, dict[str, Any]] | None = None
    """By column the state of its `TextProfile`, where transforms are chosen by them."""
    labels: dict[str, LabelRecord]
    """By label column; empty without a label."""
    view_labels: dict[str, LabelRecord]
    problems: list[ColumnProblem]
    arrays: list[ArrayRecord]
    digest: str = ""
    """Of the record itself without this field; set by `encode`."""


def encode(record: SurveyRecord) -> bytes:
    """A record as indented JSON, with its digest."""
    signed = msgspec.structs.replace(record, digest=_digest(record))
    return msgspec.json.format(msgspec.json.encode(signed), indent=1)


def decode(text: bytes) -> SurveyRecord:
    """Read a record.

    Raises
    ------
    ValueError, msgspec.ValidationError
        If the text is not one, not as it was written, or of another layout.
    """
    record = decoded(text, SurveyRecord)
    if record.version != VERSION:
        raise msgspec.ValidationError(f"version {record.version} of the layout, not {VERSION}")
    if record.digest != _digest(record):
        raise msgspec.ValidationError("its digest is another's")
    return record


def _digest(record: SurveyRecord) -> str:
    plain = msgspec.json.encode(msgspec.structs.replace(record, digest=""))
    return hashlib.blake2b(plain, digest_size=16).hexdigest()


def label_record(labels: LabelCounts) -> LabelRecord:
    """Label counts as they are stored."""
    return LabelRecord(
        kind=labels.kind,
        num_rows=labels.num_rows,
        classes=None if labels.classes is None else list(labels.classes),
        counts=list(labels.counts),
        minimum=labels.minimum,
        maximum=labels.maximum,
    )


def label_counts(record: LabelRecord) -> LabelCounts:
    """Label counts from what was stored.

    Raises
    ------
    msgspec.ValidationError
        If the classes are not of the column's kind.
    """
    wanted = _CLASS_TYPES[record.kind]
    if record.classes is not None and not all(isinstance(value, wanted) for value in record.classes):
        raise msgspec.ValidationError(f"the classes of a label of kind {record.kind!r} are of another kind")
    return LabelCounts(
        kind=record.kind,
        num_rows=record.num_rows,
        classes=None if record.classes is None else tuple(record.classes),
        counts=tuple(record.counts),
        minimum=record.minimum,
        maximum=record.maximum,
    )


_CLASS_TYPES: dict[str, type] = {"int": int, "float": float, "text": str}
