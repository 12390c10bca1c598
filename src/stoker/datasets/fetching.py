"""Fetching a data set: downloaded, held to what is known of it, unpacked, counted, and only then there."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from stoker import folders
from stoker.datasets.digests import held, remember
from stoker.datasets.download import download
from stoker.datasets.entries import Dataset, Download, Route
from stoker.datasets.places import (
    RECORD_NAME,
    Received,
    Record,
    data_directory,
    describe_parts,
    difference,
    find,
    read_record,
)
from stoker.datasets.preparing import count_rows, prepare
from stoker.datasets.unpack import unpack
from stoker.datasets.web import Patience
from stoker.errors import FetchError

if TYPE_CHECKING:
    from stoker.training.progress import Display

__all__ = ["Fetched", "fetch"]

_PATIENCE = Patience()
_SLACK = 2
_FEW_FILES = 64
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What `fetch` came to.

    Attributes
    ----------
    dataset
        The catalogue's entry.
    folder
        Where it is.
    fresh
        Whether it was downloaded now; else it was there, and is what it was.
    downloads
        What was downloaded, then or now, and what it was held to.
    rows
        The rows by split.
    num_bytes
        Of all its files.
    """

    dataset: Dataset
    folder: Path
    fresh: bool
    downloads: tuple[Received, ...]
    rows: dict[str, int]
    num_bytes: int


def fetch(
    name: str,
    *,
    directory: str | os.PathLike[str] | None = None,
    force: bool = False,
    progress: str | Display = "auto",
) -> Fetched:
    """Download a data set of the catalogue, unless it is there already.

    What was downloaded is held to the digest that a public source states; where none does, the digest of the
    first download is recorded beside the data and later ones are held to that. Rows and classes of the
    unpacked files are held to the catalogue's. The data set's folder appears when all of that is done; what a
    killed fetch had downloaded is taken up by the next.

    Parameters
    ----------
    name
        Its name in the catalogue.
    directory
        Where data sets are kept, each in a folder of its name; by default ``STOKER_DATA``, else the user's
        data directory.
    force
        Download it again, and replace the folder whatever it holds.
    progress
        ``"auto"``, ``"bar"``, ``"plain"``, ``"none"`` or a display.

    Raises
    ------
    OptionError
        The catalogue has no such data set.
    FetchError
        It cannot be downloaded, is not what it should be, does not fit the disk, is being fetched by another
        process, or the folder is there and was changed.
    """
    from stoker.training.progress import choose_display

    entry = find(name)
    root = data_directory(directory)
    display = choose_display(progress)
    try:
        with _alone(root, entry), _told_if_full(root, entry):
            there = None if force else _already_there(root / entry.name, entry, display)
            return there or _fetch(root, entry, display)
    finally:
        display.close()


@contextmanager
def _alone(root: Path, entry: Dataset) -> Iterator[None]:
    with folders.alone(_workshop(root) / f"{entry.name}.lock") as free:
        if not free:
            raise FetchError(f"{entry.name} is being fetched into {root} by another process")
        yield


@contextmanager
def _told_if_full(root: Path, entry: Dataset) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise FetchError(f"{entry.name}: the disk of {root} is full; {_elsewhere(entry)}") from error


def _elsewhere(entry: Dataset) -> str:
    return f"make room, or say where there is some: stoker fetch {entry.name} --directory DIR"


def _workshop(root: Path) -> Path:
    """Where downloads grow."""
    return root / ".fetching"


def _already_there(folder: Path, entry: Dataset, display: Display) -> Fetched | None:
    if not folder.exists():
        return None
    record = read_record(folder)
    if record is None:
        raise FetchError(
            f"{folder} is there already, and stoker did not fetch it; --force replaces it, --directory DIR "
            "fetches to another place"
        )
    with display.stage("verify", "B"):
        changed = difference(folder, record)
    if changed is not None:
        raise FetchError(f"{folder} was changed since it was fetched: {changed}; --force fetches it anew")
    return _fetched(folder, entry, record, fresh=False)


