"""The commands on addresses: what is read may be elsewhere, what is written is here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stoker.cli import main

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run on texts, whose lists of files must not be taken for lists of texts."""
    monkeypatch.chdir(tmp_path)
    lines = [f"{'good' if row % 2 else 'bad'} film number {row % 7},{row % 2}" for row in range(60)]
    Path("texts.csv").write_text("\n".join(["text,label", *lines, ""]))
    flags = ("--label", "label", "--text", "text", "--model", "mlp", "--epochs", "1", "--seed", "1")
    assert main(["train", "texts.csv", *flags, "--run", "run", "--quiet", "--json"]) == 0
    return "run"


@pytest.mark.slow
def test_addresses_are_scored_as_files_are(run, own_cache, server, capsys):
    here = Path("texts.csv").read_bytes()
    there = server.put("a/texts.csv", here)
    capsys.readouterr()
    found = []
    for files in (["texts.csv"], [there]):
        assert main(["evaluate", run, *files, "--json", "--quiet"]) == 0
        told = json.loads(capsys.readouterr().out.splitlines()[-1])
        found.append((told["rows"], told["loss"], told["accuracy"]))
    assert found[0] == found[1]
    again = server.put("b/texts.csv", here)
    assert main(["predict", run, "texts.csv", "-o", "here.csv", "--quiet"]) == 0
    assert main(["predict", run, there, again, "-o", "there.csv", "--quiet"]) == 0
    head, *rows = Path("here.csv").read_text().splitlines()
    assert Path("there.csv").read_text().splitlines() == [head, *rows, *rows]


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("convert t.csv s3://bucket/out.parquet", "rows are written to this machine"),
        (
            "train t.csv --label y --run gs://bucket/runs/a",
            "runs are written to folders of this machine and to S3",
        ),
        (
            "train t.csv --label y --run a --on-bad-row quarantine --quarantine gs://bucket/bad.csv",
            "quarantined rows are written to this machine, and gs://bucket/bad.csv is an address",
        ),
    ],
)
def test_nothing_is_written_to_an_address(command, what, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("x,y\n1,0\n2,1\n3,0\n4,1\n")
    assert main([*command.split(), "--quiet"]) == 2
    assert what in " ".join(capsys.readouterr().err.split())
    assert [path.name for path in tmp_path.iterdir() if path.name != ".stoker"] == ["t.csv"]


def test_predictions_are_not_written_to_an_address(run, capsys):
    assert main(["predict", run, "texts.csv", "-o", "s3://bucket/out.csv", "--quiet"]) == 2
    assert "predictions are written to this machine" in " ".join(capsys.readouterr().err.split())
    assert not Path("s3:").exists()
