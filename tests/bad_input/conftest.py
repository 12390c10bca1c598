"""A command line as a user meets it, in a folder of its own, and tables to spoil."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from stoker.cli import main

Sentence = Callable[..., str]
Write = Callable[..., str]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(here: Path) -> None:
    """Every test of this room."""


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Sentence:
    """Run a command that must fail by the user's mistake; gives what is said, which ends standard error."""

    def run(*arguments: str) -> str:
        capsys.readouterr()
        assert main(arguments) == 2, capsys.readouterr().err
        said = capsys.readouterr()
        assert said.out == ""
        assert "Traceback" not in said.err
        begins = [found.end() for found in re.finditer(r"^stoker: ", said.err, re.MULTILINE)]
        assert len(begins) == 1
        sentence = said.err[begins[0] :].rstrip("\n")
        assert sentence
        return sentence

    return run


@pytest.fixture
def accepted(capsys: pytest.CaptureFixture[str]) -> Sentence:
    """Run a command that must work; gives its standard output."""

    def run(*arguments: str) -> str:
        capsys.readouterr()
        assert main(arguments) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return run


@pytest.fixture
def write(here: Path) -> Write:
    """Write a table with columns a, b and the label kind; chosen rows, from row 0 on, hold something else."""

    def table(
        name: str,
        num_rows: int = 100,
        *,
        header: str | None = "a,b,kind",
        spoilt: dict[int, str | bytes] | None = None,
        end: str = "\n",
    ) -> str:
        lines: list[str | bytes] = [
            f"{row % 7},{row % 11},{('no', 'yes')[row % 2]}" for row in range(num_rows)
        ]
        for row, line in (spoilt or {}).items():
            lines[row] = line
        named = lines if header is None else [header, *lines]
        encoded = [line.encode() if isinstance(line, str) else line for line in named]
        (here / name).write_bytes(end.encode().join(encoded) + end.encode())
        return name

    return table
