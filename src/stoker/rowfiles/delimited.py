"""Rows as lines of CSV: a field is quoted where it holds a comma, a quote or a line end, and nowhere else.

Arrow's writer quotes every text or none, and the choice would have to be made before all texts are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stoker.rowfiles.texts import is_text, joined, plain_texts

__all__ = ["csv_header", "csv_lines"]


def csv_header(names: Sequence[str]) -> bytes:
    r"""The first line.

    Examples
    --------
    >>> csv_header(["a", "b,c"])
    b'a,"b,c"\n'
    """
    return csv_lines(pa.record_batch([pa.array([name]) for name in names], names=list(map(str, names))))


def csv_lines(batch: pa.RecordBatch) -> bytes:
    r"""The rows of a record batch as lines.

    Examples
    --------
    >>> csv_lines(pa.record_batch({"a": ["x", None], "b": [1, 2]}))
    b'x,1\n,2\n'
    """
    fields = [pc.fill_null(_field(column), "") for column in batch.columns]
    if len(fields) == 1:
        # An empty line would be taken for no row at all.
        fields = [pc.if_else(pc.equal(fields[0], ""), '""', fields[0])]
    parts: list[Any] = []
    for field in fields:
        parts += [field, ","]
    parts[-1] = "\n"
    return joined(*parts)


def _field(column: Any) -> Any:
    texts = plain_texts(column)
    if not is_text(column.type):
        return texts
    needed = pc.match_substring_regex(texts, '[,"\r\n]')
    if not pc.any(needed).as_py():
        return texts
    doubled = pc.replace_substring(texts, '"', '""')
    return pc.if_else(needed, pc.binary_join_element_wise('"', doubled, '"', ""), texts)
