"""Texts to sequences of word indices, as Keras 2's Tokenizer and ``pad_sequences`` make them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Self

from stoker.errors import OptionError
from stoker.ledger import Ledger, parse_bytes
from stoker.prefetch import available_cores
from stoker.transforms.chunks import Passes, TextChunk, held_texts, text_chunks
from stoker.transforms.cutting import FILTERS
from stoker.transforms.learnedwords import LearnedWords
from stoker.transforms.passes import given_texts
from stoker.transforms.sequencecounts import Look, SequenceCounts, longest_known, longest_of
from stoker.transforms.sequenceoptions import SequenceOptions
from stoker.transforms.texts import stored_columns
from stoker.transforms.textshards import TextShards
from stoker.transforms.vocabulary import End, Vocabulary, vocabulary_words
from stoker.transforms.wordlists import Int32Array
from stoker.types import Progress, Rows

__all__ = ["SequenceVectorizer"]

_MEMORY = "1GB"


class SequenceVectorizer(LearnedWords):
    r"""Texts to rows of word indices, int32 of shape (n, length), 0 for padding.

    The indices are those of Keras 2's ``Tokenizer(num_words=max_tokens)``, and the rows those of its
    ``pad_sequences``, element by element: a text is lowered by `str.lower`, each character of `filters`
    becomes `split`, and words are what lies between. The most frequent word has the index 1, of equally
    frequent ones that which was met first. Only words with an index below `max_tokens` are used. Rows are as
    long as the longest text, counted in words that are used, but at most `max_length`.

    `fit` reads the texts once, in threads and in bounded memory. Only where there are more words than
    `max_tokens`, and none of the longest 256 texts tells by itself how long the longest is, it reads on in a
    second pass until one does.

    Parameters
    ----------
    max_tokens
        One more than the greatest index; None for no limit.
    max_length
        Indices in a row, at most; None for no limit.
    filters, lower, split
        Where words end; see above.
    oov_token
        Has the index 1 and stands for every word that is not used; such words are left out if it is None. It
        must be nothing that `split` and `filters` leave whole, such as ``"<oov>"``.
    padding, truncating
        Whether zeros come first (``"pre"``) or last (``"post"``); whether the first words of a long text are
        cut off, or the last.
    columns
        Names of the text columns of `Rows`, which are joined by a blank; None for the only one.

    Attributes
    ----------
    vocabulary_
        The words in use, in the order of their indices.
    word_index
        Index of each of these words, and of `oov_token`.
    counts_
        How often each word of `vocabulary_` was met, int64.
    num_words_, num_texts_
        Different words, used or not, and texts in all.
    length_
        Width of the rows.

    Raises
    ------
    OptionError
        If an option cannot be.

    Examples
    --------
    >>> vectorizer = SequenceVectorizer().fit(["The cat sat.", "The dog, the cat!"])
    >>> vectorizer.word_index
    {'the': 1, 'cat': 2, 'sat': 3, 'dog': 4}
    >>> vectorizer.transform(["A cat, the cat", ""])
    array([[0, 2, 1, 2],
           [0, 0, 0, 0]], dtype=int32)
    """

    name = "sequence"

    def __init__(
        self,
        *,
        max_tokens: int | None = 20_000,
        max_length: int | None = 500,
        filters: str = FILTERS,
        lower: bool = True,
        split: str = " ",
        oov_token: str | None = None,
        padding: End = "pre",
        truncating: End = "pre",
        columns: str | Sequence[str] | None = None,
    ) -> None:
        super().__init__(columns=columns)
        self._options = SequenceOptions(
            max_tokens=max_tokens,
            max_length=max_length,
            filters=filters,
            lower=lower,
            split=split,
            oov_token=oov_token,
            padding=padding,
            truncating=truncating,
        )
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forget what was learned."""
        self.columns_ = ()
        self._counting: SequenceCounts | None = None
        self._learned: Vocabulary | None = None

    def fit(
        self,
        texts: Any,
        labels: Any = None,
        *,
        memory: str | int = _MEMORY,
        workers: int | None = None,
        ledger: Ledger | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Forget, then learn from texts alone.

        Parameters
        ----------
        texts
            `Rows`, a source of texts, or texts in the forms that `as_texts` takes. An iterator cannot be read
            twice: rows may then come out longer than the longest text, see above.
        labels
            Not looked at; other vectorisers need them.
        memory
            What the words may take; what exceeds half of it waits in a temporary file.
        workers
            Threads; None for one a core.
        ledger, progress
            Charged for what is held; called with the texts read and 0, as nobody knows how many there are.

        Raises
        ------
        DataError
            If there is no word in any text.
        """
        self.reset()
        first, passes, self.columns_ = given_texts(self, texts)
        self._counting = self._learn(first, passes, memory, workers, ledger, progress, 0)
        return self

    def fit_transform(self, texts: Any, labels: Any = None, *, workers: int | None = None) -> Int32Array:
        """`fit`, then the rows of the same texts: of an iterator's too, which are held meanwhile."""
        held = held_texts(texts)
        return self.fit(held, labels, workers=workers).transform(held, workers=workers)

    def fit_passes(
        self,
        passes: Passes,
        *,
        columns: Sequence[str] = (),
        memory: str | int = _MEMORY,
        workers: int | None = None,
        ledger: Ledger | None = None,
        progress: Progress | None = None,
        num_rows: int = 0,
        **_: Any,
    ) -> Self:
        """Forget, then learn from all texts that each call of `passes` gives in row order.

        Parameters
        ----------
        passes
            Called once, or twice; see the class.
        columns
            What the texts were made of.
        memory, workers
            As in `fit`; nothing but what `apply` needs is kept.
        ledger, progress, num_rows
            Charged for what is held; called with the texts done and `num_rows`.
        """
        self.reset()
        self.columns_ = tuple(columns)
        self._learn(passes(), passes, memory, workers, ledger, progress, num_rows)
        return self

    @property
    def learns_in_parts(self) -> bool:
        """Counts are integers, and first places are compared."""
        return True

    def fit_shards(
        self,
        shards: TextShards,
        *,
        columns: Sequence[str] = (),
        memory: str | int = _MEMORY,
        ledger: Ledger | None = None,
        progress: Progress | None = None,
        num_rows: int = 0,
        **_: Any,
    ) -> Self:
        """As `fit_passes`, of texts that others read: once, or twice; see the class."""
        self.reset()
        self.columns_ = tuple(columns)
        counting = self._new_counting(memory, ledger)
        counting.read(shards, self._options, progress, num_rows)
        self._learned = self._settle(counting, partial(longest_of, shards, self._options))
        return self

    def partial_fit(self, rows: Rows) -> Self:
        """Learn from the next rows; of a transform that was stored, only what `apply` needs is left.

        Where an error ends it all rows are forgotten, as nobody knows how many of these were counted.
        """
        if self._counting is None:
            if self._learned is not None:
                raise OptionError("this SequenceVectorizer holds no counts to go on with: fit it anew")
            self._counting = self._new_counting(_MEMORY, None)
        self.columns_ = self.columns_ or self.columns_of(rows)
        texts = self.texts_of(rows)
        try:
            self._counting.count(text_chunks(texts), workers=0)
        except BaseException:
            self.reset()
            raise
        self._learned = None
        return self

    def merge(self, other: SequenceVectorizer) -> Self:
        """Take in what `other` learned from the texts that follow.

        The result is that of one fit; only where that would need its second pass, rows may come out longer
        than the longest text.
        """
        self._check_merge(other)
        for each in (self, other):
            if each._counting is None and each._learned is not None:
                raise OptionError("a stored SequenceVectorizer holds no counts to merge: fit it anew")
        if other._counting is not None:
            if self._counting is None:
                self._counting = self._new_counting(_MEMORY, None)
            self._counting.merge(other._counting)
            self.columns_ = self.columns_ or other.columns_
            self._learned = None
        return self

    @property
    def is_fitted(self) -> bool:
        """Whether `apply` may be called."""
        return self._learned is not None or self._counting is not None

    def options(self) -> dict[str, Any]:
        """Keyword arguments of an unfitted equal, as plain data."""
        columns = None if self.columns is None else list(self.columns)
        return {**self._options.plain(), "columns": columns}

    def state(self) -> dict[str, Any]:
        """Options, words in use and their counts as plain data."""
        return {
            "name": self.name,
            "options": self.options(),
            "columns": list(self.columns_),
            "learned": self._settled().state() if self.is_fitted else None,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """An equal transform, which can be applied but learns no more."""
        made = cls(**state["options"])
        made.columns_ = stored_columns(state)
        if state["learned"] is not None:
            words, rest = vocabulary_words(state["learned"], made._options.longest)
            made._learned = made._options.vocabulary(words, **rest)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        # Counts lie in this process's memory and files: only what was learned goes along.
        return type(self).from_state, (self.state(),)

    def _learn(
        self,
        first: Iterator[TextChunk],
        passes: Passes | None,
        memory: str | int,
        workers: int | None,
        ledger: Ledger | None,
        progress: Progress | None,
        num_rows: int,
    ) -> SequenceCounts:
        """Learn from a first pass over all texts, and where need be from another."""
        counting = self._new_counting(memory, ledger)
        threads = available_cores() if workers is None else workers
        counting.count(first, workers=threads, progress=progress, num_rows=num_rows)
        look = None if passes is None else partial(longest_known, passes, threads)
        self._learned = self._settle(counting, look)
        return counting

    def _new_counting(self, memory: str | int, ledger: Ledger | None) -> SequenceCounts:
        return SequenceCounts(self._options.cutter, memory=parse_bytes(memory), ledger=ledger)

    def _settle(self, counting: SequenceCounts, look: Look | None) -> Vocabulary:
        return counting.vocabulary(
            self._options.vocabulary, most=self._options.most_words, cap=self._options.longest, look=look
        )

    def _settled(self) -> Vocabulary:
        """What was learned; safe to call from several threads."""
        with self._lock:
            if self._learned is None:
                if self._counting is None:
                    raise OptionError(f"{type(self).__name__} is not fitted: call fit, or feed.prepare()")
                self._learned = self._settle(self._counting, None)
            return self._learned
