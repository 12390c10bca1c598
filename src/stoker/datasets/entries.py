"""What the catalogue says of a data set: where it is, what is in it, on what terms it may be used."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

__all__ = ["Address", "Dataset", "Download", "Format", "Kept", "Packing", "Route", "Split"]

Format: TypeAlias = Literal["zhang", "folder", "lines", "csv"]
Packing: TypeAlias = Literal["none", "tar", "zip", "gzip"]


class Address(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One place where a file can be had, and what a public source states of the file there.

    Attributes
    ----------
    url
        Where it is; ``https`` or ``http``.
    num_bytes, sha256, md5
        What the file must be, where a source states it; None where none does. Digests are in lower-case
        hexadecimal.
    stated_by
        The source of the three: a repository and the path in it. Required where any of them is given.
    """

    url: str
    num_bytes: int | None = None
    sha256: str | None = None
    md5: str | None = None
    stated_by: str = ""

    @property
    def digest(self) -> tuple[str, str] | None:
        """The strongest digest that a source states, as (algorithm, value)."""
        if self.sha256 is not None:
            return "sha256", self.sha256
        return None if self.md5 is None else ("md5", self.md5)


class Download(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file to download.

    Attributes
    ----------
    name
        What it is called here.
    addresses
        Where the same file can be had, tried in this order.
    packing
        How it is packed; a file that is not is data as it is.
    """

    name: str
    addresses: tuple[Address, ...]
    packing: Packing = "none"


Route: TypeAlias = tuple[Download, ...]
"""The downloads that together make the data set."""


class Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of an archive that is wanted; all others are left in it.

    Attributes
    ----------
    pattern
        What its last path components match, as in a shell: ``train/pos/*.txt``.
    name
        What it is called here; empty where it keeps those components.
    required
        Whether the data are incomplete without it.
    """

    pattern: str
    name: str = ""
    required: bool = True


class Split(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the data set.

    Attributes
    ----------
    paths
        Its files or folders, relative to the data set's folder.
    num_rows
        How many rows it must hold.
    """

    paths: tuple[str, ...]
    num_rows: int


class Dataset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A data set of the catalogue.

    Attributes
    ----------
    name, title, about
        What it is called on the command line, by people, and what it is.
    format
        What `stoker.open` takes: ``"zhang"`` (CSV without header, class numbers from 1, escaped newlines),
        ``"folder"`` (a folder a class, a file a text), ``"lines"`` (a file a class, a line a text) or
        ``"csv"``.
    label, text
        What `stoker.open` takes for these: the label's column and those of the text; no text columns where
        the features are numbers.
    classes
        The names of the classes, in the order of their numbers.
    balanced
        Whether every class has as many rows as any other, in each split.
    train, test
        The splits; no test split where the data set has none.
    routes
        Ways to get it, tried in this order.
    kept
        What is wanted of its archives.
    unpacked_bytes
        About how much the unpacked files take; nothing that unpacks to more than twice this is accepted.
    encoding
        Of the texts as they are served; they are kept as UTF-8.
    licence, homepage, citation
        On what terms it may be used, where that is said, and what to cite.
    """

    name: str
    title: str
    about: str
    format: Format
    label: str
    classes: tuple[str, ...]
    train: Split
    test: Split | None
    routes: tuple[Route, ...]
    unpacked_bytes: int
    licence: str
    homepage: str
    citation: str
    text: tuple[str, ...] = ()
    kept: tuple[Kept, ...] = ()
    balanced: bool = True
    encoding: str = "utf-8"

    @property
    def splits(self) -> tuple[tuple[str, Split], ...]:
        """The splits there are, with their names."""
        parts = (("train", self.train), ("test", self.test))
        return tuple((name, split) for name, split in parts if split is not None)

    @property
    def download_bytes(self) -> int | None:
        """Bytes of the first route, where sources state all of them."""
        sizes = [download.addresses[0].num_bytes for download in self.routes[0]]
        known = [size for size in sizes if size is not None]
        return sum(known) if len(known) == len(sizes) else None
