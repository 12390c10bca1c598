"""Has transforms learn from the rows to train on, in their order and within the memory; many may help."""

from stoker.fitting.learner import RowLearner
from stoker.fitting.reading import Reading
from stoker.fitting.rows import fit_columns, learn_rows
from stoker.fitting.texts import fit_texts

__all__ = ["Reading", "RowLearner", "fit_columns", "fit_texts", "learn_rows"]
