"""JSON objects read line by line: slower than Arrow, and it says of each line what is wrong with it."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stoker.sources.inference import BLANKS, kind_of
from stoker.sources.issues import IssueKind
from stoker.types import LISTS, ColumnKind

__all__ = ["Fault", "JsonColumn", "read_lines"]

Fault = tuple[int, int, IssueKind, bytes]
"""Line, column (-1: the whole line), what is wrong, and the bytes that are."""
_LEAST, _BEYOND = -(1 << 63), 1 << 63
_NOT_FINITE = frozenset(["Infinity", "-Infinity"])


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonColumn:
    """What is wanted of each object.

    Attributes
    ----------
    path
        Its keys, from the outermost object inwards.
    kind
        As what it comes: a number, a text, whatever it is, or a list of numbers.
    takes_fractions
        Of a number, whether they may have any; else they must fit int64.
    must_be_there
        Whether an empty text is a blank.
    is_lenient
        Whether bytes that are not UTF-8 are no fault but become U+FFFD.
    """

    path: tuple[str, ...]
    kind: ColumnKind
    takes_fractions: bool = True
    must_be_there: bool = False
    is_lenient: bool = False

    @property
    def is_text(self) -> bool:
        """Whether it comes as text."""
        return self.kind == "text"


class _Number(str):
    """A number as it stands in the file."""

    __slots__ = ()


class _Repeating(dict[str, Any]):
    """An object in which keys stand twice; the last value of each is kept."""

    __slots__ = ("repeated",)

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        counts = Counter(key for key, _ in pairs)
        self.repeated = {key for key, count in counts.items() if count > 1}


class _WrongValueError(Exception):
    """A value that its column does not take."""

    def __init__(self, kind: IssueKind, shown: str, value: Any) -> None:
        super().__init__(shown)
        self.kind, self.shown, self.value = kind, shown, value


def read_lines(lines: Sequence[bytes], columns: Sequence[JsonColumn]) -> tuple[list[list[Any]], list[Fault]]:
    """Values of each column in each line, and what is wrong with them.

    Parameters
    ----------
    lines
        A JSON object each; one in which a key of a column's path stands twice is malformed.
    columns
        What is wanted of them.

    Returns
    -------
    values
        One list a column. Texts are str, empty where there is none. Numbers are int or float: NaN for a
        blank, 0 for what is no number. Lists are lists of them, empty where there is none.
    faults
        In the order of the lines.
    """
    values: list[list[Any]] = [[] for _ in columns]
    faults: list[Fault] = []
    for number, line in enumerate(lines):
        try:
            text, is_utf8 = line.decode(), True
        except UnicodeDecodeError:
            text, is_utf8 = line.decode("utf-8", "replace"), False
        record = _record_of(text)
        if record is not None and any(_is_repeated(column.path, record) for column in columns):
            record = None
        if record is None:
            faults.append((number, -1, IssueKind.MALFORMED, line.rstrip()))
        for place, column in enumerate(columns):
            try:
                value = _nothing(column) if record is None else _value(column, record, is_utf8)
            except _WrongValueError as wrong:
                faults.append((number, place, wrong.kind, wrong.shown.encode("utf-8", "replace")))
                value = wrong.value
            values[place].append(value)
    return values, faults


def _record_of(text: str) -> dict[str, Any] | None:
    try:
        record = json.loads(
            text, parse_int=_Number, parse_float=_Number, parse_constant=_Number, object_pairs_hook=_object
        )
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    return record if len(record) == len(pairs) else _Repeating(pairs)


def _is_repeated(path: tuple[str, ...], record: Any) -> bool:
    """Whether a key of the path stands twice in its object: Arrow refuses those, and no others."""
    for key in path:
        if isinstance(record, _Repeating) and key in record.repeated:
            return True
        record = record.get(key) if isinstance(record, dict) else None
    return False


def _nothing(column: JsonColumn) -> Any:
    return "" if column.is_text else [] if column.kind in LISTS else 0


def _value(column: JsonColumn, record: dict[str, Any], is_utf8: bool) -> Any:
    value: Any = record
    for key in column.path:
        value = value.get(key) if isinstance(value, dict) else None
    if column.kind in LISTS:
        return _list(column, value)
    return _text(column, value, is_utf8) if column.is_text else _number(column, value)


def _list(column: JsonColumn, value: Any) -> list[int | float]:
    """The numbers of a list; anything else within it makes the whole a wrong value."""
    if value is None:
        return []
    try:
        if not isinstance(value, list):
            raise _WrongValueError(IssueKind.BAD_LIST, "", 0)
        return [_member(column, number) for number in value]
    except _WrongValueError:
        raise _WrongValueError(IssueKind.BAD_LIST, json.dumps(_plain(value)), []) from None


def _member(column: JsonColumn, value: Any) -> int | float:
    number = _number(column, value)
    if column.kind == "floats":
        return float(number)
    whole = int(number)
    if whole != number or not _LEAST <= whole < _BEYOND:
        raise _WrongValueError(IssueKind.BAD_LIST, "", 0)
    return whole


def _text(column: JsonColumn, value: Any, is_utf8: bool) -> str:
    if isinstance(value, str):
        # Halves of surrogate pairs, which JSON can hold and UTF-8 cannot.
        text = str(value).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    elif value is None:
        text = ""
    else:
        text = json.dumps(_plain(value), ensure_ascii=False)
    if column.must_be_there and not text:
        raise _WrongValueError(IssueKind.BLANK, "", text)
    if not is_utf8 and not column.is_lenient and "\ufffd" in text:
        raise _WrongValueError(IssueKind.BAD_TEXT, "", "")
    return text


def _plain(value: Any) -> Any:
    """A value whose numbers are numbers."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return json.loads(value) if isinstance(value, _Number) else value


def _number(column: JsonColumn, value: Any) -> int | float:
    if value is None or (isinstance(value, str) and value in BLANKS):
        raise _WrongValueError(IssueKind.BLANK, "", math.nan)
    if isinstance(value, bool):
        return int(value)
    if not isinstance(value, str):
        raise _WrongValueError(IssueKind.NOT_A_NUMBER, json.dumps(_plain(value)), 0)
    shown = str(value) if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)
    if value in _NOT_FINITE:
        raise _WrongValueError(IssueKind.NOT_FINITE, shown, math.inf if value == "Infinity" else -math.inf)
    kind = "float" if isinstance(value, _Number) else kind_of([value])
    if kind == "text":
        raise _WrongValueError(IssueKind.NOT_A_NUMBER, shown, 0)
    return _parsed(column, value, shown)


def _parsed(column: JsonColumn, value: str, shown: str) -> int | float:
    try:
        whole = int(value)
    except ValueError:
        if not column.takes_fractions:
            raise _WrongValueError(IssueKind.NOT_A_NUMBER, shown, 0) from None
        number = float(value)
        if math.isinf(number):
            raise _WrongValueError(IssueKind.NOT_FINITE, shown, number) from None
        return number
    if _LEAST <= whole < _BEYOND:
        return whole
    if not column.takes_fractions:
        raise _WrongValueError(IssueKind.INEXACT, shown, 0)
    number = float(value)
    if math.isinf(number):
        raise _WrongValueError(IssueKind.NOT_FINITE, shown, number)
    return number
