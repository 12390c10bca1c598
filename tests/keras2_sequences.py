"""Keras 2's Tokenizer and ``pad_sequences`` in plain Python: what sequences must equal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'


def words_of(text: str, *, filters: str = FILTERS, lower: bool = True, split: str = " ") -> list[str]:
    text = text.lower() if lower else text
    text = text.translate(str.maketrans(dict.fromkeys(filters, split)))
    return [word for word in text.split(split) if word]


class Tokenizer:
    def __init__(self, num_words=None, *, oov_token=None, **cutting) -> None:
        self.num_words, self.oov_token, self.cutting = num_words, oov_token, cutting
        self.word_counts: dict[str, int] = {}

    def fit_on_texts(self, texts: Iterable[str]) -> None:
        for text in texts:
            for word in words_of(text, **self.cutting):
                self.word_counts[word] = self.word_counts.get(word, 0) + 1
        words = sorted(self.word_counts, key=lambda word: self.word_counts[word], reverse=True)
        if self.oov_token is not None:
            words.insert(0, self.oov_token)
        self.word_index = {word: index for index, word in enumerate(words, 1)}

    def texts_to_sequences(self, texts: Iterable[str]) -> list[list[int]]:
        unknown = None if self.oov_token is None else self.word_index[self.oov_token]
        sequences = []
        for text in texts:
            sequence = []
            for word in words_of(text, **self.cutting):
                index = self.word_index.get(word)
                if index is None or (self.num_words and index >= self.num_words):
                    index = unknown
                if index is not None:
                    sequence.append(index)
            sequences.append(sequence)
        return sequences


def pad_sequences(
    sequences: Sequence[list[int]], maxlen: int, *, padding: str = "pre", truncating: str = "pre"
) -> np.ndarray:
    out = np.zeros((len(sequences), maxlen), np.int32)
    for row, sequence in zip(out, sequences, strict=True):
        kept = sequence[-maxlen:] if truncating == "pre" else sequence[:maxlen]
        if kept and padding == "pre":
            row[-len(kept) :] = kept
        elif kept:
            row[: len(kept)] = kept
    return out


def sequences_of(
    fitted_on: Sequence[str],
    texts: Sequence[str],
    *,
    max_tokens: int | None = 20_000,
    max_length: int | None = 500,
    padding: str = "pre",
    truncating: str = "pre",
    oov_token: str | None = None,
    **cutting,
) -> tuple[Tokenizer, np.ndarray]:
    """The guide's sequence step: fitted on some texts, applied to others."""
    tokenizer = Tokenizer(max_tokens, oov_token=oov_token, **cutting)
    tokenizer.fit_on_texts(fitted_on)
    longest = max(map(len, tokenizer.texts_to_sequences(fitted_on)))
    length = max(1, min(longest, max_length or longest))
    rows = pad_sequences(tokenizer.texts_to_sequences(texts), length, padding=padding, truncating=truncating)
    return tokenizer, rows
