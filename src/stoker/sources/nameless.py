"""Formats of rows that have no name by which they could be opened again: whoever holds them gives them."""

from __future__ import annotations

__all__ = ["IN_MEMORY", "NAMELESS", "QUERY"]

IN_MEMORY = "memory"
"""What another library holds."""
QUERY = "query"
"""What a database answered."""
NAMELESS = (IN_MEMORY, QUERY)
