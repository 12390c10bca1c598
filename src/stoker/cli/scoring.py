"""What the commands that score rows with a trained model have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from stoker.cli.options import OutputOptions
from stoker.cli.session import choose_display, import_modules

if TYPE_CHECKING:
    from stoker.training.progress import Display
    from stoker.training.run import Run

__all__ = ["QuarantineFile", "UnscoredRows", "trained"]

UnscoredRows: TypeAlias = Annotated[
    Literal["error", "skip", "quarantine"],
    typer.Option(
        "--on-bad-row",
        help="Rows that cannot be scored: stop, go on, or go on and write them to --quarantine.",
        metavar="error|skip|quarantine",
    ),
]
QuarantineFile: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--quarantine",
        metavar="FILE",
        help="With --on-bad-row quarantine: where to, a name that ends in .csv or .jsonl.",
        show_default=False,
    ),
]


@contextmanager
def trained(
    directory: str, modules: Sequence[str] | None, output: OutputOptions
) -> Iterator[tuple[Run, Display]]:
    """The run of a directory, loaded once the user's modules are imported, and what shows progress.

    Raises
    ------
    StokerError
        There is no such module, or no trained run in the directory.
    """
    import stoker

    import_modules(modules)
    run = stoker.load(directory)
    display = choose_display(output)
    try:
        yield run, display
    finally:
        display.close()
