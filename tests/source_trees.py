"""Syntax trees of stoker's own files, for tests of what these say."""

from __future__ import annotations

import ast
import gc
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import stoker

__all__ = ["SOURCES", "trees"]

SOURCES = Path(stoker.__file__).parent


@cache
def trees() -> Mapping[str, ast.Module]:
    """By the file's name below `SOURCES`.

    Made without collections of garbage, which would look again and again at half a million nodes that all
    stay: three quarters of the time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return MappingProxyType(
            {
                path.relative_to(SOURCES).as_posix(): ast.parse(path.read_text("utf-8"))
                for path in sorted(SOURCES.rglob("*.py"))
            }
        )
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
