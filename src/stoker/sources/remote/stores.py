"""Where objects are: S3 and Google Cloud Storage through PyArrow, everything else through fsspec."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from stoker.errors import OptionError
from stoker.sources.remote.names import scheme_of
from stoker.sources.remote.retrying import Refused, silence_seconds

__all__ = ["ObjectInfo", "Store", "store_of"]

_OF_ARROW = ("s3", "gs")
_EXTRA = "pip install 'stoker[remote]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """What a store says of an object.

    Attributes
    ----------
    size
        Bytes.
    modified_ns
        When it was written, in nanoseconds since 1970; 0 where the store does not say.
    version
        Changes with the object: a digest of entity tag, time and size.
    """

    size: int
    modified_ns: int
    version: int


class Store(Protocol):
    """Gives objects' bytes. Duties: safe to use from several threads; a request ends within its limit.

    Each method raises `Refused` where asking again is of no use, and OSError or TimeoutError where it may be.
    """

    def info(self, url: str) -> ObjectInfo:
        """Size and version."""
        ...

    def read(self, url: str, start: int, stop: int) -> bytes:
        """The bytes [start, stop), all of them."""
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
    return _FsspecStore(scheme, seconds)


def _info(size: int, modified_ns: int, tag: str) -> ObjectInfo:
    said = f"{size} {modified_ns} {tag}".encode()
    version = int.from_bytes(hashlib.blake2b(said, digest_size=8).digest(), "little") >> 1
    return ObjectInfo(size=size, modified_ns=modified_ns, version=version)


class _ArrowStore:
    """S3, or what speaks like it (``AWS_ENDPOINT_URL``), and Google Cloud Storage."""

    def __init__(self, scheme: str, seconds: float) -> None:
        from pyarrow import fs

        self._fs: Any
        if scheme == "gs":
            import datetime

            self._fs = fs.GcsFileSystem(retry_time_limit=datetime.timedelta(seconds=seconds))
        else:
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
        return _info(found.size, found.mtime_ns or 0, "")

    def read(self, url: str, start: int, stop: int) -> bytes:
        def ask() -> bytes:
            with self._fs.open_input_file(_path(url)) as file:
                data: bytes = file.read_at(stop - start, start)
                return data

        return _whole(_told(ask), start, stop)

    def matches(self, url: str) -> Sequence[str]:
        import fnmatch

        from pyarrow import fs

        path = _path(url)
        fixed = path[: min(path.find(mark) for mark in "*?[" if mark in path)].rpartition("/")[0]
        found = _told(lambda: self._fs.get_file_info(fs.FileSelector(fixed, recursive=True)))
        depth = path.count("/")
        return [
            f"{scheme_of(url)}://{entry.path}"
            for entry in found
            if entry.type == fs.FileType.File
            and fnmatch.fnmatchcase(entry.path, path)
            and ("**" in path or entry.path.count("/") == depth)
        ]


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
    except FileNotFoundError as error:
        raise Refused("no such object; check the address") from error
    except PermissionError as error:
        raise Refused(_NO_PERMISSION) from error
    except OSError as error:
        text = str(error)
        if any(word in text for word in _DENIED):
            raise Refused(_NO_PERMISSION) from error
        if any(
            word in text
            for word in ("INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH", "InvalidAccessKeyId")
        ):
            raise Refused("the store does not know these credentials; check them") from error
        if "NO_SUCH_BUCKET" in text or "NoSuchBucket" in text:
            raise Refused("no such bucket; check the address") from error
        raise


_DENIED = ("ACCESS_DENIED", "AccessDenied", "Forbidden", "403")
_UNKNOWN_KEYS = ("INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH", "InvalidAccessKeyId")
_NO_PERMISSION = (
    "permission denied; give credentials that may read it where the store's own tools look for them "
    "(AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws/credentials, GOOGLE_APPLICATION_CREDENTIALS)"
)


class _FsspecStore:
    """Whatever fsspec knows: https, Azure, Hadoop, SFTP, ….

    fsspec hands requests to one thread with an event loop of its own; they run side by side there.
    """

    def __init__(self, scheme: str, seconds: float) -> None:
        try:
            import fsspec
        except ImportError as error:
            raise OptionError(f"{scheme}:// is read with fsspec, which is not installed: {_EXTRA}") from error
        self._failures: tuple[type[Exception], ...] = (OSError, TimeoutError)
        options: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
        try:
            if scheme in ("http", "https"):
                import aiohttp

                self._failures += (aiohttp.ClientError,)
                timeout = aiohttp.ClientTimeout(total=None, sock_connect=seconds, sock_read=seconds)
                options["client_kwargs"] = {"timeout": timeout, "auto_decompress": False}
            self._fs = fsspec.filesystem(scheme, **options)
        except (ImportError, ValueError) as error:
            said = str(error).splitlines()[0]
            raise OptionError(
                f"{scheme}:// cannot be read ({said}); {_EXTRA}, or download it first"
            ) from error
        self._is_web = scheme in ("http", "https")

    def info(self, url: str) -> ObjectInfo:
        found = self._told(lambda: self._fs.info(url))
        if found.get("type") == "directory":
            raise Refused("this is a folder; name its files")
        size = found.get("size")
        if size is None:
            raise Refused(
                "the server does not say how long it is, so it cannot be read in parts; download it first"
            )
        if self._is_web and found.get("partial") is False:
            raise Refused("the server gives no parts of it (no Accept-Ranges); download it first")
        tag = str(
            found.get("ETag") or found.get("etag") or found.get("LastModified") or found.get("mtime") or ""
        )
        return _info(int(size), 0, tag)

    def read(self, url: str, start: int, stop: int) -> bytes:
        return _whole(self._told(lambda: self._fs.cat_file(url, start=start, end=stop)), start, stop)

    def matches(self, url: str) -> Sequence[str]:
        if self._is_web:
            raise Refused("a web server lists no files, so no pattern can be matched; name each file")
        return [self._fs.unstrip_protocol(path) for path in self._told(lambda: self._fs.glob(url))]

    def _told(self, ask: Any) -> Any:
        """As `_told`; what aiohttp raises is an OSError, or made one."""
        try:
            return ask() if self._is_web else _told(ask)
        except self._failures as error:
            # fsspec says "not found" whatever kept it from finding out.
            cause = error.__cause__ if isinstance(error, FileNotFoundError) else error
            status = getattr(cause, "status", None)
            if status in (401, 403):
                raise Refused(f"the server answers {status}: permission denied") from error
            if status in (404, 410) or (isinstance(error, FileNotFoundError) and cause is None):
                raise Refused("no such file; check the address") from error
            raise OSError(f"{type(cause).__name__}: {cause}") from error


def _whole(data: bytes, start: int, stop: int) -> bytes:
    if len(data) != stop - start:
        raise OSError(f"{len(data):,} bytes came where {stop - start:,} were asked for")
    return data
