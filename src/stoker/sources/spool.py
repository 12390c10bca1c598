"""Compressed files unpacked beside the data, because rows of a compressed file cannot be read by position.

A *spool* holds what one file unpacks to, byte for byte, under a name made of the checksums in the index: it
is found by whoever has the index, and never stands for other bytes. It is there while some process holds an
index that it belongs to; the last of them removes it, and what a killed process leaves is removed by the
next survey of data in the same folder.
"""

from __future__ import annotations

import hashlib
import os
import threading
import weakref
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from stoker import folders
from stoker.errors import DataError
from stoker.ledger import Ledger
from stoker.sources.index import RowIndex
from stoker.sources.packing import PackedStream, packing_of

__all__ = [
    "account",
    "clean_spools",
    "hold_spool",
    "let_go_spools",
    "make_ready",
    "no_room",
    "spool_name",
    "tie_spool",
    "unpacked",
]

_PIECE_BYTES = 1 << 18
_ATTEMPTS = 3
_PREFIX = "unpacked-"

_held: weakref.WeakKeyDictionary[RowIndex, dict[str, Any]] = weakref.WeakKeyDictionary()
"""By index and path, what lets go of the spool there."""
_ledgers: weakref.WeakKeyDictionary[RowIndex, Ledger] = weakref.WeakKeyDictionary()
"""What unpacking the files of an index is charged to."""
_lock = threading.Lock()


def spool_name(index: RowIndex, file_index: int) -> str:
    """What the spool of a surveyed file is called."""
    low, high = index.file_anchors[file_index : file_index + 2].tolist()
    hashed = hashlib.blake2b(int(index.file_sizes[file_index]).to_bytes(8, "little"), digest_size=16)
    hashed.update(np.ascontiguousarray(index.anchor_offsets[low:high], "<i8").data.cast("B"))
    hashed.update(np.ascontiguousarray(index.checksums[low:high], "<u8").data.cast("B"))
    return f"{_PREFIX}{hashed.hexdigest()}"


def hold_spool(path: str, index: RowIndex, file_index: int) -> str | None:
    """Where a surveyed compressed file lies unpacked as long as the index lives; None where it does not."""
    name, size = spool_name(index, file_index), int(index.file_sizes[file_index])
    with _lock:
        known = _held.get(index, {})
        places = [Path(place) for place in known if os.path.basename(place) == name]
        for spool in (*places, *(home / name for home in folders.homes(path))):
            with suppress(OSError):
                if spool.stat().st_size != size:
                    continue
                if os.fspath(spool) not in known:
                    tie_spool(folders.hold(spool), spool, index)
                return os.fspath(spool)
    return None


def tie_spool(file: BinaryIO, path: Path, index: RowIndex) -> None:
    """Hold a spool, which `folders.hold` opened, until the index is collected or the process ends."""
    known = _held.setdefault(index, {})
    known[os.fspath(path)] = weakref.finalize(index, _let_go, file, path, os.getpid())


def _let_go(file: BinaryIO, path: Path, process: int) -> None:
    # A forked child has its parent's files and locks, and must leave them alone.
    if os.getpid() == process:
        folders.let_go(file, path)


def let_go_spools(index: RowIndex) -> None:
    """Hold the spools of an index no longer: its rows are read from elsewhere now."""
    with _lock:
        known = _held.pop(index, {})
    for finalizer in known.values():
        finalizer()


def account(index: RowIndex, ledger: Ledger) -> None:
    """Have what unpacks the files of an index charged to a ledger from here on."""
    _ledgers[index] = ledger


def clean_spools(path: str) -> None:
    """Remove the spools that nobody holds from where those of a data file would lie; never fails."""
    for home in folders.homes(path):
        folders.clean(home)
        with suppress(OSError):
            for spool in list(home.glob(f"{_PREFIX}*")):
                folders.remove_unheld(spool)


def unpacked(path: str, index: RowIndex, file_index: int) -> str:
    """Where a file's bytes can be read by position: the file itself, or its spool, which is made if need be.

    Raises
    ------
    ChangedDataError
        The file is not as long as the survey found it.
    DataError
        It is damaged, or there is no room for the spool.
    """
    if not packing_of(path):
        return path
    for _ in range(_ATTEMPTS):  # between its making and its holding another process may remove it
        found = hold_spool(path, index, file_index)
        if found is not None:
            return found
        _unpack(path, index, file_index)
    raise DataError(
        f"{path} was unpacked to {folders.homes(path)[0]} {_ATTEMPTS} times, and removed by another process "
        "each time; let nobody remove it, or unpack the file yourself"
    )


def make_ready(paths: Sequence[str], index: RowIndex) -> None:
    """Unpack now what is compressed and not yet unpacked: before other buffers are made than this needs.

    Raises
    ------
    ChangedDataError, DataError
        As of `unpacked`.
    """
    for number, path in enumerate(paths):
        unpacked(path, index, number)


def _unpack(path: str, index: RowIndex, file_index: int) -> None:
    size, name = int(index.file_sizes[file_index]), spool_name(index, file_index)
    refused: list[str] = []
    ledger = _ledgers.get(index)
    for home in folders.homes(path):
        try:
            folders.clean(home, name)
            with folders.staged_file(home / name) as file, PackedStream(path) as stream, ExitStack() as held:
                buffer, charged = np.empty(_PIECE_BYTES, np.uint8), 0
                while count := stream.read_into(buffer):
                    file.write(buffer[:count].data)
                    more = _PIECE_BYTES + stream.held_bytes - charged
                    if ledger is not None and more > 0:  # the window grows up to its size
                        held.enter_context(ledger.charge("unpacking", more))
                        charged += more
                index.require_size(file_index, path, stream.position)
            return
        except OSError as error:
            refused.append(f"{home}: {error.strerror or error}")
    raise no_room(path, size, refused)


def no_room(path: str, num_bytes: int, refused: list[str]) -> DataError:
    """What to say where a spool cannot be written."""
    return DataError(
        f"{path} is compressed and must be unpacked to be read by position, and its {num_bytes:,} bytes "
        f"could not be written ({'; '.join(refused)}): free that much, or raise memory= so that its rows "
        "fit there"
    )
