"""The formats that can be opened, one row each: by name, or by what files are called."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from stoker.errors import ColumnError, DataError, OptionError
from stoker.sources.arrays.opening import array_template, open_members, open_pairs
from stoker.sources.columnar.ipc import ARROW_SUFFIXES, open_arrow_file
from stoker.sources.columnar.opening import columnar_template, open_columnar
from stoker.sources.columnar.parquet import PARQUET_SUFFIXES, open_parquet_file
from stoker.sources.columnar.partitions import first_file, opened
from stoker.sources.csv_open import Written
from stoker.sources.delimited import delimited_template, open_delimited
from stoker.sources.files import is_folder
from stoker.sources.folder import folder_template, open_folders
from stoker.sources.folder_contents import IMAGES, TEXTS, is_image
from stoker.sources.folder_listing import has_folders, has_images
from stoker.sources.folder_tables import tables_instead
from stoker.sources.jsonl import json_template, open_json
from stoker.sources.lines import is_named_by_class, lines_template, open_lines
from stoker.sources.paths import FORMAT_NAMES, expand_paths, expanded, format_of
from stoker.sources.paths import FORMATS as SUFFIXES
from stoker.sources.remote.names import is_remote
from stoker.sources.request import COLUMNS_ALONE, Request
from stoker.sources.schema import Schema
from stoker.sources.table import Table

__all__ = ["FORMATS", "Format", "format_like", "open_table", "table_like", "template_of"]

_SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format.

    Attributes
    ----------
    what
        What files of it are, for messages.
    open
        Gives the table of files; suffixes of formats that share it may be mixed.
    template
        Gives a table without files, for `Table.like`; or refuses columns that its files cannot have.
    options
        Those of `stoker.open` that not every format takes, and this one does.
    why
        Why it takes no others, for messages.
    takes_folders
        Whether a folder may be named.
    columns
        All that its files can have; None where they have any.
    """

    what: str
    open: Callable[[Sequence[str], Request], Table]
    template: Callable[[Schema, Written], Table]
    options: frozenset[str] = COLUMNS_ALONE
    why: str = "which says it by itself"
    takes_folders: bool = False
    columns: tuple[str, ...] | None = None


_TABLE = COLUMNS_ALONE | {"header", "delimiter", "quote"}
_DELIMITED = Format(what="delimited text", open=open_delimited, template=delimited_template, options=_TABLE)

FORMATS: Mapping[str, Format] = {
    "csv": _DELIMITED,
    "tsv": _DELIMITED,
    "zhang": _DELIMITED,
    "folder": Format(
        what="a folder of texts or images",
        open=open_folders,
        template=folder_template,
        options=frozenset(),
        why="which is no table",
        takes_folders=True,
        columns=(TEXTS.column, *IMAGES.columns),
    ),
    "lines": Format(
        what="files of a text a line",
        open=open_lines,
        template=lines_template,
        options=frozenset(),
        why="which is no table",
        columns=("text", "label"),
    ),
    "jsonl": Format(what="JSON", open=open_json, template=json_template),
    **{
        name: Format(
            what=what,
            open=partial(open_columnar, name, opener),
            template=partial(columnar_template, name, opener),
            takes_folders=True,
        )
        for name, what, opener in (
            ("parquet", "Parquet", partial(opened, suffixes=PARQUET_SUFFIXES, open_one=open_parquet_file)),
            ("arrow", "Arrow", partial(opened, suffixes=ARROW_SUFFIXES, open_one=open_arrow_file)),
        )
    },
    **{
        name: Format(what=what, open=partial(opener, name), template=partial(array_template, name))
        for name, what, opener in (
            ("npy", "a NumPy array", open_pairs),
            ("npz", "NumPy arrays", open_members),
            ("idx", "IDX", open_pairs),
            ("hdf5", "HDF5", open_members),
        )
    },
}
"""By the names of ``format=``; `stoker.sources.paths.FORMATS` says which suffixes mean which."""
assert tuple(FORMATS) == FORMAT_NAMES
_IN_FOLDERS = {"parquet": PARQUET_SUFFIXES, "arrow": ARROW_SUFFIXES}
"""Formats of whose files a folder may be named, and their suffixes."""


def open_table(paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], request: Request) -> Table:
    """Open files in whichever format they have; see `stoker.open`.

    Raises
    ------
    DataError
        A file cannot be read, or its name says nothing.
    OptionError
        An option has no effect, or the files have several formats.
    """
    roots = expanded(paths, folders=True)
    places = tuple(roots)
    request = replace(request, roots={file: root for file, root in roots.items() if root})
    name = _name_of(places, request.written.format)
    found = FORMATS[name]
    try:
        request.require(found.options, f"{found.what}, {found.why}")
        return found.open(places if found.takes_folders else expand_paths(paths), request)
    except (DataError, OptionError) as error:
        instead = _tables_instead(places) if name == "folder" and request.written.format is None else None
        if instead is None:
            raise
        raise DataError(f"{instead}; as {found.what} by class it cannot be read: {error}") from error


