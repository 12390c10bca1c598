"""Whatever else fsspec knows: Azure, Hadoop, SFTP, …."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

from stoker.errors import OptionError
from stoker.sources.remote.abandoning import Late, within
from stoker.sources.remote.names import EXTRA, scheme_of
from stoker.sources.remote.objects import (
    NAMED_AS,
    NO_FOLDER,
    Folder,
    Listed,
    ObjectInfo,
    described,
    require_same,
    whole,
)
from stoker.sources.remote.retrying import Absent, Refused, limit_of, listed_within, told

__all__ = ["FsspecStore"]

Result = TypeVar("Result")
_log = logging.getLogger("stoker")

_VALIDATORS = (
    "ETag", "etag", "e_tag", "generation", "VersionId", "version_id", "md5Hash", "Content-MD5", "content_md5",
    "sha", "hex", "blob_id", "Last-Modified", "LastModified", "last_modified", "mtime", "modified",
    "modification_time", "modificationTime", "modify", "last_write_time", "updated", "created", "ino",
)  # fmt: skip
"""Under which fsspec's file systems give what changes with an object."""
_NOT_LOGGED_IN, _NO_LIBRARY = "530 ", "Unable to load"
_PACKAGES = {"smbclient": "smbprotocol"}
"""Which package has a module of another name."""
_CALLED = {"abfss": "abfs"}
"""What fsspec calls a scheme that it knows by another name until the package is there."""
_SIDE_BY_SIDE = ("file", "local", "memory", "hdfs", "webhdfs", "smb", "github", "hf")
"""Schemes whose file systems several threads may ask at once, besides those that say so themselves."""
_TAKES_ITS_ADDRESS = ("sftp", "ssh")
"""Schemes whose file systems hand on all that they are given to where they connect."""


class FsspecStore:
    """A `stoker.sources.remote.objects.Store` over any of fsspec's file systems, with one connection to it.

    Parameters
    ----------
    url
        Of anything in it: of some schemes it says on which server that is.
    seconds
        Without an answer after which a request is given up.

    Raises
    ------
    OptionError
        There are no such stores, or a package is missing.
    """

    def __init__(self, url: str, seconds: float) -> None:
        self._scheme, self._seconds, self._told = scheme_of(url), seconds, False
        self._kind = _kind_of(self._scheme)
        # Not kept by fsspec, and without its memory of what was listed.
        self._options = {**self._kind._get_kwargs_from_urls(url), "skip_instance_cache": True}
        if self._scheme not in _TAKES_ITS_ADDRESS:
            self._options["use_listings_cache"] = False
        self._has_turns = not (self._kind.async_impl or self._scheme in _SIDE_BY_SIDE)
        self._turn = threading.Lock() if self._has_turns else nullcontext()
        self._fs: Any = None

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
        found = self._ask(lambda fs: fs.info(url), 0)
        if found.get("type") == "directory":
            raise Refused(f"this is a folder; {NAMED_AS.format(url.rstrip('/'))}")
        size = found.get("size")
        if size is None:
            raise Refused(
                "the store does not say how long it is, so it cannot be read in parts; download it first"
            )
        return described(int(size), _tag(found))

    def read(self, url: str, start: int, stop: int) -> bytes:
        """Bytes of it, whichever version it has."""
        data = self._ask(lambda fs: fs.cat_file(url, start=start, end=stop), stop - start)
        return whole(data, start, stop)

    def listed(self, url: str, *, deep: bool) -> Folder:
        """What is in a folder, with what is told of it."""
        base = self._kind._strip_protocol(url).strip("/")
        behind = len(base) + 1 if base else 0

        def ask(fs: Any) -> list[tuple[str, Mapping[str, Any]]]:
            found = fs.find(url, detail=True).values() if deep else fs.ls(url, detail=True)
            return [(str(one["name"]).strip("/")[behind:], one) for one in found]

        try:
            found = listed_within(lambda count: self._ask(ask, count))
        except Absent:
            raise Absent(NO_FOLDER) from None
        folders = [name for name, one in found if name and one.get("type") == "directory"]
        files = [
            Listed(name, -1 if one.get("size") is None else int(one["size"]), _tag(one))
            for name, one in found
            if name and one.get("type") != "directory"
        ]
        return Folder(files, folders)

    def _ask(self, ask: Callable[[Any], Result], count: int) -> Result:
        """As `told`; of other failures their kind alone, for their texts may hold signed addresses."""

        def once() -> Result:
            if self._fs is None:
                self._fs = within(self._connected, limit_of(self._seconds, 0))
            fs = self._fs
            return within(lambda: ask(fs), limit_of(self._seconds, count))

        try:
            with self._turn:
                return told(once, f"FSSPEC_{self._scheme.upper()}_…, or the store's own places")
        except (Refused, OptionError):
            raise
        except Late:
            self._let_go()
            raise
        except Exception as error:
            self._let_go()
            reason, kind = getattr(error, "strerror", None), type(error).__name__
            is_refused = "Authentication" in kind or str(error).startswith(_NOT_LOGGED_IN)
            said = f"{kind}{f': {reason}' if reason else ''}"
        if is_refused:
            name = f"FSSPEC_{self._scheme.upper()}"
            raise Refused(
                f"the server does not take the credentials ({said}); give them where fsspec looks for them, "
                f"{name}_USERNAME and {name}_PASSWORD among others, or where the store's own tools do"
            )
        raise OSError(said)

    def _let_go(self) -> None:
        """Make a new connection next time: nobody knows what is under way on the one there is."""
        if self._has_turns:
            self._fs = None

    def _connected(self) -> Any:
        try:
            return self._kind(**self._options)
        except TypeError as error:
            raise OptionError(
                f"{self._scheme}:// must be told more than stands in the address ({self._said(error)}); "
                f"say it where fsspec looks for it, in FSSPEC_{self._scheme.upper()}_<NAME>"
            ) from error
        except (ImportError, OSError) as error:
            said = self._said(error)
            if _NO_LIBRARY not in said and not isinstance(error, ImportError):
                raise
            raise OptionError(
                f"{self._scheme}:// is read with a library of its own, which cannot be loaded ({said}); for "
                "hdfs:// set JAVA_HOME, HADOOP_HOME and CLASSPATH (`hadoop classpath --glob`), or name the "
                "file as webhdfs://HOST:PORT/…"
            ) from error

    def _said(self, error: BaseException) -> str:
        """The first line of an error, without what fsspec's configuration tells, keys and passwords in it."""
        from fsspec.config import conf

        said = (str(error).splitlines() or [type(error).__name__])[0]
        for value in conf.get(self._scheme, {}).values():
            if isinstance(value, str) and value:
                said = said.replace(value, "…")
        return said


def _kind_of(scheme: str) -> Any:
    """The class of fsspec's for a scheme.

    Raises
    ------
    OptionError
        There is none, or a package is missing.
    """
    try:
        import fsspec
    except ImportError as error:
        raise OptionError(f"{scheme}:// is read with fsspec, which is not installed: {EXTRA}") from error
    try:
        return fsspec.get_filesystem_class(_CALLED.get(scheme, scheme))
    except ImportError as error:
        module = (getattr(error.__cause__, "name", None) or scheme).partition(".")[0]
        package = _PACKAGES.get(module, module)
        raise OptionError(
            f"{scheme}:// is read with {package}, which is not installed: pip install {package}"
        ) from error
    except ValueError as error:
        raise OptionError(f"{scheme}:// cannot be read ({error}); download it first") from error


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
