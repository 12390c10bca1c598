"""Which of stoker's models suits texts, before anything is trained."""

from __future__ import annotations

from typing import Literal

__all__ = ["LEAST_RATIO", "choose_text_model"]

LEAST_RATIO = 1_500
"""Rows for each word of a row from which on models that read words in their order are worth their cost."""


def choose_text_model(num_rows: int, words_a_row: float) -> tuple[Literal["mlp", "sepcnn"], str]:
    """The model that ``auto`` takes for texts, with the reason in a few words.

    The rule is that of Google's guide to text classification, found there by some 450,000 trainings on twelve
    data sets: below 1,500 rows for each word of a row, n-grams in an mlp are more accurate; above, a model
    of sequences is.

    Parameters
    ----------
    num_rows
        Rows to train on.
    words_a_row
        Median of the words of a row, as `str.split` finds them.

    Examples
    --------
    >>> choose_text_model(25_000, 174)
    ('mlp', '25 000 rows ÷ 174 words a row = 144, below 1 500: n-grams')
    >>> choose_text_model(3_000_000, 72.5)[0]
    'sepcnn'
    """
    ratio = num_rows / max(words_a_row, 1.0)
    known = f"{_grouped(num_rows)} rows ÷ {_grouped(words_a_row)} words a row = {_grouped(ratio)}"
    if ratio < LEAST_RATIO:
        return "mlp", f"{known}, below {_grouped(LEAST_RATIO)}: n-grams"
    return "sepcnn", f"{known}, not below {_grouped(LEAST_RATIO)}: words in their order"


def _grouped(number: float) -> str:
    return f"{number:,.0f}".replace(",", " ") if number >= 1000 else f"{number:.3g}"
