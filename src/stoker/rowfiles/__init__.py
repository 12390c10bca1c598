"""Rows out: tables written as they come to one file, as its suffix says, whole or not at all."""

from stoker.rowfiles.formats import COMPRESSIONS, SUFFIXES, Format, format_of
from stoker.rowfiles.writing import GROUP_ROWS, RowFile, encoded, require_place

__all__ = [
    "COMPRESSIONS",
    "GROUP_ROWS",
    "SUFFIXES",
    "Format",
    "RowFile",
    "encoded",
    "format_of",
    "require_place",
]
