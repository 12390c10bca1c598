"""How much a term tells of the class: the scores of scikit-learn's `f_classif` and `chi2`, from sums.

The sums are integers, the terms' values in fixed point: they come out the same in whatever order, and in
however many parts, the texts are taken. A term that `n` texts hold has values of at most 1, so that its sums
are at most `n`, and 62 bits less those of `n` are left for the fraction.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stoker.types import IntArray

__all__ = ["chi2", "f_classif", "fixed_point", "select_best"]

FloatArray = npt.NDArray[np.float64]

_BITS = 62


def fixed_point(counts: IntArray) -> FloatArray:
    """The power of two that values of terms are multiplied with which so many texts hold.

    Examples
    --------
    >>> (np.log2(fixed_point(np.array([1, 2, 25_000]))) + 0.5).astype(int).tolist()
    [61, 60, 47]
    """
    _, bits = np.frexp(counts.astype(np.float64))
    return np.asarray(np.ldexp(1.0, _BITS - bits))


def f_classif(sums: FloatArray, squares: FloatArray, class_counts: IntArray) -> FloatArray:
    """The F statistic of a one-way analysis of variance for each term.

    Parameters
    ----------
    sums
        Shape (terms, classes): sums of the terms' values over the texts of each class.
    squares
        Shape (terms,): sums of their squares over all texts.
    class_counts
        int64 of shape (classes,): texts of each class, none of them 0.

    Returns
    -------
    Shape (terms,): NaN or infinite where scikit-learn's is.

    Examples
    --------
    >>> f_classif(np.array([[0.0, 3.0]]), np.array([5.0]), np.array([2, 2])).round(3).tolist()
    [9.0]
    """
    num_texts, num_classes = int(class_counts.sum()), class_counts.size
    of_all = sums.sum(axis=1) ** 2 / num_texts
    # Neither is below 0 but by rounding, which would turn the best score into the worst.
    between = np.maximum((sums**2 / class_counts).sum(axis=1) - of_all, 0.0)
    within = np.maximum(squares - of_all - between, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((between / (num_classes - 1)) / (within / (num_texts - num_classes)))


def chi2(sums: FloatArray, class_counts: IntArray) -> FloatArray:
    """The chi-squared statistic of each term against the classes.

    Parameters and result are those of `f_classif`.

    Examples
    --------
    >>> chi2(np.array([[1.0, 3.0]]), np.array([2, 2])).tolist()
    [1.0]
    """
    expected = sums.sum(axis=1, keepdims=True) * (class_counts / class_counts.sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(((sums - expected) ** 2 / expected).sum(axis=1))


def select_best(scores: FloatArray, k: int) -> IntArray:
    """Ascending places of the k best scores, as scikit-learn's `SelectKBest` chooses them.

    NaN is the worst; of equal scores the later ones are taken.

    Examples
    --------
    >>> select_best(np.array([1.0, np.nan, 2.0, 1.0]), 2).tolist()
    [2, 3]
    """
    if k >= scores.size:
        return np.arange(scores.size)
    clean = np.where(np.isnan(scores), np.finfo(np.float64).min, scores)
    edge = np.partition(clean, clean.size - k)[clean.size - k]
    above = np.flatnonzero(clean > edge)
    equal = np.flatnonzero(clean == edge)
    return np.sort(np.concatenate([above, equal[equal.size - (k - above.size) :]])).astype(np.int64)
