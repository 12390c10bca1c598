"""``stoker predict``."""

from __future__ import annotations

from typing import Annotated

import typer

from stoker.cli.options import Files, OutputOptions, RunDirectory


def predict(
    directory: RunDirectory,
    files: Files,
    out: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="Where to write: .csv, .parquet or .jsonl.",
            show_default=False,
        ),
    ],
    output: OutputOptions,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            "--keep", metavar="a,b,…", help="Columns to copy beside the predictions.", show_default=False
        ),
    ] = None,
) -> None:
    """Write a trained model's predictions, a line for each row, in their order."""
