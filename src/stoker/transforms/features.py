"""Which n-grams are terms, which terms are features, and rows of tf-idf made of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy.sparse

from stoker.kernels.terms import weigh
from stoker.stored import require
from stoker.transforms.counting import finding_table
from stoker.transforms.cutting import Cutter
from stoker.transforms.nodes import Nodes
from stoker.transforms.numbering import stream_of
from stoker.transforms.packing import from_packed, to_packed
from stoker.transforms.terms import Terms
from stoker.transforms.wordlists import Dictionary
from stoker.types import IntArray, Uint64Array

__all__ = ["Features", "inverse_frequencies", "joined_rows"]

FloatArray = npt.NDArray[np.float64]
Pieces = tuple[npt.NDArray[np.int32], npt.NDArray[np.float32], IntArray]


def inverse_frequencies(counts: IntArray, num_texts: int, *, smooth: bool) -> FloatArray:
    """Inverse document frequency of terms that so many of the texts hold, as scikit-learn computes it.

    Examples
    --------
    >>> inverse_frequencies(np.array([1, 3]), 3, smooth=True).round(4).tolist()
    [1.6931, 1.0]
    """
    together = np.full(counts.size, float(num_texts + smooth))
    together /= counts.astype(np.float64) + float(smooth)
    return np.asarray(np.log(together) + 1.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Features:
    """What was learned.

    Attributes
    ----------
    nodes
        All n-grams that are terms, or begin one.
    terms
        int64: the nodes of the terms, in the order of the terms as texts.
    idf
        float64 of the shape of `terms`.
    scores
        float64 of the shape of `terms`; None where they were not scored.
    selected
        int64: ascending places in `terms` of the features.
    num_texts
        How many texts there were.
    sublinear
        Whether a count c weighs 1 + ln(c).
    finding
        The table in which kernels find the nodes.
    """

    nodes: Nodes
    terms: IntArray
    idf: FloatArray
    scores: FloatArray | None
    selected: IntArray
    num_texts: int
    sublinear: bool
    finding: Uint64Array
    dictionary: Dictionary = field(init=False)
    weights: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        shapes = {self.idf.shape, self.terms.shape if self.scores is None else self.scores.shape}
        require(shapes == {self.terms.shape}, "terms without weights")
        ends = self.selected[[0, -1]].tolist() if self.selected.size else [0, -1]
        inside = ends[0] >= 0 and ends[1] < self.terms.size
        require(inside and bool((self.selected[1:] > self.selected[:-1]).all()), "features that are no terms")
        weights = np.zeros((self.nodes.counts.size, 2))
        weights[self.terms, 0] = self.idf
        weights[:, 1] = -1.0
        weights[self.terms[self.selected], 1] = np.arange(self.selected.size)
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "dictionary", Dictionary.of(self.nodes.words))

    @property
    def num_bytes(self) -> int:
        """Memory that all of this takes."""
        arrays = (self.terms, self.idf, self.selected, self.finding, self.weights)
        return self.nodes.nbytes + self.dictionary.nbytes + sum(array.nbytes for array in arrays)

    def names(self, places: IntArray | None = None) -> pa.LargeStringArray:
        """The terms at these places, or all of them."""
        return self.nodes.spelled(self.terms if places is None else self.terms[places])

    def rows(self, texts: pa.LargeStringArray, cutter: Cutter) -> Pieces:
        """Columns, values and ends of the rows of some texts; see `stoker.kernels.terms.weigh`."""
        stream, ends = stream_of(texts, cutter, self.dictionary)
        found = Terms.of(
            stream, ends, np.empty(0, np.int32),
            longest=self.longest, finding=self.finding,
        )  # fmt: skip
        return self.rows_of(found)

    def rows_of(self, terms: Terms) -> Pieces:
        """As `rows`, for texts whose terms are found already."""
        room = min(terms.nodes.size, terms.ends.size * self.selected.size)
        indices, values = np.empty(room, np.int32), np.empty(room, np.float32)
        row_ends = np.empty(terms.ends.size, np.int64)
        weigh(*terms, self.sublinear, self.weights, self.selected.size, indices, values, row_ends)
        end = int(row_ends[-1]) if row_ends.size else 0
        return indices[:end].copy(), values[:end].copy(), row_ends

    @property
    def longest(self) -> int:
        """Words of the longest n-gram."""
        return len(self.nodes.levels) + 1

    def state(self) -> dict[str, Any]:
        """What was learned, as plain data."""
        return {
            "words": " ".join(self.nodes.words.to_pylist()),
            "levels": [to_packed(np.diff(pairs, prepend=np.uint64(0))) for pairs in self.nodes.levels],
            "counts": to_packed(self.nodes.counts),
            "terms": to_packed(self.terms),
            "idf": to_packed(self.idf),
            "scores": None if self.scores is None else to_packed(self.scores),
            "selected": to_packed(self.selected),
            "num_texts": self.num_texts,
            "sublinear": self.sublinear,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Features:
        """What `state` gave.

        Raises
        ------
        ValueError, KeyError, TypeError
            If it gave nothing of the kind: kernels read wherever these numbers tell them to.
        """
        levels = tuple(_ascending(packed) for packed in state["levels"])
        words = pa.array(state["words"].split(" ") if state["words"] else [], pa.large_string())
        nodes = Nodes(words=words, levels=levels, counts=from_packed(state["counts"], np.int64))
        nodes.check()
        scores = state["scores"]
        made = cls(
            nodes=nodes,
            terms=_chosen(state["terms"], nodes.counts.size),
            idf=from_packed(state["idf"], np.float64),
            scores=None if scores is None else from_packed(scores, np.float64),
            selected=from_packed(state["selected"], np.int64),
            num_texts=int(state["num_texts"]),
            sublinear=bool(state["sublinear"]),
            finding=finding_table(list(levels), len(words)),
        )
        require(len(made.dictionary) == len(words), "a word twice")
        return made


def _ascending(packed: dict[str, Any]) -> Uint64Array:
    return np.asarray(np.cumsum(from_packed(packed, np.uint64), dtype=np.uint64))


def _chosen(packed: dict[str, Any], size: int) -> IntArray:
    """Different places below `size`, in any order."""
    places = from_packed(packed, np.int64)
    inside = not places.size or (int(places.min()) >= 0 and int(places.max()) < size)
    require(inside, "terms that are no n-grams")
    chosen = np.zeros(size, np.bool_)
    chosen[places] = True
    require(int(chosen.sum()) == places.size, "a term twice")
    return places


def joined_rows(pieces: list[Pieces], num_columns: int) -> scipy.sparse.csr_matrix:
    """The rows of all pieces as one matrix: float32, sorted, its indices int32 where they suffice."""
    counts = [np.diff(ends, prepend=0) for _, _, ends in pieces]
    num_rows = sum(ends.size for _, _, ends in pieces)
    ends = np.zeros(num_rows + 1, np.int64)
    if pieces:
        np.cumsum(np.concatenate(counts), out=ends[1:])
    indices = np.concatenate([piece[0] for piece in pieces]) if pieces else np.empty(0, np.int32)
    values = np.concatenate([piece[1] for piece in pieces]) if pieces else np.empty(0, np.float32)
    small = ends[-1] <= np.iinfo(np.int32).max
    matrix = scipy.sparse.csr_matrix(
        (values, indices if small else indices.astype(np.int64), ends.astype(np.int32) if small else ends),
        shape=(num_rows, num_columns),
        copy=False,
    )
    matrix.has_sorted_indices = True
    matrix.has_canonical_format = True
    return matrix
