"""Surveys on disk: found again while the files hold what they held, made anew in every other case."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from stoker import folders
from stoker.errors import ChangedDataError
from stoker.given import located
from stoker.kernels.checksum import checksum
from stoker.sources import Source
from stoker.sources.files import FileIdentity
from stoker.sources.index import RowIndex
from stoker.stored import DAMAGE, mapped_array, require
from stoker.survey.check import check_arrays, check_record, checked_statistics
from stoker.survey.policy import Policy
from stoker.survey.records import VERSION, ArrayRecord, FileRecord, SurveyRecord, decode, encode
from stoker.transforms.statistics import ColumnStatistics
from stoker.types import IntArray, Progress

__all__ = ["Found", "Keys", "digest_of", "file_records", "find", "keys_of", "save"]

_RECORD = "survey.json"
_EXCLUDED = "excluded.npy"
_LASTING_BYTES = 1 << 30
"""Of data that take seconds to survey."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Names under which things are kept, `survey` with the view, `source` without; what they stand for."""

    survey: str
    source: str
    described: dict[str, Any]
    policy: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A stored survey whose files still hold what they held."""

    record: SurveyRecord
    index: RowIndex
    excluded: IntArray
    statistics: ColumnStatistics


def keys_of(source: Source, policy: Policy) -> Keys:
    """Name a survey by how the files are read, which rows are meant and how they are judged."""
    names = _relative(source.places)
    whole = {
        "version": VERSION,
        "names": names,
        "source": source.whole.describe(),
        "policy": policy.describe(),
    }
    described = {"names": names, **source.describe()}
    return Keys(
        survey=digest_of({**whole, "view": source.view.describe()})[:32],
        source=digest_of(whole)[:32],
        described=described,
        policy=policy.describe(),
    )


def digest_of(data: Any) -> str:
    """BLAKE2b of plain data, in hexadecimal; the order of keys does not matter."""
    return hashlib.blake2b(msgspec.json.encode(data, order="deterministic"), digest_size=32).hexdigest()


def file_records(identities: Sequence[FileIdentity], index: RowIndex) -> tuple[FileRecord, ...]:
    """Who the files are, and a digest of what each holds."""
    names = _relative([identity.path for identity in identities])
    records = []
    for number, (name, identity) in enumerate(zip(names, identities, strict=True)):
        low, high = index.file_anchors[number : number + 2].tolist()
        hashed = hashlib.blake2b(digest_size=16)
        hashed.update(int(identity.size).to_bytes(8, "little"))
        hashed.update(int(index.head_checksums[number]).to_bytes(8, "little"))
        hashed.update(np.ascontiguousarray(index.checksums[low:high], "<u8").data.cast("B"))
        records.append(
            FileRecord(
                name=name,
                size=identity.size,
                mtime_ns=identity.mtime_ns,
                ctime_ns=identity.ctime_ns,
                inode=identity.inode,
                digest=hashed.hexdigest(),
            )
        )
    return tuple(records)


def find(source: Source, keys: Keys, *, progress: Progress | None, notes: list[str]) -> Found | None:
    """The stored survey of a source, or None where there is none that holds.

    A file of the same size whose time of change or inode differs is hashed again. What is damaged, foreign or
    outdated is passed over with a note.
    """
    for home in folders.homes(source.places[0]):
        folder = home / keys.survey
        if not os.path.isfile(folder / _RECORD):  # false where we may not look, too
            continue
        try:
            found = _load(folder, source, keys)
        except DAMAGE as error:
            notes.append(f"the survey stored in {folder} could not be used and is made anew: {_short(error)}")
            continue
        try:
            if _still_holds(found, source, folder, progress):
                return found
        except (ChangedDataError, OSError):
            pass
        notes.append(f"the files changed since the survey stored in {folder}: it is made anew")
    return None


def save(
    record: SurveyRecord, index: RowIndex, excluded: IntArray, *, first_path: str, notes: list[str]
) -> Path | None:
    """Store a survey where there is room and permission; where there is not, note it and return None.

    That of a gigabyte or more is on the disk before it has its name, and so outlives a power failure. To wait
    for the disk takes longer than to survey less: every file's checksum stands in the record, so that a
    survey that was torn is recognised and made anew.
    """
    refused = []
    for home in folders.homes(first_path):
        folders.clean(home)
        try:
            on_disk = record.num_bytes >= _LASTING_BYTES
            with folders.staged_folder(home / record.key, on_disk=on_disk) as folder:
                index.save(folder)
                np.save(folder / _EXCLUDED, excluded, allow_pickle=False)
                names = sorted(path.name for path in folder.glob("*.npy"))
                arrays = [_array_record(folder / name) for name in names]
                whole = msgspec.structs.replace(record, arrays=arrays)
                (folder / _RECORD).write_bytes(encode(whole))
            return home / record.key
        except OSError as error:
            # What NumPy raises on a full disk tells how many values it wrote.
            refused.append(f"{home}: {error.strerror or f'no space left, {error}'}")
    notes.append(f"the survey could not be stored and is made anew next time ({'; '.join(refused)})")
    return None


def _load(folder: Path, source: Source, keys: Keys) -> Found:
    record = decode((folder / _RECORD).read_bytes())
    if record.key != keys.survey or record.policy != keys.policy or record.source != _plain(keys.described):
        raise ValueError("it is the survey of something else")
    check_record(record, source)
    names = sorted([*(f"{name}.npy" for name in RowIndex.array_names()), _EXCLUDED])
    require([array.name for array in record.arrays] == names, "it names other arrays")
    for array in record.arrays:
        require(_array_record(folder / array.name) == array, f"{array.name} is damaged")
    index = RowIndex.load(folder)
    excluded = mapped_array(folder / _EXCLUDED, np.int64)
    check_arrays(index, excluded, record)
    return Found(record=record, index=index, excluded=excluded, statistics=checked_statistics(record, source))


def _still_holds(found: Found, source: Source, folder: Path, progress: Progress | None) -> bool:
    """Whether the files are the same by name, size and either times or checksums."""
    identities = source.identity()
    known = found.record.files
    if [file.size for file in known] != [identity.size for identity in identities]:
        return False
    if list(map(_stamps, known)) == list(map(_stamps, identities)):
        return True
    source.table.check(found.index, progress)
    files = [
        msgspec.structs.replace(
            file, mtime_ns=identity.mtime_ns, ctime_ns=identity.ctime_ns, inode=identity.inode
        )
        for file, identity in zip(known, identities, strict=True)
    ]
    # Best effort: without it the next run hashes once more.
    with suppress(OSError), folders.staged_file(folder / _RECORD) as file:
        file.write(encode(msgspec.structs.replace(found.record, files=files)))
    return True


def _stamps(file: FileRecord | FileIdentity) -> tuple[int, int, int]:
    return file.mtime_ns, file.ctime_ns, file.inode


def _array_record(path: Path) -> ArrayRecord:
    data = np.memmap(path, np.uint8, mode="r")
    return ArrayRecord(name=path.name, size=len(data), checksum=int(checksum(data, 0, len(data))))


def _relative(paths: Sequence[str]) -> list[str]:
    found = [os.path.abspath(located(path)) for path in paths]
    return [os.path.relpath(path, os.path.dirname(found[0])) for path in found]


def _plain(data: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(data))


def _short(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
