"""``stoker verify``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from stoker.cli.flags import with_flags
from stoker.cli.options import OutputOptions, RunDirectory
from stoker.cli.printing import print_json, print_lines
from stoker.cli.session import choose_display

if TYPE_CHECKING:
    from stoker.audit.verify import Audit, EpochAudit

__all__ = ["MovedFiles", "verify"]

MovedFiles = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FILE…]",
        help="The training files, all and in their order, where they are not where they were; those of "
        "validation may follow.",
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

    begun = () if found.unfinished is None else (found.unfinished,)
    lines = [_epochs_line(found, stretch) for stretch in _stretches((*found.epochs, *begun))]
    if found.difference is not None:
        return [*lines, ("no", with_flags(found.difference.text))]
    tested = f", {counted(found.validation_files, 'file')} as validated on" if found.validation_files else ""
    files = f"{counted(found.files, 'file')} of {size(found.num_bytes)} as trained on{tested}"
    lines = [("files", files), *lines]
    if found.unproved_files:
        text = f"how {counted(found.unproved_files, 'file')} of validation were read is not recorded"
        lines.append(("unproved", text))
    return [*lines, ("yes", f"proved in {duration(found.seconds)}")]


def _stretches(epochs: Sequence[EpochAudit]) -> list[list[EpochAudit]]:
    """Epochs in a row that took as many rows."""
    found: list[list[EpochAudit]] = []
    for epoch in epochs:
        if found and found[-1][-1].rows == epoch.rows and found[-1][-1].epoch == epoch.epoch - 1:
            found[-1].append(epoch)
        else:
            found.append([epoch])
    return found


def _epochs_line(found: Audit, stretch: Sequence[EpochAudit]) -> tuple[str, str]:
    from stoker.training.lines import counted, grouped

    first, last = stretch[0], stretch[-1]
    what = "every row once" if first.rows == found.rows else f"of {grouped(found.rows)}, each once"
    text = f"{what}, in the run's order"
    if first is last:
        return f"epoch {first.epoch + 1}", f"{counted(first.rows, 'row')}, {text}"
    return "epochs", f"{first.epoch + 1} to {last.epoch + 1}: {counted(first.rows, 'row')} each, {text}"
