"""``stoker fetch``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from stoker.cli.options import OutputOptions
from stoker.cli.printing import print_json, print_lines, print_table, program_name
from stoker.cli.session import choose_display
from stoker.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stoker.datasets import Dataset, Fetched


def fetch(
    output: OutputOptions,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="A data set of the catalogue; without one, lists it.", show_default=False
        ),
    ] = None,
    directory: Annotated[
        str | None,
        typer.Option(
            "--directory",
            metavar="DIR",
            help="Where data sets are kept.",
            show_default="$STOKER_DATA or the user's data directory",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Fetch it anew, and replace what is there.")] = False,
) -> None:
    """Download a data set, verify and unpack it; without a name, list the catalogue."""
    from stoker import datasets

    if name is None:
        if force:
            raise OptionError("--force has no effect without the name of a data set")
        _list(directory, output)
        return
    display = choose_display(output)
    fetched = datasets.fetch(name, directory=directory, force=force, progress=display)
    if output.json:
        print_json(_record(fetched))
    elif not output.quiet:
        print_lines(_lines(fetched))


def _list(directory: str | None, output: OutputOptions) -> None:
    from stoker.datasets import CATALOGUE
    from stoker.datasets.places import data_directory, read_record
    from stoker.training.lines import grouped, size

    root = data_directory(directory)
    here = {name for name in CATALOGUE if read_record(root / name) is not None}
    if output.json:
        print_json(
            {
                "directory": str(root),
                "datasets": [_entry(entry) | {"fetched": entry.name in here} for entry in CATALOGUE.values()],
            }
        )
        return
    if output.quiet:
        return
    rows = [["name", "train", "test", "classes", "download", "here", ""]]
    for entry in CATALOGUE.values():
        test = "-" if entry.test is None else grouped(entry.test.num_rows)
        download = "?" if entry.download_bytes is None else size(entry.download_bytes)
        counts = [grouped(entry.train.num_rows), test, str(len(entry.classes)), download]
        rows.append([entry.name, *counts, "yes" if entry.name in here else "no", f"  {entry.title}"])
    widest = max(len(row[-1]) for row in rows)
    print_table([[*row[:-1], row[-1].ljust(widest)] for row in rows])
    print(f"\n{program_name()} fetch NAME puts one into {root}; its terms are said then")


def _entry(entry: Dataset) -> dict[str, Any]:
    return {
        "name": entry.name,
        "title": entry.title,
        "format": entry.format,
        "rows": {name: split.num_rows for name, split in entry.splits},
        "classes": entry.classes,
        "download_bytes": entry.download_bytes,
        "licence": entry.licence,
        "homepage": entry.homepage,
        "citation": entry.citation,
    }


def _record(fetched: Fetched) -> dict[str, Any]:
    import msgspec

    return {
        "name": fetched.dataset.name,
        "folder": str(fetched.folder),
        "fresh": fetched.fresh,
        "rows": fetched.rows,
        "bytes": fetched.num_bytes,
        "downloads": [msgspec.to_builtins(one) for one in fetched.downloads],
        "licence": fetched.dataset.licence,
        "citation": fetched.dataset.citation,
    }


def _lines(fetched: Fetched) -> Iterator[tuple[str, str]]:
    from stoker.training.lines import counted, size

    entry = fetched.dataset
    rows = ", ".join(f"{counted(rows, 'row')} to {name}" for name, rows in fetched.rows.items())
    state = "fetched" if fetched.fresh else "here"
    said = "" if fetched.fresh else " · verified, nothing to do"
    yield state, f"{fetched.folder} · {size(fetched.num_bytes)} · {rows}{said}"
    if fetched.fresh:
        for one in fetched.downloads:
            name = one.url.rpartition("/")[2]
            if one.held_to:
                yield "held to", f"{name}: {one.held_to}"
            else:
                yield (
                    "recorded",
                    f"{name}: no source states a digest; later downloads must be sha256 {one.sha256}",
                )
    yield "terms", f"{entry.licence} ({entry.homepage})"
    yield "cite", entry.citation
    yield "next", f"{program_name()} train @{entry.name}"
