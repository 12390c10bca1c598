"""Contestants in processes of their own that take turns, and the tables that come of it."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

__all__ = ["Contestant", "Figure", "Report", "Settings", "Spread", "command_line", "interleave", "run_script"]

ROOT = Path(__file__).resolve().parent.parent
MNIST = ROOT.parent / "shared" / "data" / "mnist" / "train.csv.gz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What every benchmark is told.

    Attributes
    ----------
    work
        Folder for prepared data and results of runs.
    rounds
        Turns of each contestant, after one that warms up and is reported apart.
    full
        Also run what takes minutes: the quadratic script in full and the slowest peers.
    mnist
        The digits as a gzipped CSV; data of the same shape are generated where it is absent.
    factor
        How many times more rows the scaling benchmark takes.
    """

    work: Path
    rounds: int = 5
    full: bool = False
    mnist: Path = MNIST
    factor: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """One who takes part: a function of a benchmark module, run in its own process.

    The function is called once with `options`; it imports what it needs, and returns a callable that is
    called once a turn and returns measurements by name.
    """

    name: str
    target: str
    options: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    rounds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Measurements of one quantity over the turns; `first` is the turn that warmed up."""

    values: tuple[float, ...]
    first: float

    @property
    def median(self) -> float:
        """The middle of the measured turns."""
        return statistics.median(self.values)

    def cells(self, show: Callable[[float], str]) -> tuple[str, str, str]:
        """Minimum, median and maximum as text."""
        return show(min(self.values)), show(self.median), show(max(self.values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure that was asked for, and what was measured."""

    what: str
    bound: float
    measured: float
    at_least: bool
    unit: str = "×"

    @classmethod
    def speedup(cls, what: str, *, bound: float, theirs: Spread, ours: Spread) -> Figure:
        """How many times faster than another, by the middle of the turns; at least `bound` times."""
        return cls(what=what, bound=bound, measured=theirs.median / ours.median, at_least=True)

    @property
    def met(self) -> bool:
        """Whether the measurement keeps the bound."""
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound

    def row(self) -> tuple[str, str, str, str]:
        """What, asked, measured, met: cells of the summary."""
        sign = "≥" if self.at_least else "≤"
        asked = f"{sign} {self.bound:g} {self.unit}"
        return self.what, asked, f"{self.measured:.3g} {self.unit}", "yes" if self.met else "**no**"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one benchmark found."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()

    def markdown(self) -> str:
        """Render title, table, figures and notes as Markdown."""
        parts = [f"## {self.title}", "", table(self.header, self.rows), ""]
        if self.figures:
            parts += [table(("figure", "asked", "measured", "met"), [f.row() for f in self.figures]), ""]
        parts += [f"- {note}" for note in self.notes]
        return "\n".join(parts).rstrip() + "\n"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Render a Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


class _Process:
    """A contestant's process: it says ready, then answers each ``turn`` line with one line of JSON."""

    def __init__(self, contestant: Contestant, log: IO[bytes]) -> None:
        self.contestant = contestant
        self._log = log
        command = [
            sys.executable,
            "-m",
            "benchmarks.contestant",
            contestant.target,
            json.dumps(contestant.options),
        ]
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=child_environment(contestant.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def answer(self) -> dict[str, Any]:
        """Wait for the next line of the process."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._log.seek(0)
            tail = self._log.read().decode(errors="replace")[-3000:]
            raise RuntimeError(f"{self.contestant.name} ended with {self._process.returncode}:\n{tail}")
        return dict(json.loads(line))

    def turn(self) -> dict[str, Any]:
        """Let it run once."""
        assert self._process.stdin is not None
        self._process.stdin.write("turn\n")
        self._process.stdin.flush()
        return self.answer()

    def close(self) -> None:
        """End the process; it leaves by itself when its input closes."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def child_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Environment of a contestant: quiet frameworks, JAX unless told otherwise, this checkout's stoker.

    Its modules are kept as bytecode, as those of all that are installed are: a process that may not write any
    would parse 350 files anew, for 0.5 s of stoker's time and none of its peers'.
    """
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment.setdefault("KERAS_BACKEND", "jax")
    environment["TF_CPP_MIN_LOG_LEVEL"] = "3"
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    environment.update(extra or {})
    return environment


def interleave(contestants: Sequence[Contestant], settings: Settings) -> dict[str, dict[str, Spread]]:
    """Let all take turns, after one turn each that is kept apart as ``first``.

    Returns
    -------
    dict
        By contestant, by name of the measurement. Everything else than numbers is dropped.
    """
    with ExitStack() as stack:
        processes = []
        for contestant in contestants:
            log = stack.enter_context(tempfile.TemporaryFile(dir=settings.work))
            process = _Process(contestant, log)
            stack.callback(process.close)
            processes.append(process)
            process.answer()
        firsts = {process.contestant.name: process.turn() for process in processes}
        check_agreement(firsts)
        turns: dict[str, list[dict[str, Any]]] = {name: [] for name in firsts}
        for number in range(settings.rounds):
            for process in processes:
                limit = process.contestant.rounds
                if limit is None or number < limit:
                    turns[process.contestant.name].append(process.turn())
    return {name: _spreads(firsts[name], turns[name] or [firsts[name]]) for name in firsts}


def _spreads(first: dict[str, Any], turns: list[dict[str, Any]]) -> dict[str, Spread]:
    return {
        name: Spread(values=tuple(float(turn[name]) for turn in turns), first=float(value))
        for name, value in first.items()
        if isinstance(value, int | float) and name != "checksum"
    }


def check_agreement(firsts: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise RuntimeError unless all who report a checksum delivered the same values."""
    sums = {name: answer["checksum"] for name, answer in firsts.items() if "checksum" in answer}
    if len(set(sums.values())) > 1:
        raise RuntimeError(f"the contestants did not deliver the same data: {sums}")


def run_script(code: Sequence[str], environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run ``python`` with the given arguments; return the JSON object of its last line of output."""
    done = subprocess.run(
        [sys.executable, *code],
        cwd=ROOT,
        env=child_environment(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{code} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


@contextmanager
def command_line(description: str) -> Iterator[Settings]:
    """Settings from the command line; a temporary work folder is removed at the end."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--work", type=Path, help="folder for prepared data, kept (default: a temporary one)")
    parser.add_argument("--rounds", type=int, default=5, help="measured turns of each contestant")
    parser.add_argument("--full", action="store_true", help="run the slowest peers, and those in full")
    parser.add_argument("--mnist", type=Path, default=MNIST, help="the digits as a gzipped CSV")
    parser.add_argument("--factor", type=int, default=100, help="times the rows, for the scaling figures")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        work = arguments.work
        if work is None:
            work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stoker-bench-")))
        work.mkdir(parents=True, exist_ok=True)
        yield Settings(
            work=work.resolve(),
            rounds=arguments.rounds,
            full=arguments.full,
            mnist=arguments.mnist,
            factor=arguments.factor,
        )


def alone(benchmark: Callable[[Settings], Report], description: str) -> None:
    """Run one benchmark from the command line and print its report."""
    with command_line(description) as settings:
        print(benchmark(settings).markdown())
