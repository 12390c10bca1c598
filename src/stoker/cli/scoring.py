"""What the commands that score rows with a trained model have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from stoker.cli.options import OutputOptions
from stoker.cli.session import choose_display, import_modules
from stoker.cli.words import settings

if TYPE_CHECKING:
    from stoker.training.progress import Display
    from stoker.training.run import Run

__all__ = ["QuarantineFile", "RenamedColumns", "UnscoredRows", "renames", "trained"]

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
RenamedColumns: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--rename",
        metavar="OLD=NEW,…",
        help="Columns that have other names in the files: the name there, and the one of training.",
        show_default=False,
    ),
]


def renames(values: Sequence[str] | None, run: Run) -> dict[str, str] | None:
    """What ``--rename`` says: a name in the files, and the run's for that column.

    Raises
    ------
    OptionError
        It is no such pair, or the run has no such column.
    """
    known = (*run.spec.features, run.spec.label)
    return settings("--rename", values, known, form="OLD=NEW, the name in the files and that of training")


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
