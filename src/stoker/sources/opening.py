"""From paths to a source: which files, how they are written, which columns."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from stoker.errors import OptionError
from stoker.sources.base import Source
from stoker.sources.choice import Choice
from stoker.sources.columnar.table import ColumnarTable
from stoker.sources.conditions import Condition
from stoker.sources.csv_open import Written
from stoker.sources.database.address import is_database
from stoker.sources.database.opening import open_query
from stoker.sources.formats import open_table
from stoker.sources.objects.opening import open_object
from stoker.sources.request import Request
from stoker.sources.schema import require_name
from stoker.sources.table import Table
from stoker.types import ColumnKind
from stoker.waits import watched

__all__ = ["are_paths", "open"]


@watched()
def open(
    paths: Any,
    *,
    label: str | Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    text: str | Sequence[str] | None = None,
    drop: Sequence[str] = (),
    types: Mapping[str, ColumnKind] | None = None,
    sample_weight: str | None = None,
    header: bool | None = None,
    delimiter: str | None = None,
    quote: str | None = None,
    format: str | None = None,
    query: str | None = None,
    where: str | None = None,
) -> Source:
    r"""Open CSV, TSV or JSONL files, or texts; nothing is read yet but a sample.

    Parameters
    ----------
    paths
        A file, an address (``s3://…``, ``https://…``), a pattern, or several of them. Rows are
        numbered in this order; the matches of a pattern are sorted bytewise.
        Or rows that another library holds: a pandas or Polars frame, an Arrow table, anything that hands out
        an Arrow stream, a NumPy array, a mapping of columns, a data set of Hugging Face or PyTorch.
    label
        The column to learn, or several. Columns without names are called ``#0``, ``#1``, …. Of an ``.npy`` or
        IDX file also the file, or a pattern of files, that holds the labels.
    columns
        The features; by default every column but the label.
    text
        The features, one name or several, as text whatever they look like: numbers and blanks are texts too,
        and bytes that are not UTF-8 become U+FFFD. Several come in file order.
    drop
        Columns that are no features.
    types
        ``"int"``, ``"float"``, ``"text"``, ``"bytes"``, or lists of numbers, ``"ints"`` or ``"floats"``, for
        columns whose sample misleads. Numbers with leading zeros are text unless their type is given.
    sample_weight
        The column that says what each row weighs, a number of zero or more: it is no feature, and multiplies
        the row's part of the loss.
    header
        Whether the first line holds names; found out by default.
    delimiter, quote
        One character each, or ``"tab"`` and the like; found out by default. ``quote=""`` means no quoting.
    format
        ``"csv"`` or ``"tsv"`` where the suffix does not say it; ``"zhang"`` for the files of Zhang et al. (AG
        News, DBPedia, Yelp, Amazon): no header, the class in ``#0``, which is the label unless another is
        named, and every other column text; ``classes.txt`` beside the file names the classes; ``"folder"``
        for a folder that holds a folder of texts for each class (columns ``text``, ``label`` and ``file``),
        as which a folder with folders is taken by itself; ``"lines"`` for a file of texts, one a line, for
        each class, which the suffix names (``.pos``, ``.neg``), or the stem of a ``.txt`` file; ``"jsonl"``
        for a JSON object a line (``.jsonl``, ``.ndjson``, ``.json``), whose columns are its keys, dotted for
        objects within objects: ``user.name``; ``"npy"``, ``"npz"``, ``"idx"`` or ``"hdf5"`` for arrays, a row
        along the first axis.
    query
        Of a database (``postgresql://…``, ``sqlite://FILE``, ``duckdb://FILE``): what selects the rows.
    where
        Only the rows that satisfy a condition such as ``"age > 30 and city == 'Rome'"``, as `Source.where`
        takes it. Columns that it names need not be features. Of formats in columns (Parquet, Arrow, arrays,
        frames, queries) the others are no rows of the source at all: they have no number, their labels are no
        classes, what is bad in them is not told, and row groups of Parquet that statistics or the names of
        folders exclude are not read. It is not asked of other files that are opened like these.

    Returns
    -------
    Source

    Raises
    ------
    DataError
        A file is missing, empty, an archive, damaged where it is compressed, no UTF-8 text, or holds a header
        only; a directory is none of texts.
    ColumnError
        A column is absent, or the files have different columns.
    OptionError
        An argument cannot be, contradicts another, or would have no effect.

    Examples
    --------
    >>> import gzip, pathlib, stoker, tempfile
    >>> temporary = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(temporary.name, "reviews.csv.gz")
    >>> _ = path.write_bytes(gzip.compress(b"label,stars,text\npos,5,fine\nneg,1,007\n"))
    >>> rows = stoker.open(path, label="label", text="text")
    >>> rows.features, rows.label, rows.is_text
    (('text',), 'label', True)
    >>> temporary.cleanup()
    """
    labels: Any = label if isinstance(label, list | tuple) else [] if label is None else [label]
    said = None if text is None else _names("text", (text,) if isinstance(text, str) else text)
    choice = Choice(
        labels=_names("label", labels),
        weight=None if sample_weight is None else require_name("sample_weight", sample_weight),
        columns=None if columns is None else _names("columns", columns),
        drop=_names("drop", drop),
        types={require_name("types", name): kind for name, kind in (types or {}).items()},
    )
    choice = _as_texts(choice, said)
    for name in choice.names:
        _refuse_negative(name)
    options = {"columns": columns, "drop": drop or None, "types": types or None, "header": header}
    options |= {"delimiter": delimiter, "quote": quote}
    request = Request(
        choice=choice,
        text=said,
        written=Written(format=format, header=header, delimiter=delimiter, quote=quote),
        given=tuple(name for name, value in options.items() if value is not None),
    )
    alone = paths[0] if isinstance(paths, list | tuple) and len(paths) == 1 else paths
    if is_database(alone):
        return _chosen(open_query(alone, query, request), where)
    if query is not None:
        raise OptionError(
            "query has no effect without a database: give its address, postgresql://…, sqlite://… or duckdb://…"
        )
    if not are_paths(paths):
        return _chosen(open_object(paths, request), where)
    return _chosen(open_table(paths, request), where)


def _chosen(table: Table, where: str | None) -> Source:
    """The rows of a table that satisfy a condition, if there is one."""
    if where is None:
        return Source(table=table)
    if isinstance(table, ColumnarTable):
        return Source(table=table.where(Condition(where)))
    return Source(table=table).where(where)


def are_paths(rows: Any) -> bool:
    """Whether these are names of files, or addresses, and not rows in memory.

    Examples
    --------
    >>> are_paths(["a.csv", "b.csv"]), are_paths([{"x": 1}])
    (True, False)
    """
    if isinstance(rows, list | tuple):
        return all(isinstance(row, str | os.PathLike) for row in rows)
    return isinstance(rows, str | os.PathLike)


def _as_texts(choice: Choice, texts: tuple[str, ...] | None) -> Choice:
    """The choice with `texts` as its features."""
    if texts is None:
        return choice
    if not texts:
        raise OptionError("text: name at least one column")
    if choice.columns is not None or choice.drop:
        other = "drop" if choice.columns is None else "columns"
        raise OptionError(f"text names the features, so {other} has no effect beside it; leave it out")
    for name in choice.answers:
        if name in texts:
            raise OptionError(f"text: {name!r} is the label or the weight; name other columns")
    for name in texts:
        if choice.types.get(name, "text") != "text":
            raise OptionError(f"types: {name!r} is text (text=), not {choice.types[name]!r}; leave one out")
    return replace(choice, columns=texts, types={**choice.types, **dict.fromkeys(texts, "text")})


def _names(what: str, names: Sequence[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise OptionError(f"{what} takes a list of names, got the string {names!r}; write [{names!r}]")
    return tuple(require_name(what, name) for name in names)


def _refuse_negative(name: str) -> None:
    if name.startswith("#-") and name[2:].isdigit():
        raise OptionError(f"column {name!r}: columns without names are counted from the left, from #0 on")
