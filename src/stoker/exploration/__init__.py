"""What is in a file before anything is trained on it: one pass, bounded memory."""

from stoker.exploration.tables import TableReport, explore_table
from stoker.exploration.texts import TextReport, explore_texts

__all__ = ["TableReport", "TextReport", "explore_table", "explore_texts"]
