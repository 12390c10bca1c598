"""What a vectoriser of n-grams gives once it has learned: rows, names, weights and scores."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from stoker.prefetch import available_cores, prefetch
from stoker.transforms.cutting import Cutter
from stoker.transforms.features import Features, Pieces, joined_rows
from stoker.transforms.selecting import Choice
from stoker.transforms.texts import TextChunk, TextTransform, text_chunks
from stoker.types import IntArray, Rows

__all__ = ["NgramRows"]


class NgramRows(TextTransform):
    """The use of what `stoker.NgramVectorizer` learned; its attributes are told there."""

    output = "sparse"
    choice: Choice

    @abstractmethod
    def _learned(self) -> Features:
        """What was learned; an OptionError where nothing was."""

    @property
    @abstractmethod
    def _cutter(self) -> Cutter:
        """Where words end."""

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
        words = max(1, num_bytes // 2)
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
        """Rows of tf-idf for texts in the forms that `fit` takes: CSR, float32, sorted.

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
