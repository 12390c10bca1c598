"""Texts in whatever form a user has them, as passes of chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from stoker.errors import DataError
from stoker.transforms.chunks import Passes, TextChunk, text_chunks
from stoker.transforms.texts import TextTransform
from stoker.types import IntArray, Rows

__all__ = ["Given", "given_texts"]


class Given(NamedTuple):
    """A first pass over texts; all passes, None where the first uses them up; and their columns."""

    first: Iterator[TextChunk]
    passes: Passes | None
    columns: tuple[str, ...]


def given_texts(
    transform: TextTransform,
    texts: Any,
    labels: Any = None,
    encode: Callable[[Any], IntArray] | None = None,
) -> Given:
    """Passes over `Rows`, a source of texts, or texts in the forms that `as_texts` takes.

    Parameters
    ----------
    transform
        Says which columns are meant.
    texts
        What the user has.
    labels
        Of texts that are no source's.
    encode
        Makes class numbers of labels, int64 of shape (n,); None where nobody asks for them.

    Raises
    ------
    ColumnError
        If the rows lack the transform's columns, or it is not clear which are meant.
    DataError
        If there are labels beside a source, which has its own.
    OptionError
        If these are no texts.
    """
    columns: tuple[str, ...] = ()
    known = None if labels is None or encode is None else encode(labels)
    if isinstance(texts, Rows):
        columns, held = transform.columns_of(texts), transform.texts_of(texts)

        def passes() -> Iterator[TextChunk]:
            return text_chunks(held, known)
    elif hasattr(texts, "text_batches"):
        columns = transform.columns or tuple(texts.text_features)
        if known is not None:
            raise DataError("a source knows its label: leave labels out, or give texts instead of the source")

        def passes() -> Iterator[TextChunk]:
            for batch in texts.text_batches(columns):
                codes = None if encode is None or batch.labels is None else encode(batch.labels)
                yield TextChunk(texts=batch.texts, labels=codes)
    else:

        def passes() -> Iterator[TextChunk]:
            return text_chunks(texts, known)

    return Given(passes(), None if isinstance(texts, Iterator) else passes, columns)
