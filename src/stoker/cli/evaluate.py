"""``stoker evaluate``."""

from __future__ import annotations

from stoker.cli.options import Files, OutputOptions, RunDirectory


def evaluate(directory: RunDirectory, files: Files, output: OutputOptions) -> None:
    """Measure a trained model on labelled files."""
