"""What the training files held, chunk by chunk: enough to name the first one that is another now.

A file's digest in run.json says whether it is the same; the checksums here, at most 1,024 a file, say where
it is not. Chunks consist of whole segments of the survey's index, so that nothing is hashed for them anew.
"""

from __future__ import annotations

import hashlib

import msgspec
import numpy as np

from stoker.sources.index import checksums_of
from stoker.survey import Survey
from stoker.types import IntArray, Uint64Array

__all__ = ["FileContents", "chunk_checksums", "contents_of", "read_contents"]

_FORMAT = 1
_MOST_CHUNKS = 1_024


class FileContents(msgspec.Struct, frozen=True, kw_only=True):
    """What one file held; C chunks.

    Attributes
    ----------
    digest
        The file's, as in run.json.
    head_bytes, head
        Bytes before the first record, and their XXH64 in hexadecimal.
    segments_a_chunk
        Segments of each chunk but the last.
    ends, rows
        Of each chunk: the (unpacked) byte behind it, and the record slot of the file behind it.
    checksums
        Of each chunk: XXH64 of the checksums of its segments, in hexadecimal.
    """

    digest: str
    head_bytes: int
    head: str
    segments_a_chunk: int
    ends: list[int]
    rows: list[int]
    checksums: list[str]


class _Contents(msgspec.Struct, kw_only=True):
    format: int
    files: list[FileContents]
    validation: list[FileContents] = []
    digest: str = ""


def contents_of(survey: Survey, validation: Survey | None = None) -> bytes:
    """The content of contents.json for the files that are trained on, and those of validation, if others."""
    record = _Contents(
        format=_FORMAT,
        files=_files_contents(survey),
        validation=[] if validation is None else _files_contents(validation),
    )
    record.digest = _digest(record)
    return msgspec.json.encode(record) + b"\n"


def read_contents(
    data: bytes | None, digests: list[str], *, validation: bool = False
) -> list[FileContents] | None:
    """What `contents_of` wrote, or None where it is absent, damaged or of other files.

    Parameters
    ----------
    data
        What the file holds, if there is one.
    digests
        Of the files, as run.json has them.
    validation
        Whether these are the files of validation.
    """
    try:
        record = msgspec.json.decode(data or b"", type=_Contents)
    except msgspec.DecodeError:
        return None
    if record.format != _FORMAT or record.digest != _digest(record):
        return None
    files = record.validation if validation else record.files
    return files if [file.digest for file in files] == digests else None


def chunk_checksums(segments: Uint64Array, segments_a_chunk: int) -> list[str]:
    """Checksums of chunks, from those of all their segments, uint64 of shape (s,)."""
    data = np.ascontiguousarray(segments, "<u8").view(np.uint8)
    hashed = checksums_of(data, _bounds(len(segments), segments_a_chunk) * 8)
    return [f"{word:016x}" for word in hashed.tolist()]


def _files_contents(survey: Survey) -> list[FileContents]:
    return [_file_contents(survey, number) for number in range(len(survey.files))]


def _file_contents(survey: Survey, number: int) -> FileContents:
    index = survey.index
    low, high = index.file_anchors[number : number + 2].tolist()
    step = max(1, -(-(high - low) // _MOST_CHUNKS))
    inner = low + _bounds(high - low, step)[1:-1]
    first_row, behind = index.file_rows[number : number + 2].tolist()
    return FileContents(
        digest=survey.files[number].digest,
        head_bytes=int(index.anchor_offsets[low]),
        head=f"{int(index.head_checksums[number]):016x}",
        segments_a_chunk=step,
        ends=[*index.anchor_offsets[inner].tolist(), int(index.file_sizes[number])],
        rows=[*(index.anchor_rows[inner] - first_row).tolist(), behind - first_row],
        checksums=chunk_checksums(index.checksums[low:high], step),
    )


def _bounds(count: int, step: int) -> IntArray:
    """Where chunks of `step` of `count` things begin, and where the last one ends."""
    return np.append(np.arange(0, count, step, dtype=np.int64), count)


def _digest(record: _Contents) -> str:
    parts = [record.format, record.files]
    plain = msgspec.json.encode([*parts, record.validation] if record.validation else parts)
    return hashlib.blake2b(plain, digest_size=16).hexdigest()
