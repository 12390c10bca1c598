"""What stores list: matches of a pattern, files of a folder, the first of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from stoker.sources.remote.objects import Listed
from stoker.sources.remote.patterns import match_level_by_level
from stoker.sources.remote.reader import remote_info
from stoker.sources.remote.retrying import with_retries
from stoker.sources.remote.stores import store_of
from stoker.sources.remote.together import together

__all__ = ["remote_files", "remote_first_file", "remote_matches", "remote_sizes"]

_LISTING = "asking for the list"


def remote_matches(url: str) -> list[str]:
    """Addresses that a pattern matches, sorted bytewise.

    Raises
    ------
    DataError
        The store does not answer, or lists nothing.
    """
    store = store_of(url)
    scheme, _, pattern = url.partition("://")

    def listed(folder: str, *, deep: bool) -> tuple[list[str], list[str]]:
        base = f"{scheme}://{folder}/"
        found = with_retries(lambda: store.listed(base, deep=deep), _LISTING, base)
        return [f"{folder}/{one.name}" for one in found.files], [f"{folder}/{name}" for name in found.folders]

    matches = match_level_by_level(pattern, listed)
    return sorted((f"{scheme}://{match}" for match in matches), key=str.encode)


def remote_files(url: str) -> Sequence[str]:
    """Names of all files below a folder, whose address ends with a slash, in any order.

    Raises
    ------
    DataError
        The store does not answer, or lists nothing.
    """
    return [one.name for one in _below(url)]


def remote_sizes(url: str) -> Sequence[Listed]:
    """All files below a folder with their sizes; each is asked for where the list does not tell it.

    Raises
    ------
    DataError
        The store does not answer, or lists nothing.
    """

    def known(one: Listed) -> Listed:
        if one.size >= 0:
            return one
        info = remote_info(url + one.name)
        return replace(one, size=info.size, tag=info.tag)

    found = _below(url)
    if all(one.size >= 0 for one in found):
        return found
    return together(known, found, lambda one: url + one.name)


def _below(url: str) -> Sequence[Listed]:
    store = store_of(url)
    return with_retries(lambda: store.listed(url, deep=True), _LISTING, url).files


def remote_first_file(url: str, wanted: Callable[[str], bool]) -> str:
    """The first file below a folder, depth first, of those whose names, and whose folders', are wanted.

    Folders are looked into one after the other until there is one.

    Returns
    -------
    Its name within the folder; "" where there is none.

    Raises
    ------
    DataError
        The store does not answer, or lists nothing.
    """
    store = store_of(url)
    found = with_retries(lambda: store.listed(url, deep=False), _LISTING, url)
    folders = set(found.folders)
    for name in sorted(filter(wanted, [*folders, *(one.name for one in found.files)]), key=str.encode):
        if name not in folders:
            return name
        below = remote_first_file(f"{url}{name}/", wanted)
        if below:
            return f"{name}/{below}"
    return ""
