"""Small transforms of text, whose results a test can tell by itself."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar, Literal, Self

import numpy as np
import scipy.sparse

from stoker.transforms.chunks import as_texts
from stoker.transforms.texts import TextTransform


class Words(TextTransform):
    """Rows of counts of the words that texts are made of; the words sorted."""

    name = "words of a test"
    output: ClassVar[Literal["sparse", "tokens"]] = "sparse"

    def __init__(self, *, columns=None) -> None:
        super().__init__(columns=columns)
        self.words_: dict[str, int] = {}
        self.seen: list[dict[str, Any]] = []

    @property
    def is_fitted(self) -> bool:
        return bool(self.words_)

    @property
    def num_outputs(self) -> int:
        return len(self.words_)

    def most_entries(self, num_bytes: int) -> int:
        return min(len(self.words_), (num_bytes + 1) // 2)

    def reset(self) -> None:
        self.words_ = {}

    def partial_fit(self, rows) -> Self:
        raise NotImplementedError

    def merge(self, other) -> Self:
        raise NotImplementedError

    def fit_passes(self, passes, *, columns=(), progress=None, num_rows=0, **resources) -> Self:
        self.columns_ = columns
        self.seen.append(resources)
        counts, labels, done = Counter(), [], 0
        for chunk in passes():
            for text in chunk.texts.to_pylist():
                counts.update(text.split())
            labels.extend([] if chunk.labels is None else chunk.labels.tolist())
            done += len(chunk.texts)
            if progress is not None:
                progress(done, num_rows)
        self.words_ = {word: place for place, word in enumerate(sorted(counts))}
        self.counts_, self.labels_ = counts, labels
        return self

    def transform(self, texts) -> Any:
        places, ends = [], [0]
        for text in as_texts(texts).to_pylist():
            places += [self.words_[word] for word in text.split() if word in self.words_]
            ends.append(len(places))
        counts = scipy.sparse.csr_matrix(
            (np.ones(len(places), np.float32), np.array(places, np.int32), np.array(ends)),
            shape=(len(ends) - 1, len(self.words_)),
        )
        counts.sum_duplicates()
        return counts

    def apply(self, rows, take) -> Any:
        return self.transform(self.texts_of(rows, take))

    def options(self) -> dict[str, Any]:
        return {"columns": self.columns}

    def state(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "options": self.options(),
            "columns": list(self.columns_),
            "words": list(self.words_),
        }

    @classmethod
    def from_state(cls, state) -> Self:
        made = cls(**state["options"])
        made.columns_ = tuple(state["columns"])
        made.words_ = {word: place for place, word in enumerate(state["words"])}
        return made


class Numbers(Words):
    """The words' numbers from 1 on, in their order, in rows of one length."""

    name = "numbers of a test"
    output = "tokens"
    LENGTH = 6

    @property
    def num_outputs(self) -> int:
        return self.LENGTH

    @property
    def num_tokens(self) -> int:
        return len(self.words_) + 1

    def transform(self, texts) -> Any:
        out = np.zeros((len(texts), self.LENGTH), np.int32)
        for row, text in enumerate(as_texts(texts).to_pylist()):
            known = [self.words_[word] + 1 for word in text.split() if word in self.words_][: self.LENGTH]
            out[row, : len(known)] = known
        return out
