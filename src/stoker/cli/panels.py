"""A flag under the heading that help shows it in."""

from __future__ import annotations

from typing import Any

import typer

__all__ = ["CLUSTER", "DATA", "MODEL", "ORDER", "OUTPUT", "RUN", "flag"]

DATA, ORDER, MODEL, RUN, OUTPUT = "Data", "Order and memory", "Model", "Training", "Output"
CLUSTER = "Several hosts"


def flag(
    name: str, panel: str, text: str, metavar: str | None = None, shown: str | bool = False, **more: Any
) -> Any:
    """A flag with its help, of `typer.Option`; `shown` is what is told as its default, if anything."""
    return typer.Option(name, help=text, rich_help_panel=panel, metavar=metavar, show_default=shown, **more)
