"""Google Cloud Storage, by its JSON interface.

PyArrow's own file system for it asks for the whole object whenever one is opened, and a server that falls
silent keeps the whole process waiting, its other threads with it, for minutes.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from stoker.errors import OptionError
from stoker.sources.remote.client import Client
from stoker.sources.remote.names import EXTRA
from stoker.sources.remote.objects import (
    NAMED_AS,
    OTHER,
    Folder,
    Listed,
    ObjectInfo,
    described,
    require_same,
    whole,
)
from stoker.sources.remote.retrying import Absent, Changed, Refused

__all__ = ["GoogleStore"]

_HOST = "https://storage.googleapis.com"
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_only"
_LISTED = "items(name,size,generation),prefixes,nextPageToken"
_DOCUMENT_BYTES = 1 << 24
_ABSENT = "no such object, or no such bucket; check the address"
_DENIED = (
    "permission denied; give credentials that may read it where Google's own tools look for them "
    "(GOOGLE_APPLICATION_CREDENTIALS, or gcloud auth application-default login)"
)


class GoogleStore:
    """Buckets of Google's, or of what speaks like them (``STORAGE_EMULATOR_HOST``); a `Store`.

    Without credentials it asks without them, as public buckets allow.
    """

    def __init__(self, seconds: float, emulator: str) -> None:
        host = emulator or _HOST
        self._host = (host if "://" in host else f"http://{host}").rstrip("/")
        self._client = Client("gs", seconds)
        self._credentials = _Credentials(seconds, is_emulator=bool(emulator))

    def open(self, url: str) -> _GoogleObject:
        """An object as it is now."""
        bucket, _, name = url.partition("://")[2].partition("/")
        place = f"/storage/v1/b/{quote(bucket, safe='')}/o/{quote(name, safe='')}"
        found = self.document(place, {"fields": "size,generation,etag,md5Hash"})
        if found is None:
            if name and any(True for _ in self._pages(bucket, f"{name.rstrip('/')}/", most=1)):
                raise Refused(f"this is a folder; {NAMED_AS.format(url.rstrip('/'))}")
            raise Absent(_ABSENT)
        generation = str(found.get("generation", ""))
        tag = " ".join([generation, str(found.get("etag") or found.get("md5Hash") or ""), self._host]).strip()
        return _GoogleObject(self, place, generation, described(int(found["size"]), tag))

    def listed(self, url: str, *, deep: bool) -> Folder:
        """What is in a folder; generations tell versions apart."""
        bucket, _, folder = url.partition("://")[2].partition("/")
        files, folders = [], []
        for page in self._pages(bucket, folder, deep=deep):
            files += [
                Listed(
                    str(item["name"])[len(folder) :], int(item["size"]), f"{item['generation']} {self._host}"
                )
                for item in page.get("items", ())
                if not str(item["name"]).endswith("/")
            ]
            folders += [str(name)[len(folder) :].rstrip("/") for name in page.get("prefixes", ())]
        return Folder(files, folders)

    def _pages(
        self, bucket: str, prefix: str, *, deep: bool = False, most: int = 1000
    ) -> Iterator[Mapping[str, Any]]:
        """What a bucket holds under a prefix, page by page."""
        asked = {"prefix": prefix, "maxResults": str(most), "fields": _LISTED}
        if not deep:
            asked["delimiter"] = "/"
        while True:
            page = self.document(f"/storage/v1/b/{quote(bucket, safe='')}/o", asked)
            if page is None:
                raise Refused("no such bucket; check the address")
            if page.get("items") or page.get("prefixes"):
                yield page
            token = str(page.get("nextPageToken") or "")
            if not token or most == 1:
                return
            if token == asked.get("pageToken"):
                raise Refused("the server gives the same page of its list again and again; name the files")
            asked["pageToken"] = token

    def document(self, place: str, asked: Mapping[str, str]) -> Mapping[str, Any] | None:
        """What is answered in JSON; None where there is nothing by that name."""
        answer = self._told(
            lambda head: self._client.document(self.address(place, asked), _DOCUMENT_BYTES, head)
        )
        if answer.status in (404, 410):
            return None
        if answer.status != 200:
            raise Refused(f"the server answers {answer.status}; check the address")
        try:
            found = json.loads(answer.data)
        except ValueError as error:
            raise OSError("what came is no JSON") from error
        if not isinstance(found, dict):
            raise OSError("what came describes no object")
        return found

    def part(self, place: str, asked: Mapping[str, str], start: int, stop: int) -> Any:
        """The answer to a request for bytes of an object, as they are stored: gzip is not unpacked for us."""
        url = self.address(place, asked)
        return self._told(
            lambda head: self._client.range(url, start, stop, {"Accept-Encoding": "gzip", **head})
        )

    def address(self, place: str, asked: Mapping[str, str]) -> Any:
        """An address, quoted already."""
        from yarl import URL

        return URL(f"{self._host}{place}?{urlencode(asked)}", encoded=True)

    def _told(self, ask: Any) -> Any:
        try:
            return ask(self._credentials.headers())
        except Refused as error:
            if "permission denied" in str(error):
                raise Refused(_DENIED) from None
            raise


@dataclass(frozen=True, slots=True)
class _GoogleObject:
    store: GoogleStore
    place: str
    generation: str
    info: ObjectInfo

    def read(self, start: int, stop: int) -> bytes:
        asked = {"alt": "media"}
        if self.generation:
            asked["generation"] = self.generation
        answer = self.store.part(self.place, asked, start, stop)
        now = answer.headers.get("X-Goog-Generation", self.generation)
        if answer.status in (404, 410, 412) or now != self.generation:
            raise Changed(OTHER)
        require_same(self.info, self.info.size if answer.size is None else answer.size, self.info.tag)
        if answer.status != 206:
            raise OSError(f"the server answers {answer.status} where a part was asked for")
        if answer.begin != start:
            raise OSError(f"bytes from {answer.begin} on came where those from {start} on were asked for")
        return whole(answer.data, start, stop)

    def confirm(self) -> None:
        """Each request named its version, which servers other than Google's may not heed."""
        found = self.store.document(self.place, {"fields": "generation,size"})
        if found is None or str(found.get("generation", "")) != self.generation:
            raise Changed(OTHER)


