"""From n-grams to terms and features, as scikit-learn's TfidfVectorizer and SelectKBest choose them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from stoker.errors import DataError, OptionError
from stoker.transforms.counting import finding_table
from stoker.transforms.features import Features, inverse_frequencies
from stoker.transforms.learning import Learner
from stoker.transforms.nodes import Nodes
from stoker.transforms.scores import chi2, f_classif, fixed_point, select_best
from stoker.types import IntArray, Uint64Array

__all__ = ["Choice", "check_ngram_range", "learn_features"]

FloatArray = npt.NDArray[np.float64]
_MOST_WORDS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which n-grams are terms, and which terms features; see `NgramVectorizer` for the options."""

    ngram_range: tuple[int, int]
    min_df: int | float
    max_df: int | float
    max_terms: int | None
    max_features: int | None
    score: Literal["f_classif", "chi2"]
    sublinear: bool
    smooth: bool

    def __post_init__(self) -> None:
        check_ngram_range(self.ngram_range)
        if self.score not in ("f_classif", "chi2"):
            raise OptionError(f"score must be 'f_classif' or 'chi2', got {self.score!r}")
        for option, limit in (("min_df", self.min_df), ("max_df", self.max_df)):
            _check_limit(option, limit)
        for option, most in (("max_terms", self.max_terms), ("max_features", self.max_features)):
            if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 1):
                raise OptionError(f"{option} must be an integer of at least 1, or None for all, got {most!r}")

    @property
    def shortest(self) -> int:
        """Words of the shortest n-gram."""
        return self.ngram_range[0]

    @property
    def longest(self) -> int:
        """Words of the longest n-gram."""
        return self.ngram_range[1]

    def plain(self) -> dict[str, Any]:
        """The options as plain data, by the names that `NgramVectorizer` has for them."""
        return {
            "ngram_range": list(self.ngram_range),
            "min_df": self.min_df,
            "max_df": self.max_df,
            "max_terms": self.max_terms,
            "max_features": self.max_features,
            "score": self.score,
            "sublinear_tf": self.sublinear,
            "smooth_idf": self.smooth,
        }

    def limits(self, num_texts: int) -> tuple[int, int]:
        """Least and greatest number of texts that hold a term.

        Raises
        ------
        DataError
            If no number can be both.
        """
        least = self.min_df if isinstance(self.min_df, int) else self.min_df * num_texts
        most = self.max_df if isinstance(self.max_df, int) else self.max_df * num_texts
        if most < least:
            raise DataError(
                f"of {num_texts:,} texts max_df={self.max_df} allows {most:g} at most to hold a term, and "
                f"min_df={self.min_df} asks for {least:g} at least: lower min_df or raise max_df"
            )
        return max(1, math.ceil(least)), math.floor(most)


def check_ngram_range(ngram_range: Any) -> None:
    """Raise `OptionError` unless this is the words of the shortest and of the longest n-gram."""
    pair = tuple(ngram_range) if isinstance(ngram_range, tuple | list) else ()
    is_pair = len(pair) == 2 and all(isinstance(length, int) for length in pair)
    if not (is_pair and 1 <= pair[0] <= pair[1] <= _MOST_WORDS):
        raise OptionError(
            f"ngram_range must be the words of the shortest and of the longest n-gram, such as (1, 2), "
            f"{_MOST_WORDS} at most, got {ngram_range!r}"
        )


