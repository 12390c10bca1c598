"""Whatever else fsspec knows: Azure, Hadoop, SFTP, …."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from stoker.errors import OptionError
from stoker.sources.remote.abandoning import Late, within
from stoker.sources.remote.amazon import told
from stoker.sources.remote.names import EXTRA
from stoker.sources.remote.objects import Listed, ObjectInfo, described, require_same, whole
from stoker.sources.remote.retrying import Refused, limit_of

__all__ = ["FsspecStore"]

Result = TypeVar("Result")
_log = logging.getLogger("stoker")

_VALIDATORS = (
    "ETag", "etag", "e_tag", "generation", "VersionId", "version_id", "md5Hash", "Content-MD5", "content_md5",
    "sha", "hex", "blob_id", "Last-Modified", "LastModified", "last_modified", "mtime", "modified",
    "modification_time", "modificationTime", "modify", "last_write_time", "updated", "created", "ino",
)  # fmt: skip
"""Under which fsspec's file systems give what changes with an object."""


class FsspecStore:
    """A `stoker.sources.remote.objects.Store` over any of fsspec's file systems."""

    def __init__(self, scheme: str, seconds: float) -> None:
        self._seconds, self._told = seconds, False
        try:
            import fsspec
        except ImportError as error:
            raise OptionError(f"{scheme}:// is read with fsspec, which is not installed: {EXTRA}") from error
        try:
            self._fs = fsspec.filesystem(scheme, skip_instance_cache=True, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            said = str(error).splitlines()[0]
            raise OptionError(
                f"{scheme}:// cannot be read ({said}); {EXTRA}, or download it first"
            ) from error

    def open(self, url: str) -> _FsspecObject:
        """A file as it is now."""
        info = self.look(url)
        if info.version is None and not self._told:
            self._told = True
            _log.warning(
                "%s: its store tells neither a version nor a time, so nothing of it is kept, and a change of "
                "the same size is told by checksums alone",
                url,
            )
        return _FsspecObject(self, url, info)

    def look(self, url: str) -> ObjectInfo:
        """Size and version now."""
        found = self._ask(lambda: self._fs.info(url), 0)
        if found.get("type") == "directory":
            raise Refused("this is a folder; name its files")
        size = found.get("size")
        if size is None:
            raise Refused(
                "the store does not say how long it is, so it cannot be read in parts; download it first"
            )
        return described(int(size), _tag(found))

    def read(self, url: str, start: int, stop: int) -> bytes:
        """Bytes of it, whichever version it has."""
        return whole(
            self._ask(lambda: self._fs.cat_file(url, start=start, end=stop), stop - start), start, stop
        )

    def matches(self, url: str) -> Sequence[str]:
        """Addresses that a pattern matches."""
        return [self._fs.unstrip_protocol(path) for path in self._ask(lambda: self._fs.glob(url), 0)]

    def below(self, url: str) -> Sequence[Listed]:
        """All files below a folder, with what is told of them."""
        folder = self._fs._strip_protocol(url).rstrip("/") + "/"
        found = self._ask(lambda: self._fs.find(url, detail=True), 0)
        return [Listed(path[len(folder) :], int(info["size"]), _tag(info)) for path, info in found.items()]

    def _ask(self, ask: Callable[[], Result], count: int) -> Result:
        """As `told`; of other failures their kind alone, for their texts may hold signed addresses."""
        try:
            return told(lambda: within(ask, limit_of(self._seconds, count)))
        except Late:
            raise
        except OSError as error:
            said = f"{type(error).__name__}{f': {error.strerror}' if error.strerror else ''}"
        raise OSError(said)


def _tag(told: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={told[key]}" for key in _VALIDATORS if told.get(key))


@dataclass(frozen=True, slots=True)
class _FsspecObject:
    store: FsspecStore
    url: str
    info: ObjectInfo

    def read(self, start: int, stop: int) -> bytes:
        return self.store.read(self.url, start, stop)

    def confirm(self) -> None:
        now = self.store.look(self.url)
        require_same(self.info, now.size, now.tag)
