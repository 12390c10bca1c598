"""The beginning of a file of JSON objects, one a line: its columns, and what a sample of them holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from stoker.errors import ColumnError, DataError
from stoker.sources.dialect import BOM, Dialect
from stoker.sources.files import identify
from stoker.sources.inference import BLANKS, kind_of
from stoker.sources.packing import packing_of, read_head
from stoker.sources.schema import FileLayout
from stoker.types import ColumnKind

__all__ = ["JsonLayout", "JsonSample", "flattened", "read_json_layout"]

_SAMPLE_BYTES = 1 << 20
_LARGEST_SAMPLE = 64 << 20
_LINES = Dialect(delimiter=",", quote="")
"""Lines as records: a JSON text holds no line end but between its values."""
_MOST_DEPTH = 32
_STORED = {bool: "bool", int: "int", float: "float", str: "text"}

Path = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class JsonLayout(FileLayout):
    """How one file of JSON objects is written.

    Attributes
    ----------
    paths
        Keys from the outermost object inwards, one a column of `names`.
    stored
        What the sample's values are in JSON, one a column: ``"bool"``, ``"int"``, ``"float"``, ``"text"``,
        ``"mixed"``, lists of numbers ``"ints"`` or ``"floats"``, or ``"list"`` of anything else; ``""`` where
        all are null. It tells which way of parsing is tried first.
    """

    paths: tuple[Path, ...]
    stored: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonSample:
    """Some objects of a file, from which kinds are inferred.

    Attributes
    ----------
    layout
        The file.
    texts
        Of columns whose values are texts and others, the values as they stand; by place.
    """

    layout: JsonLayout
    texts: dict[int, list[str]] = field(default_factory=dict)

    def kind_of(self, place: int, *, strict: bool) -> ColumnKind:
        """Kind of a column: what JSON says, and where it says several things, what would be text in CSV.

        Raises
        ------
        ColumnError
            The column holds lists, and not of numbers.
        """
        stored = self.layout.stored[place]
        if stored == "list":
            name = self.layout.names[place]
            raise ColumnError(
                f"{self.layout.path}: column {name!r} holds lists that are not of numbers alone, of which no "
                f"feature is made; leave it out (drop=[{name!r}])"
            )
        if stored == "mixed":
            return kind_of(self.texts[place], strict=strict)
        return {"": "float", "bool": "int"}.get(stored, stored)  # type: ignore[return-value]


def read_json_layout(path: str) -> tuple[JsonLayout, JsonSample]:
    """Find out which columns a file has.

    Raises
    ------
    DataError
        The file is empty, or its first records are no JSON objects.
    ColumnError
        Two columns have one name.
    """
    values = _values_of(path)
    names = [".".join(keys) for keys in values]
    stored, texts = [], {}
    for place, found in enumerate(values.values()):
        kinds = {_stored(value) for value in found if value is not None}
        stored.append(_common(kinds))
        if stored[-1] == "mixed":
            texts[place] = [_as_text(value) for value in found]
    head, _ = read_head(path, len(BOM))
    layout = JsonLayout(
        path=path,
        dialect=_LINES,
        has_header=True,
        names=tuple(names),
        data_offset=len(BOM) if head.startswith(BOM) else 0,
        size=identify(path).size,
        packing=packing_of(path),
        paths=tuple(values),
        stored=tuple(stored),
    )
    return layout, JsonSample(layout=layout, texts=texts)


def flattened(record: dict[str, Any], outer: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Values of an object and of those within it, by their keys from the outermost inwards."""
    for key, value in record.items():
        if isinstance(value, dict) and len(outer) < _MOST_DEPTH:
            yield from flattened(value, (*outer, key))
        else:
            yield (*outer, key), value


def _stored(value: Any) -> str:
    """What a value is in JSON; of a list what its numbers are, ``"list"`` for one of anything else."""
    if not isinstance(value, list):
        return _STORED.get(type(value), "list")
    inside = {type(number) for number in value if number is not None}
    if inside <= {bool, int, float}:
        return "floats" if float in inside else "ints" if inside else "empty"
    return "list"


def _common(kinds: set[str]) -> str:
    lists = kinds & {"list", "ints", "floats", "empty"}
    if lists:
        is_whole = "floats" not in lists and "ints" in lists
        return "list" if "list" in lists or lists != kinds else "ints" if is_whole else "floats"
    if kinds == {"int", "float"}:
        return "float"
    return kinds.pop() if len(kinds) == 1 else "mixed" if kinds else ""


def _as_text(value: Any) -> str:
    if value is None:
        return next(iter(BLANKS & {""}))
    return value if isinstance(value, str) else json.dumps(value)


def _values_of(path: str) -> dict[Path, list[Any]]:
    """Values of the sample by column, in the order in which columns first appear; objects hold no value."""
    values: dict[Path, list[Any]] = {}
    for record in _records(path):
        for keys, value in flattened(record):
            values.setdefault(keys, []).append(value)
    inner = {keys[:depth] for keys in values for depth in range(1, len(keys))}
    empty = [keys for keys in inner & values.keys() if all(value is None for value in values[keys])]
    for keys in empty:
        del values[keys]  # an object that is null in some records
    if not values:
        raise DataError(f"{path}: its objects have no keys; give a file whose objects hold values")
    return values


def _records(path: str) -> Sequence[dict[str, Any]]:
    """The objects of the sample."""
    size = _SAMPLE_BYTES
    while True:
        head, is_whole = read_head(path, size)
        body = head.removeprefix(BOM)
        if not body.strip():
            raise DataError(
                f"{path} is empty ({identify(path).size} bytes); give a file with a JSON object a line"
            )
        lines = body.splitlines()
        lines = lines if is_whole else lines[:-1]
        records = [_object(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]
        found = [record for record in records if record is not None]
        if found:
            return found
        if is_whole or size >= _LARGEST_SAMPLE:
            raise DataError(
                f"{path}: no line of the first {len(head):,} bytes is a JSON object; check the file"
            )
        size *= 8


def _object(path: str, number: int, line: bytes) -> dict[str, Any] | None:
    """The object of a line; None where there is none, but for the first line, which must be one."""
    try:
        record = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        record = None
    if isinstance(record, dict):
        return record
    if number == 1:
        raise DataError(f"{path}, line 1: {_why_no_object(line)}")
    return None


def _why_no_object(line: bytes) -> str:
    shown = line[:60].decode("utf-8", "replace") + ("…" if len(line) > 60 else "")
    start = line.lstrip()[:1]
    if start == b"[":
        return "a list, and an object a line is read; convert it: jq -c '.[]' IN > OUT.jsonl"
    if start == b"{":
        return f"no JSON object ends in it ({shown!r}); an object a line is read: jq -c . IN > OUT.jsonl"
    return f"{shown!r} is no JSON object; an object a line is read"