def learn_features(learner: Learner, choice: Choice, class_order: IntArray | None = None) -> Features:
    """What a learner's texts teach.

    Parameters
    ----------
    learner
        Has read all texts.
    choice
        Options.
    class_order
        The classes in the order in which they are summed; None for ascending.

    Raises
    ------
    DataError
        If no term is left, or there is nothing to score by.
    """
    num_texts = learner.num_rows
    if not num_texts:
        raise DataError("there are no texts to learn from")
    scored = choice.max_features is not None
    if scored:
        _check_labels(learner, choice)
    least, most = choice.limits(num_texts)
    nodes = learner.nodes(choice.longest, least)
    terms = _terms(nodes, choice, most)
    if not terms.size:
        raise DataError(_nothing_left(nodes, choice, num_texts))
    with learner.room_for(nodes, scored=scored):
        finding = finding_table(list(nodes.levels), len(nodes.words))
        if choice.max_terms is not None and choice.max_terms < terms.size:
            most_frequent = (-learner.totals(nodes, finding)[terms]).argsort()[: choice.max_terms]
            terms = terms[np.sort(most_frequent)]
        idf = inverse_frequencies(nodes.counts[terms], num_texts, smooth=choice.smooth)
        scores, selected = None, np.arange(terms.size)
        if scored:
            scores = _scores(learner, nodes, finding, terms, idf, choice, class_order)
            selected = select_best(scores, int(choice.max_features or 0))
        return Features(
            nodes=nodes,
            terms=terms,
            idf=idf,
            scores=scores,
            selected=selected,
            num_texts=num_texts,
            sublinear=choice.sublinear,
            finding=finding,
        )


def _terms(nodes: Nodes, choice: Choice, most: int) -> IntArray:
    """The nodes that are terms, in the order of the terms as texts."""
    is_term = nodes.counts <= most
    is_term[: nodes.bounds[choice.shortest - 1]] = False
    order = nodes.order()
    by_place = np.empty_like(order)
    by_place[order] = np.arange(order.size)
    return np.asarray(by_place[is_term[by_place]])


def _scores(
    learner: Learner,
    nodes: Nodes,
    finding: Uint64Array,
    terms: IntArray,
    idf: FloatArray,
    choice: Choice,
    class_order: IntArray | None,
) -> FloatArray:
    """The score of each term."""
    weights = np.zeros((nodes.counts.size, 2))
    weights[terms, 0] = idf
    weights[terms, 1] = fixed_point(nodes.counts[terms])
    counts = learner.class_counts
    classes = np.arange(counts.size) if class_order is None else class_order
    classes = classes[counts[classes] > 0]

    def judge(first: int, sums: IntArray) -> FloatArray:
        scores = np.zeros(len(sums))
        chosen = np.flatnonzero(weights[first : first + len(sums), 1])
        held, powers = sums[chosen], weights[first + chosen, 1]
        by_class = np.ascontiguousarray(held[:, classes] / powers[:, None])
        if choice.score == "chi2":
            scores[chosen] = chi2(by_class, counts[classes])
        else:
            scores[chosen] = f_classif(by_class, held[:, -1] / powers, counts[classes])
        return scores

    return learner.scores(nodes, finding, weights, judge, sublinear=choice.sublinear)[terms]


def _check_labels(learner: Learner, choice: Choice) -> None:
    way_out = "or keep all columns with max_features=None"
    if not learner.has_labels:
        raise DataError(
            f"choosing columns by {choice.score} takes labels: give the class of each text, {way_out}"
        )
    if np.count_nonzero(learner.class_counts) < 2:
        raise DataError(
            f"choosing columns by {choice.score} takes texts of two classes at least, and all "
            f"{learner.num_rows:,} are of one: give texts of the others, {way_out}"
        )
    if choice.score == "f_classif" and learner.num_rows <= np.count_nonzero(learner.class_counts):
        raise DataError(
            f"choosing columns by f_classif takes more texts than classes, and there are {learner.num_rows} "
            f"of each: give more texts, {way_out}"
        )


def _nothing_left(nodes: Nodes, choice: Choice, num_texts: int) -> str:
    if not nodes.counts.size:
        what = f"of {num_texts:,} texts none has a word of two characters in {choice.min_df} of them"
    else:
        what = (
            f"{nodes.counts.size:,} n-grams are in enough texts, and none of {choice.shortest} words or more "
            f"in few enough"
        )
    return f"no term is left: {what}; lower min_df={choice.min_df} or raise max_df={choice.max_df}"


def _check_limit(option: str, limit: Any) -> None:
    number = isinstance(limit, int | float) and not isinstance(limit, bool) and not math.isnan(limit)
    if not number or (limit < 1 if isinstance(limit, int) else not 0 <= limit <= 1):
        raise OptionError(
            f"{option} must be a number of texts (an integer of at least 1) or a share of them (a float "
            f"from 0 to 1), got {limit!r}"
        )
