"""Rows as lines of JSON, an object each."""

from __future__ import annotations

from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from stoker.rowfiles.texts import is_text, joined, plain_texts

__all__ = ["json_lines"]

_ESCAPED = r'["\\\x00-\x1f]'
_CONTROLS = r"[\x00-\x1f]"
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def json_lines(batch: pa.RecordBatch) -> bytes:
    r"""The rows of a record batch as JSON Lines; nulls, and numbers that JSON does not know, are null.

    Examples
    --------
    >>> json_lines(pa.record_batch({"a": ['say "x"', None], "b": [1.0, 2.5]}))
    b'{"a":"say \\"x\\"","b":1.0}\n{"a":null,"b":2.5}\n'
    """
    if not all(_is_simple(kind) for kind in batch.schema.types):
        return bytes(msgspec.json.Encoder().encode_lines(batch.to_pylist()))
    parts: list[Any] = []
    for place, (name, column) in enumerate(zip(batch.schema.names, batch.columns, strict=True)):
        key = msgspec.json.encode(name).decode()
        parts += [f"{',' if place else '{'}{key}:", pc.fill_null(_value(column), "null")]
    return joined(*parts, "}\n")


def _is_simple(kind: Any) -> bool:
    known = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_null, is_text)
    return any(test(kind) for test in known)


def _value(column: Any) -> Any:
    if is_text(column.type):
        return pc.binary_join_element_wise('"', _escaped(column.cast(pa.string())), '"', "")
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))
    return plain_texts(column)


def _escaped(texts: Any) -> Any:
    """The inside of JSON strings."""
    if not pc.any(pc.match_substring_regex(texts, _ESCAPED)).as_py():
        return texts
    for plain, escape in _ESCAPES.items():
        texts = pc.replace_substring(texts, plain, escape)
    if not pc.any(pc.match_substring_regex(texts, _CONTROLS)).as_py():
        return texts
    return pa.array([None if text is None else _without_controls(text) for text in texts.to_pylist()])


def _without_controls(text: str) -> str:
    return "".join(f"\\u{ord(each):04x}" if each < " " else each for each in text)
