"""Texts in whatever form a user has them, as passes of chunks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from stoker.transforms.texts import Passes, TextChunk, TextTransform, text_chunks
from stoker.types import Rows

__all__ = ["Given", "given_texts"]


class Given(NamedTuple):
    """A first pass over texts; all passes, None where the first uses them up; and their columns."""

    first: Iterator[TextChunk]
    passes: Passes | None
    columns: tuple[str, ...]


def given_texts(transform: TextTransform, texts: Any) -> Given:
    """Passes over `Rows`, a source of texts, or texts in the forms that `as_texts` takes.

    Raises
    ------
    ColumnError
        If the rows lack the transform's columns, or it is not clear which are meant.
    OptionError
        If these are no texts.
    """
    columns: tuple[str, ...] = ()
    if isinstance(texts, Rows):
        columns = transform.columns_of(texts)
        held = transform.texts_of(texts)

        def passes() -> Iterator[TextChunk]:
            return text_chunks(held)
    elif hasattr(texts, "text_batches"):
        columns = transform.columns or tuple(texts.text_features)

        def passes() -> Iterator[TextChunk]:
            return (TextChunk(texts=batch.texts) for batch in texts.text_batches(columns))
    else:

        def passes() -> Iterator[TextChunk]:
            return text_chunks(texts)

    return Given(passes(), None if isinstance(texts, Iterator) else passes, columns)
