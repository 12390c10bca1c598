"""``stoker verify``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stoker.cli.options import OutputOptions, RunDirectory
from stoker.cli.printing import print_json, print_lines
from stoker.cli.session import choose_display

if TYPE_CHECKING:
    from stoker.audit.verify import Audit

__all__ = ["MovedFiles", "verify"]

MovedFiles = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FILE…]",
        help="The training files, all and in their order, where they are not where they were.",
        show_default=False,
    ),
]
_DIFFERS = 1


def verify(directory: RunDirectory, output: OutputOptions, files: MovedFiles = None) -> None:
    """Prove from the files which rows each epoch of a run took; exits 1 where something differs."""
    import msgspec

    import stoker

    display = choose_display(output)
    try:
        found = stoker.verify(directory, files or None, stage=display.stage)
    finally:
        display.close()
    if output.json:
        print_json(msgspec.to_builtins(found))
    elif not output.quiet:
        print_lines(_lines(found))
    raise typer.Exit(0 if found.agrees else _DIFFERS)


def _lines(found: Audit) -> list[tuple[str, str]]:
    from stoker.training.lines import counted, duration, size

    if found.difference is not None:
        agreeing = f" · {counted(len(found.epochs), 'epoch')} before it agree" if found.epochs else ""
        return [("no", f"{found.difference.text}{agreeing}")]
    begun = () if found.unfinished is None else (found.unfinished,)
    lines = [("files", f"{counted(found.files, 'file')} of {size(found.num_bytes)} as trained on")]
    for epoch in (*found.epochs, *begun):
        what = "every row once" if epoch.rows == found.rows else f"of {found.rows:,}, each once"
        lines.append(
            (f"epoch {epoch.epoch + 1}", f"{counted(epoch.rows, 'row')}, {what}, in the run's order")
        )
    return [*lines, ("yes", f"proved in {duration(found.seconds)}")]
