"""``stoker plan``."""

from __future__ import annotations

from stoker.cli.options import DataOptions, OrderOptions, OutputOptions


def plan(data: DataOptions, order: OrderOptions, output: OutputOptions) -> None:
    """Survey files and say how they would be trained on."""
