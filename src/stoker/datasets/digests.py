"""What a download is held to: the digest that a source states, or that of the first download."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from stoker import folders
from stoker.datasets.entries import Address, Dataset, Download
from stoker.datasets.places import Received
from stoker.errors import FetchError

__all__ = ["held", "remember"]

_CHUNK = 1 << 20


def held(root: Path, entry: Dataset, wanted: Download, address: Address, path: Path) -> Received:
    """Compare a download with what is stated of it, or was recorded of an earlier one.

    Raises
    ------
    FetchError
        It is something else; it is removed.
    """
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    num_bytes = 0
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            num_bytes += len(chunk)
            sha256.update(chunk)
            md5.update(chunk)
    received = {"sha256": sha256.hexdigest(), "md5": md5.hexdigest()}
    earlier = _remembered(root, entry).get(address.url)
    stated, source = address.digest, address.stated_by
    if stated is None and earlier is not None:
        stated, source = ("sha256", earlier.sha256), "the first download, recorded beside the data"
    if stated is not None and received[stated[0]] != stated[1]:
        path.unlink()
        raise FetchError(
            f"{address.url}: {wanted.name} is not what it should be, and was removed: {stated[0]} "
            f"{received[stated[0]]}, expected {stated[1]} (stated by {source})"
        )
    if address.num_bytes not in (None, num_bytes):
        path.unlink()
        raise FetchError(
            f"{address.url}: {wanted.name} has {num_bytes:,} bytes and was removed; "
            f"{address.stated_by} states {address.num_bytes:,}"
        )
    held_to = "" if stated is None else f"{stated[0]}, {source}"
    return Received(url=address.url, num_bytes=num_bytes, sha256=received["sha256"], held_to=held_to)


def _memory(root: Path, entry: Dataset) -> Path:
    return root / f"{entry.name}.digests.json"


def _remembered(root: Path, entry: Dataset) -> dict[str, Received]:
    try:
        return msgspec.json.decode(_memory(root, entry).read_bytes(), type=dict[str, Received])
    except FileNotFoundError:
        return {}
    except msgspec.MsgspecError as error:
        raise FetchError(
            f"{_memory(root, entry)} cannot be read, and holds what downloads are held to: {error}"
        ) from error


def remember(root: Path, entry: Dataset, received: list[Received]) -> None:
    """Record the first download of what no source states a digest of."""
    known = _remembered(root, entry)
    new = {one.url: one for one in received if not one.held_to and one.url not in known}
    if new:
        with folders.staged_file(_memory(root, entry)) as file:
            file.write(msgspec.json.format(msgspec.json.encode(known | new)))
