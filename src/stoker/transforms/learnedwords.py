"""What a fitted SequenceVectorizer tells and gives."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Literal

from stoker.prefetch import available_cores
from stoker.transforms.sequenceoptions import SequenceOptions
from stoker.transforms.texts import TextTransform
from stoker.transforms.vocabulary import Vocabulary
from stoker.transforms.wordlists import Int32Array
from stoker.types import IntArray, Rows

__all__ = ["LearnedWords"]


class LearnedWords(TextTransform):
    """Words with indices; a subclass learns them."""

    output: ClassVar[Literal["sparse", "tokens"]] = "tokens"
    _options: SequenceOptions
    _learned: Vocabulary | None

    @abstractmethod
    def _settled(self) -> Vocabulary:
        """What was learned; safe to call from several threads."""

    @property
    def vocabulary_(self) -> tuple[str, ...]:
        """The words in use, in the order of their indices."""
        return tuple(self._settled().words.to_pylist())

    @property
    def word_index(self) -> dict[str, int]:
        """Index of each word in use, and of `oov_token`."""
        oov = self._options.oov_token
        words = self.vocabulary_ if oov is None else (oov, *self.vocabulary_)
        return {word: index for index, word in enumerate(words, 1)}

    @property
    def counts_(self) -> IntArray:
        """How often each word in use was met, int64."""
        return self._settled().counts.copy()

    @property
    def num_words_(self) -> int:
        """Different words, used or not."""
        return self._settled().num_words

    @property
    def num_texts_(self) -> int:
        """Texts that it learned from."""
        return self._settled().num_texts

    @property
    def length_(self) -> int:
        """Width of the rows."""
        return self._settled().length

    @property
    def num_outputs(self) -> int:
        """Width of the rows."""
        return self._settled().length

    @property
    def num_tokens(self) -> int:
        """Rows that an embedding needs: one more than the greatest index."""
        return self._options.reserved + len(self._settled().words)

    @property
    def num_bytes(self) -> int:
        """Memory that the words take."""
        return 0 if self._learned is None else self._learned.num_bytes

    def transform(self, texts: Any, *, workers: int | None = None) -> Int32Array:
        """Indices of the words of n texts, int32 of shape (n, length_), cut and padded.

        Parameters
        ----------
        texts
            In the forms that `as_texts` takes.
        workers
            Threads; None for one a core.
        """
        return self._settled().transform(texts, workers=available_cores() if workers is None else workers)

    def apply(self, rows: Rows, take: IntArray) -> Int32Array:
        """Indices of the words of the row numbers `take`, int32 of shape (len(take), length_).

        Raises
        ------
        OptionError
            If the transform is not fitted.
        ColumnError
            If the rows lack a column of text.
        """
        return self._settled().transform(self.texts_of(rows, take), workers=0)
