"""Where objects are: S3 and Google Cloud Storage through PyArrow, everything else through fsspec."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

from stoker.errors import OptionError
from stoker.sources.remote.names import EXTRA, scheme_of
from stoker.sources.remote.objects import ObjectInfo, described, require_same, whole
from stoker.sources.remote.retrying import Refused, silence_seconds
from stoker.sources.remote.web import WebStore

__all__ = ["Store", "store_of"]

_OF_ARROW = ("s3", "gs")
_OF_WEB = ("http", "https")


class Store(Protocol):
    """Gives objects' bytes. Duties: safe to use from several threads; a request ends within its limit.

    Each method raises `Refused` where asking again is of no use, and OSError or TimeoutError where it may be.
    """

    def info(self, url: str) -> ObjectInfo:
        """Size and version."""
        ...

    def read(self, url: str, start: int, stop: int, known: ObjectInfo) -> bytes:
        """The bytes [start, stop), all of them; `Changed` where they are sure to be of another version."""
        ...

    def matches(self, url: str) -> Sequence[str]:
        """Addresses that a pattern matches."""
        ...


def store_of(url: str) -> Store:
    """The store of an address.

    Raises
    ------
    OptionError
        There is none for it, or a package is missing.
    """
    scheme = scheme_of(url)
    if scheme in _OF_ARROW:
        return _arrow_store(scheme, silence_seconds())
    return _fsspec_store(scheme, silence_seconds())


@lru_cache(maxsize=8)
def _arrow_store(scheme: str, seconds: float) -> Store:
    return _ArrowStore(scheme, seconds)


@lru_cache(maxsize=8)
def _fsspec_store(scheme: str, seconds: float) -> Store:
    return WebStore(scheme, seconds) if scheme in _OF_WEB else _FsspecStore(scheme)


class _ArrowStore:
    """S3, or what speaks like it (``AWS_ENDPOINT_URL``), and Google Cloud Storage."""

    def __init__(self, scheme: str, seconds: float) -> None:
        from pyarrow import fs

        self._fs: Any
        self._place = ""
        if scheme == "gs":
            import datetime

            self._fs = fs.GcsFileSystem(retry_time_limit=datetime.timedelta(seconds=seconds))
        else:
            self._place = _endpoint().get("endpoint_override", "")
            self._fs = fs.S3FileSystem(
                connect_timeout=seconds,
                request_timeout=seconds,
                # Asked again by stoker, which says so.
                retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=1),
                **_endpoint(),
            )

    def info(self, url: str) -> ObjectInfo:
        from pyarrow import fs

        found = _told(lambda: self._fs.get_file_info(_path(url)))
        if found.type == fs.FileType.NotFound:
            raise Refused("no such object; check the address")
        if found.type == fs.FileType.Directory:
            raise Refused(f"this is a folder; name its objects, for example {url.rstrip('/')}/*.csv")

        def ask() -> str:
            with self._fs.open_input_file(_path(url)) as file:
                return self._tag(file)

        return described(found.size, found.mtime_ns or 0, _told(ask))

    def read(self, url: str, start: int, stop: int, known: ObjectInfo) -> bytes:
        def ask() -> bytes:
            with self._fs.open_input_file(_path(url)) as file:
                require_same(known, file.size(), self._tag(file))
                data: bytes = file.read_at(stop - start, start)
                return data

        return whole(_told(ask), start, stop)

    def _tag(self, file: Any) -> str:
        """The entity tag, which came when the object was opened, and where it was asked for."""
        said = {key.lower(): value for key, value in (file.metadata() or {}).items()}
        tag = said.get("etag", b"")
        return f"{tag.decode('utf-8', 'replace')} {self._place}" if tag else ""

    def matches(self, url: str) -> Sequence[str]:
        from pyarrow import fs

        path = _path(url)
        fixed = path[: min(path.find(mark) for mark in "*?[" if mark in path)].rpartition("/")[0]
        if "**" in path:
            entries = self._list(fixed, recursive=True)
            found = [
                entry.path
                for entry in entries
                if entry.type == fs.FileType.File and fnmatch.fnmatchcase(entry.path, path)
            ]
        else:
            found = self._level_by_level(fixed, path[len(fixed) :].lstrip("/").split("/"))
        return [f"{scheme_of(url)}://{name}" for name in found]

    def _level_by_level(self, folder: str, parts: Sequence[str]) -> list[str]:
        """Files whose path below a folder fits the parts, without a look at what lies beside them."""
        from pyarrow import fs

        wanted = fs.FileType.File if len(parts) == 1 else fs.FileType.Directory
        fitting = [
            entry.path
            for entry in self._list(folder, recursive=False)
            if entry.type == wanted and fnmatch.fnmatchcase(entry.base_name, parts[0])
        ]
        if len(parts) == 1:
            return fitting
        return [name for below in fitting for name in self._level_by_level(below, parts[1:])]

    def _list(self, folder: str, *, recursive: bool) -> Sequence[Any]:
        from pyarrow import fs

        entries: Sequence[Any] = _told(
            lambda: self._fs.get_file_info(fs.FileSelector(folder, recursive=recursive))
        )
        return entries


def _endpoint() -> dict[str, str]:
    """Where S3 is, if not at Amazon's, and in which region: what its own tools go by."""
    options = {}
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        options["endpoint_override"] = endpoint
        options["scheme"] = scheme_of(endpoint) if "://" in endpoint else "https"
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if region:
        options["region"] = region
    return options


