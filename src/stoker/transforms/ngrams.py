"""Texts to tf-idf of word n-grams, the best of them chosen: scikit-learn's features, in bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Literal, Self, TypeAlias

import scipy.sparse

from stoker.errors import OptionError
from stoker.ledger import Ledger, parse_bytes
from stoker.prefetch import available_cores
from stoker.transforms.base import FittedTransform
from stoker.transforms.blocks import Block
from stoker.transforms.chunks import Passes, TextChunk, text_chunks
from stoker.transforms.classcodes import ClassCodes, class_numbers
from stoker.transforms.corpus import TEXT_BYTES
from stoker.transforms.features import Features, Pieces, joined_rows
from stoker.transforms.learning import PART_WORDS, SHARES, Learner
from stoker.transforms.ngramrows import NgramRows
from stoker.transforms.passes import given_texts
from stoker.transforms.runs import RUN_BYTES
from stoker.transforms.selecting import Choice, learn_features
from stoker.transforms.sharedngrams import Reader, SharedLearner
from stoker.transforms.textshards import TextShards
from stoker.transforms.wordlists import Int32Array
from stoker.types import Progress, Rows

__all__ = ["NgramVectorizer", "Score"]

Score: TypeAlias = Literal["f_classif", "chi2"]
Limit: TypeAlias = "int | float"

_DEFAULT_MEMORY = "1GB"


class NgramVectorizer(NgramRows):
    """Texts to rows of tf-idf of word n-grams, float32, of which the `max_features` best are kept.

    The features are those of scikit-learn's ``TfidfVectorizer`` followed by ``SelectKBest``: the same words
    (runs of two or more word characters, in lower case and without accents), the same vocabulary and weights,
    and rows that have an L2 norm of 1 over the whole vocabulary before the best columns are taken.

    Parameters
    ----------
    ngram_range
        Words of the shortest and of the longest n-gram.
    lowercase
        Whether texts are put into lower case.
    strip_accents
        ``"unicode"`` takes accents off as NFKD does it; None leaves them.
    min_df, max_df
        A term is kept that so many texts hold, at least and at most: a count (int) or a share (float).
    max_terms
        Keep only so many terms, those that occur most often: scikit-learn's ``max_features``. None keeps all.
    max_features
        Keep only so many columns, those of the best `score`: the ``k`` of ``SelectKBest``. None keeps all.
    score
        ``"f_classif"``, the F of an analysis of variance, or ``"chi2"``; needs labels.
    sublinear_tf
        Whether a count c weighs 1 + ln(c).
    smooth_idf
        Whether idf is taken as though one more text held every term.
    columns
        Names of the text columns of `Rows`; None where rows have one.

    Attributes
    ----------
    vocabulary_
        Every term's place in `idf_` and `scores_`: terms in byte order.
    idf_
        float64 of shape (terms,).
    scores_
        float64 of shape (terms,), or None where no columns were chosen by score.
    selected_
        int64: ascending places of the terms that are features.

    Examples
    --------
    >>> vectorizer = NgramVectorizer(min_df=1, max_features=3)
    >>> rows = vectorizer.fit_transform(["good film", "good fun", "bad film", "bad bad luck"], [1, 1, 0, 0])
    >>> vectorizer.get_feature_names_out().tolist()
    ['bad', 'good', 'luck']
    >>> rows.shape, rows.dtype.name
    ((4, 3), 'float32')
    """

    name = "n-grams"

    def __init__(
        self,
        *,
        ngram_range: tuple[int, int] = (1, 2),
        lowercase: bool = True,
        strip_accents: Literal["unicode"] | None = "unicode",
        min_df: Limit = 2,
        max_df: Limit = 1.0,
        max_terms: int | None = None,
        max_features: int | None = 20_000,
        score: Score = "f_classif",
        sublinear_tf: bool = False,
        smooth_idf: bool = True,
        columns: str | Sequence[str] | None = None,
    ) -> None:
        super().__init__(columns=columns)
        if strip_accents not in ("unicode", None):
            raise OptionError(f"strip_accents must be 'unicode' or None, got {strip_accents!r}")
        self.choice = Choice(
            ngram_range=ngram_range,
            min_df=min_df,
            max_df=max_df,
            max_terms=max_terms,
            max_features=max_features,
            score=score,
            sublinear=sublinear_tf,
            smooth=smooth_idf,
        )
        self.lowercase, self.strip_accents = bool(lowercase), strip_accents
        self._features = None
        self._learner: Learner | None = None
        self._lock = threading.Lock()

    def options(self) -> dict[str, Any]:
        """Keyword arguments of an unfitted equal, as plain data."""
        return {
            **self.choice.plain(),
            "lowercase": self.lowercase,
            "strip_accents": self.strip_accents,
            "columns": None if self.columns is None else list(self.columns),
        }

    def temporary_bytes(self, text_bytes: int, num_texts: int = 0, *, memory: int | None = None) -> int:
        """Temporary space that learning takes at most, from so many bytes of text in so many texts.

        It is needed only in so far as the memory does not suffice, and is 0 where so much `memory` certainly
        does; English takes about half of this. Only where nearly all words are different ones, numbers for
        example, it may be up to two and a half times as much.
        """
        words = (text_bytes + num_texts) // 3 + 1
        runs = RUN_BYTES * words * (self.choice.longest - 1)
        needed = 4 * words + runs + text_bytes + TEXT_BYTES * num_texts
        return 0 if memory is not None and needed <= memory // SHARES else needed

    def fit(
        self,
        texts: Any,
        labels: Any = None,
        *,
        memory: str | int = _DEFAULT_MEMORY,
        workers: int | None = None,
        ledger: Ledger | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Forget, then learn from texts, which are read once.

        Parameters
        ----------
        texts
            A stoker source of texts, which knows its label; `Rows`; an Arrow array, a list or any iterable of
            str.
        labels
            The class of each text: integers or text.
        memory
            What learning may take; what does not fit is written to a temporary file.
        workers
            Threads; None for as many as there are cores.
        ledger, progress
            Charged for what is held; called with the texts read and 0, as it is not known how many there are.

        Raises
        ------
        DataError
            If no term is left, there are no labels to score by, all are of one class, or their number is not
            that of the texts.
        MemoryBudgetError
            If `memory` is too small for what was learned, or the disk for what does not fit.
        """
        learner = self._learn(texts, labels, memory, workers, ledger, progress)
        learner.close()
        return self

    def fit_transform(
        self,
        texts: Any,
        labels: Any = None,
        *,
        memory: str | int = _DEFAULT_MEMORY,
        workers: int | None = None,
    ) -> scipy.sparse.csr_matrix:
        """`fit`, then the rows of the same texts, without reading them again."""
        learner = self._learn(texts, labels, memory, workers, None, None, keep_terms=True)
        features = self._learned()

        def rows(block: Block, words: Int32Array) -> list[Pieces]:
            parts = block.parts(PART_WORDS)
            return [
                features.rows_of(learner.terms(part, words, features.nodes, features.finding))
                for part in parts
            ]

        try:
            return joined_rows(list(chain.from_iterable(learner.over_blocks(rows))), self.num_outputs)
        finally:
            learner.close()

    def fit_passes(
        self,
        passes: Passes,
        *,
        columns: Sequence[str] = (),
        memory: str | int = _DEFAULT_MEMORY,
        workers: int | None = None,
        ledger: Ledger | None = None,
        progress: Progress | None = None,
        num_rows: int = 0,
        **others: Any,
    ) -> Self:
        """Forget, then learn from the chunks that one call of `passes` gives; labels are classes from 0."""
        self.reset()
        learner = self._learner_of(memory, workers, ledger)
        try:
            self._read(learner, passes(), progress, num_rows)
            self._features = learn_features(learner, self.choice)
        finally:
            learner.close()
        self.columns_ = tuple(columns)
        return self

    @property
    def learns_in_parts(self) -> bool:
        """Counts are integers, and so are the sums of scores."""
        return True

    def fit_shards(
        self,
        shards: TextShards,
        *,
        columns: Sequence[str] = (),
        memory: str | int = _DEFAULT_MEMORY,
        workers: int | None = None,
        ledger: Ledger | None = None,
        progress: Progress | None = None,
        num_rows: int = 0,
        **_: Any,
    ) -> Self:
        """As `fit_passes`, of texts that others read: once for each length of n-grams, and for the scores."""
        self.reset()
        reader = Reader(
            lowercase=self.lowercase, strip_accents=self.strip_accents is not None, memory=shards.memory
        )
        threads = available_cores() if workers is None else workers
        learner = SharedLearner(shards, reader, memory=parse_bytes(memory), workers=threads, ledger=ledger)
        try:
            learner.read_all(progress, num_rows)
            self._features = learn_features(learner, self.choice)
        finally:
            learner.close()
        self.columns_ = tuple(columns)
        return self

    def _learn(
        self,
        texts: Any,
        labels: Any,
        memory: str | int,
        workers: int | None,
        ledger: Ledger | None,
        progress: Progress | None,
        keep_terms: bool = False,
    ) -> Learner:
        self.reset()
        codes = ClassCodes()
        first, _, self.columns_ = given_texts(self, texts, labels, codes.encode)
        learner = self._learner_of(memory, workers, ledger, keep_terms)
        try:
            self._read(learner, first, progress, 0)
            self._features = learn_features(learner, self.choice, codes.order())
        except BaseException:
            learner.close()
            raise
        return learner

    def _learner_of(
        self, memory: str | int, workers: int | None, ledger: Ledger | None, keep_terms: bool = False
    ) -> Learner:
        return Learner(
            self._cutter,
            memory=parse_bytes(memory),
            workers=available_cores() if workers is None else workers,
            ledger=ledger,
            keep_terms=keep_terms,
        )

    @staticmethod
    def _read(
        learner: Learner, chunks: Iterator[TextChunk], progress: Progress | None, num_rows: int
    ) -> None:
        for done in learner.read(chunks):
            if progress is not None:
                progress(done, num_rows)

    def reset(self) -> None:
        """Forget what was learned."""
        self._features, self._learner, self.columns_ = None, None, ()

    def partial_fit(self, rows: Any, labels: Any = None) -> Self:
        """Read more texts, as `Rows` or in the forms that `fit` takes; labels are class numbers from 0.

        What is learned of all of them is worked out when it is first asked for. Until `reset` or `fit` the
        texts are kept as numbers of words, in the default memory and beyond that in a temporary file, so
        that more can follow. Where an error ends it all texts are forgotten, as nobody knows how many of
        these were read.

        Raises
        ------
        DataError
            If a label is no class number, or their number is not that of the texts.
        """
        if self._features is not None and self._learner is None:
            raise _cannot_go_on()
        numbers = None if labels is None else class_numbers(labels)
        if isinstance(rows, Rows):
            self.columns_ = self.columns_ or self.columns_of(rows)
            rows = self.texts_of(rows)
        learner = self._learner or self._learner_of(_DEFAULT_MEMORY, None, None)
        try:
            self._read(learner, text_chunks(rows, numbers), None, 0)
        except BaseException:
            self.reset()
            raise
        self._learner, self._features = learner, None
        return self

    def merge(self, other: FittedTransform) -> Self:
        """Take in what `other` read with `partial_fit`, as the texts that follow; bit for bit one pass."""
        self._check_merge(other)
        assert isinstance(other, NgramVectorizer)
        if not other.is_fitted:
            return self
        if other._learner is None or (self._features is not None and self._learner is None):
            raise _cannot_go_on()
        learner = self._learner or self._learner_of(_DEFAULT_MEMORY, None, None)
        learner.take_in(other._learner)
        self._learner, self._features = learner, None
        self.columns_ = self.columns_ or other.columns_
        return self

    @property
    def is_fitted(self) -> bool:
        """Whether `apply` may be called."""
        return self._features is not None or self._learner is not None

    def _learned(self) -> Features:
        if self._features is None and self._learner is not None:
            with self._lock:
                if self._features is None:
                    self._features = learn_features(self._learner, self.choice)
        if self._features is None:
            raise OptionError("NgramVectorizer is not fitted: call fit, or feed.prepare()")
        return self._features


def _cannot_go_on() -> OptionError:
    return OptionError(
        "this NgramVectorizer holds what it learned but no longer the texts, which scores need: call fit "
        "with all of them, or partial_fit from the start"
    )