def _fetched(folder: Path, entry: Dataset, record: Record, *, fresh: bool) -> Fetched:
    return Fetched(
        dataset=entry,
        folder=folder,
        fresh=fresh,
        downloads=record.downloads,
        rows=record.rows,
        num_bytes=sum(part.num_bytes for part in record.parts.values()),
    )


def _fetch(root: Path, entry: Dataset, display: Display) -> Fetched:
    folders.clean(root, entry.name)
    _require_room(root, entry)
    workshop = _workshop(root) / entry.name
    workshop.mkdir(exist_ok=True)
    refusals: list[str] = []
    for route in entry.routes:
        try:
            received = [_receive(root, workshop, entry, wanted, display) for wanted in route]
            record = _install(root / entry.name, workshop, entry, route, received, display)
        except FetchError as error:
            refusals.append(str(error))
            continue
        remember(root, entry, received)
        shutil.rmtree(workshop, ignore_errors=True)
        return _fetched(root / entry.name, entry, record, fresh=True)
    raise FetchError("\n  ".join([f"{entry.name} cannot be fetched:", *refusals]))


def _require_room(root: Path, entry: Dataset) -> None:
    needed = (entry.download_bytes or entry.unpacked_bytes) + entry.unpacked_bytes
    free = shutil.disk_usage(root).free
    if free < needed:
        raise FetchError(
            f"{entry.name} needs about {needed / 1e6:,.0f} MB, and {root} has {free / 1e6:,.0f} MB left; "
            f"{_elsewhere(entry)}"
        )


def _receive(root: Path, workshop: Path, entry: Dataset, wanted: Download, display: Display) -> Received:
    """Download a file from the first address that gives it as it should be."""
    refusals: list[str] = []
    for address in wanted.addresses:
        path = workshop / wanted.name
        limit = address.num_bytes or _SLACK * entry.unpacked_bytes
        try:
            if not path.exists():
                with display.stage("download", "B") as progress:
                    download(
                        address,
                        path,
                        limit=limit,
                        patience=_PATIENCE,
                        progress=progress,
                        warn=lambda text: display.note("warning", text),
                    )
            return held(root, entry, wanted, address, path)
        except FetchError as error:
            refusals.append(str(error))
    raise FetchError("\n  ".join(refusals))


def _install(
    final: Path, workshop: Path, entry: Dataset, route: Route, received: list[Received], display: Display
) -> Record:
    """Unpack, count, record, and put the folder in its place."""
    with folders.staged_folder(final) as folder:
        limit = _SLACK * entry.unpacked_bytes
        try:
            for wanted in route:
                source = workshop / wanted.name
                if wanted.packing == "none":
                    os.replace(source, folder / wanted.name)
                    continue
                with display.stage("unpack", "B") as progress:
                    limit -= unpack(
                        source, wanted.packing, folder, kept=entry.kept, limit=limit, progress=progress
                    )
            with display.stage("verify", "B"):
                prepare(folder, entry)
                rows = count_rows(folder, entry)
        except FetchError:
            # What cannot be used is not tried again.
            shutil.rmtree(workshop, ignore_errors=True)
            workshop.mkdir()
            raise
        parts = {name: part for name, part in describe_parts(folder).items() if name != "lock"}
        record = Record(name=entry.name, downloads=tuple(received), parts=parts, rows=rows)
        (folder / RECORD_NAME).write_bytes(msgspec.json.format(msgspec.json.encode(record)))
        _settle(folder)
    return record


def _settle(folder: Path) -> None:
    """Bring the files to the disk, so that a power failure cannot leave the folder's name without them."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    if len(paths) > _FEW_FILES and hasattr(os, "sync"):
        os.sync()
        return
    for path in paths:
        with open(path, "rb") as file:
            os.fsync(file.fileno())
