"""Where objects are, by the scheme of an address."""

from __future__ import annotations

import os
from functools import lru_cache

from stoker.sources.remote.amazon import S3Store
from stoker.sources.remote.google import GoogleStore
from stoker.sources.remote.names import scheme_of
from stoker.sources.remote.objects import Store
from stoker.sources.remote.other import FsspecStore
from stoker.sources.remote.retrying import silence_seconds
from stoker.sources.remote.web import WebStore

__all__ = ["store_of"]

_SETTINGS = (
    "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE",
    "AWS_ACCESS_KEY_ID", "STORAGE_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS",
)  # fmt: skip
"""Of the environment; a store is made anew where they change."""

_ONE_STORE = ("gs", "http", "https")
"""Schemes whose addresses all belong to one store; others tell their bucket or server."""


def store_of(url: str) -> Store:
    """The store of an address.

    Raises
    ------
    OptionError
        There is none for it, or a package is missing.
    """
    settings = tuple(os.environ.get(name, "") for name in _SETTINGS)
    scheme = scheme_of(url)
    place = "" if scheme in _ONE_STORE else url.partition("://")[2].partition("/")[0]
    return _store(f"{scheme}://{place}", silence_seconds(), settings)


@lru_cache(maxsize=32)
def _store(url: str, seconds: float, _: tuple[str, ...]) -> Store:
    scheme = scheme_of(url)
    if scheme == "s3":
        return S3Store(url.partition("://")[2], seconds)
    if scheme == "gs":
        return GoogleStore(seconds, os.environ.get("STORAGE_EMULATOR_HOST", ""))
    if scheme in ("http", "https"):
        return WebStore(scheme, seconds)
    return FsspecStore(url, seconds)
