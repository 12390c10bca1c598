"""Texts to streams of word numbers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from stoker.kernels.separated import COUNT_TEXTS, DONE, FULL, KEEP_KNOWN, LOOK_UP, PLACE, TEXT, number_words
from stoker.transforms.cutting import Cutter
from stoker.transforms.wordlists import Dictionary, Int32Array
from stoker.types import IntArray

__all__ = ["learn_stream", "stream_of", "text_counts"]

_LOW = 0xFFFFFFFF


def stream_of(
    texts: pa.LargeStringArray, cutter: Cutter, words: Dictionary, *, known_only: bool = False
) -> tuple[Int32Array, IntArray]:
    """Numbers of all words of the texts, and where those of each text end; any thread may call.

    Returns
    -------
    int32 of shape (words,), -1 for those not held, which `known_only` leaves out; int64 of shape (n,).

    Examples
    --------
    >>> from stoker.transforms.cutting import word_cutter
    >>> words = Dictionary.of(pa.array(["to", "be"], pa.large_string()))
    >>> texts = pa.array(["To be or not to be", "be"], pa.large_string())
    >>> stream_of(texts, word_cutter(lowercase=True, strip_accents=True), words)
    (array([ 0,  1, -1, -1,  0,  1,  1], dtype=int32), array([6, 7]))
    """
    what = KEEP_KNOWN if known_only else LOOK_UP
    return _numbered(texts, cutter, words, words.state.copy(), what, 0, None)


def learn_stream(
    texts: pa.LargeStringArray,
    cutter: Cutter,
    words: Dictionary,
    *,
    first_row: int,
    room: Int32Array | None = None,
) -> tuple[Int32Array, IntArray]:
    """As `stream_of`, but new words get the next numbers; for one thread at a time.

    How many texts hold each word is counted too, see `text_counts`. `first_row` is the row of the first text;
    rows ascend from call to call and are below 2**32 - 1. The stream is written to `room` where that has got
    the room, else to an array that is larger.
    """
    return _numbered(texts, cutter, words, words.state, COUNT_TEXTS, first_row, room)


def text_counts(words: Dictionary) -> IntArray:
    """How many texts hold each word that `learn_stream` numbered, int64 of shape (len(words),)."""
    return words.counts[: len(words)] & _LOW


def _numbered(
    texts: pa.LargeStringArray,
    cutter: Cutter,
    words: Dictionary,
    state: IntArray,
    what: int,
    first_row: int,
    room: Int32Array | None,
) -> tuple[Int32Array, IntArray]:
    prepared = cutter.prepare(texts)
    likely = prepared.likely_words
    stream = room if room is not None and room.size >= likely else np.empty(likely, np.int32)
    ends = np.empty(len(texts), np.int64)
    state[TEXT:] = 0
    while True:
        status = number_words(
            prepared.data, prepared.offsets, first_row, *prepared.characters, prepared.least, *prepared.rooms,
            words.slots, words.counts, words.entries, words.letters, state, what,
            stream, ends,
        )  # fmt: skip
        if status == DONE:
            return stream[: int(state[PLACE])], ends
        if status == FULL:
            words.grow()
        elif status < 0:
            prepared = cutter.prepare_for(-1 - status, prepared)
        else:
            stream = np.concatenate([stream, np.empty(stream.size, np.int32)])
