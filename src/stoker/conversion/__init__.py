"""Rows of any source to one file of any format, in bounded memory, as they stand or shuffled once."""

from stoker.conversion.converting import convert
from stoker.conversion.report import ConversionReport

__all__ = ["ConversionReport", "convert"]