class _Credentials:
    """Those that Google's own tools find; none for an emulator, unless they are named, nor where none are."""

    def __init__(self, seconds: float, *, is_emulator: bool) -> None:
        self._seconds = seconds
        self._wanted = not is_emulator or bool(os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"))
        self._found: Any = None
        self._lock = threading.Lock()

    def headers(self) -> dict[str, str]:
        """What shows who asks."""
        with self._lock:
            if not self._wanted:
                return {}
            try:
                import google.auth
                from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError
                from google.auth.transport.requests import Request
            except ImportError as error:
                raise OptionError(
                    f"gs:// is read with google-auth, which is not installed: {EXTRA}"
                ) from error
            try:
                if self._found is None:
                    self._found, _ = google.auth.default(scopes=[_SCOPE])
                if not self._found.valid:
                    self._found.refresh(partial(Request(), timeout=self._seconds))
            except DefaultCredentialsError as error:
                if os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
                    raise Refused(f"GOOGLE_APPLICATION_CREDENTIALS cannot be used ({_said(error)})") from None
                self._wanted = False
                return {}
            except TransportError as error:
                raise OSError(f"no token came ({type(error).__name__})") from None
            except (GoogleAuthError, ValueError) as error:
                raise Refused(f"the credentials are not taken ({_said(error)}); renew them") from None
            return {"Authorization": f"Bearer {self._found.token}"}


def _said(error: BaseException) -> str:
    return str(error.args[0] if error.args else type(error).__name__).splitlines()[0]
