"""What is known of an object: its size and its version, and whether an answer is of that version."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from stoker.sources.remote.retrying import Changed

__all__ = ["ObjectInfo", "described", "require_same", "whole"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """What a store says of an object.

    Attributes
    ----------
    size
        Bytes.
    modified_ns
        When it was written, in nanoseconds since 1970; 0 where the store does not say.
    tag
        What the store has for telling versions apart; empty where it has nothing.
    version
        Changes with the object: a digest of tag, time and size; None where neither a tag nor a time is known,
        so that nothing of it may be taken for the same another time.
    """

    size: int
    modified_ns: int
    tag: str
    version: int | None


def described(size: int, modified_ns: int, tag: str) -> ObjectInfo:
    """An object of that size, time and tag."""
    said = f"{size} {modified_ns} {tag}".encode()
    digest = int.from_bytes(hashlib.blake2b(said, digest_size=8).digest(), "little") >> 1
    return ObjectInfo(
        size=size, modified_ns=modified_ns, tag=tag, version=digest if tag or modified_ns else None
    )


def require_same(known: ObjectInfo, size: int, tag: str) -> None:
    """Refuse an answer that is of another version than the one that was opened.

    Raises
    ------
    Changed
        It is.
    """
    if size != known.size or tag != known.tag:
        raise Changed("it changed while it was read; leave it as it is, or survey it again")


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
