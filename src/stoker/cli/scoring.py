"""What the commands that score rows with a trained model have in common."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from stoker import backends
from stoker.cli.importing import begin_importing
from stoker.cli.known import require_no_password, test_files
from stoker.cli.options import OutputOptions
from stoker.cli.session import choose_display, import_modules
from stoker.cli.words import settings

if TYPE_CHECKING:
    from stoker.training.progress import Display
    from stoker.training.run import Run

__all__ = [
    "QuarantineFile",
    "QueryText",
    "RenamedColumns",
    "UnscoredRows",
    "renames",
    "rows_to_score",
    "trained",
]

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
QueryText: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--query",
        metavar="SQL",
        help="What selects the rows, where FILE is a database: `postgresql://…`.",
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


def rows_to_score(files: Sequence[str], query: str | None) -> Any:
    """Files, of ``@NAME`` those of its test split; or the rows of a query, opened.

    Raises
    ------
    OptionError
        A password stands in an address, or there is a query without a database, or none for one.
    DataError
        The database does not answer.
    """
    import stoker
    from stoker.sources.database.address import is_database
    from stoker.sources.remote import is_remote

    require_no_password(files)
    if query is None and not any(map(is_database, files)):
        # Lists of texts are texts to score: a file is told from them by being a path, or an address.
        return [file if is_remote(file) else Path(file) for file in test_files(files)]
    return stoker.open(files, query=query)


def renames(values: Sequence[str] | None, run: Run) -> dict[str, str] | None:
    """What ``--rename`` says: a name in the files, and the run's for that column.

    Raises
    ------
    OptionError
        It is no such pair, or the run has no such column.
    """
    known = (*run.spec.features, *run.spec.answers)
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
    from stoker.cli.noting import losses_noted
    from stoker.training.unscored import UnreadValuesWarning

    import_modules(modules)
    if (Path(directory) / "run.json").is_file():  # else it is refused at once
        backends.choose()
        begin_importing(lambda: importlib.import_module("stoker.training.loading")).join()
    run = stoker.load(directory)
    display = choose_display(output)
    try:
        with warnings.catch_warnings(), losses_noted(display):
            warnings.simplefilter("ignore", UnreadValuesWarning)  # told by the display
            yield run, display
    finally:
        display.close()