def _path(url: str) -> str:
    return url.partition("://")[2]


def _told(ask: Any) -> Any:
    """What `ask` gives; an answer that will not change is `Refused`."""
    try:
        return ask()
    except FileNotFoundError:
        raise Refused("no such object; check the address") from None
    except PermissionError:
        raise Refused(_NO_PERMISSION) from None
    except OSError as error:
        # What stands before names the object, which may be called anything.
        code = str(error).rpartition("AWS Error ")[2]
        if _DENIED.search(code):
            raise Refused(_NO_PERMISSION) from None
        if _UNKNOWN_KEYS.search(code):
            raise Refused("the store does not know these credentials; check them") from None
        if _NO_BUCKET.search(code):
            raise Refused("no such bucket; check the address") from None
        raise


_DENIED = re.compile(r"\b(ACCESS_DENIED|AccessDenied|PERMISSION_DENIED|Forbidden|HTTP status 403)\b")
_UNKNOWN_KEYS = re.compile(r"\b(INVALID_ACCESS_KEY_ID|SIGNATURE_DOES_NOT_MATCH|InvalidAccessKeyId)\b")
_NO_BUCKET = re.compile(r"\b(NO_SUCH_BUCKET|NoSuchBucket)\b")
_NO_PERMISSION = (
    "permission denied; give credentials that may read it where the store's own tools look for them "
    "(AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws/credentials, GOOGLE_APPLICATION_CREDENTIALS)"
)


_VALIDATORS = (
    "ETag", "etag", "Last-Modified", "LastModified", "last_modified", "Content-MD5", "content_md5", "mtime",
    "modified", "modification_time",
)  # fmt: skip
"""Under which fsspec's file systems give what changes with an object."""


class _FsspecStore:
    """Whatever else fsspec knows: Azure, Hadoop, SFTP, …."""

    def __init__(self, scheme: str) -> None:
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

    def info(self, url: str) -> ObjectInfo:
        found = self._answer(lambda: self._fs.info(url))
        if found.get("type") == "directory":
            raise Refused("this is a folder; name its files")
        size = found.get("size")
        if size is None:
            raise Refused(
                "the store does not say how long it is, so it cannot be read in parts; download it first"
            )
        return described(int(size), 0, " ".join(str(found[key]) for key in _VALIDATORS if found.get(key)))

    def read(self, url: str, start: int, stop: int, known: ObjectInfo) -> bytes:
        return whole(self._answer(lambda: self._fs.cat_file(url, start=start, end=stop)), start, stop)

    def matches(self, url: str) -> Sequence[str]:
        return [self._fs.unstrip_protocol(path) for path in self._answer(lambda: self._fs.glob(url))]

    def _answer(self, ask: Any) -> Any:
        """As `_told`; of other failures their kind alone, for their texts may hold signed addresses."""
        try:
            return _told(ask)
        except OSError as error:
            said = f"{type(error).__name__}{f': {error.strerror}' if error.strerror else ''}"
        raise OSError(said)
