"""`stoker demo`."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from stoker.cli import main
from stoker.cli.demo import _next_commands

DEMO = r"""
 +rows +rows/s +waited for data +accuracy on originals
digits +200 000 +\S+ +\S+ s +(?P<accuracy>\d\d\.\d) %

file +\d\d MB
stoker +(?P<stoker>[\d.]+) MB at most, of --memory 8MB
process +[\d.]+ [MG]B at most, [\d.]+ [MG]B of them model and framework, before this file

next
  .+ (?P<plan>plan \S*demo/.+)
  .+ (?P<evaluate>evaluate \S*demo/.+)
  .+ (?P<predict>predict \S*demo/.+)
"""


@pytest.mark.slow
@pytest.mark.timeout(330)
def test_the_demo_learns_the_digits_within_its_memory_and_says_what_to_try_next(
    tmp_path, monkeypatch, capsys
):
    done = subprocess.run(
        [sys.executable, "-m", "stoker", "demo"], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    shown = re.fullmatch(DEMO.strip("\n"), done.stdout.strip("\n"))
    assert shown is not None, done.stdout
    assert float(shown["accuracy"]) >= 97
    assert float(shown["stoker"]) <= 8
    assert (tmp_path / "demo" / "digits.csv").stat().st_size > 3 * 8_000_000
    monkeypatch.chdir(tmp_path)
    for command in ("plan", "evaluate", "predict"):
        assert main(shlex.split(shown[command])) == 0, shown[command]
    assert f"accuracy  0.{shown['accuracy'].replace('.', '')}" in capsys.readouterr().out
    assert (tmp_path / "demo" / "predictions.csv").read_text().count("\n") == 361


def test_the_demo_offers_a_file_of_predictions_beside_its_own_that_is_not_there_yet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("demo").mkdir()
    Path("predictions.csv").touch()  # of another command, which stays out of this
    files = SimpleNamespace(train=Path("t.csv"), valid=Path("v.csv"), unlabelled=Path("demo/u.csv"))
    for name in ("demo/predictions.csv", "demo/predictions-2.csv", "demo/predictions-3.csv"):
        assert _next_commands("demo/runs/digits-1", files)[-1][-2:] == ["-o", name]
        Path(name).touch()
