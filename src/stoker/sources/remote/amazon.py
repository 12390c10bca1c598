"""S3, or what speaks like it (``AWS_ENDPOINT_URL``), through PyArrow."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from stoker.sources.remote.abandoning import within
from stoker.sources.remote.names import scheme_of
from stoker.sources.remote.objects import GONE, Listed, ObjectInfo, described, require_same, whole
from stoker.sources.remote.patterns import match_level_by_level
from stoker.sources.remote.retrying import Absent, Changed, Refused, limit_of

__all__ = ["S3Store", "told"]

Result = TypeVar("Result")


class S3Store:
    """Buckets; a `stoker.sources.remote.objects.Store`."""

    def __init__(self, seconds: float) -> None:
        from pyarrow import fs

        options = _endpoint()
        self._place = options.get("endpoint_override", "")
        self._seconds = seconds
        self._fs = fs.S3FileSystem(
            connect_timeout=seconds,
            request_timeout=seconds,
            # Asked again by stoker, which says so.
            retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=1),
            **options,
        )

    def open(self, url: str) -> _S3Object:
        """An object as it is now: one request."""
        path = _path(url)
        try:
            if path.endswith("/"):
                raise Absent("no such object; check the address")
            file = self.ask(lambda: self._fs.open_input_file(path), 0)
        except Absent:
            self._refuse_folder(url, path)
            raise
        return _S3Object(self, path, file, described(file.size(), self.tag(file)))

    def _refuse_folder(self, url: str, path: str) -> None:
        from pyarrow import fs

        if self.ask(lambda: self._fs.get_file_info(path), 0).type == fs.FileType.Directory:
            raise Refused(f"this is a folder; name its objects, for example {url.rstrip('/')}/*.csv")

    def look(self, path: str) -> tuple[int, str]:
        """Size and tag of an object now."""
        with self.ask(lambda: self._fs.open_input_file(path), 0) as file:
            return int(file.size()), self.tag(file)

    def ask(self, ask: Callable[[], Result], count: int) -> Result:
        """What a request for so many bytes gives, within its limit."""
        return told(lambda: within(ask, limit_of(self._seconds, count)))

    def tag(self, file: Any) -> str:
        """Entity tag and time, which came when the object was opened, and where it was asked for."""
        said = {key.lower(): value for key, value in (file.metadata() or {}).items()}
        found = [said[key].decode("utf-8", "replace") for key in ("etag", "last-modified") if said.get(key)]
        return " ".join([*found, self._place]) if found else ""

    def matches(self, url: str) -> Sequence[str]:
        """Addresses that a pattern matches."""
        from pyarrow import fs

        def listed(folder: str, *, recursive: bool) -> tuple[list[str], list[str]]:
            found = self.ask(lambda: self._fs.get_file_info(fs.FileSelector(folder, recursive=recursive)), 0)
            files = [entry.path for entry in found if entry.type == fs.FileType.File]
            return files, [entry.path for entry in found if entry.type == fs.FileType.Directory]

        return [f"{scheme_of(url)}://{name}" for name in match_level_by_level(_path(url), listed)]

    def below(self, url: str) -> Sequence[Listed]:
        """All files below a folder; their times tell versions apart."""
        from pyarrow import fs

        folder = _path(url)
        found = self.ask(
            lambda: self._fs.get_file_info(fs.FileSelector(folder.rstrip("/"), recursive=True)), 0
        )
        return [
            Listed(entry.path[len(folder) :], entry.size, f"{entry.mtime_ns} {self._place}")
            for entry in found
            if entry.type == fs.FileType.File
        ]


@dataclass(frozen=True, slots=True)
class _S3Object:
    store: S3Store
    path: str
    file: Any
    info: ObjectInfo

    def read(self, start: int, stop: int) -> bytes:
        try:
            data = self.store.ask(lambda: self.file.read_at(stop - start, start), stop - start)
        except Absent:
            raise Changed(GONE) from None
        return whole(data, start, stop)

    def confirm(self) -> None:
        """PyArrow does not say of which version a range was."""
        try:
            require_same(self.info, *self.store.look(self.path))
        except Absent:
            raise Changed(GONE) from None


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


def told(ask: Callable[[], Result]) -> Result:
    """What `ask` gives; an answer that will not change is `Refused`."""
    try:
        return ask()
    except FileNotFoundError:
        raise Absent("no such object; check the address") from None
    except PermissionError:
        raise Refused(_NO_PERMISSION) from None
    except OSError as error:
        # What stands before names the object, which may be called anything.
        code = str(error).rpartition("AWS Error ")[2]
        if _DENIED.search(code):
            raise Refused(_NO_PERMISSION) from None
        if _UNKNOWN_KEYS.search(code):
            raise Refused("the store does not know these credentials; check them") from None
        if _NO_KEY.search(code):
            raise Absent("no such object; check the address") from None
        if _NO_BUCKET.search(code):
            raise Refused("no such bucket; check the address") from None
        raise


_DENIED = re.compile(r"\b(ACCESS_DENIED|AccessDenied|PERMISSION_DENIED|Forbidden|HTTP status 403)\b")
_UNKNOWN_KEYS = re.compile(r"\b(INVALID_ACCESS_KEY_ID|SIGNATURE_DOES_NOT_MATCH|InvalidAccessKeyId)\b")
_NO_KEY = re.compile(r"\b(NO_SUCH_KEY|NoSuchKey|HTTP status 404)\b")
_NO_BUCKET = re.compile(r"\b(NO_SUCH_BUCKET|NoSuchBucket)\b")
_NO_PERMISSION = (
    "permission denied; give credentials that may read it where the store's own tools look for them "
    "(AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws/credentials)"
)
