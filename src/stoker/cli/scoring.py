"""What the commands that score rows with a trained model have in common."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import typer

__all__ = ["UnscoredRows"]

UnscoredRows: TypeAlias = Annotated[
    Literal["error", "skip"],
    typer.Option("--on-bad-row", help="Rows that cannot be scored: stop, or go on.", metavar="error|skip"),
]
