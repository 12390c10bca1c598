"""Texts to rows of hashed word n-grams: nothing is learned, and the memory is fixed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy.sparse

from stoker.errors import OptionError
from stoker.kernels.hashing import hash_bytes, hash_ngrams
from stoker.prefetch import available_cores, prefetch
from stoker.transforms.base import FittedTransform
from stoker.transforms.chunks import Passes, TextChunk, text_chunks
from stoker.transforms.cutting import Cutter, word_cutter
from stoker.transforms.features import Pieces, joined_rows
from stoker.transforms.numbering import learn_stream
from stoker.transforms.passes import given_texts
from stoker.transforms.selecting import check_ngram_range
from stoker.transforms.terms import most_words
from stoker.transforms.texts import TextTransform, stored_columns
from stoker.transforms.wordlists import Dictionary
from stoker.types import IntArray, Rows

__all__ = ["HashingVectorizer"]

_MOST_FEATURES = 2**31 - 1


class HashingVectorizer(TextTransform):
    """Texts to rows of word n-grams, each counted in the column that its hash tells; float32.

    Words are those of `stoker.NgramVectorizer`. The hash of an n-gram is XXH64, with `seed`, of its words'
    UTF-8 bytes joined by a blank; its column is the hash modulo `num_features`, and where `alternate_sign` it
    counts as -1 if the hash's highest bit is set. N-grams that share a column are added up; with signs they
    rather cancel out. The same on every machine and in every version.

    Nothing is learned: `fit` only notes the columns of text.

    Parameters
    ----------
    ngram_range
        Words of the shortest and of the longest n-gram.
    num_features
        Columns.
    lowercase
        Whether texts are put into lower case.
    strip_accents
        ``"unicode"`` takes accents off as NFKD does it; None leaves them.
    alternate_sign
        Whether half of the n-grams, by their hash, count as -1.
    binary
        Whether a column holds the sign of its sum instead of the sum.
    sublinear_tf
        Whether a sum of c or -c weighs 1 + ln(c) or its negative.
    norm
        ``"l2"`` scales each row to an L2 norm of 1; None leaves it.
    seed
        Of the hash, from 0 to 2**64 - 1.
    columns
        Names of the text columns of `Rows`; None where rows have one.

    Raises
    ------
    OptionError
        If an option cannot be.

    Examples
    --------
    >>> vectorizer = HashingVectorizer(num_features=1000, norm=None)
    >>> rows = vectorizer.transform(["good film", "a good good film"])
    >>> rows.shape, rows.nnz
    ((2, 1000), 7)
    >>> vectorizer.column_of("good film"), float(rows[1, vectorizer.column_of("good film")])
    (169, 1.0)
    """

    name = "hashed n-grams"
    output = "sparse"

    def __init__(
        self,
        *,
        ngram_range: tuple[int, int] = (1, 2),
        num_features: int = 2**20,
        lowercase: bool = True,
        strip_accents: Literal["unicode"] | None = "unicode",
        alternate_sign: bool = True,
        binary: bool = False,
        sublinear_tf: bool = False,
        norm: Literal["l2"] | None = "l2",
        seed: int = 0,
        columns: str | Sequence[str] | None = None,
    ) -> None:
        super().__init__(columns=columns)
        check_ngram_range(ngram_range)
        self.ngram_range = tuple(ngram_range)
        self.num_features, self.seed, self.norm = num_features, seed, norm
        self.lowercase, self.strip_accents = bool(lowercase), strip_accents
        self.alternate_sign, self.binary = bool(alternate_sign), bool(binary)
        self.sublinear_tf = bool(sublinear_tf)
        self._check_options()

    def _check_options(self) -> None:
        if not isinstance(self.num_features, int) or not 1 <= self.num_features <= _MOST_FEATURES:
            raise OptionError(
                f"num_features must be an integer from 1 to {_MOST_FEATURES}, got {self.num_features!r}"
            )
        if not isinstance(self.seed, int) or not 0 <= self.seed < 2**64:
            raise OptionError(f"seed must be an integer from 0 to 2**64 - 1, got {self.seed!r}")
        if self.strip_accents not in ("unicode", None):
            raise OptionError(f"strip_accents must be 'unicode' or None, got {self.strip_accents!r}")
        if self.norm not in ("l2", None):
            raise OptionError(f"norm must be 'l2' or None, got {self.norm!r}")
        if self.binary and self.sublinear_tf:
            raise OptionError("binary and sublinear_tf exclude each other: leave one of them out")

    @property
    def _cutter(self) -> Cutter:
        return word_cutter(lowercase=self.lowercase, strip_accents=self.strip_accents is not None)

    @property
    def is_fitted(self) -> bool:
        """Always: nothing is learned."""
        return True

    @property
    def num_outputs(self) -> int:
        """Columns."""
        return self.num_features

    def most_entries(self, num_bytes: int) -> int:
        """Entries that a row has at most whose text has so many bytes."""
        shortest, longest = self.ngram_range
        words = most_words(num_bytes, self._cutter.characters.growth)
        return min(self.num_features, words * (longest - shortest + 1))

    def reset(self) -> None:
        """Forget the columns of text."""
        self.columns_ = ()

    def fit(self, texts: Any = None, labels: Any = None) -> Self:
        """Note the columns of text of `Rows` or a source; nothing is read, and labels are not looked at."""
        self.reset()
        if texts is not None:
            self.columns_ = given_texts(self, texts).columns
        return self

    def fit_transform(
        self, texts: Any, labels: Any = None, *, workers: int | None = None
    ) -> scipy.sparse.csr_matrix:
        """`transform`: there is nothing to learn, and labels are not looked at."""
        return self.transform(texts, workers=workers)

    def fit_passes(self, passes: Passes, *, columns: Sequence[str] = (), **_: Any) -> Self:
        """Note the columns of text; nothing is read."""
        self.columns_ = tuple(columns)
        return self

    def partial_fit(self, rows: Rows) -> Self:
        """Note the columns of text."""
        self.columns_ = self.columns_ or self.columns_of(rows)
        return self

    def merge(self, other: FittedTransform) -> Self:
        """Nothing was learned."""
        self._check_merge(other)
        assert isinstance(other, HashingVectorizer)
        self.columns_ = self.columns_ or other.columns_
        return self

    def apply(self, rows: Rows, take: IntArray) -> scipy.sparse.csr_matrix:
        """Rows for the row numbers `take`: CSR, float32, shape (len(take), num_features), sorted.

        Raises
        ------
        ColumnError
            If the rows have no such column of texts.
        """
        return joined_rows([self._pieces(self.texts_of(rows, take))], self.num_features)

    def transform(self, texts: Any, *, workers: int | None = None) -> scipy.sparse.csr_matrix:
        """Rows for texts in the forms that `as_texts` takes: CSR, float32, sorted; duplicates are summed.

        Parameters
        ----------
        texts
            n of them.
        workers
            Threads; None for one a core.
        """
        threads = available_cores() if workers is None else workers

        def pieces(chunk: TextChunk) -> Pieces:
            return self._pieces(chunk.texts)

        with prefetch(
            pieces, text_chunks(texts), workers=threads, in_flight=threads + 1, name="hashes"
        ) as parts:
            return joined_rows(list(parts), self.num_features)

    def column_of(self, ngram: str) -> int:
        """The column of an n-gram: words as they are after lower case and accents, joined by one blank.

        Raises
        ------
        OptionError
            If no text has such an n-gram.
        """
        words = Dictionary()
        texts = pa.array([ngram], pa.large_string())
        stream, _ = learn_stream(texts, self._cutter, words, first_row=0)
        spelled = words.words().spelled().to_pylist()
        shortest, longest = self.ngram_range
        fits = shortest <= stream.size <= longest
        if not fits or " ".join(spelled[number] for number in stream.tolist()) != ngram:
            raise OptionError(
                f"{ngram!r} is no n-gram of any text: give {shortest} to {longest} words as texts are cut "
                f"into them"
            )
        data = np.frombuffer(ngram.encode(), np.uint8)
        return int(hash_bytes(data, np.uint64(self.seed))) % self.num_features

    def options(self) -> dict[str, Any]:
        """Keyword arguments of an unfitted equal, as plain data."""
        return {
            "ngram_range": list(self.ngram_range),
            "num_features": self.num_features,
            "lowercase": self.lowercase,
            "strip_accents": self.strip_accents,
            "alternate_sign": self.alternate_sign,
            "binary": self.binary,
            "sublinear_tf": self.sublinear_tf,
            "norm": self.norm,
            "seed": self.seed,
            "columns": None if self.columns is None else list(self.columns),
        }

    def state(self) -> dict[str, Any]:
        """Options and columns as plain data."""
        return {"name": self.name, "options": self.options(), "columns": list(self.columns_)}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """An equal transform."""
        options = dict(state["options"])
        made = cls(**{**options, "ngram_range": tuple(options["ngram_range"])})
        made.columns_ = stored_columns(state)
        return made

    def _pieces(self, texts: pa.LargeStringArray) -> Pieces:
        """Columns, values and the end of each row."""
        dictionary = Dictionary()
        stream, ends = learn_stream(texts, self._cutter, dictionary, first_row=0)
        words = dictionary.words()
        counts = np.diff(ends, prepend=0)
        shortest, longest = self.ngram_range
        sizes = sum(
            (np.maximum(counts - n + 1, 0) for n in range(shortest, longest + 1)), np.zeros_like(ends)
        )
        indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        columns, values = np.empty(int(indptr[-1]), np.int32), np.empty(int(indptr[-1]), np.float32)
        starts = np.ascontiguousarray(words.entries[:, 2])
        lengths = words.letters[starts].astype(np.int64) + 1
        before = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths[stream])])
        room = int(np.diff(before[ends], prepend=0).max(initial=0))
        hash_ngrams(
            stream, ends, words.letters, starts, shortest, longest, np.uint64(self.seed),
            np.uint64(self.num_features), self.alternate_sign, np.empty(room + 1, np.uint8),
            np.empty(int(counts.max(initial=0)) + 1, np.int64), columns, values,
        )  # fmt: skip
        summed = scipy.sparse.csr_matrix(
            (values, columns, indptr), shape=(ends.size, self.num_features), copy=False
        )
        summed.sum_duplicates()
        summed.eliminate_zeros()
        ends = summed.indptr[1:].astype(np.int64)
        return summed.indices.astype(np.int32, copy=False), self._weighed(summed.data, ends), ends

    def _weighed(self, sums: npt.NDArray[np.float32], ends: IntArray) -> npt.NDArray[np.float32]:
        values = sums.astype(np.float64)
        if self.binary:
            values = np.sign(values)
        elif self.sublinear_tf:
            values = np.sign(values) * (1 + np.log(np.abs(values)))
        if self.norm is not None and values.size:
            counts = np.diff(ends, prepend=0)
            held = np.flatnonzero(counts)
            squares = np.add.reduceat(values * values, ends[held] - counts[held])
            values /= np.repeat(np.sqrt(squares), counts[held])
        return values.astype(np.float32)
