"""What a vectoriser of n-grams gives once it has learned: rows, names, weights and scores."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse

from stoker.prefetch import available_cores, prefetch
from stoker.stored import require
from stoker.transforms.chunks import TextChunk, text_chunks
from stoker.transforms.cutting import Cutter, word_cutter
from stoker.transforms.features import Features, Pieces, joined_rows
from stoker.transforms.selecting import Choice
from stoker.transforms.terms import most_words
from stoker.transforms.texts import TextTransform, stored_columns
from stoker.types import IntArray, Rows

__all__ = ["NgramRows"]


class NgramRows(TextTransform):
    """The use of what `stoker.NgramVectorizer` learned; its attributes are told there."""

    output = "sparse"
    choice: Choice
    lowercase: bool
    strip_accents: str | None
    _features: Features | None

    @abstractmethod
    def _learned(self) -> Features:
        """What was learned; an OptionError where nothing was."""

    @property
    def _cutter(self) -> Cutter:
        """Where words end."""
        return word_cutter(lowercase=self.lowercase, strip_accents=self.strip_accents is not None)

    @property
    def num_outputs(self) -> int:
        """Columns."""
        return self._learned().selected.size

    @property
    def num_bytes(self) -> int:
        """Memory that the vocabulary and its tables take."""
        return self._learned().num_bytes if self.is_fitted else 0

    def most_entries(self, num_bytes: int) -> int:
        """Entries that a row has at most whose text has so many bytes."""
        words = most_words(num_bytes, self._cutter.characters.growth)
        return min(self.num_outputs, words * (self.choice.longest - self.choice.shortest + 1))

    def apply(self, rows: Rows, take: IntArray) -> scipy.sparse.csr_matrix:
        """Rows of tf-idf for the row numbers `take`: CSR, float32, shape (len(take), features).

        Raises
        ------
        OptionError
            If nothing was learned yet.
        ColumnError
            If the rows have no such column of texts.
        """
        features = self._learned()
        return joined_rows([features.rows(self.texts_of(rows, take), self._cutter)], self.num_outputs)

    def transform(self, texts: Any, *, workers: int | None = None) -> scipy.sparse.csr_matrix:
        """Rows of tf-idf for texts in the forms that `as_texts` takes: CSR, float32, sorted.

        Words that were not learned are passed over; a text without any term is a row of zeros.
        """
        features, cutter = self._learned(), self._cutter
        workers = available_cores() if workers is None else workers

        def rows(chunk: TextChunk) -> Pieces:
            return features.rows(chunk.texts, cutter)

        with prefetch(
            rows, text_chunks(texts), workers=workers, in_flight=workers + 1, name="n-grams"
        ) as pieces:
            return joined_rows(list(pieces), self.num_outputs)

    def get_feature_names_out(self) -> npt.NDArray[Any]:
        """The features in the order of the columns, object of shape (features,)."""
        features = self._learned()
        return np.array(features.names(features.selected).to_pylist(), dtype=object)

    @property
    def vocabulary_(self) -> dict[str, int]:
        """Every term's place in `idf_` and `scores_`; made anew at each call."""
        return {term: place for place, term in enumerate(self._learned().names().to_pylist())}

    @property
    def idf_(self) -> npt.NDArray[np.float64]:
        """Inverse document frequencies, float64 of shape (terms,)."""
        return self._learned().idf

    @property
    def scores_(self) -> npt.NDArray[np.float64] | None:
        """Scores, float64 of shape (terms,); None where no columns were chosen by score."""
        return self._learned().scores

    @property
    def selected_(self) -> IntArray:
        """Ascending places of the terms that are features, int64."""
        return self._learned().selected

    def state(self) -> dict[str, Any]:
        """Options and what was learned, as plain data."""
        features = None if not self.is_fitted else self._learned().state()
        return {
            "name": self.name,
            "options": self.options(),
            "columns": list(self.columns_),
            "features": features,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """An equal vectoriser; it cannot learn more, because the texts are not part of the state."""
        options = dict(state["options"])
        made = cls(**{**options, "ngram_range": tuple(options["ngram_range"])})
        made.columns_ = stored_columns(state)
        if state["features"] is not None:
            made._features = Features.from_state(state["features"])
            require(made._features.longest <= made.choice.longest, "n-grams longer than was asked for")
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        # Texts that were read lie in this process's memory and files: only what was learned goes along.
        return type(self).from_state, (self.state(),)
