"""Writing to standard output: named lines, tables, one JSON object."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["print_json", "print_lines", "print_table", "program_name"]


def print_lines(lines: Iterable[tuple[str, str]]) -> None:
    """Print lines with their names in a column of their own."""
    from stoker.training.lines import labelled

    for name, text in lines:
        print(labelled(name, text))


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns, the first to the left and the others to the right.

    Examples
    --------
    >>> print_table([["class", "rows"], ["a", "12"]])
    class  rows
    a        12
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        print("  ".join(cells).rstrip())


def print_json(record: Mapping[str, Any]) -> None:
    """Print an object on one line; numbers that JSON does not know become null.

    Examples
    --------
    >>> print_json({"rows": 3, "loss": float("nan")})
    {"rows": 3, "loss": null}
    """
    print(json.dumps(_finite(record)), flush=True)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def program_name() -> str:
    """How to call this program again: ``stoker`` where the shell finds it, else the way it was called."""
    called = sys.argv[0]
    if os.path.basename(called) == "__main__.py":
        return "python -m stoker"
    found = shutil.which("stoker")
    if os.path.basename(called) != "stoker" or (found and os.path.samefile(found, called)):
        return "stoker"
    return os.path.relpath(called)
