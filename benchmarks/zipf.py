"""Texts without end: a Zipfian vocabulary that grows with the text, and words that follow one another."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["zipfian_texts"]

_CHUNK = 2_000
_LETTERS = np.frombuffer(b"etaoinshrdlucmfwygpbvk", np.uint8)


def _spelled(numbers: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Letters of words by number, eight places each, blanks behind: frequent words are short; and lengths."""
    letters = np.full((numbers.size, 9), ord(" "), np.uint8)
    rest, lengths = numbers + 22, np.zeros(numbers.size, np.int64)
    for place in range(8):
        more = rest > 0
        letters[more, place] = _LETTERS[rest[more] % 22]
        lengths += more
        rest //= 22
    return letters, lengths


def zipfian_texts(
    num_texts: int, *, seed: int = 0, words: int = 230
) -> Iterator[tuple[pa.LargeStringArray, npt.NDArray[np.int64]]]:
    """Chunks of texts and their labels (0 or 1), all distinct; the same for the same arguments.

    Word ranks are drawn with exponent 1.2 and no upper end, so that new words never cease; in half of the
    places a word is one of four that often follow the word before it, so that n-grams recur.
    """
    for first in range(0, num_texts, _CHUNK):
        draw = np.random.default_rng((seed, first))
        count = min(_CHUNK, num_texts - first)
        labels = draw.integers(0, 2, count)
        lengths = draw.integers(words // 2, words * 3 // 2, count)
        total = int(lengths.sum())
        ranks = np.minimum(draw.zipf(1.2, total), 1 << 34)
        follows = draw.random(total) < 0.5
        follows[0] = False
        which = draw.integers(1, 5, total)
        ranks[follows] = (ranks[np.flatnonzero(follows) - 1] * 2654435761 % 100_003 >> which[follows] * 3) + 1
        biased = draw.random(total) < 0.02
        ranks[biased] = 500 + 2 * draw.integers(0, 400, total)[biased] + np.repeat(labels, lengths)[biased]
        letters, sizes = _spelled(ranks)
        keep = np.arange(9) <= sizes[:, None]
        ends = np.concatenate([[0], np.cumsum(np.add.reduceat(sizes + 1, np.cumsum(lengths) - lengths))])
        texts = pa.LargeStringArray.from_buffers(count, pa.py_buffer(ends), pa.py_buffer(letters[keep]))
        yield texts, labels
