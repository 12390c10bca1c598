"""What is known of an object: its size and its version, and whether an answer is of that version."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from stoker.sources.remote.retrying import Changed

__all__ = [
    "GONE",
    "NAMED_AS",
    "NO_FOLDER",
    "OTHER",
    "Folder",
    "Listed",
    "ObjectInfo",
    "Opened",
    "Store",
    "described",
    "require_same",
    "whole",
]

GONE = "it is gone since it was opened; put it back, or survey again"
NO_FOLDER = "there is no such folder, or no file in it; check the address"
NAMED_AS = "name its objects, for example {0}/*.csv, or all of it as {0}/, with a slash at the end"
"""What to say of a folder whose address has no slash at its end."""
OTHER = "it changed while it was read; leave it as it is, or survey it again"
"""What to say of an object that is another one than was opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """What a store says of an object.

    Attributes
    ----------
    size
        Bytes.
    tag
        What the store has for telling versions apart; empty where it has nothing.
    version
        Changes with the object: a digest of tag and size; None where there is no tag, so that nothing of it
        may be taken for the same another time.
    """

    size: int
    tag: str
    version: int | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of a folder.

    Attributes
    ----------
    name
        Its path within the folder.
    size
        Bytes; -1 where the list does not tell.
    tag
        What the store has for telling versions apart in its list.
    """

    name: str
    size: int
    tag: str


class Folder(NamedTuple):
    """What is in a folder, in any order.

    Attributes
    ----------
    files
        Its files; those of its folders, too, where all were asked for.
    folders
        Names of its folders, which are told where they alone were asked for.
    """

    files: Sequence[Listed]
    folders: Sequence[str] = ()


class Opened(Protocol):
    """An object of one version. Duties: safe to use from several threads; a request ends within its limit.

    Each method raises `Refused` where asking again is of no use, and OSError or TimeoutError where it may be.
    """

    @property
    def info(self) -> ObjectInfo:
        """Size and version, of when it was opened."""
        ...

    def read(self, start: int, stop: int) -> bytes:
        """The bytes [start, stop), all of them; `Changed` where they are sure to be of another version."""
        ...

    def confirm(self) -> None:
        """Ask for the version again, unless each answer told it; `Changed` where it is another one."""
        ...


class Store(Protocol):
    """Gives objects. Duties and errors as of `Opened`."""

    def open(self, url: str) -> Opened:
        """An object as it is now."""
        ...

    def listed(self, url: str, *, deep: bool) -> Folder:
        """What is in a folder, whose address ends with a slash; all files below it where `deep`."""
        ...


def described(size: int, tag: str) -> ObjectInfo:
    """An object of that size and tag."""
    digest = hashlib.blake2b(f"{size} {tag}".encode(), digest_size=8).digest()
    return ObjectInfo(size=size, tag=tag, version=int.from_bytes(digest, "little") >> 1 if tag else None)


def require_same(known: ObjectInfo, size: int, tag: str) -> None:
    """Refuse an answer that is of another version than the one that was opened.

    Raises
    ------
    Changed
        It is.
    """
    if size != known.size or tag != known.tag:
        raise Changed(OTHER)


def whole(data: bytes, start: int, stop: int) -> bytes:
    """The data, if they are as many as were asked for.

    Raises
    ------
    OSError
        They are not.
    """
    if len(data) != stop - start:
        raise OSError(f"{len(data):,} bytes came where {stop - start:,} were asked for")
    return data
