"""S3, or what speaks like it (``AWS_ENDPOINT_URL``), through PyArrow."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from stoker.sources.remote.abandoning import within
from stoker.sources.remote.names import scheme_of
from stoker.sources.remote.objects import (
    GONE,
    NAMED_AS,
    NO_FOLDER,
    Folder,
    Listed,
    ObjectInfo,
    described,
    require_same,
    whole,
)
from stoker.sources.remote.retrying import (
    ATTEMPTS,
    Absent,
    Changed,
    Refused,
    limit_of,
    listed_within,
    told,
)

__all__ = ["CREDENTIALS", "S3Store", "file_system"]

Result = TypeVar("Result")
CREDENTIALS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws/credentials"
"""Where Amazon's own tools look for credentials, for messages."""


class S3Store:
    """A bucket; a `stoker.sources.remote.objects.Store`."""

    def __init__(self, bucket: str, seconds: float) -> None:
        self._options = _endpoint()
        self._place = self._options.get("endpoint_override", "")
        self._bucket, self._seconds = bucket, seconds

    @cached_property
    def _fs(self) -> Any:
        """PyArrow's, of as many attempts as one: stoker asks again, and says so."""
        return file_system(self._bucket, self._seconds, attempts=1, options=self._options)

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
            raise Refused(f"this is a folder; {NAMED_AS.format(url.rstrip('/'))}")

    def look(self, path: str) -> tuple[int, str]:
        """Size and tag of an object now."""
        with self.ask(lambda: self._fs.open_input_file(path), 0) as file:
            return int(file.size()), self.tag(file)

    def ask(self, ask: Callable[[], Result], count: int) -> Result:
        """What a request for so many bytes gives, within its limit."""
        return told(lambda: within(ask, limit_of(self._seconds, count)), CREDENTIALS)

    def tag(self, file: Any) -> str:
        """Entity tag and time, which came when the object was opened, and where it was asked for."""
        said = {key.lower(): value for key, value in (file.metadata() or {}).items()}
        found = [said[key].decode("utf-8", "replace") for key in ("etag", "last-modified") if said.get(key)]
        return " ".join([*found, self._place]) if found else ""

    def listed(self, url: str, *, deep: bool) -> Folder:
        """What is in a folder; times tell versions apart."""
        from pyarrow import fs

        path = _path(url)
        asked = fs.FileSelector(path.rstrip("/"), recursive=deep)
        try:
            found = listed_within(lambda count: self.ask(lambda: self._fs.get_file_info(asked), count))
        except Absent:
            raise Absent(NO_FOLDER) from None
        files = [
            Listed(entry.path[len(path) :], entry.size, f"{entry.mtime_ns} {self._place}")
            for entry in found
            if entry.type == fs.FileType.File
        ]
        folders = [entry.path[len(path) :] for entry in found if entry.type == fs.FileType.Directory]
        return Folder(files, folders)


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


def file_system(
    bucket: str, seconds: float, *, attempts: int = ATTEMPTS, options: Mapping[str, str] | None = None
) -> Any:
    """PyArrow's file system of a bucket; where nobody says a region Amazon is asked for the bucket's.

    Parameters
    ----------
    bucket
        Its name.
    seconds
        Of silence, until an attempt is given up.
    attempts
        How often a request is made at most.
    options
        Where S3 is, and in which region; None is what the environment says.
    """
    from pyarrow import fs

    known = dict(_endpoint() if options is None else options)
    if not known:
        known["region"] = fs.resolve_s3_region(bucket)
    return fs.S3FileSystem(
        connect_timeout=seconds,
        request_timeout=seconds,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=attempts),
        **known,
    )


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