def _tables_instead(places: Sequence[str]) -> str | None:
    """What to name in the place of the first folder that holds tables, if one does."""
    folders = (path for path in places if is_folder(path) and not is_remote(path))
    return next(filter(None, (tables_instead(path, SUFFIXES) for path in folders)), None)


def table_like(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    schema: Schema,
    written: Written,
    format_name: str,
    *,
    with_label: bool,
) -> Table:
    """Files with the columns of others, which were of some format and may be of another.

    Parameters
    ----------
    paths
        The files.
    schema
        The columns, with the label.
    written
        How the others were written, for files like them.
    format_name
        The others' format.
    with_label
        Whether the files must have the label.

    Raises
    ------
    DataError
        A file cannot be read.
    ColumnError
        A file lacks a column.
    """
    places = expand_paths(paths, folders=True)
    name = format_like(places, format_name)
    if FORMATS[name].open is not FORMATS[format_name].open:
        written = Written(renames=written.renames)
        schema = schema if with_label else schema.without_label()
    found = FORMATS[name]
    files = places if found.takes_folders else expand_paths(paths)
    return template_of(name, schema, written, places[0]).like(files, with_label=with_label)


def template_of(name: str, schema: Schema, written: Written, place: str) -> Table:
    """A table of a format without files, to open files with columns that are known.

    Parameters
    ----------
    name
        The format.
    schema, written
        The columns, and how the files with them were written.
    place
        What is to be opened, for messages.

    Raises
    ------
    ColumnError
        Its files have columns of their own, and these are others.
    DataError
        It is a folder that holds tables.
    """
    found = FORMATS[name]
    if found.columns is None or set(schema.used) <= set(found.columns):
        return found.template(schema, written)
    what, columns = "a file of texts, one a line", found.columns
    if name == "folder":
        instead = _tables_instead([place])
        if instead is not None:
            raise DataError(instead)
        contents = IMAGES if is_image(first_file(place)) else TEXTS
        what, columns = f"a folder of {contents.many}", contents.columns
    shown = ", ".join(map(repr, schema.used[:_SHOWN]))
    more = f" and {len(schema.used) - _SHOWN} more" if len(schema.used) > _SHOWN else ""
    raise ColumnError(
        f"{place} is {what}, whose columns are {', '.join(columns)}, and the columns to be read are "
        f"{shown}{more}: give files that have them"
    )


def format_like(places: Sequence[str], known: str) -> str:
    """The name of the files' format where their names tell one, or else the `known`."""
    try:
        name = _name_of(places, None)
    except DataError:
        return known
    if known == "lines" and name == "csv" and not any(map(_is_table, places)):
        return known  # texts a line may be called .txt, as tables may
    if known == "folder" and all(map(is_folder, places)):
        return known  # of texts without classes
    return known if FORMATS[name].open is FORMATS[known].open else name


def _is_table(path: str) -> bool:
    return any(suffix in (".csv", ".tsv") for suffix in Path(path).suffixes)


def _name_of(places: Sequence[str], chosen: str | None) -> str:
    """The name of the files' format."""
    folders = [path for path in places if is_folder(path)]
    first = {first_file(path).lower() for path in folders} if chosen is None else set()
    for name, suffixes in _IN_FOLDERS.items():
        if first and all(file.endswith(suffixes) for file in first):
            return name
    if chosen is None and any(has_folders(path) or has_images(path) for path in places):
        return "folder"
    if chosen is None and any(map(is_named_by_class, places)):
        return "lines"
    if chosen is not None or is_folder(places[0]):
        return _named(chosen)
    name = format_of(places[0], None)
    for path in places[1:]:
        other = name if path in folders else format_of(path, None)
        if FORMATS[other].open is not FORMATS[name].open:
            raise OptionError(
                f"{places[0]} is {FORMATS[name].what} and {path} is {FORMATS[other].what}: files of one "
                "source have one format; convert them first, or open them apart"
            )
    return name


def _named(chosen: str | None) -> str:
    """`chosen`, if there is such a format; without, that of plain files, which refuse folders."""
    if chosen is None:
        return "csv"
    if chosen not in FORMATS:
        raise OptionError(f"format must be one of {', '.join(FORMATS)}, got {chosen!r}")
    return chosen
